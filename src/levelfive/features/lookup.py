"""Point-in-time lookups: for each row of a spine, the newest feature row known at its prediction time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import TimestampType
from pyspark.sql.window import Window as Over

from levelfive.core.windows import Window
from levelfive.errors import ConfigError
from levelfive.usecase.columns import KNOWN_AT, PREDICTION_TIME, own
from levelfive.usecase.features import Lookup

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_SECONDS_PER_MINUTE = 60.0
_TICK, _TIME, _ORDER, _VALUE, _SPINE, _AT = map(own, ("tick", "time", "order", "value", "spine", "at"))


def assemble(
    spine: DataFrame, lookups: Sequence[Lookup], read: Callable[[str], DataFrame], window: Window
) -> DataFrame:
    """Add the lookups' features to a spine.

    Args:
        spine: Keys of the lookups and `prediction_time`, which lies in the window.
        lookups: What to add.
        read: From a logical table name to the table.
        window: The spine's prediction times; feature rows far outside it are not read.

    Returns:
        The spine's rows and columns, and a column for each feature; null where nothing was known.

    Raises:
        ConfigError: A table lacks a column, or a lookup lacks its age limit.
    """
    # Narrow rows first: the newest row is found by sorting, which the wide states would weigh down.
    for lookup in sorted(lookups, key=lambda lookup: lookup.max_age is None):
        table = read(lookup.table)
        check_lookup(lookup, table)
        if lookup.grid is not None:
            spine = _join_tick(spine, table, lookup, lookup.grid, window=window)
        elif KNOWN_AT in table.columns:
            assert lookup.max_age is not None
            spine = _join_latest(spine, table, lookup, lookup.max_age, window=window)
        else:
            spine = _join(spine, table, lookup)
        minutes = minutes_of(lookup, table)
        spine = spine.withColumns(minutes) if minutes else spine
    return spine


def check_lookup(lookup: Lookup, table: DataFrame) -> None:
    """Check that a table can serve a lookup.

    Raises:
        ConfigError: The table lacks a column, or has times and the lookup no age limit.
    """
    absent = {*lookup.keys, *lookup.columns} - set(table.columns)
    if absent:
        raise ConfigError(f"feature table {lookup.table!r} has no column {', '.join(sorted(absent))}")
    if KNOWN_AT in table.columns and lookup.grid is None and lookup.max_age is None:
        raise ConfigError(f"the lookup of {lookup.table!r} needs a max_age: the table has times")


def tick(grid: timedelta) -> Column:
    """Round the prediction time down to a grid, in seconds since 1970."""
    step = int(grid.total_seconds())
    return F.floor(F.unix_seconds(PREDICTION_TIME) / step) * step


def minutes_of(lookup: Lookup, table: DataFrame) -> dict[str, Column]:
    """Turn the features of a lookup that are times into minutes before the prediction time, by name."""
    pairs = zip(lookup.columns, lookup.features, strict=True)
    times = [feature for name, feature in pairs if isinstance(table.schema[name].dataType, TimestampType)]
    return {
        name: (F.unix_seconds(PREDICTION_TIME) - F.unix_seconds(name)) / F.lit(_SECONDS_PER_MINUTE) for name in times
    }


def _join_tick(spine: DataFrame, table: DataFrame, lookup: Lookup, grid: timedelta, *, window: Window) -> DataFrame:
    near = (F.col(KNOWN_AT) > F.lit(window.start - grid)) & (F.col(KNOWN_AT) < F.lit(window.end))
    right = table.where(near).select(
        *(F.col(theirs).alias(ours) for theirs, ours in lookup.keys.items()),
        F.unix_seconds(KNOWN_AT).alias(_TICK),
        *_features(table, lookup),
    )
    keys = [*lookup.keys.values(), _TICK]
    return spine.withColumn(_TICK, tick(grid)).join(right, on=keys, how="left").drop(_TICK)


def _join(spine: DataFrame, table: DataFrame, lookup: Lookup) -> DataFrame:
    right = table.select(
        *(F.col(theirs).alias(ours) for theirs, ours in lookup.keys.items()), *_features(table, lookup)
    )
    return spine.join(right, on=list(lookup.keys.values()), how="left")


def _join_latest(
    spine: DataFrame, table: DataFrame, lookup: Lookup, max_age: timedelta, *, window: Window
) -> DataFrame:
    """Union both sides in the order of time and carry the newest feature row forward to the spine's rows.

    A join by a range condition would compare each row with all earlier ones of its key.
    """
    ours, theirs = list(lookup.keys.values()), list(lookup.keys)
    near = (F.col(KNOWN_AT) >= F.lit(window.start - max_age)) & (F.col(KNOWN_AT) < F.lit(window.end))
    value = F.struct(F.col(KNOWN_AT).alias(_AT), *(F.col(name) for name in lookup.columns))
    right = table.where(near).select(
        *(F.col(key).alias(own(f"key{i}")) for i, key in enumerate(theirs)),
        F.col(KNOWN_AT).alias(_TIME),
        F.lit(0).alias(_ORDER),
        value.alias(_VALUE),
    )
    left = spine.select(
        *(F.col(key).alias(own(f"key{i}")) for i, key in enumerate(ours)),
        F.col(PREDICTION_TIME).alias(_TIME),
        F.lit(1).alias(_ORDER),
        F.struct(*spine.columns).alias(_SPINE),
    )
    both = left.unionByName(right, allowMissingColumns=True)
    keys = [own(f"key{i}") for i in range(len(theirs))]
    # At the same time the feature row comes first: known at the prediction time is known.
    so_far = Over.partitionBy(*keys).orderBy(_TIME, _ORDER).rowsBetween(Over.unboundedPreceding, Over.currentRow)
    latest = both.withColumn(_VALUE, F.last(_VALUE, ignorenulls=True).over(so_far)).where(F.col(_ORDER) == 1)
    fresh = F.col(f"{_VALUE}.{_AT}") >= F.col(_TIME) - F.lit(max_age)
    pairs = zip(lookup.columns, lookup.features, strict=True)
    columns = (F.when(fresh, F.col(f"{_VALUE}.{name}")).alias(feature) for name, feature in pairs)
    return latest.select(f"{_SPINE}.*", *columns)


def _features(table: DataFrame, lookup: Lookup) -> list[Column]:
    return [F.col(name).alias(feature) for name, feature in zip(lookup.columns, lookup.features, strict=True)]
