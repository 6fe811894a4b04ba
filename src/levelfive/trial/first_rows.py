"""The first rows of a use case's sources, and the time that they span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.days import DAY
from levelfive.core.windows import EPOCH, Window, first_of
from levelfive.data.known import as_known
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Of the first rows' dates, this share at both ends may be wild.
WILD = 0.01
# After this share of the time that they span, more becomes known: not half, or what happens each noon falls on it.
CUT = 0.47


@dataclass
class FirstRows:
    """The first rows of each source that could be read; all are to be there before their times are asked for."""

    use_case: UseCase
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
