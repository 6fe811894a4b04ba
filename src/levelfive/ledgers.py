"""Ledgers: small tables of facts, such as runs, promotions and verdicts, that jobs write and read row by row.

To read ten rows costs Spark as much planning as ten million: most of a second on a laptop. So rooms reach such tables
through this port: Spark serves it on a workspace, and on a laptop another engine of Delta.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from pyspark.sql import functions as F
from pyspark.sql.types import TimestampType

from levelfive.commits import Write
from levelfive.windows import from_micros, sql_literal

if TYPE_CHECKING:
    from levelfive.tables import Tables

Cells = tuple[Any, ...]
"""A row to write, in the order of the schema's columns."""


class Ledgers(Protocol):
    """Reads and writes the small tables of one schema."""

    def rows(
        self, table: str, *, columns: Sequence[str] | None = None, where: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        """Read the rows of a table, by their columns' names; none where there is no table. Times are in UTC.

        Args:
            table: The logical name.
            columns: What to read; everything by default.
            where: Values that columns must have.
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
        self, table: str, *, columns: Sequence[str] | None = None, where: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        """Read rows; see `Ledgers`."""
        if not self._tables.exists(table):
            return []
        frame = self._tables.read(table)
        for name, value in (where or {}).items():
            frame = frame.where(F.col(name) == F.lit(value))
        frame = frame.select(*(columns or frame.columns))
        times = [field.name for field in frame.schema if isinstance(field.dataType, TimestampType)]
        # What Spark collects as a time depends on the process's time zone; a number does not.
        cells = [F.unix_micros(name).alias(name) if name in times else F.col(name) for name in frame.columns]
        found = [row.asDict(recursive=True) for row in frame.select(cells).collect()]
        return [{**row, **{name: from_micros(row[name]) for name in times}} for row in found]

    def add(self, table: str, schema: str, rows: Sequence[Cells], keys: Sequence[str] = ()) -> Write:
        """Add rows; see `Ledgers`."""
        frame = self._tables.spark.createDataFrame(list(rows), schema=schema)
        return self._tables.insert_new(table, frame, keys) if keys else self._tables.append(table, frame)

    def replace(self, table: str, schema: str, rows: Sequence[Cells], of: Sequence[str]) -> Write:
        """Replace rows; see `Ledgers`."""
        frame = self._tables.spark.createDataFrame(list(rows), schema=schema)
        places = [frame.columns.index(name) for name in of]
        same = dict.fromkeys(" AND ".join(_equals(of, [row[place] for place in places])) for row in rows)
        return self._tables.replace_where(table, frame, " OR ".join(f"({condition})" for condition in same))


def _equals(columns: Sequence[str], values: Sequence[object]) -> list[str]:
    return [f"`{column}` = {_literal(value)}" for column, value in zip(columns, values, strict=True)]


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return sql_literal(value)
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
