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
    def of_ordered(cls, sorted_values: Floats) -> Histogram:
        """Choose edges for finite numbers in increasing order, shape (rows,), and count them."""
        if sorted_values.size == 0:
            return cls(None, None, (), (0, 0, 0), (0.0, 0.0, 0.0))
        usual = sorted_values[_not_wild(sorted_values)]
        empty = cls(float(usual[0]), float(usual[-1]), _inner_edges(usual), (), ())
        return empty.refilled(sorted_values)

    @property
    def edges(self) -> tuple[float | None, ...]:
        """Where the bins lie: the least value, the inner edges and the greatest value."""
        return (self.low, *self.inner_edges, self.high)

    def refilled(self, sorted_values: Floats) -> Histogram:
        """Count other finite numbers in increasing order, shape (rows,), between the same edges."""
        low, high = self._range()
        starts = np.searchsorted(sorted_values, [-np.inf, low, *self.inner_edges])
        starts = np.concatenate((starts, np.searchsorted(sorted_values, [high, np.inf], side="right")))
        counts = np.diff(starts)
        sums = np.zeros(counts.size)
        if sorted_values.size:
            sums[counts > 0] = np.add.reduceat(sorted_values, starts[:-1][counts > 0])
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


def _not_wild(sorted_values: Floats) -> slice:
    """Find the values that make the range: without the few that lie far out, one of which would widen it to all.

    Far out is what lies more than ten times the width of the middle 99.8 % beyond it. A few rare values of a column
    that is else constant, such as a flag, are none; and of a few values none is called wild.
    """
    if sorted_values.size < FEW:
        return slice(None)
    beyond = max(sorted_values.size // RARE, 1)
    low, high = sorted_values[beyond], sorted_values[-1 - beyond]
    margin = FAR_OUT * (high - low)
    if not 0 < margin < np.inf:
        return slice(None)
    return slice(
        int(np.searchsorted(sorted_values, low - margin)),
        int(np.searchsorted(sorted_values, high + margin, side="right")),
    )


def _inner_edges(sorted_values: Floats) -> tuple[float, ...]:
    """Take quantiles as edges; each repeated one, and the minimum, gives its spare edge to the next value.

    So a value that holds several quantiles, such as the 0 of a flag or of a count, stands by itself.
    """
    ranks = np.arange(1, MAX_BINS) * sorted_values.size // MAX_BINS
    edges, repeats = np.unique(sorted_values[ranks], return_counts=True)
    repeated_edges = edges[(repeats > 1) | (edges == sorted_values[0])]
    after = np.searchsorted(sorted_values, repeated_edges, side="right")
    spare = sorted_values[after[after < sorted_values.size]]
    return tuple(float(edge) for edge in np.union1d(edges, spare) if edge > sorted_values[0])
