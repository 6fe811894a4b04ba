"""The triggers: each at its limit, in N of the last M windows with the latest among them."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from situations import (
    AGE,
    AS_OF,
    CALIBRATION,
    DEFAULT,
    DRIFT,
    GOOD,
    LABELS,
    LOSS,
    OFF,
    OFFSET,
    a_situation,
    calibrated,
    windows,
)

from levelfive import REGRESSION
from levelfive.retraining.policy import Action, Decision, decide


@pytest.mark.parametrize(
    ("policy", "change", "action"),
    [
        (DRIFT, {"drifted_share": 0.49}, Action.KEEP),
        (DRIFT, {"drifted_share": 0.5}, Action.RETRAIN),
        (DRIFT, {"drifted_share": 0.51}, Action.RETRAIN),
        (CALIBRATION, {"calibration": (0.049, 0.3)}, Action.KEEP),
        (CALIBRATION, {"calibration": (0.05, 0.3)}, Action.KEEP),
        (CALIBRATION, {"calibration": (0.051, 0.3)}, Action.RETRAIN),
        (CALIBRATION, {"calibration": (-0.3, -0.05)}, Action.KEEP),
        (CALIBRATION, {"calibration": (-0.3, -0.051)}, Action.RETRAIN),
        (CALIBRATION, {"calibration": (-0.3, 0.3)}, Action.KEEP),
        (CALIBRATION, {"calibration": None}, Action.KEEP),
        (CALIBRATION, {"calibration": (math.nan, math.nan)}, Action.KEEP),
        (CALIBRATION, {"calibration": (math.nan, -0.3)}, Action.KEEP),
        (LOSS, {"skill": (0.0, 0.181)}, Action.KEEP),
        (LOSS, {"skill": (0.0, 0.18)}, Action.KEEP),
        (LOSS, {"skill": (0.0, 0.179)}, Action.RETRAIN),
        (LOSS, {"skill": None}, Action.KEEP),
        (LOSS, {"skill": (-math.inf, -math.inf)}, Action.KEEP),
    ],
)
def test_a_trigger_of_windows_holds_beyond_its_limit(policy, change, action):
    assert action == decide(a_situation(windows=windows({}, change, change)), policy).action


@pytest.mark.parametrize(
    ("policy", "change", "action"),
    [
        (LABELS, {"labels_now": 134_999}, Action.KEEP),
        (LABELS, {"labels_now": 135_000}, Action.RETRAIN),
        (LABELS, {"labels_now": 135_001}, Action.RETRAIN),
        (LABELS, {"labels_now": 90_000}, Action.KEEP),
        (replace(OFF, label_growth=0.07), {"labels_at_training": 100, "labels_now": 107}, Action.RETRAIN),
        (AGE, {"trained_at": AS_OF - timedelta(days=120, seconds=-1)}, Action.KEEP),
        (AGE, {"trained_at": AS_OF - timedelta(days=120)}, Action.RETRAIN),
        (AGE, {"trained_at": AS_OF - timedelta(days=120, seconds=1)}, Action.RETRAIN),
    ],
)
def test_a_trigger_of_labels_or_age_holds_from_its_limit_on(policy, change, action):
    assert action == decide(a_situation(**change), policy).action


@pytest.mark.parametrize(
    ("interval", "action"),
    [((1.0, 4.9), Action.KEEP), ((5.1, 9.0), Action.RETRAIN), ((-9.0, -5.1), Action.RETRAIN), (None, Action.KEEP)],
)
def test_a_regression_is_trained_again_for_its_bias_in_the_label_s_unit(interval, action):
    biased = a_situation(windows=calibrated(interval, interval), task=REGRESSION)

    decision = decide(biased, replace(OFF, bias=5.0, calibration=0.05))

    assert action == decision.action
    assert not any("calibration" in said for said in (*decision.reasons, *decision.counterfactuals))


def test_a_binary_task_has_no_bias():
    offset = a_situation(windows=calibrated(OFFSET, OFFSET))

    assert decide(offset, replace(OFF, bias=0.01)).reasons == ("no trigger is switched on",)


def test_what_is_switched_off_triggers_nothing():
    bad = {"drifted_share": 1.0, "calibration": (0.5, 0.6), "skill": (-0.9, -0.8)}
    worst = a_situation(windows=windows(bad, bad, bad), labels_now=900_000, trained_at=AS_OF - timedelta(days=600))

    decision = decide(worst, OFF)

    assert decision == Decision(Action.KEEP, ("no trigger is switched on",), ("a policy with a trigger",))
    assert not any("drift" in reason for reason in decide(worst, DEFAULT).reasons)


def test_a_skill_that_is_not_known_at_training_cannot_be_compared():
    worse = windows(*[{"skill": (-0.9, -0.8)}] * 3)

    for unknown in (None, math.nan):
        decision = decide(a_situation(windows=worse, skill_at_training=unknown), LOSS)

        assert decision.action == Action.KEEP
        assert decision.counterfactuals == ("a known skill at training",)


@pytest.mark.parametrize(
    ("intervals", "action", "change"),
    [
        ([], Action.KEEP, "beyond 0.05 in 2 more windows"),
        ([OFFSET], Action.KEEP, "beyond 0.05 in 1 more window"),
        ([OFFSET, OFFSET], Action.RETRAIN, "not beyond 0.05 in the latest window"),
        ([GOOD, OFFSET], Action.KEEP, "beyond 0.05 in 1 more window"),
        ([OFFSET, GOOD], Action.KEEP, "beyond 0.05 in 1 more window, the latest among them"),
        ([OFFSET, GOOD, OFFSET], Action.RETRAIN, "not beyond 0.05 in the latest window"),
        ([OFFSET, OFFSET, GOOD], Action.KEEP, "beyond 0.05 in 1 more window, the latest among them"),
        ([OFFSET, GOOD, GOOD, OFFSET], Action.KEEP, "beyond 0.05 in 1 more window"),
        ([GOOD, GOOD, GOOD], Action.KEEP, "beyond 0.05 in 2 more windows, the latest among them"),
        ([OFFSET, None, OFFSET], Action.RETRAIN, "not beyond 0.05 in the latest window"),
    ],
)
def test_two_of_the_last_three_windows_and_the_latest_among_them_are_asked_for(intervals, action, change):
    decision = decide(a_situation(windows=calibrated(*intervals)), CALIBRATION)

    assert (action, (f"calibration {change}",)) == (decision.action, decision.counterfactuals)


@pytest.mark.parametrize(("of_them", "action"), [(1, Action.RETRAIN), (2, Action.KEEP), (3, Action.KEEP)])
def test_the_policy_says_how_many_windows_are_asked_for(of_them, action):
    once = a_situation(windows=calibrated(GOOD, GOOD, OFFSET))

    assert action == decide(once, replace(CALIBRATION, of_them=of_them)).action


@pytest.mark.parametrize("small", [{"rows": 499}, {"days": 4}])
def test_a_window_with_few_labels_is_passed_over(small):
    between = windows({"calibration": OFFSET}, small, small, {"calibration": OFFSET})
    latest_of_two = windows({"calibration": GOOD}, {"calibration": OFFSET}, {"calibration": OFFSET, **small})

    assert decide(a_situation(windows=between), CALIBRATION).action == Action.RETRAIN
    assert decide(a_situation(windows=latest_of_two), CALIBRATION).action == Action.KEEP


def test_exactly_the_asked_for_rows_and_days_are_enough():
    enough = {"calibration": OFFSET, "rows": 500, "days": 5}

    assert decide(a_situation(windows=windows(enough, enough)), CALIBRATION).action == Action.RETRAIN


@pytest.mark.parametrize("labels_now", [110_000, 134_999, 135_000, 150_000])
def test_the_number_of_labels_that_is_said_to_change_the_action_does(labels_now):
    decision = decide(a_situation(labels_now=labels_now), LABELS)
    number, direction, *_ = decision.counterfactuals[0].split()
    step = int(number.replace(",", "")) * (1 if direction == "more" else -1)

    changed = decide(a_situation(labels_now=labels_now + step), LABELS)
    almost = decide(a_situation(labels_now=labels_now + step - (1 if step > 0 else -1)), LABELS)

    assert changed.action != decision.action == almost.action
