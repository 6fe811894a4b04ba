"""Windowed state on a fixed grid of time: what happened to each key over the last hours, at every tick.

A windowed state changes with no new event, so a row is written for every tick and key, also when nothing
happened. All sums are exact, of fractions too, and rounded once at their end: a state does not depend on where the
computation was started or how the time was cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DecimalType,
    DoubleType,
    IntegerType,
    IntegralType,
    LongType,
    NumericType,
    StructField,
    StructType,
    TimestampType,
)

from levelfive.core.windows import Window
from levelfive.errors import ConfigError
from levelfive.features.exact_sums import MICROS, Axis, Floats, Whole, running
from levelfive.features.grid_spec import GridSpec
from levelfive.usecase.columns import KNOWN_AT, own

if TYPE_CHECKING:
    import numpy.typing as npt
    from pyspark.sql import Column, DataFrame

_SECONDS_PER_MINUTE = 60
_DIGITS_OF_A_LONG = 18
_DIGITS_OF_A_DOUBLE = 15
_SINCE = own("since")
_ALWAYS = -(2**63)

_Column: TypeAlias = "npt.NDArray[np.int32] | Whole | Floats"
_Read: TypeAlias = Callable[[str], Any]
"""From a column's name to its values, shape (rows,): times in microseconds and fractions as floats with null as NaN,
whole numbers as integers."""


def grid_state(rows: DataFrame, keys: DataFrame, spec: GridSpec, window: Window) -> DataFrame:
    """Compute the state at each tick of a window for each key.

    Args:
        rows: The key columns and those that the spec reads: times, and numbers.
        keys: The key columns, each key once: all of them get a state, where there is a column `known_at` from the tick
            on at which that is reached. Without it, which keys have a state in a window must not depend on its end.
        spec: Keys, grid, spans and measures.
        window: Ticks `t` with `start <= t < end`.

    Returns:
        The keys, `known_at` (the tick) and the spec's columns. The state of a tick counts the events with
        `tick - span < at <= tick`, and the matters with `begin <= tick < end`.

    Raises:
        ConfigError: A flow sums what is no number, or decimals of more digits than a double holds.
    """
    types = rows.select(*(F.col(name).alias(name) for name in spec.reads)).schema
    numbers = rows.select(*spec.keys, *_numbers(types, spec))
    schema = StructType(
        [keys.schema[key] for key in spec.keys]
        + [StructField(KNOWN_AT, TimestampType())]
        + [StructField(name, _type_of(name, types, spec)) for name in spec.columns]
    )
    ticks = _ticks(spec, window)

    def state_of_key(key: tuple[pa.Scalar, ...], entities: pa.Table, its_rows: pa.Table) -> pa.Table:
        state = state_at(ticks, lambda name: its_rows.column(name).to_numpy(zero_copy_only=False), spec)
        # Rows of a key that is not listed make no state.
        first = np.searchsorted(ticks * MICROS, entities.column(_SINCE)[0].as_py()) if entities.num_rows else len(ticks)
        n = len(ticks) - int(first)
        columns = {name: pa.repeat(value, n) for name, value in zip(spec.keys, key, strict=True)}
        columns[KNOWN_AT] = pa.array(ticks[first:] * MICROS, pa.timestamp("us", tz="UTC"))
        return pa.table(columns | {name: pa.array(state[name][first:], from_pandas=True) for name in spec.columns})

    since = F.unix_micros(KNOWN_AT) if KNOWN_AT in keys.columns else F.lit(_ALWAYS)
    # Whole columns of a key at once: Spark's own windows over a dense grid took several times longer.
    starts = keys.select(*spec.keys, since.alias(_SINCE)).where(F.col(_SINCE).isNotNull())
    groups = starts.groupBy(*spec.keys).cogroup(numbers.groupBy(*spec.keys))
    return groups.applyInArrow(state_of_key, schema)


def state_at(ticks: Whole, read: _Read, spec: GridSpec) -> dict[str, _Column]:
    """Compute the state of one key.

    Args:
        ticks: Consecutive ticks in seconds since 1970, shape (ticks,).
        read: Gives the rows' columns.
        spec: Grid, spans and measures.

    Returns:
        The spec's columns by name, shape (ticks,): counts and levels int32, sums of whole numbers int64, all else
        float64.

    Raises:
        ConfigError: A sum is beyond its type, or a value is infinite.
    """
    step = int(spec.grid.total_seconds())
    before = spec.lookback // spec.grid
    axis = Axis(first=int(ticks[0]) // step - before if len(ticks) else 0, length=before + len(ticks), step=step)
    state: dict[str, _Column] = {}
    flows = {
        name: running(axis, name, read(flow.at), None if flow.value is None else read(flow.value))
        for name, flow in spec.flows.items()
    }
    for suffix, span in spec.spans.items():
        width = span // spec.grid
        sums = {name: flow.between(before - width, before, axis.length) for name, flow in flows.items()}
        for name in spec.counts:
            is_count = spec.flows[name].value is None
            state[f"{name}_{suffix}"] = _narrowed(sums[name], name) if is_count else sums[name]
        for name, ratio in spec.ratios.items():
            state[f"{name}_{suffix}"] = _quotient(sums[ratio.upper], sums[ratio.lower])
    for name, level in spec.levels.items():
        begin = read(level.begin)
        end = np.fmin(read(level.end), begin + level.longest.total_seconds() * MICROS)
        minute = np.floor(begin / MICROS / _SECONDS_PER_MINUTE)
        # A matter that ends before it begins never was; what began before the axis is over at its first tick.
        begin = np.where((end > begin) & (axis.places(begin) >= 0), begin, np.nan)
        end = np.where(np.isnan(begin), np.nan, end)
        minutes = np.nan_to_num(minute).astype(np.int64)
        count = (axis.running(begin) - axis.running(end))[before:].astype(np.int64)
        begin_minutes = (axis.running(begin, minutes) - axis.running(end, minutes))[before:].astype(np.int64)
        state[name] = _narrowed(count, name)
        state[f"{name}_minutes_mean"] = _quotient(count * (ticks // _SECONDS_PER_MINUTE) - begin_minutes, count)
    return state


def _narrowed(counts: Whole | Floats, name: str) -> npt.NDArray[np.int32]:
    if counts.size and counts.max() > np.iinfo(np.int32).max:
        raise ConfigError(f"{name!r} counts {counts.max():,} at once, an int holds fewer: take a shorter span")
    return np.asarray(counts.astype(np.int32))


def _numbers(schema: StructType, spec: GridSpec) -> list[Column]:
    """Take times and fractions as double, whole numbers as long: one that is missing adds nothing to a sum."""
    times = {flow.at for flow in spec.flows.values()} | {
        time for level in spec.levels.values() for time in (level.begin, level.end)
    }
    columns = []
    for name in spec.reads:
        if name in times:
            columns.append(F.unix_micros(name).cast("double").alias(name))
        elif isinstance(_sum_type(name, schema[name].dataType), LongType):
            columns.append(F.coalesce(F.col(name).cast("long"), F.lit(0).cast("long")).alias(name))
        else:
            columns.append(F.col(name).cast("double").alias(name))
    return columns


def _type_of(name: str, schema: StructType, spec: GridSpec) -> DataType:
    if name in spec.levels:
        return IntegerType()
    for flow in (spec.flows[flow] for flow in spec.counts if name in {f"{flow}_{suffix}" for suffix in spec.spans}):
        return IntegerType() if flow.value is None else _sum_type(flow.value, schema[flow.value].dataType)
    return DoubleType()


def _sum_type(name: str, kind: DataType) -> LongType | DoubleType:
    """Tell the type of a column's sums, which its own type decides: it is the same in every window."""
    whole = isinstance(kind, DecimalType) and kind.scale == 0 and kind.precision <= _DIGITS_OF_A_LONG
    if isinstance(kind, IntegralType | BooleanType) or whole:
        return LongType()
    if isinstance(kind, DecimalType) and kind.precision > _DIGITS_OF_A_DOUBLE:
        raise ConfigError(
            f"a flow sums column {name!r}, {kind.simpleString()}, of which a double cannot hold all digits: cast it to "
            f"double where that will do, or to a long of its smallest unit"
        )
    if not isinstance(kind, NumericType):
        raise ConfigError(f"a flow sums numbers, column {name!r} is {kind.simpleString()}: cast it")
    return DoubleType()


def _ticks(spec: GridSpec, window: Window) -> Whole:
    step = int(spec.grid.total_seconds())
    begin, end = (-(-edge.timestamp() // step) * step for edge in (window.start, window.end))
    return np.arange(int(begin), int(end), step, dtype=np.int64)


def _quotient(upper: npt.NDArray[Any], lower: npt.NDArray[Any]) -> Floats:
    result = np.full(upper.shape, np.nan)
    np.divide(upper, lower, out=result, where=lower != 0)
    return result
