"""What the registry's job promotes, once and in what order, what it refuses, and what a kill or a rival leaves."""

from __future__ import annotations

import socket

import pytest
from in_memory.release import HOUR, LATER, Environment, runs

from levelfive.config import Approval
from levelfive.errors import ModelNotFound, PromotionConflict, RegistryError
from levelfive.registry import job as registry
from levelfive.registry import tags
from levelfive.registry.promotions import Promotion, champion, champion_as_of
from levelfive.registry.store import CHALLENGER, CHAMPION, CentralRegistry
from levelfive.training.admission import admit


def test_a_promotion_says_what_was_approved_by_whom_and_on_what_grounds(production: Environment) -> None:
    admitted = production.admit()
    with pytest.raises(RegistryError, match=rf"registry approve {admitted.version}") as refused:
        production.promote(admitted.version)
    production.approve(admitted.version)

    made = production.promote(admitted.version)

    version, of_runs = admitted.version, runs(production.tables)
    assert [(run["status"], run["parameters"], run["error"]) for run in of_runs[1:]] == [
        ("failed", {"version": version, "by": "release"}, f"RegistryError: {refused.value}"),
        ("succeeded", {"approve": version, "by": "grace", "reason": "calibrated"}, None),
        ("succeeded", {"version": version, "by": "release"}, None),
    ]
    assert (made.has_promoted, production.made()) == (True, (made.promotion,))
    assert made.promotion == Promotion(
        seq=1,
        model_name="levelfive.prod.flight_delay",
        version=version,
        previous_version=None,
        promoted_at=LATER,
        kind="promote",
        promoted_by="release",
        reason="; ".join([*admitted.verdict.reasons, "approved by grace as of 2013-02-18T06:00:00Z: calibrated"]),
        verdict=admitted.verdict.to_json(),
        run_id=of_runs[-1]["run_id"],
    )
    assert (made.run_id, of_runs[-1]["versions_written"]) == (of_runs[-1]["run_id"], {"promotions": 0})


def test_where_promotion_is_automatic_no_one_is_asked(production: Environment) -> None:
    admitted = production.admit()

    made = production.promote(admitted.version, approval=Approval.AUTO).promotion

    assert made.reason == "; ".join(admitted.verdict.reasons)


def test_a_champion_is_in_force_after_its_promotion_and_not_at_it(production: Environment) -> None:
    version = production.released()

    live = [champion(production.tables, production.registry.name, as_of=as_of) for as_of in (LATER, LATER + HOUR)]

    assert [one and one.version for one in live] == [None, version]


def test_what_is_champion_already_is_not_promoted_again_and_its_alias_is_repaired(production: Environment) -> None:
    version = production.released()
    production.registry.set_alias(CHAMPION, "1")

    again = production.promote(version, LATER + HOUR)

    assert (again.has_promoted, again.promotion.promoted_at) == (False, LATER)
    assert production.registry.alias(CHAMPION) == version
    assert len(production.made()) == 1


def test_an_unknown_version_is_not_promoted(production: Environment) -> None:
    live = production.released()

    with pytest.raises(ModelNotFound):
        production.promote("999", LATER + HOUR)

    assert [one.version for one in production.made()] == [live]
    assert production.trail()[-1] == ("registry", "failed", "999")


def test_a_candidate_without_a_verdict_is_not_promoted(production: Environment) -> None:
    candidate = production.registry.find(production.released()).tags[tags.REFIT_OF]

    with pytest.raises(RegistryError, match="no verdict"):
        production.promote(candidate, LATER + HOUR)

    assert len(production.made()) == 1


def test_a_version_whose_files_are_gone_is_not_promoted(production: Environment) -> None:
    version = production.admit().version
    production.approve(version)
    production.backend.lose_files(production.registry.name, version)

    with pytest.raises(RegistryError, match=r"are gone\. Copy it again"):
        production.promote(version)

    assert (production.made(), production.registry.alias(CHAMPION)) == ((), None)


def test_promotions_are_made_in_the_order_of_their_times(production: Environment) -> None:
    live = production.released()
    other = production.another(live)

    with pytest.raises(RegistryError, match=rf"version {live} was promoted as of .* Give a later --as-of"):
        production.promote(other)

    made = champion_as_of(production.made(), LATER + HOUR)
    assert made is not None
    assert made.version == live


def test_killed_between_the_gate_and_the_alias_a_second_run_repairs_the_alias(
    production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = production.admit().version
    production.approve(version)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(production.registry, "set_alias", die)
        with pytest.raises(KeyboardInterrupt):
            production.promote(version)
    assert production.registry.alias(CHAMPION) is None

    again = production.promote(version)

    assert (again.has_promoted, production.registry.alias(CHAMPION)) == (False, version)
    assert len(production.made()) == 1


def test_who_moves_the_alias_late_moves_it_to_the_newest_champion(
    production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, central = production.admit().version, production.registry
    production.approve(first)
    point = central.set_alias

    def overtaken(alias: str, version: str) -> None:
        """Before the alias is moved, another promotion is made and moves it."""
        monkeypatch.setattr(central, "set_alias", point)
        production.promote(production.another(first), LATER + HOUR)
        point(alias, version)

    monkeypatch.setattr(central, "set_alias", overtaken)
    production.promote(first)

    newest = production.made()[-1].version
    assert newest != first
    assert production.registry.alias(CHAMPION) == newest


def test_while_a_registry_is_down_nothing_changes_and_each_step_can_be_taken_later(
    production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    ours = production.registry
    down = CentralRegistry(nobody, ours.name)
    source = {"version": production.version, "as_of": LATER}

    with pytest.raises(RegistryError, match=f"{nobody} did not answer"):
        admit(production.context, ours, CentralRegistry(nobody, production.development.name), **source)
    with pytest.raises(RegistryError, match=f"{nobody} did not answer"):
        admit(production.context, down, production.development, **source)
    assert production.trail() == [("admission", "failed", "")] * 2
    version = production.admit().version
    production.approve(version)
    how = {"as_of": LATER, "by": "release", "approval": Approval.MANUAL}
    with pytest.raises(RegistryError, match=f"{nobody} did not answer"):
        registry.run(production.context, down, version=version, **how)
    assert (production.made(), ours.alias(CHAMPION), ours.alias(CHALLENGER)) == ((), None, version)

    assert production.promote(version).has_promoted


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(
    production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = production.admit().version
    production.approve(first)
    other = production.another(first)
    seen = registry.history

    def overtaken(*of: object) -> tuple[Promotion, ...]:
        """Look at the promotions; before this one writes, another run writes."""
        found = seen(*of)
        monkeypatch.setattr(registry, "history", seen)
        production.promote(other)
        return found

    monkeypatch.setattr(registry, "history", overtaken)
    with pytest.raises(PromotionConflict, match="another writer"):
        production.promote(first)

    assert [one.version for one in production.made()] == [other]
    assert production.registry.alias(CHAMPION) == other
