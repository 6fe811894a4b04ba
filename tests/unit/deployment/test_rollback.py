"""How a rollout, or what went live last, is taken back: whose it is, and what a second run finds."""

from datetime import timedelta

import pytest
from deploying import AT, IMAGE, NAME, a_package, an_endpoint

from levelfive.core.windows import iso, utc
from levelfive.deployment.rollback import Chosen, way_back
from levelfive.errors import DeploymentConflict

ONE, TWO = a_package("1"), a_package("2")
BOTH = {"blue": "1", "green": "2"}
LIVE_1 = an_endpoint({"blue": "1"}, {"blue": 100}, live="blue")
UNDER_WAY = an_endpoint(BOTH, {"blue": 50, "green": 50}, live="blue", live_since=iso(utc(2013, 4, 1)))
DONE = an_endpoint(BOTH, {"green": 100}, live="green", live_since=AT, before="blue")
REFUSED = {"refused": TWO.identity, "refused_because": "x", "refused_at": AT}
TAKEN_BACK = an_endpoint(BOTH, {"blue": 100}, live="blue", live_since=AT, **REFUSED)
LATER = iso(utc(2013, 5, 2))


def back_of(endpoint, at=AT, **chosen):
    return way_back(endpoint, Chosen(**chosen), because="ada: complaints", at=at)


def test_a_rollout_under_way_is_taken_back_to_what_answered_before():
    back = back_of(UNDER_WAY)

    assert (back.traffic, back.leaves, back.returns_to, back.at) == ({"blue": 100}, TWO, ONE, AT)
    assert back.tags == {
        "levelfive_refused": TWO.identity,
        "levelfive_refused_because": "ada: complaints",
        "levelfive_refused_at": AT,
    }


def test_a_first_rollout_is_taken_back_to_nothing():
    back = back_of(an_endpoint({"blue": "2"}, {"blue": 100}))

    assert (back.traffic, back.leaves, back.returns_to) == ({}, TWO, None)


def test_what_went_live_last_is_taken_back_to_the_deployment_that_is_still_there():
    back = back_of(DONE, version="2")

    assert (back.traffic, back.leaves, back.returns_to) == ({"blue": 100}, TWO, ONE)
    assert back.tags["levelfive_live"] == "blue"
    assert back.tags["levelfive_live_since"] == AT
    assert back.tags["levelfive_before"] == ""


@pytest.mark.parametrize("endpoint", [DONE, UNDER_WAY], ids=["live", "under way"])
@pytest.mark.parametrize(("hour", "is_taken_back"), [(5, True), (6, True), (7, False)])
def test_only_what_began_or_went_live_since_a_time_is_taken_back(endpoint, hour, is_taken_back):
    assert (back_of(endpoint, since=utc(2013, 5, 1, hour)) is not None) == is_taken_back


def test_what_does_not_say_since_when_is_there_is_not_taken_back_by_a_time():
    by_hand = an_endpoint(BOTH, {"green": 100}, live="green", before="blue")

    assert back_of(by_hand, since=utc(2013, 5, 1)) is None
    assert back_of(by_hand).leaves == TWO


@pytest.mark.parametrize("endpoint", [DONE, UNDER_WAY, TAKEN_BACK], ids=["live", "under way", "taken back"])
def test_only_what_runs_in_an_image_is_taken_back(endpoint):
    assert back_of(endpoint, digest=IMAGE.partition("@")[2]).leaves == TWO
    assert back_of(endpoint, at=LATER, digest="sha256:" + "b" * 64) is None


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        an_endpoint(),
        LIVE_1,
        an_endpoint({"blue": "1", "green": "3"}, {"blue": 90, "green": 10}, live="blue"),
        an_endpoint(BOTH, {"blue": 100}, live="blue"),
    ],
)
def test_a_rollback_of_a_version_without_traffic_does_nothing(endpoint):
    assert back_of(endpoint, version="2") is None


@pytest.mark.parametrize(
    ("at", "chosen"),
    [(AT, {}), (LATER, {"version": "2"}), (LATER, {"since": utc(2013, 5, 1)})],
    ids=["the same time", "its version", "since a time"],
)
def test_what_was_taken_back_is_found_again_and_nothing_is_set(at, chosen):
    back = back_of(TAKEN_BACK, at=at, **chosen)

    assert (back.leaves, back.returns_to, back.at) == (TWO, ONE, AT)
    assert (back.traffic, back.tags) == ({}, {})


def test_what_was_taken_back_before_a_time_is_none_of_it():
    since = utc(2013, 5, 1, 6) + timedelta(seconds=1)

    assert back_of(TAKEN_BACK, at=LATER, since=since) is None


def test_a_rollback_to_what_is_gone_is_refused():
    with pytest.raises(DeploymentConflict, match=f"before version 1 is no longer deployed to {NAME}"):
        back_of(LIVE_1)
    with pytest.raises(DeploymentConflict, match=r"version 2 was taken back already, .* before version 1"):
        back_of(TAKEN_BACK, at=LATER)
