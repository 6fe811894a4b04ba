"""Windowed state on a fixed grid of time: what happened to each key over the last hours, at every tick.

A windowed state changes with no new event, so a row is written for every tick and key, also when nothing
happened. All measures are whole numbers: sums are exact, so a state does not depend on where the computation
was started or how the time was cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from levelfive.errors import ConfigError
from levelfive.usecase import KNOWN_AT
from levelfive.windows import Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

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
    ticked = _by_tick(events, spec, window, step)
    first = (window.start - spec.lookback).timestamp()
    ticks = F.sequence(F.lit(_ceil(first, step)), F.lit(_ceil(window.end.timestamp(), step) - step), F.lit(step))
    every = keys.select(*spec.keys, F.explode(ticks).alias("tick"))
    over = Over.partitionBy(*spec.keys).orderBy("tick")
    running = over.rowsBetween(Over.unboundedPreceding, Over.currentRow)
    measures = spec.flows + spec.levels
    totals = every.join(ticked, on=[*spec.keys, "tick"], how="left").select(
        *spec.keys, "tick", *(F.coalesce(F.sum(name).over(running), F.lit(0)).alias(name) for name in measures)
    )
    state = totals.select(
        *spec.keys,
        F.timestamp_seconds("tick").alias(KNOWN_AT),
        *(
            (F.col(name) - F.coalesce(F.lag(name, spec.ticks(suffix)).over(over), F.lit(0))).alias(f"{name}_{suffix}")
            for name in spec.flows
            for suffix in spec.spans
        ),
        *spec.levels,
    )
    return state.where(F.col(KNOWN_AT) >= F.lit(window.start))


def _by_tick(events: DataFrame, spec: GridSpec, window: Window, step: int) -> DataFrame:
    measures: Sequence[str] = spec.flows + spec.levels
    earliest = F.lit(window.start - spec.lookback)
    recent = events.where((F.col(SINCE) > earliest) & (F.col(AT) > earliest) & (F.col(AT) < F.lit(window.end)))
    tick = F.ceil(F.unix_micros(AT) / (step * 1_000_000)) * step
    return recent.groupBy(*spec.keys, tick.alias("tick")).agg(*(F.sum(name).alias(name) for name in measures))


def _ceil(seconds: float, step: int) -> int:
    return int(-(-seconds // step)) * step
