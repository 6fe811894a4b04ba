"""Policies that make no sense are refused where the use case names them."""

import math
from datetime import timedelta

import pytest

from levelfive.errors import ConfigError
from levelfive.usecase.policies import GatePolicy, MonitoringPolicy, RetrainingPolicy, ServingPolicy


@pytest.mark.parametrize(
    ("policy", "name", "value"),
    [
        (GatePolicy, "holdout_days", 0),
        (GatePolicy, "min_days", -1),
        (GatePolicy, "min_rows", -1),
        (GatePolicy, "margin", math.nan),
        (GatePolicy, "confidence", 0.0),
        (GatePolicy, "confidence", 90),
        (GatePolicy, "min_skill", 1.0),
        (GatePolicy, "min_skill", -math.inf),
        (GatePolicy, "no_evidence", "promote it"),
        (MonitoringPolicy, "level", 1.0),
        (MonitoringPolicy, "outside_share", 1.01),
        (MonitoringPolicy, "broken_quarantined_share", 2),
        (MonitoringPolicy, "broken_volume_share", 50),
        (MonitoringPolicy, "harmful_skill_share", math.nan),
        (MonitoringPolicy, "min_days", -1),
        (MonitoringPolicy, "min_rows", -1),
        (MonitoringPolicy, "messages_an_hour", 0),
        (MonitoringPolicy, "messages_a_day", 0),
        (RetrainingPolicy, "windows", 0),
        (RetrainingPolicy, "of_them", 0),
        (RetrainingPolicy, "of_them", 4),
        (RetrainingPolicy, "drifted_share", 0.0),
        (RetrainingPolicy, "drifted_share", 1.01),
        (RetrainingPolicy, "drifted_share", math.nan),
        (RetrainingPolicy, "calibration", -0.01),
        (RetrainingPolicy, "calibration", math.inf),
        (RetrainingPolicy, "bias", -0.01),
        (RetrainingPolicy, "bias", math.nan),
        (RetrainingPolicy, "loss_excess", -0.01),
        (RetrainingPolicy, "loss_excess", math.nan),
        (RetrainingPolicy, "label_growth", 0.0),
        (RetrainingPolicy, "label_growth", math.inf),
        (RetrainingPolicy, "max_age", timedelta(0)),
        (RetrainingPolicy, "min_rows", -1),
        (RetrainingPolicy, "min_days", -1),
        (RetrainingPolicy, "cooldown", timedelta(seconds=-1)),
        (ServingPolicy, "history", timedelta(0)),
        (ServingPolicy, "max_staleness", timedelta(microseconds=-1)),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(policy, name, value):
    with pytest.raises(ConfigError, match=rf"^{name} of a {policy.__name__} must be .*, got .*; correct"):
        policy(**{name: value})


def test_policies_at_the_edge_of_sense_are_accepted():
    GatePolicy(holdout_days=1, min_days=0, min_rows=0, margin=-1.0, min_skill=-1.0, no_evidence="promote")
    ServingPolicy(history=timedelta(microseconds=1), max_staleness=timedelta(0))
    shares = ("outside", "broken_quarantined", "broken_volume")
    MonitoringPolicy(**{f"{name}_share": 1.0 for name in shares}, harmful_skill_share=4.0)
