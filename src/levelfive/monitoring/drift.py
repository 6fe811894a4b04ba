"""Shares of bins and categories, and how far those of a window lie from those of a baseline."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

MIN_SHARE = 1e-4

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


def shares(counts: NDArray[Any]) -> _Floats:
    """Divide counts, shape (..., bins), by their sums."""
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))
