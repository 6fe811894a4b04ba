"""A decision on the live model is taken once as of a time, from what was known then of the model that was live."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from in_memory.release import AS_OF, LATER, PASSED, Environment, runs
from in_memory.retraining import DECIDED, WEEK, LiveModel

from levelfive.core.windows import Window
from levelfive.errors import RegistryError, TableConflict
from levelfive.monitoring.acknowledged import acknowledge
from levelfive.monitoring.left_out import LeftOut
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.performance_records import write_performance
from levelfive.registry.gate import GateVerdict, VerdictKind
from levelfive.retraining import job as retraining
from levelfive.retraining.policy import Action
from levelfive.retraining.records import decisions
from levelfive.statistics.metrics import Estimate, Evaluation
from levelfive.storage.runs import Run
from levelfive.usecase.policies import NoEvidence, RetrainingPolicy


def test_without_a_live_model_there_is_nothing_to_decide_on(production: Environment) -> None:
    with pytest.raises(RegistryError, match="run `levelfive training --as-of 20") as refused:
        retraining.decide_once(production.context, production.registry, as_of=LATER)

    (run,) = runs(production.tables)
    said = (run["stage"], run["status"], run["as_of"], run["error"])
    assert said == ("decision", "failed", LATER, f"RegistryError: {refused.value}")
    assert decisions(production.tables, production.registry.name, until=LATER) == ()


def test_a_decision_is_taken_once_whatever_is_known_later(live: LiveModel) -> None:
    first = live.decide()
    live.labels.count = 0

    second = live.decide()

    assert first.decision.action is Action.RETRAIN
    assert second == first
    assert (first.live_version, first.as_of) == (live.version, DECIDED)
    assert decisions(live.production.tables, live.production.registry.name, until=DECIDED) == (first,)
    assert live.production.trail()[-2:] == [("decision", "succeeded", live.version)] * 2


def test_decisions_of_different_times_are_different_ones(live: LiveModel) -> None:
    days = [DECIDED + timedelta(days=day) for day in range(2)]

    made = [live.decide(day) for day in days]

    assert [one.decision.action for one in made] == [Action.RETRAIN, Action.KEEP]  # the cooldown
    assert len({one.decision_id for one in made}) == 2
    name = live.production.registry.name
    assert [len(decisions(live.production.tables, name, until=day)) for day in days] == [1, 2]


def test_of_two_runs_that_decide_at_once_one_is_told(live: LiveModel, monkeypatch: pytest.MonkeyPatch) -> None:
    record = retraining.record_decision

    def overtaken(*of: object) -> None:
        """Before this run writes its decision, another one decides."""
        monkeypatch.setattr(retraining, "record_decision", record)
        live.decide()
        record(*of)

    monkeypatch.setattr(retraining, "record_decision", overtaken)
    with pytest.raises(TableConflict, match="was taken by another run"):
        live.decide()

    assert len(decisions(live.production.tables, live.production.registry.name, until=DECIDED)) == 1
    ended = [("decision", "failed", ""), ("decision", "succeeded", live.version)]
    assert sorted(live.production.trail()[-2:]) == ended


def test_labels_are_counted_against_those_of_the_last_training_also_if_it_was_refused(live: LiveModel) -> None:
    live.trainer.verdict = GateVerdict(VerdictKind.WORSE, False, ("worse than the champion",))
    live.retrain()
    week_later = DECIDED + timedelta(days=7)

    same = live.decide(week_later)
    live.labels.count = 2100
    more = live.decide(week_later + timedelta(hours=1))

    assert (same.decision.action, more.decision.action) == (Action.KEEP, Action.RETRAIN)


UNDECIDED = GateVerdict(VerdictKind.NOT_ENOUGH_EVIDENCE, False, ("the interval holds 0 and reaches the margin",))


def test_a_refusal_for_too_little_evidence_uses_nothing_up_and_the_next_training_waits_for_a_whole_holdout(
    live: LiveModel,
) -> None:
    live.trainer.verdict = UNDECIDED
    first = live.retrain()
    live.trainer.verdict = PASSED

    waiting, whole = (live.decide(DECIDED + timedelta(days=days)) for days in (1, 14))

    assert (first.decision.action, waiting.decision.action) == (Action.RETRAIN, Action.KEEP)
    assert "at least 14 days" in waiting.decision.reasons[0]
    assert "the gate could not tell as of 2013-02-19T06:00:00Z" in waiting.decision.reasons[0]
    assert waiting.decision.reasons[1].startswith("waits for evidence: label growth")
    assert whole.decision.action is Action.RETRAIN
    assert live.retrain(DECIDED + timedelta(days=14)).promotion is not None


def test_what_a_whole_holdout_could_not_tell_is_settled_until_there_are_more_labels(live: LiveModel) -> None:
    late = DECIDED + timedelta(days=21)
    live.trainer.verdict = UNDECIDED
    live.retrain(late)
    week_later = late + timedelta(days=7)

    same = live.decide(week_later)
    live.labels.count = 2100
    more = live.decide(week_later + timedelta(hours=1))

    assert (same.decision.action, more.decision.action) == (Action.KEEP, Action.RETRAIN)


def test_without_days_that_the_live_model_was_not_trained_on_nothing_is_trained(live: LiveModel) -> None:
    live.labels.newest = AS_OF

    record = live.decide(DECIDED + timedelta(days=150))

    assert record.decision.action is Action.KEEP
    assert "would be judged by 0 days and 0 rows" in record.decision.reasons[0]
    assert record.decision.counterfactuals == (
        "2 more days and 100 more rows with mature labels that the live model was not trained on",
    )


def test_without_any_label_the_model_is_kept(live: LiveModel) -> None:
    live.labels.count = 0
    context = live.production.context
    aged = replace(context.use_case, retraining=RetrainingPolicy(max_age=timedelta(days=1)))
    old = replace(live, production=replace(live.production, context=replace(context, use_case=aged)))

    record = old.decide()

    assert record.decision.action is Action.KEEP
    assert record.decision.reasons[0].endswith("there are no mature labels")


def test_where_the_gate_passes_without_evidence_none_is_waited_for(live: LiveModel) -> None:
    live.labels.newest = AS_OF
    context = live.production.context
    generous = replace(context.use_case, gate=replace(context.use_case.gate, no_evidence=NoEvidence.PROMOTE))
    passing = replace(live, production=replace(live.production, context=replace(context, use_case=generous)))

    assert passing.decide().decision.action is Action.RETRAIN


def acknowledged(live: LiveModel, as_of: datetime = DECIDED, left_out: LeftOut = LeftOut.FLAGGED) -> None:
    said = {"by": "ada", "reason": "the strike", "left_out": left_out, "as_of": as_of}
    acknowledge(live.production.context, live.production.registry.name, WEEK, **said)


@pytest.mark.parametrize("alarm", [{"harmful": ("no skill",)}, {"broken": ("distance: another unit",)}])
def test_an_acknowledged_window_keeps_no_training_back(live: LiveModel, alarm: dict[str, tuple[str, ...]]) -> None:
    live.seen(live.version, **alarm)
    acknowledged(live)

    before, after = live.decide(DECIDED - timedelta(hours=1)), live.decide()

    assert (before.decision.action, after.decision.action) == (Action.MANUAL_REVIEW, Action.RETRAIN)
    (said,) = (*alarm.values(),)
    assert after.decision.reasons[-1] == (
        f"the window {WEEK} is acknowledged by ada as of 2013-02-19T06:00:00Z: the strike; it is learned from, but for "
        f"the days of broken deliveries ({said[0]})"
    )


def test_harm_that_is_found_after_broken_data_was_acknowledged_calls_again(live: LiveModel) -> None:
    live.seen(live.version, broken=("distance: another unit",))
    acknowledged(live, WEEK.end)
    live.seen(live.version, as_of=WEEK.end + timedelta(hours=1), broken=("distance: another unit",), harmful=("worse",))

    assert live.decide().decision.action is Action.MANUAL_REVIEW


@pytest.mark.parametrize(
    ("left_out", "exclusions"),
    [
        (LeftOut.FLAGGED, (Window(WEEK.start + timedelta(days=1), WEEK.start + timedelta(days=2)),)),
        (LeftOut.NOTHING, ()),
        (LeftOut.WINDOW, (Window(WEEK.start + timedelta(days=1), WEEK.start + timedelta(days=2)), WEEK)),
    ],
)
def test_an_acknowledgement_says_what_is_left_out(
    live: LiveModel, left_out: LeftOut, exclusions: tuple[Window, ...]
) -> None:
    live.seen(live.version, broken=("rows are missing",), left_out=(date(2013, 2, 12),))
    acknowledged(live, left_out=left_out)

    live.retrain()

    assert live.labels.exclusions == [exclusions] * 2
    assert [asked["exclusions"] for asked in live.trainer.asked] == [exclusions]


def test_a_person_is_called_to_a_window_of_the_live_model_that_is_broken(live: LiveModel) -> None:
    live.seen(live.version, broken=("distance: another unit",))

    record = live.decide()

    assert record.decision.action is Action.MANUAL_REVIEW
    assert "distance: another unit" in record.decision.reasons[0]


def test_what_an_earlier_model_did_does_not_speak_against_the_live_one_but_days_of_broken_deliveries_are_left_out(
    live: LiveModel,
) -> None:
    live.seen("1", broken=("rows are missing",), left_out=(date(2013, 2, 12),))

    record = live.decide()

    assert record.decision.action is Action.RETRAIN
    assert live.labels.exclusions == [(Window(WEEK.start + timedelta(days=1), WEEK.start + timedelta(days=2)),)]


@pytest.mark.parametrize("alarm", [{"harmful": ("no skill",)}, {"broken": ("distance: another unit",)}])
def test_rows_of_a_harmful_window_or_with_a_broken_column_are_learned_from(
    live: LiveModel, alarm: dict[str, tuple[str, ...]]
) -> None:
    live.seen("1", **alarm)

    live.decide()

    assert live.labels.exclusions == [()]


def test_what_monitoring_says_later_is_not_known_at_the_decision(live: LiveModel) -> None:
    live.seen(live.version, window=Window(WEEK.end, DECIDED + timedelta(hours=1)), broken=("distance: another unit",))

    assert live.decide().decision.action is Action.RETRAIN


UNKNOWN = {"days": 0, "rows": 0, "calibration": None, "skill": None}
"""What a verdict says where no label of its window is old enough."""

WEEKS = tuple(Window(WEEK.start - timedelta(weeks=ago), WEEK.end - timedelta(weeks=ago)) for ago in (3, 2, 1, 0))


def an_evaluation() -> Evaluation:
    estimates = {"calibration": Estimate(0.1, 0.09, 0.11, days=7, rows=5000)}
    estimates["skill"] = Estimate(0.4, 0.35, 0.45, days=7, rows=5000)
    return Evaluation(estimates, 5000, 7, 0.2, 0.3)


def measured_since(live: LiveModel, *windows: Window, of: str = "") -> None:
    """Let a later run of monitoring have measured windows by labels that came late."""
    counts = {"scored": 5000, "known": 5000, "mature": 5000, "provisional": False}
    nothing = {"without_label": {}, "label_mean_known": None, "reference": None}
    found = [
        Performance(window, (of or live.version,), evaluation=an_evaluation(), **counts, **nothing)
        for window in windows
    ]
    run, task = Run(live.production.tables, "of-monitoring"), live.production.context.use_case.model.task
    write_performance(run, live.production.registry.name, found, task=task, as_of=WEEK.end)


def judging(live: LiveModel, **policy: object) -> LiveModel:
    """Switch all triggers off but those that are given."""
    off = dict.fromkeys(("calibration", "loss_excess", "label_growth", "max_age"))
    use_case = replace(live.production.context.use_case, retraining=RetrainingPolicy(**{**off, **policy}))
    context = replace(live.production.context, use_case=use_case)
    return replace(live, production=replace(live.production, context=context))


@pytest.mark.parametrize(
    ("policy", "said"),
    [({"calibration": 0.05}, "+0.0900 to +0.1100"), ({"loss_excess": 0.02}, "35.00% to 45.00%")],
    ids=["calibration", "skill"],
)
def test_where_labels_come_late_triggers_look_at_the_last_windows_that_have_them(
    live: LiveModel, policy: dict[str, float], said: str
) -> None:
    """Else such a trigger could never hold: labels of a window are never known when it ends."""
    live = judging(live, **policy)
    for window in WEEKS:
        live.seen(live.version, window=window, **UNKNOWN)
    before = live.decide(DECIDED - timedelta(hours=1))

    measured_since(live, *WEEKS[:2])
    after = live.decide()

    assert (before.decision.action, after.decision.action) == (Action.KEEP, Action.RETRAIN)
    assert after.decision.reasons[0].endswith(f"and in the latest that counts, {WEEKS[1]}: {said}")


def test_one_window_whose_labels_are_known_counts_once(live: LiveModel) -> None:
    live = judging(live, calibration=0.05)
    for window in WEEKS:
        live.seen(live.version, window=window, **UNKNOWN)
    measured_since(live, WEEKS[0])

    assert live.decide().decision.action is Action.KEEP


def test_what_several_versions_did_speaks_against_none(live: LiveModel) -> None:
    live = judging(live, calibration=0.05)
    for window in WEEKS:
        live.seen(live.version, window=window, **UNKNOWN)
    measured_since(live, *WEEKS, of=f"1, {live.version}")

    assert live.decide().decision.action is Action.KEEP


def test_a_window_that_had_enough_labels_when_it_was_judged_is_taken_as_it_was_then(live: LiveModel) -> None:
    live = judging(live, calibration=0.05)
    for window in WEEKS:
        live.seen(live.version, window=window, days=6)
    measured_since(live, *WEEKS)

    assert live.decide().decision.action is Action.KEEP


def test_a_decision_names_the_versions_of_the_tables_that_it_rests_on(live: LiveModel) -> None:
    live.seen(live.version)

    live.decide()

    run = runs(live.production.tables)[-1]
    assert (run["versions_read"], run["versions_written"]) == ({"verdicts": 0}, {"decisions": 0})
