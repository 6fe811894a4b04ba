"""The steps of a rollout: in order, to the end, back when the budget is exceeded, and gone on with after a kill."""

import pytest
from deploying import AT, MemoryEndpoint, ProbeOf, a_package, an_endpoint

from levelfive.deployment.rollback import Chosen
from levelfive.deployment.rolling import deploy, raise_traffic, roll_back
from levelfive.deployment.rollout import RolloutPolicy
from levelfive.errors import DeploymentConflict

POLICY = RolloutPolicy(requests=3)
LATER = "2013-05-02T06:00:00+00:00"
ONE, TWO, THREE = (a_package(version) for version in "123")


def roll(online, package=TWO, probe=None, at=AT, **how):
    return deploy(online, package, probe or ProbeOf(), policy=POLICY, at=at, by="ada", **how)


def after_one():
    online = MemoryEndpoint()
    roll(online, ONE)
    online.did.clear()
    return online


def test_the_first_version_gets_everything_once_it_was_tested():
    online, probe = MemoryEndpoint(), ProbeOf()

    outcome = roll(online, ONE, probe)

    assert online.did == ["create", "add blue 1", "route {'blue': 100}", "route {'blue': 100}"]
    assert probe.asked == [("blue", "1")] * 2
    assert [one.share for one in outcome.measurements] == [0, 100]
    assert online.found == an_endpoint({"blue": "1"}, {"blue": 100}, live="blue", live_since=AT)


def test_a_second_version_is_given_its_traffic_in_steps():
    online, probe = after_one(), ProbeOf()

    outcome = roll(online, TWO, probe)

    assert online.did == [
        "add green 2",
        "route {'blue': 90, 'green': 10}",
        "route {'blue': 50, 'green': 50}",
        "route {'green': 100}",
        "route {'green': 100}",
    ]
    assert probe.asked == [("green", "2")] * 4
    assert (outcome.share, outcome.fault, [one.share for one in outcome.measurements]) == (100, "", [0, 10, 50, 100])
    expected = an_endpoint({"blue": "1", "green": "2"}, {"green": 100}, live="green", live_since=AT, before="blue")
    assert online.found == expected


def test_what_answers_already_is_left_as_it_is():
    online, probe = after_one(), ProbeOf()

    outcome = roll(online, ONE, probe)

    assert (online.did, probe.asked, outcome.has_changes) == ([], [], False)


def test_a_third_version_takes_the_place_of_the_first():
    online = after_one()
    roll(online, TWO)
    online.did.clear()

    roll(online, THREE)

    assert online.did[:3] == ["route {'green': 100}", "remove blue", "add blue 3"]
    assert online.found == an_endpoint(
        {"green": "2", "blue": "3"}, {"blue": 100}, live="blue", live_since=AT, before="green"
    )


def test_the_version_of_before_is_rolled_out_from_where_it_still_is():
    online = after_one()
    roll(online, TWO)
    online.did.clear()

    roll(online, ONE)

    assert not [step for step in online.did if step.startswith(("add", "remove"))]
    assert online.found == an_endpoint(
        {"blue": "1", "green": "2"}, {"blue": 100}, live="blue", live_since=AT, before="green"
    )


@pytest.mark.parametrize(("nth", "share"), [(0, 0), (1, 10), (2, 50), (3, 100)])
@pytest.mark.parametrize("wrong", [{"faults": "the answer was 500"}, {"seconds": 2.0}], ids=["failed", "slow"])
def test_a_version_beyond_the_budget_is_taken_back_from_every_share(nth, share, wrong):
    online = after_one()
    probe = ProbeOf(**{name: {nth: value} for name, value in wrong.items()})

    outcome = roll(online, TWO, probe)

    assert f"at {share} %" in outcome.fault
    assert outcome.share == 0
    assert online.found.traffic == {"blue": 100}
    assert online.found.tags["levelfive_live"] == "blue"
    with pytest.raises(DeploymentConflict, match=f"taken back .*at {share} %"):
        roll(online, TWO, at=LATER)


def test_a_version_that_was_taken_back_can_be_tried_again_when_that_is_asked_for():
    online = after_one()
    roll(online, TWO, ProbeOf(faults={1: "500"}))

    outcome = roll(online, TWO, again=True)

    assert (outcome.share, outcome.fault) == (100, "")
    assert "levelfive_refused" not in online.found.tags


def test_a_deployment_can_be_tested_alone_and_be_given_its_traffic_later():
    online, probe = after_one(), ProbeOf()

    first = roll(online, TWO, probe, to=0)
    half = raise_traffic(online, probe, policy=POLICY, at=AT, to=50)
    rest = raise_traffic(online, probe, policy=POLICY, at=AT, to=100)

    assert [[one.share for one in outcome.measurements] for outcome in (first, half, rest)] == [
        [0],
        [0, 10, 50],
        [50, 100],
    ]
    assert online.found.tags["levelfive_live"] == "green"


def test_a_first_version_takes_the_steps_of_a_release_and_gets_everything_at_the_last_one():
    online, probe = MemoryEndpoint(), ProbeOf()

    outcomes = [roll(online, ONE, probe, to=0)]
    outcomes += [raise_traffic(online, probe, policy=POLICY, at=AT, to=to) for to in (10, 100)]

    assert [(one.share, bool(one.note)) for one in outcomes] == [(0, False), (0, True), (100, False)]
    assert "no other one answers" in outcomes[1].note
    assert online.found == an_endpoint({"blue": "1"}, {"blue": 100}, live="blue", live_since=AT)


def test_a_first_version_gets_nothing_where_a_part_is_asked_for():
    online = MemoryEndpoint()

    outcome = roll(online, ONE, to=10)

    assert (outcome.share, online.found.traffic) == (0, {})
    assert "traffic 100" in outcome.note


def test_a_rollback_undoes_the_newest_rollout_and_keeps_it_from_coming_back():
    online = after_one()
    roll(online, TWO)

    back = roll_back(online, Chosen(), because="ada: complaints", at=AT)

    assert back.returns_to == ONE
    assert online.found.traffic == {"blue": 100}
    with pytest.raises(DeploymentConflict, match="ada: complaints"):
        roll(online, TWO, at=LATER)
    assert roll(online, ONE).has_changes is False


def test_files_are_brought_before_a_deployment_is_made_and_only_then():
    online, brought = MemoryEndpoint(), []

    roll(online, ONE, bring=lambda: brought.append(list(online.did)))
    roll(online, ONE, bring=lambda: brought.append("again"))

    assert brought == [["create"]]


def test_an_endpoint_that_somebody_changes_meanwhile_stops_the_rollout():
    online = after_one()

    class Meddling(ProbeOf):
        def __call__(self, deployment, version, policy):
            if len(self.asked) == 1:
                online.route({"blue": 60, "green": 40}, {})
            return super().__call__(deployment, version, policy)

    with pytest.raises(DeploymentConflict, match=r"somebody else changed .* during this rollout"):
        roll(online, TWO, Meddling())

    assert online.found.traffic == {"blue": 60, "green": 40}
