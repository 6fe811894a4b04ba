"""Drift by chance: how far a column usually moves from its baseline without a change.

All statistics of drift look at rows, and rows of one day are not independent: with enough of them any test calls any
difference significant. Whether a distance is unusual is told by `usual_psi`, which draws days.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray
from scipy import special

from levelfive.errors import ConfigError, EvidenceError

MIN_SHARE = 1e-4
MIN_BASELINE_DAYS = 14
BLOCK_DAYS = 7
# Days next to each other are not independent: a block of fewer days tells no more than its share of so many.
HANGING_DAYS = 3
# Few blocks without a rare day among them show too many degrees of freedom; of b blocks, b / (b + 3) of it is taken.
RARE_BLOCKS = 3

_Floats: TypeAlias = npt.NDArray[np.float64]


def usual_outside(unseen: float, rows: int) -> float:
    """Tell which share of so many rows may well be of a category not seen before: three standard errors above `unseen`.

    Args:
        unseen: The share of all further rows of which that is to be expected, 0 to 1.
        rows: How many rows, at least one.
    """
    return min(unseen + 3 * float(np.sqrt(unseen * (1 - unseen) / rows)), 1.0)


def population_stability(baseline: NDArray[Any], current: NDArray[Any]) -> _Floats:
    """Compute the population stability index: the sum of (p - q) * ln(p / q) over the bins' shares p and q.

    The formula is Jeffreys' divergence; its use here follows Siddiqi 2006, Credit Risk Scorecards, chapter 9.
    Shares below `MIN_SHARE` count as that, so that a bin empty on one side is worth what it holds on the
    other times a bounded logarithm; one rare on both sides is worth nothing, however many rows there are.

    Args:
        baseline: Counts, shape (..., bins), some of them above 0.
        current: Counts likewise.

    Returns:
        Values of at least 0, shape (...).
    """
    old = np.maximum(shares(baseline), MIN_SHARE)
    new = np.maximum(shares(current), MIN_SHARE)
    return np.asarray(((new - old) * np.log(new / old)).sum(axis=-1))


def usual_psi(daily: Sequence[Sequence[int]], days: int, *, seed: int, draws: int = 200, level: float = 0.99) -> float:
    """Find how large the PSI of a window against its baseline becomes by chance.

    Days, not rows, are drawn, in blocks of up to `BLOCK_DAYS` days on end: weather persists, and a week holds each
    weekday once (Kuensch 1989, The Jackknife and the Bootstrap for General Stationary Observations, Annals of
    Statistics 17(3): the moving blocks bootstrap). The days of a window are taken out of the baseline before the two
    are compared, as those of a later window are not in it either.

    A season holds few blocks, and none of them may show what happens once in a hundred windows. So the result is not
    below the level of a chi-squared variable with the windows' mean, divided by one with that of so many blocks
    (Satterthwaite 1946, An Approximate Distribution of Estimates of Variance Components, Biometrics Bulletin 2(6)).
    In simulations with day effects and lag-one autocorrelation .4, a window without change lies above the level of .99
    in 0.4 to 1.5 % of all cases with 14 to 180 baseline days, above that of .95 in 2 to 6 %.

    Args:
        daily: The baseline's counts by day, in order, and by bin. Days without values are passed over.
        days: Length of the window.
        seed: Makes the draws repeatable.
        draws: Number of windows that are drawn; where there are fewer, each is taken once.
        level: Share of the windows whose PSI the result is not below; 1 for the greatest that was drawn.

    Raises:
        ConfigError: The window has no days.
        EvidenceError: The baseline has fewer than `MIN_BASELINE_DAYS` days with values, or every window takes all.
    """
    if days < 1:
        raise ConfigError(f"a window has at least one day, got {days!r}")
    counts = np.array([day for day in daily if any(day)], dtype=np.float64)
    if len(counts) < MIN_BASELINE_DAYS:
        raise EvidenceError(
            f"the usual PSI needs {MIN_BASELINE_DAYS} baseline days with values, got {len(counts)}; "
            "train on a longer window"
        )
    drawn = _drawn_days(len(counts), days, seed=seed, draws=draws)
    left = np.ones((len(drawn), len(counts)))
    np.put_along_axis(left, drawn, 0, axis=1)
    some = left.any(axis=1)
    if not some.any():
        raise EvidenceError(
            f"a window of {days} days leaves none of {len(counts)} baseline days to compare it with; "
            "look at a shorter window, or train on a longer one"
        )
    distances = population_stability(left[some] @ counts, counts[drawn[some]].sum(axis=1))
    return _level_of_few(distances, len(counts) / max(min(days, BLOCK_DAYS), HANGING_DAYS), level)


def _drawn_days(there: int, days: int, *, seed: int, draws: int) -> npt.NDArray[np.intp]:
    """Draw windows of so many days in blocks, shape (windows, days)."""
    block = min(days, BLOCK_DAYS)
    starts = there - block + 1
    if days == block and starts <= draws:
        first = np.arange(starts)[:, None, None]
    else:
        first = np.random.default_rng(seed).integers(0, starts, size=(draws, -(-days // block), 1))
    return np.asarray((first + np.arange(block)).reshape(len(first), -1)[:, :days])


def _level_of_few(distances: _Floats, blocks: float, level: float) -> float:
    """Find a level of distances that rest on so many independent blocks: their own, or that of an F distribution."""
    own, mean = float(np.quantile(distances, level)), float(distances.mean())
    spread = float(distances.var()) * blocks / (blocks - 1)
    if not spread > 0 or level >= 1:
        return own
    freedom = max(2 * mean**2 / spread * blocks / (blocks + RARE_BLOCKS), 1.0)
    return max(own, mean * float(special.fdtri(freedom, blocks * freedom, level)))


def shares(counts: NDArray[Any]) -> _Floats:
    """Divide counts, shape (..., bins), by their sums."""
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))
