"""Windowed state on a fixed grid of time: what happened to each key over the last hours, at every tick.

A windowed state changes with no new event, so a row is written for every tick and key, also when nothing
happened. All measures are whole numbers: sums are exact, so a state does not depend on where the computation
was started or how the time was cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StructField, StructType

from levelfive.errors import ConfigError
from levelfive.usecase import KNOWN_AT
from levelfive.windows import Window

if TYPE_CHECKING:
    import numpy.typing as npt
    from pyspark.sql import DataFrame

TICK = "tick"
MICROS = 1_000_000
AT = "at"
SINCE = "since"


@dataclass(frozen=True)
class GridSpec:
    """How events become a state.

    Args:
        keys: Columns that identify an entity.
        grid: Time between two ticks.
        spans: Suffix and length of each window; a column `<measure>_<suffix>` is its sum over it.
        flows: Measures of events that happen once: summed over the spans.
        levels: Measures that go up and down again (a flight becomes due, then departs): their value now,
            over whatever began within the longest span. The column has the measure's name.
    """

    keys: tuple[str, ...]
    grid: timedelta
    spans: Mapping[str, timedelta]
    flows: tuple[str, ...]
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the spans are whole numbers of ticks."""
        for suffix, span in self.spans.items():
            if span % self.grid:
                raise ConfigError(f"span {suffix!r} of {span} must be a multiple of the grid of {self.grid}")

    @property
    def lookback(self) -> timedelta:
        """The longest span."""
        return max(self.spans.values())

    def ticks(self, suffix: str) -> int:
        """Length of a span in ticks."""
        return self.spans[suffix] // self.grid


def grid_state(events: DataFrame, keys: DataFrame, spec: GridSpec, window: Window) -> DataFrame:
    """Compute the state at each tick of a window for each key.

    Args:
        events: The key columns, `at` (when the event became known), `since` (for levels, when the matter
            began; for flows the same as `at`) and a whole number for each measure, or null for none.
        keys: One row a key: all of them get rows.
        spec: Keys, grid, spans and measures.
        window: Ticks `t` with `start <= t < end`.

    Returns:
        The keys, `known_at` (the tick), a column for each flow and span, and one for each level. The state of a
        tick counts the events with `tick - span < at <= tick`.
    """
    step = int(spec.grid.total_seconds())
    first = _ceil((window.start - spec.lookback).timestamp(), step)
    begin, end = _ceil(window.start.timestamp(), step), _ceil(window.end.timestamp(), step)
    earliest = F.lit(window.start - spec.lookback)
    recent = events.where((F.col(SINCE) > earliest) & (F.col(AT) > earliest) & (F.col(AT) < F.lit(window.end)))
    measures = spec.flows + spec.levels
    numbers = recent.select(
        *spec.keys,
        F.unix_micros(AT).alias(AT),
        *(F.coalesce(F.col(name), F.lit(0)).cast("long").alias(name) for name in measures),
    )
    columns = [f"{name}_{suffix}" for name in spec.flows for suffix in spec.spans] + list(spec.levels)
    schema = StructType(
        [keys.schema[key] for key in spec.keys] + [StructField(c, LongType()) for c in [TICK, *columns]]
    )

    def state_of_key(key: pd.DataFrame, its_events: pd.DataFrame) -> pd.DataFrame:
        totals = _running_totals(its_events, measures, first, end, step)
        state = _state(totals, spec, (begin - first) // step)
        frame = pd.DataFrame(state, columns=columns)
        frame.insert(0, TICK, np.arange(begin, end, step))
        for place, name in enumerate(spec.keys):
            frame.insert(place, name, key[name].iloc[0])
        return frame

    # Whole columns of a key at once: Spark's own windows over a dense grid took several times longer.
    grouped = keys.select(*spec.keys).groupBy(*spec.keys).cogroup(numbers.groupBy(*spec.keys))
    state = grouped.applyInPandas(state_of_key, schema)
    return state.select(*spec.keys, F.timestamp_seconds(TICK).alias(KNOWN_AT), *columns)


def _running_totals(
    events: pd.DataFrame, measures: tuple[str, ...], first: int, end: int, step: int
) -> npt.NDArray[np.int64]:
    """Sum each measure up to each tick from `first` to before `end`: shape (ticks, measures)."""
    ticks = -(-events[AT].to_numpy(np.int64) // (step * MICROS)) - first // step
    totals = np.zeros(((end - first) // step, len(measures)), dtype=np.int64)
    inside = ticks < len(totals)
    np.add.at(totals, ticks[inside], events[list(measures)].to_numpy(np.int64)[inside])
    return totals.cumsum(axis=0)


def _state(totals: npt.NDArray[np.int64], spec: GridSpec, begin: int) -> npt.NDArray[np.int64]:
    """Take the windowed sums and the levels from the running totals, from tick number `begin` on."""
    flows = len(spec.flows)
    parts = []
    for number in range(flows):
        running = totals[:, number]
        parts += [
            running[begin:] - running[begin - spec.ticks(suffix) : len(running) - spec.ticks(suffix)]
            for suffix in spec.spans
        ]
    parts += [totals[begin:, number] for number in range(flows, totals.shape[1])]
    return np.column_stack(parts)


def _ceil(seconds: float, step: int) -> int:
    return int(-(-seconds // step)) * step
