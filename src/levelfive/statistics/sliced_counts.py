"""Counts of columns' values by slice and day: a column that moved may have moved in one slice alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import NDArray

from levelfive.statistics.segments import Ints, SegmentColumn

MAX_COLUMNS, MAX_SLICES = 20, 20

Counts: TypeAlias = npt.NDArray[np.int64]
"""By slice and group: the groups of all columns one after the other, without those of missing values."""


class Slice(NamedTuple):
    """The rows with a value in a column, as text."""

    key: str
    value: str

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.key} = {self.value}"


@dataclass(frozen=True)
class SliceCounter:
    """What is counted: values of some columns, by group, in some slices."""

    columns: tuple[SegmentColumn, ...]
    slices: tuple[Slice, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The place of the first group of each column, and how many groups there are."""
        return (0, *np.cumsum([column.groups - 1 for column in self.columns]).tolist())

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that slices are of."""
        return tuple(dict.fromkeys(one.key for one in self.slices))

    def place(self, column: str) -> slice | None:
        """Find the groups of a column among all; None where it is not counted."""
        for place, one in enumerate(self.columns):
            if one.name == column:
                return slice(self.starts[place], self.starts[place + 1])
        return None

    def count(
        self,
        values: Mapping[str, pd.Series] | pd.DataFrame,
        keys: Mapping[str, pd.Series],
        codes: Ints,
        days: int,
    ) -> Counts:
        """Count rows, shape (days, slices, groups).

        Args:
            values: Values by column.
            keys: Texts by slice column, None where there is none; of rows in the same order.
            codes: The day of each row, from 0 on, shape (rows,).
            days: How many days there are.
        """
        counts = np.zeros((days, len(self.slices), self.starts[-1]), dtype=np.int64)
        groups = [column.groups_of(values[column.name]) for column in self.columns]
        for key in self.keys:
            places = np.flatnonzero([one.key == key for one in self.slices])
            names = pd.Index([one.value for one in self.slices if one.key == key], dtype=object)
            inside = names.get_indexer(pd.Index(keys[key].to_numpy(dtype=object), dtype=object))
            for start, column, of_column in zip(self.starts[:-1], self.columns, groups, strict=True):
                several = column.groups - 1
                is_inside = (inside >= 0) & (of_column < several)
                cells = (codes[is_inside] * len(names) + inside[is_inside]) * several + of_column[is_inside]
                shape = (days, len(names), several)
                counts[:, places, start : start + several] = np.bincount(cells, minlength=np.prod(shape)).reshape(shape)
        return counts


@dataclass(frozen=True)
class SlicedCounts:
    """A training set's counts.

    Args:
        columns: How columns are grouped.
        slices: Which slices, those of most rows.
        daily: By slice, day in order, and group.
    """

    columns: tuple[SegmentColumn, ...]
    slices: tuple[Slice, ...]
    daily: tuple[tuple[tuple[int, ...], ...], ...]

    @cached_property
    def counter(self) -> SliceCounter:
        """What counts other rows alike."""
        return SliceCounter(self.columns, self.slices)

    @cached_property
    def counts(self) -> Counts:
        """The counts of the training, shape (slices, days, groups)."""
        days = len(self.daily[0]) if self.daily else 0
        return np.array(self.daily, dtype=np.int64).reshape(len(self.slices), days, self.counter.starts[-1])

    def of_column(self, name: str, one: Slice) -> tuple[SegmentColumn, Counts] | None:
        """Tell how a column is grouped, and its counts in a slice on all days; None where these were not counted."""
        groups = self.counter.place(name)
        if groups is None or one not in self.slices:
            return None
        (column,) = (column for column in self.columns if column.name == name)
        return column, self.counts[self.slices.index(one)].sum(axis=0)[groups]

    @classmethod
    def of(
        cls,
        columns: tuple[SegmentColumn, ...],
        values: pd.DataFrame,
        keys: Mapping[str, pd.Series],
        days: NDArray[Any],
        *,
        least_rows: int,
    ) -> SlicedCounts:
        """Count the values of a training set in its largest slices.

        Args:
            columns: How columns are grouped.
            values: Values by column.
            keys: Texts by slice column, None where there is none.
            days: Whole numbers of the rows' days, shape (rows,).
            least_rows: Slices with fewer rows are left out.
        """
        there, codes = np.unique(days, return_inverse=True)
        counter = SliceCounter(columns, largest_slices(keys, least_rows))
        counts = counter.count(values, keys, codes, there.size).transpose(1, 0, 2)
        return cls(columns, counter.slices, tuple(tuple(map(tuple, of_slice)) for of_slice in counts.tolist()))

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> SlicedCounts:
        """Read what `asdict` made of one, and JSON of that.

        Raises:
            KeyError: Something is missing; TypeError where it is of another kind.
        """
        return cls(
            tuple(map(SegmentColumn.from_record, record["columns"])),
            tuple(Slice(*one) for one in record["slices"]),
            tuple(tuple(map(tuple, of_slice)) for of_slice in record["daily"]),
        )


def largest_slices(keys: Mapping[str, pd.Series], least_rows: int, *, most: int = MAX_SLICES) -> tuple[Slice, ...]:
    """List the slices of most rows, by key and value; a column with one value alone has none."""
    counts = [(key, values.value_counts()) for key, values in keys.items()]
    sizes = [
        (int(rows), Slice(key, str(value)))
        for key, by_value in counts
        if len(by_value) > 1
        for value, rows in by_value.items()
        if rows >= max(least_rows, 1)
    ]
    return tuple(sorted(one for _, one in sorted(sizes, key=lambda of: (-of[0], of[1]))[:most]))


def by_slice(counts: Sequence[Counts], counter: SliceCounter) -> Counts:
    """Add counts of several days up, shape (slices, groups)."""
    nothing = np.zeros((len(counter.slices), counter.starts[-1]), dtype=np.int64)
    return np.asarray(np.sum([nothing, *counts], axis=0))
