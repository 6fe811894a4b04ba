"""A rollback takes back what it was asked to take back, once, and needs nothing of what it takes out of service."""

from __future__ import annotations

from datetime import timedelta

import pytest
from in_memory.release import HOUR, LATER, Environment, runs

from levelfive.errors import RegistryError
from levelfive.registry.promotions import champion_as_of
from levelfive.registry.store import CHAMPION


def test_a_rollback_works_while_the_newest_versions_files_are_gone_and_leaves_history_whole(
    production: Environment,
) -> None:
    first = production.released()
    again, later = production.another(first), LATER + HOUR
    production.promote(again, later)
    production.backend.lose_files(production.registry.name, again)

    back = production.reopened().rollback(later + HOUR)

    assert back.promotion.version == first
    made = production.made()
    assert [(one.version, one.kind) for one in made] == [(first, "promote"), (again, "promote"), (first, "rollback")]
    live = champion_as_of(made, later + timedelta(minutes=30))
    assert live is not None
    assert live.version == again


def test_a_rollback_takes_back_what_was_promoted_since_and_nothing_else(production: Environment) -> None:
    first = production.released()
    hours = [LATER + timedelta(hours=hour) for hour in range(1, 5)]

    untouched = production.rollback(hours[0], since=hours[0])
    assert (untouched.has_promoted, untouched.promotion.version) == (False, first)

    again = production.another(first)
    production.promote(again, hours[1])
    taken_back = production.rollback(hours[2], since=hours[1])
    assert (taken_back.has_promoted, taken_back.promotion.version) == (True, first)

    # As a task that is tried again does: the alias was not moved yet.
    production.registry.set_alias(CHAMPION, again)
    repeated = production.rollback(hours[2], since=hours[1])
    assert (repeated.has_promoted, repeated.promotion) == (False, taken_back.promotion)
    assert production.registry.alias(CHAMPION) == first
    assert production.rollback(hours[3], since=hours[1]).has_promoted is False  # the stage that is run again
    assert [one.kind for one in production.made()] == ["promote", "promote", "rollback"]


def test_a_rollback_of_one_version_leaves_what_others_promoted_since(production: Environment) -> None:
    hours = [LATER + timedelta(hours=hour) for hour in range(1, 5)]
    own = production.another(production.released())
    production.promote(own, hours[0])
    theirs = production.another(own)
    production.promote(theirs, hours[1])

    kept = production.rollback(hours[2], version=own, since=hours[0])
    assert (kept.has_promoted, kept.promotion.version) == (False, theirs)

    assert production.rollback(hours[2], version=theirs).promotion.version == own
    assert production.rollback(hours[3], version=own).has_promoted is False  # it was not promoted, but gone back to


def test_rollbacks_go_back_by_the_newest_promotion_of_each_version(production: Environment) -> None:
    hours = [LATER + timedelta(hours=hour) for hour in range(1, 7)]
    first = production.released()
    second = production.another(first)
    production.promote(second, hours[0])
    production.admit(hours[1])
    production.approve(first, hours[1])
    production.promote(first, hours[1])
    third = production.another(first)
    production.promote(third, hours[2])

    back = [production.rollback(hour).promotion.version for hour in hours[3:5]]

    assert back == [first, second]


def test_a_rollback_is_later_than_the_promotion_that_it_takes_back(production: Environment) -> None:
    production.promote(production.another(production.released()), LATER + HOUR)

    with pytest.raises(RegistryError, match="later --as-of"):
        production.rollback(LATER + HOUR)

    assert [one.kind for one in production.made()] == ["promote", "promote"]


@pytest.mark.parametrize("released", [False, True], ids=["no champion", "the first champion"])
def test_where_there_was_no_champion_before_there_is_nothing_to_go_back_to(
    production: Environment, released: bool
) -> None:
    live = production.released() if released else None

    with pytest.raises(RegistryError, match="nothing to go back to") as refused:
        production.rollback(LATER + HOUR)

    run = runs(production.tables)[-1]
    assert (run["stage"], run["status"], run["error"]) == ("registry", "failed", f"RegistryError: {refused.value}")
    assert production.registry.alias(CHAMPION) == live
