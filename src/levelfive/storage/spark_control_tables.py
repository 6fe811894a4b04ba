"""Control tables as Spark reads and writes them, on a workspace."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F
from pyspark.sql.types import TimestampType

from levelfive.core.conditions import quoted_name, text_literal
from levelfive.core.windows import from_micros, sql_literal
from levelfive.storage.commits import Write
from levelfive.storage.control_tables import Between, Where, columns_to_read, is_several, times_of
from levelfive.storage.records import check_columns, to_arrow

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pyspark.sql import DataFrame

    from levelfive.storage.tables import Tables

# As many values are named in a query; of more, Spark makes a table and joins it.
NAMED_VALUES = 100


class SparkControlTables:
    """Control tables as Spark reads and writes them, on a workspace."""

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
        names = columns_to_read(columns, where, between)
        if not self._tables.exists(table):
            check_columns(table, (), names)
            return []
        frame = self._tables.read(table)
        check_columns(table, frame.columns, names)
        if not {*(where or {}), *(between or {})} <= set(frame.columns):
            return []
        for name, value in (where or {}).items():
            frame = self._among(frame, name, value) if is_several(value) else frame.where(F.col(name) == F.lit(value))
        for name, (least, greatest) in (between or {}).items():
            frame = frame if least is None else frame.where(F.col(name) >= F.lit(least))
            frame = frame if greatest is None else frame.where(F.col(name) <= F.lit(greatest))
        missing = [name for name in columns or () if name not in frame.columns]
        frame = frame.select(*(name for name in columns or frame.columns if name not in missing))
        times = [field.name for field in frame.schema if isinstance(field.dataType, TimestampType)]
        # What Spark collects as a time depends on the process's time zone; a number does not.
        cells = [F.unix_micros(name).alias(name) if name in times else F.col(name) for name in frame.columns]
        rows = [row.asDict(recursive=True) for row in frame.select(cells).collect()]
        nothing = dict.fromkeys(missing)
        return [{**nothing, **row, **{name: from_micros(row[name]) for name in times}} for row in rows]

    def add(self, table: str, records: Sequence[DataclassInstance], keys: Sequence[str] = ()) -> Write:
        """Add records; see `ControlTables`."""
        data = to_arrow(records)
        frame = self._tables.spark.createDataFrame(data)
        if not keys:
            return self._tables.append(table, frame, evolve=True)
        among = [
            f"{quoted_name(name)} BETWEEN {_literal(least)} AND {_literal(greatest)}"
            for name, (least, greatest) in times_of(data, keys).items()
        ]
        return self._tables.insert_new(table, frame, keys, among=" AND ".join(among) or None, evolve=True)

    def replace(self, table: str, records: Sequence[DataclassInstance], of: Sequence[str]) -> Write:
        """Replace rows; see `ControlTables`."""
        data = to_arrow(records)
        same = dict.fromkeys(f"({_equals(row)})" for row in data.select(list(of)).to_pylist())
        return self._tables.replace_where(
            table, self._tables.spark.createDataFrame(data), " OR ".join(same), evolve=True
        )

    def remove(self, table: str, where: Where) -> Write | None:
        """Remove rows; see `ControlTables`."""
        if not self.rows(table, columns=tuple(where), where=where):
            return None
        return self._tables.replace_where(table, self._tables.read(table).limit(0), _equals(where))

    def _among(self, frame: DataFrame, name: str, values: Collection[Any]) -> DataFrame:
        if len(values) <= NAMED_VALUES:
            return frame.where(F.col(name).isin(list(values)))
        values_frame = self._tables.spark.createDataFrame([(value,) for value in values], [name])
        return frame.join(values_frame, on=name, how="left_semi").select(*frame.columns)


def _equals(row: Mapping[str, object]) -> str:
    return " AND ".join(f"{quoted_name(column)} = {_literal(value)}" for column, value in row.items())


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return sql_literal(value)
    if isinstance(value, date):
        return f"date'{value.isoformat()}'"
    return text_literal(str(value))
