"""What another environment's model becomes here: copied whole, checked, and judged by labels of this environment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from in_memory.registry import MemoryBackend
from in_memory.release import AS_OF, HOUR, LATER, Environment, runs

from levelfive.core.windows import Window, iso
from levelfive.errors import ModelNotFound, RegistryError
from levelfive.registry import tags
from levelfive.registry.eligibility import verdict_tags
from levelfive.registry.gate import GateVerdict, VerdictKind
from levelfive.registry.store import CHALLENGER
from levelfive.training import admission
from levelfive.training.admission import admit
from levelfive.usecase.policies import GatePolicy


def test_a_copy_keeps_where_it_comes_from_and_a_verdict_of_this_environment(production: Environment) -> None:
    admitted = production.admit()

    found, theirs = (registry.find(version).tags for registry, version in pairs(production, admitted.version))
    assert found[tags.SOURCE_MODEL] == production.development.name
    assert found[tags.SOURCE_REGISTRY] == production.development.uri
    assert found[tags.SOURCE_VERSION] == production.version
    for name in (tags.PACKAGE_SHA256, tags.CODE_REVISION, tags.TRACKING_RUN, tags.TRAINING_SET_SHA256):
        assert found[name] == theirs[name] != ""
    assert found[tags.VERDICT] == admitted.verdict.to_json() != theirs[tags.VERDICT]
    assert found[tags.JUDGED_AGAINST] == tags.NO_CHAMPION
    (run,) = runs(production.tables)
    source = production.development
    asked = {"version": production.version, "source_model": source.name, "source_registry": source.uri}
    assert (run["stage"], run["status"], run["parameters"]) == ("admission", "succeeded", asked)


def pairs(production: Environment, version: str) -> tuple[tuple[object, str], tuple[object, str]]:
    return (production.registry, version), (production.development, production.version)


def test_only_days_that_neither_model_was_trained_on_judge(
    production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Window] = []
    rows = admission.labelled_rows

    def noted(context: object, run: object, lookups: object, window: Window, **how: object) -> object:
        read.append(window)
        return rows(context, run, lookups, window, **how)

    monkeypatch.setattr(admission, "labelled_rows", noted)
    candidate = production.development.load(production.development.find(production.version).tags[tags.REFIT_OF])
    ripe = LATER - production.context.use_case.maturity

    production.released()
    assert read == [Window(max(newest(ripe, 14), candidate.card.trained_until), ripe)]
    production.newer().admit(LATER + HOUR)

    assert read[1:] == [Window(AS_OF, ripe + HOUR)] * 2  # the champion has seen all before


def newest(ripe, days):
    return (ripe - timedelta(days=days)).replace(hour=6)


def test_the_days_that_judge_go_back_over_those_that_are_left_out(production: Environment) -> None:
    ripe = LATER - production.context.use_case.maturity
    since = newest(ripe, 14) + timedelta(days=5)
    broken = Window(since, ripe)

    whole, cut = production.admit().verdict, production.newer().admit(exclusions=(broken,)).verdict

    days = (ripe - since) // timedelta(days=1)
    assert not any("holdout" in reason for reason in whole.reasons)
    assert cut.reasons[-1] == (
        f"the holdout begins {days} days earlier, at {iso(newest(ripe, 14 + days))}: as many days since then have no "
        "mature labels, or are left out"
    )


def test_a_version_goes_on_to_a_third_environment_and_is_judged_by_its_candidate_there_too(
    production: Environment,
) -> None:
    version, third = production.released(), MemoryBackend().opened("levelfive.third.model")
    production.development_backend.lose_files(production.development.name, production.version)

    admitted = admit(production.context, third, production.registry, version=version, as_of=LATER)

    refitted = third.find(admitted.version).tags
    candidate = third.load(refitted[tags.REFIT_OF]).card
    assert candidate.trained_until < third.load(admitted.version).card.trained_until
    assert (refitted[tags.SOURCE_MODEL], refitted[tags.SOURCE_VERSION]) == (production.registry.name, version)
    assert admitted.verdict.passed


def test_a_version_that_is_admitted_again_is_the_same_one(production: Environment) -> None:
    first, second = production.admit(), production.admit()

    assert first.version == second.version
    candidate, copied = production.registry.versions()
    assert (copied.version, copied.tags[tags.REFIT_OF]) == (first.version, candidate.version)


def test_a_champion_whose_files_are_gone_can_be_replaced_by_a_release(production: Environment) -> None:
    live, newer = production.released(), production.newer()
    production.backend.lose_files(production.registry.name, live)
    later = newer.reopened()

    admitted = later.admit(LATER + HOUR)

    assert admitted.verdict.reasons[0] == (
        f"the files of the champion, version {live}, are gone or damaged: nothing is compared with it"
    )
    later.approve(admitted.version, LATER + HOUR)
    promotion = later.promote(admitted.version, LATER + HOUR).promotion
    assert (promotion.version, promotion.previous_version) == (admitted.version, live)


def test_a_champion_that_is_released_again_is_not_judged_against_itself(production: Environment) -> None:
    live = production.released()
    before = production.registry.find(live).tags

    again = production.admit(LATER + HOUR)

    assert (again.version, again.verdict.passed) == (live, True)
    assert production.registry.find(live).tags == before
    assert production.promote(live, LATER + HOUR).has_promoted is False


def test_a_champion_that_was_refused_while_another_one_was_live_is_released_again(production: Environment) -> None:
    hours = [LATER + timedelta(hours=hour) for hour in range(1, 4)]
    first = production.released()
    production.promote(production.another(first), hours[0])
    production.registry.tag(
        first, verdict_tags(GateVerdict(VerdictKind.WORSE, False, ("worse",)), production.made()[-1])
    )
    production.rollback(hours[1])

    again = production.admit(hours[2])

    assert (again.version, again.verdict.passed) == (first, True)


def test_a_release_does_not_displace_a_champion_that_it_is_not_better_than(production: Environment) -> None:
    live, later = production.another(production.released()), LATER + HOUR
    production.promote(live, later)
    waiting = production.admit(later + timedelta(minutes=30)).version
    assert production.registry.alias(CHALLENGER) == waiting
    strict = replace(production.context.use_case, gate=GatePolicy(min_days=2, min_rows=100, margin=-1.0))
    stricter = replace(production, context=replace(production.context, use_case=strict))

    again = stricter.admit(later + HOUR)

    assert (again.version, again.verdict.passed) == (waiting, False)
    assert production.registry.alias(CHALLENGER) is None
    with pytest.raises(RegistryError, match="did not pass the gate"):
        production.promote(again.version, later + HOUR)
    assert production.made()[-1].version == live


def test_a_version_whose_files_were_changed_is_not_admitted(production: Environment, tmp_path: Path) -> None:
    card = production.development.download(production.version, tmp_path) / "levelfive.json"
    changed = card.read_text().replace('"seed": 2013', '"seed": 2014')
    assert changed != card.read_text()
    production.development_backend.change_file(
        production.development.name, production.version, card.name, changed.encode()
    )

    with pytest.raises(RegistryError, match="their hash differs"):
        production.admit()

    with pytest.raises(ModelNotFound):
        production.registry.find("1")
    assert production.trail()[-1][:2] == ("admission", "failed")


def test_a_candidate_that_no_gate_passed_is_not_admitted(production: Environment) -> None:
    candidate = production.development.find(production.version).tags[tags.REFIT_OF]

    with pytest.raises(RegistryError, match="carries no verdict"):
        replace(production, version=candidate).admit()
