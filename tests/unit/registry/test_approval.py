"""An approval counts for one verdict up to the next promotion; a verdict counts against the newest champion."""

from __future__ import annotations

from datetime import timedelta

import pytest
from in_memory.release import HOUR, LATER, Environment

from levelfive.errors import RegistryError
from levelfive.registry import tags
from levelfive.registry.aliases import nominate
from levelfive.registry.approval import approve
from levelfive.registry.eligibility import verdict_tags
from levelfive.registry.gate import GateVerdict, VerdictKind
from levelfive.registry.store import CHALLENGER, CHAMPION


def test_a_verdict_does_not_count_once_another_version_is_champion(production: Environment) -> None:
    waiting = production.admit().version
    production.approve(waiting)
    overtaking = production.another(waiting)
    production.promote(overtaking)

    later = LATER + HOUR
    with pytest.raises(
        RegistryError, match=rf"another champion \(none\) than the newest one \({overtaking}\)\. Copy it"
    ):
        production.promote(waiting, later)

    assert production.registry.alias(CHALLENGER) is None
    assert production.admit(later).version == waiting
    with pytest.raises(RegistryError, match=r"by grace, is of before it was judged anew"):
        production.promote(waiting, later)
    production.approve(waiting, later)
    assert production.promote(waiting, later).promotion.previous_version == overtaking


def test_an_approval_does_not_outlive_the_rollback_of_what_it_let_go_live(production: Environment) -> None:
    hours = [LATER + timedelta(hours=hour) for hour in range(1, 4)]
    again = production.another(production.released())
    production.promote(again, hours[0])
    assert production.approve(again, hours[0]) is False  # it is live
    production.rollback(hours[1])

    with pytest.raises(RegistryError, match=r"by grace, is of before .* rolled back"):
        production.promote(again, hours[2])
    production.approve(again, hours[2])
    assert production.promote(again, hours[2]).has_promoted


def test_an_approval_counts_for_the_verdict_that_was_read(production: Environment) -> None:
    version = production.admit().version
    production.approve(version)
    production.registry.tag(version, verdict_tags(GateVerdict(VerdictKind.NOT_WORSE, True, ("another",)), None))

    with pytest.raises(RegistryError, match=r"by grace, is of before it was judged anew"):
        production.promote(version)
    assert production.made() == ()


def test_a_verdict_that_nobody_can_read_is_refused(production: Environment) -> None:
    version = production.admit().version
    production.registry.tag(version, {tags.VERDICT: "passed"})

    with pytest.raises(RegistryError, match=r"verdict that cannot be read.*Copy it again"):
        production.approve(version)


def test_a_version_that_waits_is_the_challenger_until_it_is_champion(production: Environment) -> None:
    central, waiting = production.registry, production.admit().version
    assert (central.alias(CHALLENGER), central.alias(CHAMPION)) == (waiting, None)

    production.approve(waiting)
    production.promote(waiting)

    assert (central.alias(CHALLENGER), central.alias(CHAMPION)) == (None, waiting)


def test_what_was_compared_with_an_earlier_champion_does_not_wait(production: Environment) -> None:
    central, live = production.registry, production.released()
    waiting = production.another(live)
    nominate(production.context, central, waiting)
    stale = production.another(live)
    central.tag(stale, {tags.JUDGED_AGAINST: tags.NO_CHAMPION})

    nominate(production.context, central, stale)

    assert central.alias(CHALLENGER) == waiting


def test_an_approval_names_who_gave_it_and_what_they_say_of_whom_it_is_for(production: Environment) -> None:
    version = production.admit().version

    how = {"as_of": LATER, "by": "grace@example.com", "reason": "calibrated", "on_behalf_of": "the board"}
    approve(production.context, production.registry, version=version, **how)

    assert production.registry.find(version).tags[tags.APPROVED_BY] == "grace@example.com (for the board)"
    assert "approved by grace@example.com (for the board)" in production.promote(version).promotion.reason


def test_a_copy_tells_who_trained_it_who_may_not_approve_it(production: Environment) -> None:
    production.development.tag(production.version, {tags.TRAINED_BY: "grace"})
    version = production.admit().version

    how = {"as_of": LATER, "by": "grace", "reason": "calibrated", "trainer_may_approve": False}
    with pytest.raises(RegistryError, match="was trained by grace, who may not approve it too"):
        approve(production.context, production.registry, version=version, **how)

    assert tags.APPROVED_BY not in production.registry.find(version).tags
