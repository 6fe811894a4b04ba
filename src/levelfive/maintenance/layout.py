"""By which columns the rows of large tables lie together: the time that windows are asked by, and the key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from levelfive.data.raw_tables import QUARANTINE
from levelfive.features.labels import LABELS
from levelfive.storage.predictions import PREDICTIONS
from levelfive.usecase.columns import KNOWN_AT, LOADED_AT, PREDICTION_TIME

if TYPE_CHECKING:
    from levelfive.usecase.use_case import UseCase

MOST_COLUMNS = 4
"""By how many columns Delta clusters a table at most."""
INDEXED_COLUMNS = 32
"""Of how many columns, the first ones, Delta keeps the least and the greatest value in each file."""
_ORDERED = (T.NumericType, T.StringType, T.DateType, T.TimestampType, T.TimestampNTZType)


def layouts(use_case: UseCase) -> dict[str, tuple[str, ...]]:
    """List the large tables, and by which columns their rows are asked for, the most telling first.

    Returns:
        Columns by logical name of the table. A table may lack some of them, or have no table yet.
    """
    columns: dict[str, tuple[str, ...]] = {QUARANTINE: (LOADED_AT,)}
    for source in use_case.sources:
        columns[source.table] = (*([source.event_time] if source.event_time else []), *source.key)
    for table in use_case.feature_tables:
        columns[table.name] = (*([KNOWN_AT] if table.timestamped else []), *table.keys)
    columns[LABELS] = (KNOWN_AT, *use_case.key)
    columns[PREDICTIONS] = (PREDICTION_TIME, *use_case.key)
    return {table: tuple(dict.fromkeys(names)) for table, names in columns.items()}


def clustering(columns: Sequence[str], schema: T.StructType) -> tuple[str, ...]:
    """Choose those of some columns that a table can be clustered by: Delta has to know the range of each in each file.

    Args:
        columns: The most telling first.
        schema: The table's.

    Returns:
        At most `MOST_COLUMNS` of them, in their order.
    """
    ordered = {field.name for field in _indexed(schema) if isinstance(field.dataType, _ORDERED)}
    return tuple(name for name in columns if name in ordered)[:MOST_COLUMNS]


def _indexed(schema: T.StructType) -> list[T.StructField]:
    """List the fields of which Delta keeps statistics: the parts of a struct count each."""
    fields, place = [], 0
    for field in schema.fields:
        if place >= INDEXED_COLUMNS:
            break
        fields.append(field)
        place += _leaves(field.dataType)
    return fields


def _leaves(kind: T.DataType) -> int:
    return sum(_leaves(field.dataType) for field in kind.fields) if isinstance(kind, T.StructType) else 1
