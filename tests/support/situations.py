"""Builders of what a decision to retrain is made from."""

from dataclasses import replace
from datetime import timedelta

from levelfive import BINARY
from levelfive.core.windows import Window, utc
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.retraining.situation import Situation
from levelfive.usecase.policies import RetrainingPolicy

AS_OF = utc(2013, 8, 5, 6)
WEEK = timedelta(days=7)
DEFAULT = RetrainingPolicy()
OFF = RetrainingPolicy(drifted_share=None, calibration=None, loss_excess=None, label_growth=None, max_age=None)
DRIFT = replace(OFF, drifted_share=0.5)
CALIBRATION = replace(OFF, calibration=0.05)
LOSS = replace(OFF, loss_excess=0.02)
LABELS = replace(OFF, label_growth=0.35)
AGE = replace(OFF, max_age=timedelta(days=120))

GOOD, OFFSET = (-0.01, 0.01), (0.06, 0.08)


def a_window(*, weeks_ago=0, **changes):
    """Build a window of a healthy model that ended so many weeks before `AS_OF`."""
    end = AS_OF - weeks_ago * WEEK
    healthy = KnownVerdict(
        model_name="m", model_version="1", window=Window(end - WEEK, end), as_of=end,
        days=7, rows=5000, drifted_share=0.0, calibration=GOOD, skill=(0.18, 0.22),
        outside=(), unusual=(), harmful=(), broken=(),
    )  # fmt: skip
    return replace(healthy, **changes)


def windows(*changes):
    """Build consecutive windows, oldest first, the last one ending at `AS_OF`."""
    return tuple(a_window(weeks_ago=len(changes) - 1 - i, **change) for i, change in enumerate(changes))


def calibrated(*intervals):
    return windows(*({"calibration": interval} for interval in intervals))


def a_situation(**changes):
    """Build the situation of a healthy model, trained 30 days ago with 100,000 labels."""
    healthy = Situation(
        as_of=AS_OF,
        windows=windows({}, {}, {}),
        skill_at_training=0.2,
        labels_at_training=100_000,
        labels_now=110_000,
        trained_at=AS_OF - timedelta(days=30),
        task=BINARY,
        last_retraining=AS_OF - timedelta(days=30),
    )
    return replace(healthy, **changes)
