"""Statistics that take days, not rows, as independent: bootstrap, ratio estimates, AUC by pairs of days.

Rows of one day share its weather and its congestion, so errors by rows are several times too small. Days next to each
other are alike too, so intervals take blocks of a few days as independent; see `blocks_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from levelfive.errors import ConfigError, EvidenceError

REPLICATES = 1000
BLOCK_DAYS, MIN_BLOCKS = 3, 5

Floats: TypeAlias = npt.NDArray[np.float64]
Statistic: TypeAlias = Callable[[Floats], Floats]
"""From weights of days, shape (replicates, days), to values, shape (replicates,)."""


@dataclass(frozen=True, eq=False)
class DayBlocks:
    """The day of each row, numbered from 0 without gaps; shape (rows,)."""

    codes: npt.NDArray[np.intp]
    days: int

    @classmethod
    def of(cls, days: NDArray[Any], rows: int) -> DayBlocks:
        """Number the days of some rows.

        Raises:
            EvidenceError: There is not one day a row.
        """
        day_of_row = np.asarray(days)
        if day_of_row.shape != (rows,) or pd.isna(day_of_row).any():
            missing = int(pd.isna(day_of_row).sum())
            raise EvidenceError(
                f"each of {rows} rows must belong to a day, got {day_of_row.shape} days with {missing} missing; "
                "pass one day a row, and leave out rows without one"
            )
        distinct, codes = np.unique(day_of_row, return_inverse=True)
        return cls(codes, distinct.size)

    def joined(self) -> DayBlocks:
        """Take each of `blocks_of` these days as if it were a day."""
        blocks = blocks_of(self.days)
        return DayBlocks(blocks[self.codes], int(blocks[-1]) + 1)

    def sums(self, values: Floats) -> Floats:
        """Add values up by day, shape (days,)."""
        return np.bincount(self.codes, weights=values, minlength=self.days).astype(np.float64)

    @property
    def rows(self) -> Floats:
        """The number of rows of each day, shape (days,)."""
        return self.sums(np.ones(self.codes.size))


def blocks_of(days: int) -> npt.NDArray[np.intp]:
    """Number blocks of days that follow each other: of three, of fewer where there would not be five blocks.

    With a correlation of .4 from day to day, intervals of 90 % by single days hold the truth of 30 days in four samples
    of five; those by blocks of three, whose means are nearly independent, in nine of ten (Carlstein 1986, The Use of
    Subseries Values, The Annals of Statistics 14(3)).

    Returns:
        The block of each day, shape (days,).
    """
    return np.arange(days) // min(BLOCK_DAYS, max(days // MIN_BLOCKS, 1))


def mean(values: Floats, blocks: DayBlocks) -> Statistic:
    """Build the mean over rows as a function of the days' weights."""
    sums, rows = blocks.sums(values), blocks.rows
    return lambda weights: ratio(weights @ sums, weights @ rows)


def auc(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    """Build the area under the ROC curve as a function of the days' weights w: w'Cw / (w'P)(w'N).

    P and N count positives and negatives by day, C counts the pairs ranked right (see `_concordance`):
    Mann and Whitney's statistic, exact also with ties. It is NaN where one class is missing.
    """
    positives, negatives = blocks.sums(labels), blocks.sums(1 - labels)
    pairs = _concordance(labels, scores, blocks)
    return lambda weights: ratio(
        ((weights @ pairs) * weights).sum(axis=1), (weights @ positives) * (weights @ negatives)
    )


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide, with NaN where the denominator is not above 0."""
    quotient: Floats = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def bootstrap(statistic: Statistic, days: int, *, confidence: float, seed: int) -> tuple[float, float, float]:
    """Compute a statistic and its two-sided interval by drawing blocks of days with replacement, see `blocks_of`.

    Percentiles are widened for few blocks (Hesterberg 2015, What Teachers Should Know About the Bootstrap,
    The American Statistician 69(4): the expanded percentile interval).

    Returns:
        Value, low and high; the interval of a single day is NaN.

    Raises:
        ConfigError: The confidence is not between 0 and 1.
    """
    block_of_day = blocks_of(days)
    blocks = int(block_of_day[-1]) + 1
    tail = float(stats.norm.cdf(-np.sqrt(blocks / max(blocks - 1, 1)) * t_quantile(blocks, confidence)))
    value = float(statistic(np.ones((1, days)))[0])
    draws = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), size=REPLICATES)
    replicates = statistic(draws[:, block_of_day].astype(np.float64))
    # A replicate without a positive row has no AUC: the interval is that of the others.
    finite_replicates = replicates[np.isfinite(replicates)]
    if days < 2 or finite_replicates.size == 0:
        return value, float("nan"), float("nan")
    low, high = np.quantile(finite_replicates, [tail, 1 - tail])
    return value, float(low), float(high)


def mean_and_error(values: Floats, blocks: DayBlocks) -> tuple[float, float]:
    """Compute the mean over rows and its standard error by days (NaN for a single day); see `ratio_and_error`."""
    value, error = ratio_and_error(blocks.sums(values), blocks.rows)
    return float(value), float(error)


def ratio_and_error(sums: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Compute means over rows from sums by day, or block of days, and their standard errors.

    The mean d is a ratio of daily sums D and daily counts n. Over k days with rows and N rows its variance is
    k / (k - 1) * sum of (D - d * n)^2 / N^2 (Cochran 1977, Sampling Techniques, chapter 6: ratio estimate).

    Args:
        sums: Of values, shape (days, ...).
        rows: Counts of rows, likewise.

    Returns:
        Means and standard errors, shape (...): NaN without rows, and an error of NaN where one day alone has rows.
    """
    total, days = rows.sum(axis=0), (rows > 0).sum(axis=0).astype(np.float64)
    value = ratio(sums.sum(axis=0), total)
    spread = ratio(np.square(sums - value * rows).sum(axis=0) * days, days - 1)
    return value, ratio(np.sqrt(spread), total)


def t_quantile(days: int, confidence: float) -> float:
    """Look up how many standard errors a two-sided interval reaches: t with days - 1 degrees of freedom.

    Raises:
        ConfigError: The confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ConfigError(f"a confidence lies between 0 and 1, got {confidence!r}; 0.9 is usual")
    return float(stats.t.ppf((1 + confidence) / 2, days - 1)) if days > 1 else float("nan")


def _concordance(labels: Floats, scores: Floats, blocks: DayBlocks) -> Floats:
    """Count pairs ranked right, half for ties: [d, e] pairs positives of day d with negatives of day e."""
    order = np.lexsort((scores, blocks.codes))
    positive, sorted_scores, codes = labels[order] == 1, scores[order], blocks.codes[order]
    edges = np.searchsorted(codes[~positive], np.arange(blocks.days + 1))
    by_score = np.argsort(sorted_scores[positive])  # sorted needles make the searches quick
    positives, day_of_positive = sorted_scores[positive][by_score], codes[positive][by_score]
    pairs = np.zeros((blocks.days, blocks.days))
    for day in range(blocks.days):
        others = sorted_scores[~positive][edges[day] : edges[day + 1]]
        right = (np.searchsorted(others, positives, "left") + np.searchsorted(others, positives, "right")) / 2
        pairs[:, day] = np.bincount(day_of_positive, weights=right, minlength=blocks.days)
    return pairs
