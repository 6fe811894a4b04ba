"""ControlTables as Spark reads and writes them, on a workspace."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F
from pyspark.sql.types import TimestampType

from levelfive.core.conditions import text_literal
from levelfive.core.windows import from_micros, sql_literal
from levelfive.storage.commits import Write
from levelfive.storage.control_tables import Between, Cells, Where, is_several, times_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from levelfive.storage.tables import Tables

# As many values are named in a query; of more, Spark makes a table and joins it.
NAMED_VALUES = 100


class SparkControlTables:
    """ControlTables as Spark reads and writes them, on a workspace."""

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
        """Read rows; see `ControlTables`."""
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
        """Add rows; see `ControlTables`."""
        frame = self._tables.spark.createDataFrame(list(rows), schema=schema)
        if not keys:
            return self._tables.append(table, frame)
        among = [
            f"`{name}` BETWEEN {_literal(least)} AND {_literal(greatest)}"
            for name, (least, greatest) in times_of(frame.columns, rows, keys).items()
        ]
        return self._tables.insert_new(table, frame, keys, among=" AND ".join(among) or None)

    def replace(self, table: str, schema: str, rows: Sequence[Cells], of: Sequence[str]) -> Write:
        """Replace rows; see `ControlTables`."""
        frame = self._tables.spark.createDataFrame(list(rows), schema=schema)
        places = [frame.columns.index(name) for name in of]
        same = dict.fromkeys(" AND ".join(_equals(of, [row[place] for place in places])) for row in rows)
        return self._tables.replace_where(table, frame, " OR ".join(f"({condition})" for condition in same))

    def _among(self, frame: DataFrame, name: str, values: Collection[Any]) -> DataFrame:
        if len(values) <= NAMED_VALUES:
            return frame.where(F.col(name).isin(list(values)))
        wanted = self._tables.spark.createDataFrame([(value,) for value in values], [name])
        return frame.join(wanted, on=name, how="left_semi").select(*frame.columns)


def _equals(columns: Sequence[str], values: Sequence[object]) -> list[str]:
    return [f"`{column}` = {_literal(value)}" for column, value in zip(columns, values, strict=True)]


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return sql_literal(value)
    if isinstance(value, date):
        return f"date'{value.isoformat()}'"
    return text_literal(str(value))
