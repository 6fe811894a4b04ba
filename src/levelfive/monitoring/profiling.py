"""Profiles of scored rows by day: one pass of Spark over them, whatever the number of columns."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import functions as F

from levelfive.core.conditions import day_number
from levelfive.core.days import date_of
from levelfive.statistics.baseline import Baseline, score_column
from levelfive.statistics.categories import category_texts, encoded, factorized
from levelfive.statistics.histograms import Histogram
from levelfive.statistics.partials import Groups, Partial, merge, partials_of_codes, partials_of_groups
from levelfive.statistics.profiles import CategoricalProfile, NumericProfile, finish_categorical, finish_numeric
from levelfive.statistics.sliced_counts import Counts, SliceCounter
from levelfive.storage.category_columns import with_texts
from levelfive.storage.predictions import FEATURES, SLICES
from levelfive.usecase.columns import PREDICTION_TIME, own

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_DAY, _NUMBERS = own("day"), own("numbers")
# Stands for a column in what workers send of the counts by slice.
_SLICE_COUNTS = own("slice_counts")
_SCHEMA = "day long, column string, partial binary"
# Rows that are summarised at once, at least: what is kept of so many takes no more room than of fewer.
_AT_ONCE = 200_000

Profile = NumericProfile | CategoricalProfile


@dataclass(frozen=True)
class WindowProfiles:
    """The partial profiles of a window's columns, by day, and counts by slice; days are dates of the use case."""

    by_day: Mapping[tuple[date, str], Partial]
    slice_counts: Mapping[date, Counts] = field(default_factory=dict)

    @property
    def days(self) -> int:
        """The number of days with rows."""
        return len({day for day, _ in self.by_day})

    @cached_property
    def whole(self) -> Mapping[str, Partial]:
        """The partial profile of the whole window, by column."""
        parts: dict[str, list[Partial]] = {}
        for day, column in sorted(self.by_day):
            parts.setdefault(column, []).append(self.by_day[day, column])
        return {column: merge(*days) for column, days in parts.items()}


def profile_days(rows: DataFrame, baseline: Baseline, day_starts_at: timedelta) -> WindowProfiles:
    """Profile the features and the scores of scored rows, by day, on the bins of a baseline.

    Some batches of rows become a partial profile a day and column; these are merged where they meet, so that no
    machine ever holds more rows than a batch and what is kept of the others.

    Args:
        rows: Rows of `predictions` that one model scored.
        baseline: Its columns are profiled.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
    """
    numeric, categorical = sorted(baseline.numeric), sorted(baseline.categorical)
    bins = {name: baseline.numeric[name].histogram for name in numeric}
    bins |= {name: profile.histogram for name, profile in baseline.scores.items()}
    # Of numbers, one array: Spark hands a column over in a third of the time of fifteen.
    numbers = [F.col(f"{FEATURES}.{name}").cast("double") for name in numeric]
    numbers += [F.col(score_column(name)).cast("double") for name in baseline.scores]
    categories = [F.col(f"{FEATURES}.{name}").alias(name) for name in categorical]
    counter = None if baseline.slice_counts is None else baseline.slice_counts.counter
    keys = () if counter is None else counter.keys
    slices = [F.try_element_at(SLICES, F.lit(key)).alias(_key_name(place)) for place, key in enumerate(keys)]
    day = day_number(PREDICTION_TIME, day_starts_at).cast("long").alias(_DAY)
    columns = rows.select(day, F.array(*numbers).alias(_NUMBERS), *categories, *slices)
    columns = with_texts(columns, categorical)

    def partials(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for rows in _together(batches):
            yield _partials_of(rows, bins, categorical, counter)

    day_parts = columns.mapInArrow(partials, _SCHEMA).groupBy("day", "column").applyInArrow(_merged, _SCHEMA).collect()
    by_day = {(date_of(row["day"]), row["column"]): pickle.loads(row["partial"]) for row in day_parts}
    slice_counts = {day: counts for (day, column), counts in by_day.items() if column == _SLICE_COUNTS}
    return WindowProfiles({of: partial for of, partial in by_day.items() if of[1] != _SLICE_COUNTS}, slice_counts)


def _merge(column: str, parts: Iterable[Any]) -> Partial | Counts:
    if column == _SLICE_COUNTS:
        counts: Counts = np.sum(list(parts), axis=0)
        return counts
    return merge(*parts)


def finish(partial: Partial, column: str, baseline: Baseline) -> Profile:
    """Turn a partial profile into one that can be compared with the baseline's."""
    if column in baseline.categorical:
        return finish_categorical(partial, baseline.categorical[column])
    return finish_numeric(partial, baseline_of(column, baseline).histogram)


def baseline_of(column: str, baseline: Baseline) -> NumericProfile:
    """Find the baseline's profile of a numeric column, of a score or of the label."""
    return baseline.scores.get(column) or baseline.numeric.get(column, baseline.label)


def _key_name(place: int) -> str:
    return own(f"slice_{place}")


def _together(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Take small batches together: what is kept of one has its size, however many rows it is of."""
    some: list[pa.RecordBatch] = []
    for batch in batches:
        some.append(batch)
        if sum(one.num_rows for one in some) >= _AT_ONCE:
            yield pa.Table.from_batches(some)
            some = []
    if some:
        yield pa.Table.from_batches(some)


def _partials_of(
    table: pa.Table, bins: Mapping[str, Histogram], categorical: list[str], counter: SliceCounter | None
) -> pa.RecordBatch:
    days, codes = np.unique(table.column(_DAY).to_numpy(), return_inverse=True)
    partials: list[tuple[int, str, Partial | Counts]] = []
    numbers, groups = _numbers_of(table.column(_NUMBERS), len(bins)), Groups.of(codes, days.size)
    for (name, histogram), of_column in zip(bins.items(), groups.columns(numbers), strict=True):
        parts = partials_of_groups(of_column, groups, histogram)
        partials += [(int(day), name, partial) for day, partial in zip(days, parts, strict=True)]
    for name in categorical:
        parts = partials_of_codes(*_factorized(table.column(name)), codes, days.size)
        partials += [(int(day), name, partial) for day, partial in zip(days, parts, strict=True)]
    if counter is not None and counter.slices:
        keys = {key: table.column(_key_name(place)).to_pandas() for place, key in enumerate(counter.keys)}
        places = {name: place for place, name in enumerate(bins)}
        values = {
            of.name: pd.Series(numbers[:, places[of.name]]) if of.name in places else table.column(of.name).to_pandas()
            for of in counter.columns
        }
        counts = counter.count(values, keys, codes, days.size)
        partials += [(int(day), _SLICE_COUNTS, of_day) for day, of_day in zip(days, counts, strict=True)]
    return pa.RecordBatch.from_pydict(
        {
            "day": pa.array([day for day, _, _ in partials], pa.int64()),
            "column": [column for _, column, _ in partials],
            "partial": pa.array([pickle.dumps(partial) for _, _, partial in partials], pa.binary()),
        }
    )


def _numbers_of(arrays: pa.ChunkedArray, n_columns: int) -> NDArray[np.float64]:
    """Read the numbers of rows, shape (rows, columns); NaN where one is missing."""
    flat = arrays.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float64).reshape(-1, n_columns)


def _factorized(column: pa.ChunkedArray) -> tuple[NDArray[Any], pa.StringArray]:
    """Tell the place of each category among all, -1 where it is missing, and all of them as texts."""
    if not pa.types.is_string(column.type):
        return factorized(category_texts(column.to_pandas()))
    return encoded(column.combine_chunks())


def _merged(table: pa.Table) -> pa.Table:
    column = table.column("column")[0].as_py()
    # Batches come in any order; in one order, sums are the same to their last digit.
    parts = map(pickle.loads, sorted(table.column("partial").to_pylist()))
    return pa.table({**table.slice(0, 1).to_pydict(), "partial": [pickle.dumps(_merge(column, parts))]}, table.schema)
