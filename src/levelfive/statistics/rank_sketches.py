"""Ranks of numbers in little space: exact up to `SIZE` different ones, and of more within .002 of the rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from levelfive.statistics.histograms import Floats

SIZE = 1600
_SHARES = np.square(np.sin(np.pi / 2 * np.arange(SIZE + 1) / SIZE))

Counts = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class RankSketch:
    """Numbers with their counts, from which any quantile can be read, whatever the distribution.

    Of more than `SIZE` different numbers, as many are kept that stand in the middle of parts of the whole, each with
    its part's count. The parts end at the shares sin^2(pi i / 2 SIZE), as in the t-digest (Dunning and Ertl 2019,
    Computing Extremely Accurate Quantiles Using t-Digests), so that they are the finer the nearer they are to an end.
    A share p is moved by at most pi / (2 SIZE) * sqrt(p (1 - p)) thereby: .0005 in the middle, .0001 at p = .01. That
    is done at most three times on the way of a row, to its batch, its day and its window: .0015 of the rank.

    Args:
        values: Increasing, each once.
        counts: How many of the numbers each stands for.
    """

    values: Floats
    counts: Counts

    @classmethod
    def of(cls, values: Floats, counts: NDArray[np.integer[Any]]) -> RankSketch:
        """Sketch increasing numbers, each once, with their counts, both of shape (distinct,)."""
        if values.size > SIZE:
            values, counts = _thinned(values, counts)
        return cls(values, counts.astype(np.min_scalar_type(counts.max(initial=0))))

    @classmethod
    def merged(cls, sketches: Sequence[RankSketch]) -> RankSketch:
        """Put sketches together, all at once: their order does not matter, and they are thinned at most one time."""
        values = np.concatenate([one.values for one in sketches])
        counts = np.concatenate([one.counts.astype(np.int64) for one in sketches])
        order = np.argsort(values, kind="stable")
        values, counts = values[order], counts[order]
        first = starts_value(values)
        return cls.of(values[first], np.add.reduceat(counts, np.flatnonzero(first)) if counts.size else counts)

    def quantiles(self, levels: Sequence[float]) -> tuple[float, ...]:
        """Read quantiles, interpolated between two neighbours as NumPy does; empty without numbers."""
        cumulative = np.cumsum(self.counts, dtype=np.int64)
        if not cumulative.size:
            return ()
        ranks = np.array(levels) * (cumulative[-1] - 1)
        lower = np.floor(ranks)
        upper = np.minimum(lower + 1, cumulative[-1] - 1)
        before, after = (self.values[np.searchsorted(cumulative, rank, side="right")] for rank in (lower, upper))
        share = ranks - lower
        # No difference is taken: that of two wild numbers may be infinite.
        between = before * (1 - share) + after * share
        return tuple(np.where(before == after, before, between).tolist())

    def __eq__(self, other: object) -> bool:
        """Tell whether another sketch has the same numbers and counts."""
        if not isinstance(other, RankSketch):
            return NotImplemented
        return np.array_equal(self.values, other.values) and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        """Hash what is compared."""
        return hash((self.values.tobytes(), self.counts.tobytes()))


def starts_value(sorted_values: NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell of increasing numbers, shape (rows,), which are the first of their value."""
    first = np.ones(sorted_values.size, dtype=bool)
    first[1:] = sorted_values[1:] != sorted_values[:-1]
    return first


def _thinned(values: Floats, counts: NDArray[np.integer[Any]]) -> tuple[Floats, NDArray[np.int64]]:
    total = int(counts.sum())
    borders = np.round(total * _SHARES).astype(np.int64)
    borders = borders[starts_value(borders)]
    sizes = np.diff(borders)
    middles = borders[:-1] + (sizes - 1) // 2
    if total > counts.size:  # else each stands for itself
        middles = np.searchsorted(np.cumsum(counts, dtype=np.int64), middles, side="right")
    first = starts_value(middles)
    return values[middles[first]], np.add.reduceat(sizes, np.flatnonzero(first))


NOTHING = RankSketch(np.empty(0), np.empty(0, np.uint8))
