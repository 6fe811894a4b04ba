"""What a decision to retrain refuses: what nobody measured or can know."""

import math
from datetime import datetime, timedelta

import pytest
from situations import AS_OF, a_situation, a_window

from levelfive.errors import EvidenceError
from levelfive.retraining.policy import Action, decide
from levelfive.usecase.policies import RetrainingPolicy


def test_a_policy_at_the_edge_of_sense_is_accepted():
    edge = RetrainingPolicy(
        windows=1, of_them=1, drifted_share=1.0, calibration=0.0, loss_excess=0.0, min_rows=0, min_days=0,
        cooldown=timedelta(0),
    )  # fmt: skip

    assert decide(a_situation(last_retraining=AS_OF), edge).action == Action.KEEP


@pytest.mark.parametrize(
    ("change", "demand"),
    [
        ({"rows": -1}, "days and rows at least 0"),
        ({"days": -1}, "days and rows at least 0"),
        ({"drifted_share": 1.1}, "a drifted share from 0 to 1"),
        ({"drifted_share": math.nan}, "a drifted share from 0 to 1"),
        ({"calibration": (0.1, -0.1)}, "low end before its high end"),
        ({"skill": (0.1, -0.1)}, "low end before its high end"),
    ],
)
def test_numbers_that_no_measurement_gives_are_refused(change, demand):
    with pytest.raises(EvidenceError, match=demand):
        a_situation(windows=(a_window(**change),))


@pytest.mark.parametrize(
    ("change", "demand"),
    [
        ({"as_of": datetime(2013, 8, 5)}, "times in UTC"),
        ({"trained_at": datetime(2013, 7, 1)}, "times in UTC"),
        ({"trained_at": AS_OF + timedelta(seconds=1)}, "no time after as_of"),
        ({"last_retraining": AS_OF + timedelta(seconds=1)}, "no time after as_of"),
        ({"windows": (a_window(weeks_ago=-1),)}, "no time after as_of"),
        ({"windows": (a_window(), a_window(weeks_ago=1))}, "windows oldest first"),
        ({"labels_at_training": 0}, "labels at training above 0"),
        ({"labels_now": -1}, "now at least 0"),
    ],
)
def test_what_a_decision_cannot_know_is_refused(change, demand):
    with pytest.raises(EvidenceError, match=demand):
        a_situation(**change)
