"""What comes next on the way of a version to all of the traffic, and back."""

from datetime import timedelta

import pytest
from deploying import a_package, an_endpoint

from levelfive.deployment.rollout import (
    RolloutAction,
    RolloutPolicy,
    next_action,
    next_share,
    rolling_out,
    traffic_of,
)
from levelfive.errors import ConfigError, DeploymentConflict

TWO = a_package("2")
LIVE_1 = an_endpoint({"blue": "1"}, {"blue": 100}, live="blue")


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, RolloutAction.CREATE_ENDPOINT),
        (an_endpoint(), RolloutAction.ADD),
        (an_endpoint({"blue": "2"}), RolloutAction.ROLL_OUT),
        (an_endpoint({"blue": "2"}, {"blue": 100}), RolloutAction.ROLL_OUT),
        (an_endpoint({"blue": "2"}, {"blue": 100}, live="blue"), RolloutAction.NOTHING),
        (LIVE_1, RolloutAction.ADD),
        (an_endpoint({"blue": "1", "green": "2"}, {"blue": 100}, live="blue"), RolloutAction.ROLL_OUT),
        (an_endpoint({"blue": "1", "green": "2"}, {"blue": 90, "green": 10}, live="blue"), RolloutAction.ROLL_OUT),
        (an_endpoint({"blue": "1", "green": "2"}, {"green": 100}, live="blue"), RolloutAction.ROLL_OUT),
        (an_endpoint({"blue": "1", "green": "0"}, {"blue": 100}, live="blue", before="green"), RolloutAction.BEGIN),
        (an_endpoint({"blue": "1", "green": "0"}, {"blue": 100}, live="blue"), RolloutAction.REMOVE),
        (
            an_endpoint({"blue": "1", "green": "2"}, {"blue": 100}, live="blue", states={"green": "Failed"}),
            RolloutAction.REMOVE,
        ),
        (
            an_endpoint({"blue": "1", "green": "2"}, {"blue": 100}, live="blue", states={"green": "Creating"}),
            RolloutAction.WAIT,
        ),
        (
            an_endpoint({"blue": "1", "green": "0"}, {"blue": 100}, live="blue", states={"green": "Deleting"}),
            RolloutAction.WAIT,
        ),
        (an_endpoint({"green": "2", "blue": "1"}, {"green": 100}, live="green", before="blue"), RolloutAction.NOTHING),
    ],
)
def test_the_next_action_follows_from_what_is_there(endpoint, expected):
    assert next_action(endpoint, TWO) is expected


@pytest.mark.parametrize(
    "changed", [{"image": "levelfive.azurecr.io/serving@sha256:" + "b" * 64}, {"sha256": "f" * 64}]
)
def test_another_image_or_other_files_of_the_same_version_are_deployed_too(changed):
    live = an_endpoint({"blue": "2"}, {"blue": 100}, live="blue")

    assert next_action(live, a_package("2", **changed)) is RolloutAction.ADD


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        (an_endpoint({"blue": "1"}, {"blue": 100}, live="blue", state="Updating"), "is Updating"),
        (an_endpoint({"blue": "1"}, {}, live="blue"), "levelfive did not leave it so"),
        (an_endpoint({"blue": "1"}, {"blue": 100}, live="green"), "levelfive did not leave it so"),
        (an_endpoint({"blue": "1", "green": "2"}, {"blue": 90, "green": 10}), "levelfive did not leave it so"),
        (an_endpoint({"blue": "2", "green": "3"}, {"blue": 90, "green": 10}, live="blue"), "version 3 has 10 %"),
        (an_endpoint({"blue": "1", "red": "9"}, {"blue": 90, "red": 10}, live="blue"), "levelfive did not leave it so"),
        (
            an_endpoint({"blue": "1", "green": "3"}, {"blue": 90, "green": 10}, live="blue"),
            "version 3 has 10 % .* traffic 100",
        ),
    ],
)
def test_a_state_that_no_rollout_of_this_version_leaves_is_refused(endpoint, says):
    with pytest.raises(DeploymentConflict, match=says):
        next_action(endpoint, TWO)


def test_a_version_that_was_taken_back_is_not_tried_again_by_itself():
    taken_back = an_endpoint(
        {"blue": "1", "green": "2"},
        {"blue": 100},
        live="blue",
        refused=TWO.identity,
        refused_because="p95 900 ms",
    )

    with pytest.raises(DeploymentConflict, match=r"p95 900 ms.* --again"):
        next_action(taken_back, TWO)

    assert next_action(taken_back, TWO, again=True) is RolloutAction.BEGIN
    assert next_action(taken_back, a_package("3")) is RolloutAction.BEGIN
    assert next_action(taken_back, a_package("1")) is RolloutAction.NOTHING


def test_a_deployment_for_a_challenger_is_left_alone():
    both = an_endpoint({"blue": "1", "challenger": "5"}, {"blue": 100}, live="blue")

    assert next_action(both, TWO) is RolloutAction.ADD


@pytest.mark.parametrize(
    ("share", "to", "expected"), [(0, 100, 10), (10, 100, 50), (50, 100, 100), (10, 30, 30), (0, 5, 5)]
)
def test_the_next_share_is_the_next_step_or_where_it_is_to_end(share, to, expected):
    traffic = {"blue": 100 - share, "green": share} if share else {"blue": 100}
    endpoint = an_endpoint({"blue": "1", "green": "2"}, traffic, live="blue")

    assert next_share(endpoint, (10, 50, 100), to) == expected


def test_shares_of_traffic_are_whole_or_nothing_where_one_deployment_is_alone():
    first = an_endpoint({"blue": "2"})

    assert next_share(first, (10, 50, 100), 100) == 100
    assert (traffic_of(first, 100), traffic_of(first, 0)) == ({"blue": 100}, {})
    assert traffic_of(LIVE_1, 10) == {"blue": 90, "green": 10}
    assert traffic_of(LIVE_1, 100) == {"green": 100}
    assert traffic_of(LIVE_1, 0) == {"blue": 100}


@pytest.mark.parametrize(
    ("endpoint", "to", "error", "says"),
    [
        (LIVE_1, 0, ConfigError, "from 1 to 100"),
        (LIVE_1, 101, ConfigError, "from 1 to 100"),
        (None, 50, DeploymentConflict, "no endpoint yet"),
        (LIVE_1, 50, DeploymentConflict, "no version that is being rolled out"),
        (
            an_endpoint({"blue": "1", "green": "2"}, {"green": 100}, live="green", before="blue"),
            50,
            DeploymentConflict,
            "no version that is being rolled out",
        ),
        (
            an_endpoint({"blue": "1", "green": "2"}, {"blue": 50, "green": 50}, live="blue"),
            10,
            DeploymentConflict,
            "50 % already.*rollback",
        ),
        (an_endpoint({"blue": "2"}, {"blue": 100}), 50, DeploymentConflict, "100 % already.*rollback"),
    ],
)
def test_a_share_that_cannot_be_reached_is_refused(endpoint, to, error, says):
    with pytest.raises(error, match=says):
        rolling_out(endpoint, to)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": ()},
        {"steps": (10, 50)},
        {"steps": (50, 10, 100)},
        {"steps": (0, 100)},
        {"requests": 0},
        {"max_failed": 101.0},
        {"max_p95": timedelta(0)},
    ],
    ids=str,
)
def test_a_policy_out_of_range_is_refused(wrong):
    with pytest.raises(ConfigError):
        RolloutPolicy(**wrong)
