"""Features as the batch join gives them and as an online store does, to be held against each other."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DateType, DecimalType, TimestampType

from levelfive.models.package import feature_frame
from levelfive.online.store import Ask, OnlineStore, TableState
from levelfive.storage.category_columns import with_texts
from levelfive.usecase.columns import PREDICTION_TIME
from levelfive.usecase.features import Lookup

MICROSECONDS = 1_000_000


def batch_features(rows: DataFrame, lookups: Sequence[Lookup], categorical: Sequence[str], key: str) -> pd.DataFrame:
    """Give what the batch join found to a model."""
    features = tuple(name for lookup in lookups for name in lookup.features)
    found = with_texts(rows, categorical).toPandas().sort_values(key, ignore_index=True)
    return feature_frame(found, features, tuple(categorical))


def online_features(
    store: OnlineStore, spine: DataFrame, lookups: Sequence[Lookup], categorical: Sequence[str], key: str
) -> pd.DataFrame:
    """Look the same up in an online store, row by row, and give it to a model."""
    rows = sorted((row.asDict() for row in _plain(spine).collect()), key=lambda row: row[key])
    states = store.states()
    features = [_of_row(store, states, row, lookups, categorical) for row in rows]
    columns = tuple(name for lookup in lookups for name in lookup.features)
    frame = pd.DataFrame({name: pd.Series([row[name] for row in features], dtype=object) for name in columns})
    return feature_frame(frame, columns, tuple(categorical))


def differences(batch: pd.DataFrame, online: pd.DataFrame) -> list[tuple[str, int, Any, Any]]:
    """List the cells that differ in a bit, or in being null."""
    assert (list(batch), len(batch)) == (list(online), len(online))
    pairs = ((name, _bits(batch[name]), _bits(online[name])) for name in batch)
    return [
        (name, int(row), batch[name][row], online[name][row])
        for name, ours, theirs in pairs
        for row in np.flatnonzero(ours != theirs)
    ]


def _bits(values: pd.Series) -> Any:
    if values.dtype == np.float64:
        # There are many NaN, which all mean that nothing is known.
        return np.where(values.isna(), np.nan, values).astype(np.float64).view(np.int64)
    return values.astype(object).where(values.notna(), None).map(repr).to_numpy()


def _plain(spine: DataFrame) -> DataFrame:
    """Write what keys may be as an online store takes it."""
    plain = {}
    for field in spine.schema.fields:
        column = F.col(field.name)
        match field.dataType:
            case TimestampType():
                column = F.unix_micros(column)
            case DateType():
                column = F.unix_date(column)
            case DecimalType():
                column = column.cast("string")
        plain[field.name] = column
    return spine.select(*(column.alias(name) for name, column in plain.items()))


def _of_row(
    store: OnlineStore,
    states: Mapping[str, TableState],
    row: Mapping[str, Any],
    lookups: Sequence[Lookup],
    categorical: Sequence[str],
) -> dict[str, Any]:
    at, found = row[PREDICTION_TIME], {}
    answers = store.read([_ask(lookup, states[lookup.table], row) for lookup in lookups])
    for lookup, known in zip(lookups, answers, strict=True):
        table = states[lookup.table].table
        types = dict(zip(table.columns, table.types, strict=True))
        values = (None,) * len(lookup.columns) if known is None else known.values
        for feature, column, value in zip(lookup.features, lookup.columns, values, strict=True):
            found[feature] = None if value is None else _value(value, types[column], at)
    return found


def _ask(lookup: Lookup, state: TableState, row: Mapping[str, Any]) -> Ask:
    key = tuple(row[lookup.keys[name]] for name in state.table.keys)
    if not state.table.timestamped:
        return Ask(lookup.table, key, columns=lookup.columns)
    at = row[PREDICTION_TIME]
    if lookup.grid is not None:
        at = at // _micros(lookup.grid) * _micros(lookup.grid)
        return Ask(lookup.table, key, at, at, lookup.columns)
    assert lookup.max_age is not None
    return Ask(lookup.table, key, at, at - _micros(lookup.max_age), lookup.columns)


def _micros(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def _value(value: Any, kind: str, at: int) -> Any:
    """Read a value as pandas has it in a batch."""
    match kind.partition("(")[0]:
        case "timestamp":
            return (at // MICROSECONDS - value // MICROSECONDS) / 60.0
        case "date":
            return date(1970, 1, 1) + timedelta(days=value)
        case "decimal":
            return Decimal(value)
        case "float":
            return np.float32(value)
    return value


def hours(*numbers: float, since: datetime) -> list[datetime]:
    """List times by hours after one."""
    return [since + timedelta(hours=number) for number in numbers]
