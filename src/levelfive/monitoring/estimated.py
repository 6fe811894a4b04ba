"""How live predictions will have done, said before their labels are known, and how far to trust that.

The scores alone say it, as far as they come true as often as they did in training (see `Task.expected_metrics`).
Whether they do shows later: of earlier windows, what was estimated lies beside what the labels said. An estimate is
shown where it erred less than the last known value did, and its interval is of its own errors. It trains and stops
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from levelfive.core.windows import Window

CONFIDENCE = 0.8
LEAST_WINDOWS = 9
"""The least and the greatest of nine errors leave out a tenth each: a rank among n is of level 1 / (n + 1)."""
_ALIKE = 1.25  # months are of 28 to 31 days


@dataclass(frozen=True)
class PastWindow:
    """An earlier window whose labels are known: metrics as they were estimated, and as they came."""

    window: Window
    estimates: Mapping[str, float]
    came: Mapping[str, float]


@dataclass(frozen=True)
class Trust:
    """How an estimate of a metric did in the past.

    Args:
        low: Of the interval, what it is to be added to: the estimate.
        high: The same.
        error: Mean absolute error of the estimates.
        error_of_last: Mean absolute error of the value that was known last when each window ended.
        windows: How many windows both are of.
    """

    low: float
    high: float
    error: float
    error_of_last: float
    windows: int

    @property
    def is_shown(self) -> bool:
        """Whether there is enough to go by, and the estimate beats the last known value."""
        return self.windows >= LEAST_WINDOWS and self.error < self.error_of_last


def trust(past: Sequence[PastWindow], window: Window, maturity: timedelta) -> dict[str, Trust]:
    """Compare what was estimated with what came, by metric.

    Args:
        past: Earlier windows; those of about the length of the window, and which do not overlap it, count.
        window: The window that is estimated now.
        maturity: How long after a window its labels are known.

    Returns:
        For each metric that was estimated and came with a last known value before it, in at least one window.
    """
    alike = sorted(
        (one for one in past if _are_alike(one.window, window) and one.window.end <= window.start),
        key=lambda one: one.window.end,
    )
    trust_by_metric = {}
    for name in sorted({name for one in alike for name in one.estimates}):
        errors, errors_of_last = [], []
        for one in alike:
            last = _last_known(alike, one.window, name, maturity)
            if last is not None and name in one.estimates and name in one.came:
                errors.append(one.came[name] - one.estimates[name])
                errors_of_last.append(one.came[name] - last)
        if errors:
            low, high = np.quantile(errors, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2), method="weibull")
            mean, mean_of_last = (float(np.abs(some).mean()) for some in (errors, errors_of_last))
            trust_by_metric[name] = Trust(float(low), float(high), mean, mean_of_last, len(errors))
    return trust_by_metric


def _last_known(past: Sequence[PastWindow], window: Window, name: str, maturity: timedelta) -> float | None:
    """Find what a metric was in the newest window whose labels were known when another one ended."""
    before = (one for one in past if one.window.end <= window.start and one.window.end + maturity <= window.end)
    values = [one.came[name] for one in before if name in one.came]
    return values[-1] if values else None


def _are_alike(one: Window, other: Window) -> bool:
    ratio = (one.end - one.start) / (other.end - other.start)
    return 1 / _ALIKE <= ratio <= _ALIKE
