"""How often a score comes true: the share of label 1 by score, and the mean label of groups of like scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfive.statistics.day_blocks import DayBlocks, Floats, mean_and_error, t_quantile

GROUPS = 10


@dataclass(frozen=True)
class Calibration:
    """Shares of label 1 at some scores, which both rise; in between, shares lie on the line.

    Args:
        scores: Scores in rising order, at least one.
        shares: For each of them the share of rows with label 1, 0 to 1.
    """

    scores: tuple[float, ...]
    shares: tuple[float, ...]

    def shares_of(self, scores: Floats) -> Floats:
        """Look up the share of label 1 among rows with these scores, of their shape; beyond an end, that of the end."""
        return np.interp(scores, self.scores, self.shares)


@dataclass(frozen=True)
class ReliabilityGroup:
    """Rows with scores next to each other.

    Args:
        score: Their mean score.
        label: Their mean label.
        low: The lower end of its interval by days, within the labels' range.
        high: The upper end.
        rows: How many they are.
    """

    score: float
    label: float
    low: float
    high: float
    rows: int


def reliability(
    scores: Floats, labels: Floats, days: NDArray[Any], *, groups: int = GROUPS, confidence: float = 0.9
) -> tuple[ReliabilityGroup, ...]:
    """Compare scores with labels in groups of about as many rows, by rising score (Murphy and Winkler 1977).

    Rows with one score are in one group. The interval is that of a ratio of sums by blocks of days, with t quantiles;
    of a group on a single day, or whose labels are all alike, it is all that the labels' range allows.

    Args:
        scores: What labels are expected on average, shape (rows,), at least one row.
        labels: Shape (rows,).
        days: The day of each row, shape (rows,), of any type that sorts.
        groups: At most so many.
        confidence: Of the intervals.

    Returns:
        The groups that have rows.
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(counts) - counts / 2
    group = np.minimum(middle_rank * groups / scores.size, groups - 1).astype(np.intp)[place]
    least, greatest = float(labels.min()), float(labels.max())
    parts = []
    for one in np.unique(group):
        rows = group == one
        blocks = DayBlocks.of(days[rows], int(rows.sum())).joined()
        value, error = mean_and_error(labels[rows], blocks)
        reach = t_quantile(blocks.days, confidence) * error
        is_known = np.isfinite(reach) and reach > 0
        low, high = (max(value - reach, least), min(value + reach, greatest)) if is_known else (least, greatest)
        parts.append(ReliabilityGroup(float(scores[rows].mean()), value, low, high, int(rows.sum())))
    return tuple(parts)


def calibrate(scores: Floats, labels: Floats) -> Calibration:
    """Fit the shares that rise with the score and are nearest to the labels (isotonic regression).

    Zadrozny and Elkan 2002, Transforming Classifier Scores into Accurate Multiclass Probability Estimates.

    Args:
        scores: Shape (rows,), at least one row.
        labels: 0 or 1, shape (rows,).
    """
    from sklearn.isotonic import IsotonicRegression  # slow to load, and only training needs it

    regression = IsotonicRegression(y_min=0, y_max=1).fit(scores, labels)
    return Calibration(tuple(regression.X_thresholds_.tolist()), tuple(regression.y_thresholds_.tolist()))
