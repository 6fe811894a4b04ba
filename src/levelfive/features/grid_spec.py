"""What a use case declares of a windowed state on a fixed grid of time: its flows, ratios and open intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from levelfive.errors import ConfigError


@dataclass(frozen=True)
class Flow:
    """A measure of events that happen once; it is summed over each span.

    Args:
        at: The column with the time at which the event became known; null where it has not happened.
        value: A column of numbers to sum up, or None to count the events. Sums of whole numbers are long, all others
            double; counts are int.
    """

    at: str
    value: str | None = None


@dataclass(frozen=True)
class Ratio:
    """The quotient of two flows, over each span; null where the lower one is 0."""

    upper: str
    lower: str


@dataclass(frozen=True)
class OpenIntervals:
    """Matters that begin and end: how many are open at a tick, and for how many minutes on average.

    The columns are named as the level, and with `_minutes_mean` after it.

    Args:
        begin: The column with the time at which a matter begins; null where it never does.
        end: The column with the time at which it ends; null where that is not known.
        longest: It ends after this long at the latest.
    """

    begin: str
    end: str
    longest: timedelta


@dataclass(frozen=True)
class GridSpec:
    """How rows with times become a state.

    Args:
        keys: Columns that identify an entity.
        grid: Time between two ticks.
        spans: Suffix and length of each window.
        flows: The measures, by name.
        counts: The flows that are columns themselves, `<flow>_<suffix>`.
        ratios: Quotients of flows by name, the columns `<ratio>_<suffix>`.
        levels: The levels by name.
    """

    keys: tuple[str, ...]
    grid: timedelta
    spans: Mapping[str, timedelta]
    flows: Mapping[str, Flow]
    counts: tuple[str, ...]
    ratios: Mapping[str, Ratio]
    levels: Mapping[str, OpenIntervals]

    def __post_init__(self) -> None:
        """Check that spans are whole numbers of ticks, and that counts and ratios are of flows."""
        for suffix, span in self.spans.items():
            if span % self.grid:
                raise ConfigError(f"span {suffix!r} of {span} must be a multiple of the grid of {self.grid}")
        used_flows = {*self.counts, *(flow for ratio in self.ratios.values() for flow in (ratio.upper, ratio.lower))}
        if unknown := used_flows - set(self.flows):
            raise ConfigError(f"counts and ratios must be of flows, there is no flow {', '.join(sorted(unknown))}")

    @property
    def lookback(self) -> timedelta:
        """How far back a state reaches."""
        return max(*self.spans.values(), *(level.longest for level in self.levels.values()), self.grid)

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the rows that the state is made of, beside the keys."""
        flows = [name for flow in self.flows.values() for name in (flow.at, flow.value) if name]
        levels = [name for level in self.levels.values() for name in (level.begin, level.end)]
        return tuple(dict.fromkeys(flows + levels))

    @property
    def summed_columns(self) -> tuple[str, ...]:
        """The columns that are no quotients: counts, sums and levels."""
        return (*(f"{name}_{suffix}" for suffix in self.spans for name in self.counts), *self.levels)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the state, beside the keys and `known_at`."""
        ratios = (f"{name}_{suffix}" for suffix in self.spans for name in self.ratios)
        return (*self.summed_columns, *ratios, *(f"{name}_minutes_mean" for name in self.levels))
