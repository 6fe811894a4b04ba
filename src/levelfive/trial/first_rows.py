"""The first rows of a use case's sources, and the time that they span."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from pyspark.sql import functions as F

from levelfive.core.days import DAY
from levelfive.core.windows import EPOCH, Window, first_of
from levelfive.data.known import as_known
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Compute: TypeAlias = "Callable[[Mapping[str, DataFrame], Window], DataFrame]"

# So many rows of a feature table, `spine` or `labels` are computed, about: of a shorter time where there would be more.
MOST_ROWS = 300_000
# Of the first rows' dates, this share at both ends may be wild.
WILD = 0.01
# After this share of the time that they span, more becomes known: not half, or what happens each noon falls on it.
CUT = 0.47


@dataclass
class FirstRows:
    """The first rows of each source that could be read; all are to be there before their times are asked for.

    Args:
        use_case: Whose sources they are of.
        limit: So many rows of a source there are at most.
        raw: By source, its rows.
    """

    use_case: UseCase
    limit: int
    raw: dict[str, DataFrame] = field(default_factory=dict)

    def absent(self, sources: Sequence[str]) -> list[str]:
        """List those among some sources that have no rows here."""
        return [name for name in dict.fromkeys(sources) if name not in self.raw]

    @cached_property
    def period(self) -> tuple[datetime, datetime] | None:
        """The time that the first rows span, of a source that rows to be predicted are made of."""
        for name in (*self.use_case.spine_sources, *self.use_case.label_sources, *self.raw):
            event_time = self.use_case.source(name).event_time
            if event_time is None or name not in self.raw:
                continue
            micros = (
                self.raw[name].select(F.unix_micros(event_time).alias("at")).where("at IS NOT NULL").toPandas()["at"]
            )
            if len(micros):
                sorted_times = [EPOCH + timedelta(microseconds=int(at)) for at in micros.sort_values()]
                wild = int(len(sorted_times) * WILD)
                first = first_of(sorted_times[wild : len(sorted_times) - wild])
                assert first is not None
                return first, sorted_times[-1 - wild]
        return None

    def window(self, beyond: timedelta = timedelta(0)) -> Window:
        """Tell the window around all of them, and some time more at both ends."""
        assert self.period is not None
        first, last = self.period
        return Window(first - DAY - beyond, last + DAY + beyond)

    @property
    def cut(self) -> datetime:
        """A time near the middle of the first rows' dates, at which nothing is likely to have happened."""
        assert self.period is not None
        first, last = self.period
        return first + timedelta(seconds=int((last - first).total_seconds() * CUT))

    def known(self, names: Sequence[str], at: datetime) -> dict[str, DataFrame]:
        """Take what was known of some sources at a time."""
        return {name: as_known(self.raw[name], self.use_case.source(name), at) for name in names}

    def affordable(self, compute: Compute, raw: Mapping[str, DataFrame], *, step: timedelta) -> Window:
        """Shorten the window to one around the cut, where more than about `MOST_ROWS` would be computed in it.

        Args:
            compute: Computes them.
            raw: What of.
            step: How long a time is computed to see how many there are.
        """
        window, cut = self.window(), self.cut
        if self.limit * len(raw) * (window.length / step) <= MOST_ROWS:  # not even with a row for each key and step
            return window
        rows_of_step = compute(raw, Window(cut, cut + step)).count()
        half = step * max(MOST_ROWS // max(rows_of_step, 1) // 2, 1)
        return Window(max(window.start, cut - half), min(window.end, cut + half))

    def shortened(self, window: Window) -> str:
        """Say how much of the time a window is, where it is not all of it."""
        whole = self.window()
        return "" if window == whole else f"of {window.length / DAY:,.1f} of {whole.length / DAY:,.1f} days, {window}"
