"""Segments: rows that share values of one column, or of two; and sums of losses by segment and block of days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import NDArray

from levelfive.statistics.categories import category_texts
from levelfive.statistics.histograms import LARGEST, Floats
from levelfive.statistics.profiles import CategoricalProfile, NumericProfile

MAX_COLUMNS = 10
DEPTH = 2
# So many groups make segments of rows enough; the profile's own bins, in pairs, would be hundreds of a few rows.
GROUPS, CATEGORIES = 5, 20

Ints: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True)
class SegmentColumn:
    """How a column's values are grouped.

    Args:
        name: The column's.
        edges: Of numbers, increasing: a group holds what lies from one edge on and below the next one.
        categories: The categories with a group of their own, all others share one; None of numbers.
    """

    name: str
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> SegmentColumn:
        """Read what `asdict` made of one, and JSON of that.

        Raises:
            KeyError: Something is missing.
        """
        categories = record["categories"]
        return cls(record["name"], tuple(record["edges"]), None if categories is None else tuple(categories))

    @property
    def groups(self) -> int:
        """How many groups there are; the last one is of rows without a value."""
        values = len(self.edges if self.categories is None else self.categories) + 1
        return values + 1

    def groups_of(self, values: pd.Series) -> Ints:
        """Find the group of each value, shape (rows,); what is missing, NaN or infinite has none."""
        if self.categories is None:
            numbers = values.to_numpy(np.float64)
            groups, has_value = np.searchsorted(self.edges, numbers, side="right"), np.isfinite(numbers)
        else:
            texts = category_texts(values)
            places = pd.Index(self.categories, dtype=object).get_indexer(pd.Index(texts, dtype=object))
            groups, has_value = np.where(places < 0, len(self.categories), places), texts.notna().to_numpy()
        return np.where(has_value, groups, self.groups - 1).astype(np.intp)

    def in_words(self, group: int) -> str:
        """Say which rows are in a group."""
        if group == self.groups - 1:
            return f"{self.name} missing"
        if self.categories is not None:
            is_own = group < len(self.categories)
            return f"{self.name} = {self.categories[group]}" if is_own else f"{self.name} rare or new"
        if not self.edges:
            return f"{self.name} known"
        edges = [f"{edge:.6g}" for edge in self.edges]
        if group == 0:
            return f"{self.name} below {edges[0]}"
        return f"{self.name} from {edges[group - 1]}" + (f" to {edges[group]}" if group < len(edges) else "")


def numeric_column(name: str, profile: NumericProfile) -> SegmentColumn:
    """Choose those of a profile's inner edges that cut its values into `GROUPS` groups of nearly equal counts."""
    histogram = profile.histogram
    if not histogram.inner_edges:
        return SegmentColumn(name)
    below = np.cumsum(histogram.counts)[1:-2] / sum(histogram.counts)  # each edge
    shares = np.arange(1, GROUPS) / GROUPS
    nearest = np.unique(np.abs(below[:, None] - shares).argmin(axis=0))
    return SegmentColumn(name, edges=tuple(histogram.inner_edges[place] for place in nearest))


def categorical_column(name: str, profile: CategoricalProfile) -> SegmentColumn:
    """Give the most frequent categories a group each."""
    return SegmentColumn(name, categories=tuple(profile.frequent)[:CATEGORIES])


@dataclass(frozen=True)
class Segments:
    """The segments of some columns, by number: 0 are all rows, then come those of one column, then those of two."""

    columns: tuple[SegmentColumn, ...]

    @cached_property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """By which columns rows are cut, as their places: none, each, each pair."""
        places = range(len(self.columns))
        return tuple(of for depth in range(DEPTH + 1) for of in combinations(places, depth))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The number of the first segment of each part, and how many segments there are."""
        return (0, *np.cumsum([self._size(part) for part in self.parts]).tolist())

    @property
    def size(self) -> int:
        """How many segments there are."""
        return self.starts[-1]

    def within_parts(self, rows: Mapping[str, pd.Series] | pd.DataFrame) -> list[Ints]:
        """Find, by part, which of its segments each row is in, counted from 0, shape (rows,).

        Args:
            rows: Values by column; at least one column.
        """
        groups = [column.groups_of(rows[column.name]) for column in self.columns]
        within = []
        for part in self.parts:
            inside = np.zeros(len(groups[0]), dtype=np.intp)
            for place in part:
                inside = inside * self.columns[place].groups + groups[place]
            within.append(inside)
        return within

    def groups_in(self, segment: int) -> dict[int, int]:
        """Tell which group of which columns makes a segment, by the column's place."""
        of_part = int(np.searchsorted(self.starts, segment, side="right")) - 1
        inside, groups = segment - self.starts[of_part], {}
        for place in reversed(self.parts[of_part]):
            inside, groups[place] = divmod(inside, self.columns[place].groups)
        return dict(sorted(groups.items()))

    def segment_of(self, place: int, group: int) -> int:
        """Find the segment of one group of the column at a place."""
        return self.starts[1 + place] + group

    def in_words(self, segment: int) -> str:
        """Say which rows are in a segment; empty for all rows."""
        return " and ".join(self.columns[place].in_words(group) for place, group in self.groups_in(segment).items())

    def _size(self, part: Sequence[int]) -> int:
        return prod(self.columns[place].groups for place in part)


@dataclass(frozen=True, eq=False)
class BlockSums:
    """Sums of losses by block of days.

    Args:
        blocks: Their numbers, see `block_of`, increasing, shape (blocks,).
        rows: How many rows each segment has in each block, shape (blocks, segments).
        losses: The sum of their losses, likewise.
    """

    blocks: Ints
    rows: Floats
    losses: Floats


def sums_by_block(
    segments: Segments, rows: Mapping[str, pd.Series] | pd.DataFrame, losses: NDArray[Any], blocks: NDArray[Any]
) -> BlockSums:
    """Add losses up by segment and block.

    Args:
        segments: Of which columns.
        rows: Values by column; at least one column.
        losses: Numbers, shape (rows,); beyond `LARGEST` they count as that.
        blocks: The block of each row, shape (rows,).
    """
    there, codes = np.unique(np.asarray(blocks, dtype=np.intp), return_inverse=True)
    losses = np.minimum(losses, LARGEST)
    sums = BlockSums(there, *(np.zeros((there.size, segments.size)) for _ in range(2)))
    ends = zip(segments.starts[:-1], segments.starts[1:], strict=True)
    for (start, end), within in zip(ends, segments.within_parts(rows), strict=True):
        shape = (there.size, end - start)
        cells = codes * shape[1] + within
        sums.rows[:, start:end] = np.bincount(cells, minlength=prod(shape)).reshape(shape)
        sums.losses[:, start:end] = np.bincount(cells, weights=losses, minlength=prod(shape)).reshape(shape)
    return sums


def block_of(day: NDArray[Any]) -> Ints:
    """Tell the number of the block of days, as whole days since 1970: a week is one of three days and one of four.

    Blocks of at least three days, as errors of days next to each other are alike; none reaches over a week's end.
    """
    since_monday = np.asarray(day, dtype=np.intp) + 3  # 1970-01-01 was a Thursday
    return np.asarray(since_monday // 7 * 2 + (since_monday % 7 > 2))


def is_odd(blocks: NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which blocks lie in weeks of an odd number, counted from the one of 1970-01-01."""
    return np.asarray(np.asarray(blocks) // 2 % 2 == 1)
