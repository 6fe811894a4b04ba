"""Histograms of a column on fixed edges, which later windows of the column are counted on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

MAX_BINS = 20
# One value in so many may be wild, and is so if it lies so many widths of all others beyond them.
FEW, RARE, FAR_OUT = 100, 1000, 10
# What lies beyond counts as this, so that sums of squares of any number of rows are numbers.
LARGEST = 1e140

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """Counts and sums of numbers between fixed edges.

    Bin 0 holds values below `low`, the last bin values above `high`. Between them, bin 1 + i holds
    the values with exactly i inner edges at or below them: [low, e1), [e1, e2), ..., [en, high].

    Args:
        low: The least value of the baseline that is not wild, or None without values.
        high: The greatest value of the baseline that is not wild, or None without values.
        inner_edges: Increasing edges e1 ... en, above `low` and at most `high`.
        counts: Values a bin, of length n + 3.
        sums: Sum of the values a bin, of length n + 3.
    """

    low: float | None
    high: float | None
    inner_edges: tuple[float, ...]
    counts: tuple[int, ...]
    sums: tuple[float, ...]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Histogram:
        """Choose edges for values, shape (rows,), so that the bins' counts are nearly equal, and count them."""
        return cls.of_ordered(np.sort(finite(values)))

    @classmethod
    def of_ordered(cls, ordered: Floats) -> Histogram:
        """Choose edges for finite numbers in increasing order, shape (rows,), and count them."""
        if ordered.size == 0:
            return cls(None, None, (), (0, 0, 0), (0.0, 0.0, 0.0))
        usual = ordered[_not_wild(ordered)]
        empty = cls(float(usual[0]), float(usual[-1]), _inner_edges(usual), (), ())
        return empty.refilled(ordered)

    @property
    def edges(self) -> tuple[float | None, ...]:
        """Where the bins lie: the least value, the inner edges and the greatest value."""
        return (self.low, *self.inner_edges, self.high)

    def refilled(self, ordered: Floats) -> Histogram:
        """Count other finite numbers in increasing order, shape (rows,), between the same edges."""
        low, high = self._range()
        starts = np.searchsorted(ordered, [-np.inf, low, *self.inner_edges])
        starts = np.concatenate((starts, np.searchsorted(ordered, [high, np.inf], side="right")))
        counts = np.diff(starts)
        sums = np.zeros(counts.size)
        if ordered.size:
            sums[counts > 0] = np.add.reduceat(ordered, starts[:-1][counts > 0])
        return replace(self, counts=tuple(counts.tolist()), sums=tuple(sums.tolist()))

    def bins_of(self, values: NDArray[Any]) -> npt.NDArray[np.intp]:
        """Find the bin of each of some finite values, shape (rows,)."""
        low, high = self._range()
        inner = 1 + np.searchsorted(self.inner_edges, values, side="right")
        return np.where(values < low, 0, np.where(values > high, len(self.inner_edges) + 2, inner))

    def _range(self) -> tuple[float, float]:
        return (-np.inf, np.inf) if self.low is None or self.high is None else (self.low, self.high)


def finite(values: NDArray[Any]) -> Floats:
    """Leave out what is missing, NaN or infinite; the others, shape (values,), lie within `LARGEST` of 0."""
    numbers = np.asarray(values, dtype=np.float64)
    return np.asarray(np.clip(numbers[np.isfinite(numbers)], -LARGEST, LARGEST))


def _not_wild(ordered: Floats) -> slice:
    """Find the values that make the range: without the few that lie far out, one of which would widen it to all.

    Far out is what lies more than ten times the width of the middle 99.8 % beyond it. A few rare values of a column
    that is else constant, such as a flag, are none; and of a few values none is called wild.
    """
    if ordered.size < FEW:
        return slice(None)
    beyond = max(ordered.size // RARE, 1)
    low, high = ordered[beyond], ordered[-1 - beyond]
    margin = FAR_OUT * (high - low)
    if not 0 < margin < np.inf:
        return slice(None)
    return slice(
        int(np.searchsorted(ordered, low - margin)), int(np.searchsorted(ordered, high + margin, side="right"))
    )


def _inner_edges(ordered: Floats) -> tuple[float, ...]:
    """Take quantiles as edges; each repeated one, and the minimum, gives its spare edge to the next value.

    So a value that holds several quantiles, such as the 0 of a flag or of a count, stands by itself.
    """
    ranks = np.arange(1, MAX_BINS) * ordered.size // MAX_BINS
    edges, repeats = np.unique(ordered[ranks], return_counts=True)
    crowded = edges[(repeats > 1) | (edges == ordered[0])]
    after = np.searchsorted(ordered, crowded, side="right")
    spare = ordered[after[after < ordered.size]]
    return tuple(float(edge) for edge in np.union1d(edges, spare) if edge > ordered[0])
