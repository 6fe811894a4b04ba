"""Reads from a feature table what is to be published of it, with Spark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import DateType, DecimalType, TimestampType

from levelfive.core.conditions import in_window
from levelfive.core.windows import Window
from levelfive.errors import ConfigError
from levelfive.online.encoding import is_held, key_type, plain_type
from levelfive.online.publishing import PublicationPlan, TableSpan
from levelfive.online.store import OnlineTable, Row
from levelfive.usecase.columns import KNOWN_AT, own
from levelfive.usecase.features import FeatureTable, Lookup

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType

_TIME, _NEWEST = map(own, ("time", "newest"))


def online_table(feature_table: FeatureTable, schema: StructType, lookups: Iterable[Lookup]) -> OnlineTable:
    """Describe what a feature table is in the store: all columns that it can hold, whichever model asks for them.

    Args:
        feature_table: What the use case declares.
        schema: Of the table.
        lookups: Those of the table.

    Raises:
        ConfigError: A key, or a column that is looked up, is of a type that the store cannot hold, or is not there.
    """
    name, types = feature_table.name, {field.name: field.dataType.simpleString() for field in schema.fields}
    lookup_columns = dict.fromkeys(column for lookup in lookups for column in lookup.columns)
    absent = {*feature_table.keys, *lookup_columns} - set(types)
    if absent:
        raise ConfigError(f"feature table {name!r} has no column {', '.join(sorted(absent))}")
    values = [column for column in types if column not in {*feature_table.keys, KNOWN_AT}]
    columns = tuple(column for column in values if column in lookup_columns or is_held(types[column]))
    try:
        key_types = tuple(key_type(types[key]) for key in feature_table.keys)
        for column in columns:
            plain_type(types[column])
    except ConfigError as err:
        raise ConfigError(f"feature table {name!r}: {err}") from err
    return OnlineTable(
        name, feature_table.keys, key_types, columns, tuple(map(types.__getitem__, columns)), KNOWN_AT in types
    )


def rows_to_publish(table: DataFrame, plan: PublicationPlan) -> Iterator[Row]:
    """Read the rows that a plan asks for.

    Args:
        table: The feature table.
        plan: Not of no windows.
    """
    of, schema = plan.state.table, table.schema
    keys = [_cell(schema, key).alias(own(f"key{i}")) for i, key in enumerate(of.keys)]
    values = [_cell(schema, column).alias(own(f"value{i}")) for i, column in enumerate(of.columns)]
    if plan.span is None:
        time = F.lit(None).cast("long")
    else:
        table, time = _of_windows(table, plan.span, plan.windows, of.keys), F.unix_micros(KNOWN_AT)
    rows = table.select(*keys, time.alias(_TIME), *values)
    for row in rows.toLocalIterator(prefetchPartitions=True):
        yield Row(tuple(row[: len(keys)]), row[len(keys)], tuple(row[len(keys) + 1 :]))


def _of_windows(table: DataFrame, span: TableSpan, windows: Sequence[Window] | None, keys: Sequence[str]) -> DataFrame:
    """Take the rows of some windows, or of all; of those from before the table is kept, the newest of each key."""
    windows = (Window(span.oldest, span.reaches_to),) if windows is None else windows
    rows = table.where(reduce(or_, (in_window(KNOWN_AT, window) for window in windows)))
    since = rows.where(F.col(KNOWN_AT) >= F.lit(span.kept_from))
    if all(window.start >= span.kept_from for window in windows):
        return since
    newest = F.max_by(F.struct(*table.columns), KNOWN_AT).alias(_NEWEST)
    earlier = rows.where(F.col(KNOWN_AT) < F.lit(span.kept_from)).groupBy(*keys).agg(newest)
    return since.select(*table.columns).unionByName(earlier.select(f"{_NEWEST}.*"))


def _cell(schema: StructType, column: str) -> Column:
    """Write a column as the store holds it, see `levelfive.online.store`."""
    match schema[column].dataType:
        case TimestampType():
            return F.unix_micros(column)
        case DateType():
            return F.unix_date(column)
        case DecimalType():
            return F.col(column).cast("string")
    return F.col(column)
