"""Ledgers: small tables of facts, such as runs, promotions and verdicts, that jobs write and read row by row.

To read ten rows costs Spark as much planning as ten million: most of a second on a laptop. So rooms reach such tables
through this port: Spark serves it on a workspace, and on a laptop another engine of Delta.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from pyspark.sql import functions as F
from pyspark.sql.types import TimestampType

from levelfive.core.windows import from_micros, sql_literal
from levelfive.storage.commits import Write

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from levelfive.storage.tables import Tables

Cells = tuple[Any, ...]
"""A row to write, in the order of the schema's columns."""
Where = Mapping[str, object]
"""By column, the value that it must have, or a collection of values of which it must have one."""
Between = Mapping[str, tuple[object | None, object | None]]
"""By column, its least and its greatest value, both included; None where there is no such end."""
# As many values are named in a query; of more, Spark makes a table and joins it.
NAMED_VALUES = 100


class Ledgers(Protocol):
    """Reads and writes the small tables of one schema."""

    def rows(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        between: Between | None = None,
    ) -> list[dict[str, Any]]:
        """Read the rows of a table, by their columns' names; none where there is no table. Times are in UTC.

        Args:
            table: The logical name.
            columns: What to read; everything by default.
            where: Values that columns must have; a collection of them means one of these.
            between: The least and the greatest value of columns. Files whose statistics say that they have no such row
                are not read, so that the rows of a day cost what that day wrote.
        """
        ...

    def add(self, table: str, schema: str, rows: Sequence[Cells], keys: Sequence[str] = ()) -> Write:
        """Add rows, in one commit; the first ones make the table.

        Args:
            table: The logical name.
            schema: The table's columns and types, as Spark writes them.
            rows: What to add.
            keys: Rows whose values in these columns are in the table already are left out; of two writers at the same
                time, one looks again at what is there by then.

        Returns:
            The write, with the number of rows that were added.

        Raises:
            TableConflict: Others were first again and again.
            TableError: The rows do not fit the table.
        """
        ...

    def replace(self, table: str, schema: str, rows: Sequence[Cells], of: Sequence[str]) -> Write:
        """Put rows in the place of all those that agree with one of them in the columns `of`, in one commit.

        Raises:
            TableConflict: Another writer was first.
            TableError: The rows do not fit the table.
        """
        ...


class SparkLedgers:
    """Ledgers as Spark reads and writes them, on a workspace."""

    def __init__(self, tables: Tables) -> None:
        """Serve the small ones among these tables."""
        self._tables = tables

    def rows(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        between: Between | None = None,
    ) -> list[dict[str, Any]]:
        """Read rows; see `Ledgers`."""
        if not self._tables.exists(table):
            return []
        frame = self._tables.read(table)
        for name, value in (where or {}).items():
            frame = self._among(frame, name, value) if is_several(value) else frame.where(F.col(name) == F.lit(value))
        for name, (least, greatest) in (between or {}).items():
            frame = frame if least is None else frame.where(F.col(name) >= F.lit(least))
            frame = frame if greatest is None else frame.where(F.col(name) <= F.lit(greatest))
        frame = frame.select(*(columns or frame.columns))
        times = [field.name for field in frame.schema if isinstance(field.dataType, TimestampType)]
        # What Spark collects as a time depends on the process's time zone; a number does not.
        cells = [F.unix_micros(name).alias(name) if name in times else F.col(name) for name in frame.columns]
        found = [row.asDict(recursive=True) for row in frame.select(cells).collect()]
        return [{**row, **{name: from_micros(row[name]) for name in times}} for row in found]

    def add(self, table: str, schema: str, rows: Sequence[Cells], keys: Sequence[str] = ()) -> Write:
        """Add rows; see `Ledgers`."""
        frame = self._tables.spark.createDataFrame(list(rows), schema=schema)
        if not keys:
            return self._tables.append(table, frame)
        among = [
            f"`{name}` BETWEEN {_literal(least)} AND {_literal(greatest)}"
            for name, (least, greatest) in times_of(frame.columns, rows, keys).items()
        ]
        return self._tables.insert_new(table, frame, keys, among=" AND ".join(among) or None)

    def replace(self, table: str, schema: str, rows: Sequence[Cells], of: Sequence[str]) -> Write:
        """Replace rows; see `Ledgers`."""
        frame = self._tables.spark.createDataFrame(list(rows), schema=schema)
        places = [frame.columns.index(name) for name in of]
        same = dict.fromkeys(" AND ".join(_equals(of, [row[place] for place in places])) for row in rows)
        return self._tables.replace_where(table, frame, " OR ".join(f"({condition})" for condition in same))

    def _among(self, frame: DataFrame, name: str, values: Collection[Any]) -> DataFrame:
        if len(values) <= NAMED_VALUES:
            return frame.where(F.col(name).isin(list(values)))
        wanted = self._tables.spark.createDataFrame([(value,) for value in values], [name])
        return frame.join(wanted, on=name, how="left_semi").select(*frame.columns)


def is_several(value: object) -> TypeGuard[Collection[Any]]:
    """Tell whether a value stands for a collection of them."""
    return isinstance(value, Collection) and not isinstance(value, str | bytes)


def times_of(names: Sequence[str], rows: Sequence[Cells], keys: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Tell the least and the greatest value of those keys that are dates or times: rows with these keys lie between."""
    found = {}
    for key in keys:
        values = [row[names.index(key)] for row in rows]
        if values and all(isinstance(value, date) for value in values):
            found[key] = (min(values), max(values))
    return found


def _equals(columns: Sequence[str], values: Sequence[object]) -> list[str]:
    return [f"`{column}` = {_literal(value)}" for column, value in zip(columns, values, strict=True)]


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return sql_literal(value)
    if isinstance(value, date):
        return f"date'{value.isoformat()}'"
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
