"""Whether rows rest on what became known only later: computed as of two times, what both have has to be the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_float_dtype, is_numeric_dtype
from pyspark.sql import functions as F
from pyspark.sql.types import TimestampType

from levelfive.core.windows import EPOCH, iso
from levelfive.statistics.categories import category_text
from levelfive.usecase.columns import own

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Sums of floats come out otherwise in their last digits where rows come in another order.
_SAME = 1e-9
_LATER, _WHERE = own("later"), own("where")


@dataclass(frozen=True)
class Difference:
    """A row of which two computations say different things.

    Attributes:
        row: Which row, by its key, in words.
        column: The first column that differs; empty where only one of the two has the row.
        early: What the earlier computation says of it, in words.
        late: What the later one says.
        rows: How many rows differ, of how many.
        of_rows: Rows of both.
    """

    row: str
    column: str
    early: str
    late: str
    rows: int
    of_rows: int

    def between(self, cut: datetime, end: datetime) -> str:
        """Say what differs, as of which times."""
        column = f"{self.column} = " if self.column else ""
        return (
            f"{column}{self.early} for {self.row} where it knows what was known at {iso(cut)}, and {column}{self.late} "
            f"where it knows what was known at {iso(end)} ({self.rows:,} of {self.of_rows:,} rows differ)"
        )


def difference_of(early: DataFrame, late: DataFrame, key: Sequence[str]) -> Difference | None:
    """Compare two computations of the same rows, as `difference` does."""
    return difference(in_memory(early), in_memory(late), key, times=tuple(time_columns(early)))


def in_memory(rows: DataFrame) -> pd.DataFrame:
    """Take rows into memory, with times as whole microseconds: pandas holds not all of them."""
    columns = [
        F.unix_micros(field.name).alias(field.name) if isinstance(field.dataType, TimestampType) else F.col(field.name)
        for field in rows.schema.fields
    ]
    frame: pd.DataFrame = rows.select(*columns).toPandas()
    return frame.astype({name: object for name in frame if not is_numeric_dtype(frame[name])})


def difference(
    early: pd.DataFrame, late: pd.DataFrame, key: Sequence[str], *, times: Sequence[str] = ()
) -> Difference | None:
    """Compare two computations of the same rows.

    Args:
        early: As of the earlier time, from `in_memory`; each key once.
        late: As of the later one.
        key: Columns that identify a row.
        times: Columns that are times, for the words.

    Returns:
        The first row by its key that differs; None where they agree.
    """
    names = [name for name in early.columns if name in late.columns and name not in key]
    both = early[[*key, *names]].merge(
        late[[*key, *names]], on=list(key), how="outer", suffixes=("", _LATER), indicator=_WHERE, sort=True
    )
    in_both = (both[_WHERE] == "both").to_numpy()
    differs = {name: in_both & ~_same(both[name], both[f"{name}{_LATER}"]) for name in names}
    rows = ~in_both
    for of_column in differs.values():
        rows = rows | of_column
    if not rows.any():
        return None
    first = int(np.flatnonzero(rows)[0])
    row, totals = both.iloc[first], (int(rows.sum()), len(both))
    what = ", ".join(f"{name} {_word(row[name], is_time=name in times)}" for name in key)
    if not in_both[first]:
        is_early = row[_WHERE] == "left_only"
        return Difference(what, "", "a row" if is_early else "no row", "no row" if is_early else "a row", *totals)
    column = next(name for name in names if differs[name][first])
    before, after = (_word(row[name], is_time=column in times) for name in (column, f"{column}{_LATER}"))
    return Difference(what, column, before, after, *totals)


def _same(one: pd.Series, other: pd.Series) -> npt.NDArray[np.bool_]:
    missing = one.isna().to_numpy() & other.isna().to_numpy()
    if is_float_dtype(one) or is_float_dtype(other):
        first, second = (column.to_numpy(np.float64, na_value=np.nan) for column in (one, other))
        return np.asarray(missing | np.isclose(first, second, rtol=_SAME, atol=0.0))
    return np.asarray(missing | (one.map(repr).to_numpy() == other.map(repr).to_numpy()))


def _word(value: Any, *, is_time: bool) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "nothing"
    if is_time:
        return iso(EPOCH + pd.Timedelta(int(str(value)), unit="us").to_pytimedelta())
    return category_text(value) or "an empty text"


def time_columns(rows: DataFrame) -> Iterator[str]:
    """List the columns that are times."""
    return (field.name for field in rows.schema.fields if isinstance(field.dataType, TimestampType))
