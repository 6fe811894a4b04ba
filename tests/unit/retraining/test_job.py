"""What a decision asks for is trained and promoted once, through kills and rivals; a person may have the last word."""

from __future__ import annotations

import inspect
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import date, timedelta
from typing import Any

import pytest
from in_memory.release import HOUR, runs
from in_memory.retraining import DECIDED, WEEK, LiveModel, Trainer

from levelfive.config import Approval
from levelfive.core.windows import Window
from levelfive.errors import EvidenceError, RegistryError
from levelfive.registry.gate import GateVerdict, VerdictKind
from levelfive.registry.store import CHALLENGER, CHAMPION
from levelfive.retraining import job as retraining
from levelfive.retraining import train_once
from levelfive.retraining.deciding import decision_id
from levelfive.retraining.policy import Action
from levelfive.retraining.records import RetrainingRecord, retrainings
from levelfive.training import job as training

RUN = training.run


def recorded(live: LiveModel) -> tuple[RetrainingRecord, ...]:
    return retrainings(live.production.tables, live.production.registry.name, until=DECIDED)


def test_the_training_in_memory_is_asked_as_the_real_one_is() -> None:
    def asked(run: object) -> list[tuple[str, object, object]]:
        return [(one.name, one.kind, one.default) for one in inspect.signature(run).parameters.values()]

    assert asked(Trainer.run)[1:] == asked(RUN)


def test_a_decision_to_retrain_trains_and_promotes_once(live: LiveModel) -> None:
    before = live.versions()

    first, second = live.retrain(), live.retrain()

    assert first.decision.action is Action.RETRAIN
    assert first.promotion is not None
    assert (first.decision, first.retraining, first.promotion) == (
        second.decision,
        second.retraining,
        second.promotion,
    )
    assert before + 2 == live.versions()
    assert (len(live.trainer.asked), len(recorded(live))) == (1, 1)
    assert live.trainer.asked[0]["decision"] == decision_id(live.production.registry.name, DECIDED)
    assert live.trainer.asked[0]["revision"] == "a-revision"
    assert live.trainer.asked[0]["by"] == "ada@example.com"
    assert first.retraining is not None
    assert first.retraining.version == first.promotion.version == live.production.registry.alias(CHAMPION)
    assert first.promotion.previous_version == live.version
    assert (first.promotion.promoted_by, first.promotion.promoted_at) == ("retraining policy", DECIDED)


def test_two_runs_of_one_decision_at_the_same_time_train_once(live: LiveModel, monkeypatch: pytest.MonkeyPatch) -> None:
    before, record, train = live.versions(), live.decide(), training.run
    others: list[Future[retraining.RetrainingResult]] = []

    def meanwhile(*of: Any, **how: Any) -> training.TrainingResult:
        """While the first run trains, a second one begins, and would have time enough to train too."""
        if not others:
            others.append(pool.submit(live.act, record))
            wait(others, timeout=0.3)
        return train(*of, **how)

    monkeypatch.setattr(training, "run", meanwhile)
    with ThreadPoolExecutor(1) as pool:
        first = live.act(record)
    second = others[0].result()

    assert len(live.trainer.asked) == 1
    assert before + 2 == live.versions()
    assert first.retraining == second.retraining is not None
    assert first.promotion == second.promotion is not None


def test_a_training_that_was_registered_is_not_repeated_after_a_kill(
    live: LiveModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    central = live.production.registry
    with monkeypatch.context() as patch:
        patch.setattr(train_once, "record_retraining", die)
        with pytest.raises(Killed):
            live.retrain()
    assert live.production.trail()[-1] == ("retraining", "failed", live.version)
    registered = live.versions()
    central.drop_alias(CHALLENGER)  # as if it was killed a moment before

    finished = live.retrain(approval=Approval.MANUAL)
    assert finished.promotion is None
    assert finished.retraining is not None
    assert central.alias(CHALLENGER) == finished.retraining.version

    finished = live.retrain()

    assert registered == live.versions()
    assert finished.retraining is not None
    assert finished.promotion is not None
    assert finished.retraining.version == finished.promotion.version


def test_a_training_whose_files_are_gone_before_it_was_recorded_is_repeated(
    live: LiveModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train_once, "record_retraining", die)
        with pytest.raises(KeyboardInterrupt):
            live.retrain()
    lost = live.production.registry.versions()[-1].version
    live.production.backend.lose_files(live.production.registry.name, lost)

    finished = live.retrain()

    assert len(live.trainer.asked) == 2
    assert finished.promotion is not None
    assert int(finished.promotion.version) > int(lost)


def test_with_manual_approval_a_version_waits_and_a_rollback_returns_without_its_artefacts(live: LiveModel) -> None:
    production, first = live.production, live.production.made()[0]
    central = production.registry
    waiting = live.retrain(approval=Approval.MANUAL)
    assert waiting.promotion is None
    assert waiting.retraining is not None
    version = waiting.retraining.version
    assert version is not None
    assert len(production.made()) == 1

    production.promote(version, DECIDED, Approval.AUTO)
    production.backend.lose_files(central.name, version)
    with pytest.raises(RegistryError, match="later --as-of"):
        production.rollback(DECIDED)
    back = production.rollback(DECIDED + HOUR)

    kinds = [(one.kind, one.version) for one in production.made()]
    assert [("promote", first.version), ("promote", version), ("rollback", first.version)] == kinds
    assert back.promotion.version == first.version == central.alias(CHAMPION)
    with pytest.raises(RegistryError, match="nothing to go back to"):
        production.rollback(DECIDED + 2 * HOUR)


def test_what_was_rolled_back_is_not_promoted_again_by_its_decision(live: LiveModel) -> None:
    first = live.retrain()
    live.production.rollback(DECIDED + HOUR)

    again = live.retrain()

    assert again.promotion == first.promotion
    assert [one.kind for one in live.production.made()] == ["promote", "promote", "rollback"]
    assert live.production.registry.alias(CHAMPION) == live.version


def test_a_refused_candidate_is_recorded_and_not_promoted(live: LiveModel) -> None:
    live.trainer.verdict = GateVerdict(VerdictKind.WORSE, False, ("worse than the champion",))
    before = live.versions()

    result, again = live.retrain(), live.retrain()

    assert result.retraining == again.retraining == recorded(live)[0]
    assert result.retraining is not None
    assert (result.retraining.passed, result.retraining.reasons) == (False, ("worse than the champion",))
    assert (result.retraining.candidate_version, result.retraining.version) == (None, None)
    assert (result.retraining.verdict, result.retraining.labels) == ("worse", 2000)
    assert (result.promotion, len(live.production.made()), live.versions()) == (None, 1, before)
    assert len(live.trainer.asked) == 1


@pytest.mark.parametrize(
    ("labels", "found", "action"),
    [(1008, {}, Action.KEEP), (2000, {"harmful": ("no skill",)}, Action.MANUAL_REVIEW)],
    ids=["keep", "call a person"],
)
def test_nothing_is_trained_where_the_decision_is_another_one(
    live: LiveModel, labels: int, found: dict[str, tuple[str, ...]], action: Action
) -> None:
    live.seen(live.version, **found)
    live.labels.count = labels

    result = live.retrain()

    assert (result.decision.action, result.retraining, result.promotion) == (action, None, None)
    assert (live.trainer.asked, recorded(live)) == ([], ())
    assert live.production.trail()[-2:] == [(stage, "succeeded", live.version) for stage in ("decision", "retraining")]


def test_nothing_is_learned_from_the_days_of_a_broken_delivery(live: LiveModel) -> None:
    live.seen(live.version, broken=("rows are missing",), left_out=(date(2013, 2, 12),))
    live.decide(WEEK.end + HOUR)
    healthy = Window(WEEK.end, WEEK.end + timedelta(hours=12))
    live.seen(live.version, window=healthy)

    result = live.retrain()

    assert result.decision.action is Action.RETRAIN
    broken = Window(WEEK.start + timedelta(days=1), WEEK.start + timedelta(days=2))
    assert [asked["exclusions"] for asked in live.trainer.asked] == [(broken,)]
    assert live.labels.exclusions[-1] == (broken,)


def test_a_training_that_fails_leaves_its_sentence_and_can_be_taken_up(
    live: LiveModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_young(*_: object, **__: object) -> None:
        raise EvidenceError("a training needs 30 days of data, got 2")

    with monkeypatch.context() as patch:
        patch.setattr(training, "run", too_young)
        with pytest.raises(EvidenceError):
            live.retrain()
    run = runs(live.production.tables)[-1]

    said = (run["stage"], run["status"], run["error"], run["parameters"])
    sentence = "EvidenceError: a training needs 30 days of data, got 2"
    assert said == ("retraining", "failed", sentence, {"approval": "auto"})
    assert recorded(live) == ()
    assert live.retrain().promotion is not None
