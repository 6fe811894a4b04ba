"""Half-open windows of UTC time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile

from levelfive.errors import ConfigError


@dataclass(frozen=True, order=True)
class Window:
    """The times `t` with `start <= t < end`, both in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive times and empty windows."""
        for edge in (self.start, self.end):
            if not is_utc(edge):
                raise ConfigError(f"a window takes times in UTC, got {edge!r}")
        if self.start >= self.end:
            raise ConfigError(f"a window must end after its start, got {self}")

    def __str__(self) -> str:
        """Show the window as an interval in ISO 8601."""
        return f"[{iso(self.start)}, {iso(self.end)})"

    @classmethod
    def of_text(cls, text: str) -> Window:
        """Read a window as it shows itself.

        Raises:
            ConfigError: The text shows no window.
        """
        try:
            start, end = (datetime.fromisoformat(edge) for edge in text.removeprefix("[").removesuffix(")").split(", "))
        except ValueError as err:
            example = "[2013-05-01T00:00:00Z, 2013-05-02T00:00:00Z)"
            raise ConfigError(f"a window is written as {example}, got {text!r}") from err
        return cls(start, end)

    @property
    def length(self) -> timedelta:
        """How long the window is."""
        return self.end - self.start

    def split(self, length: timedelta) -> Iterator[Window]:
        """Cut the window into consecutive ones of `length`; the last may be shorter."""
        start = self.start
        while start < self.end:
            # Not `start + length`, which may lie beyond all times.
            end = self.end if self.end - start <= length else start + length
            yield Window(start, end)
            start = end


@dataclass(frozen=True)
class Clock:
    """A clock that shows `stands_for` at `begin`, and runs on from there; times before `begin` are as they are.

    So data of another time can be worked on by schedules of today, and its own times can be named as well.

    Raises:
        ConfigError: It is moved forward: a time that was moved would be moved again.
    """

    begin: datetime
    stands_for: datetime

    def __post_init__(self) -> None:
        """Refuse to be moved forward."""
        if self.stands_for >= self.begin:
            raise ConfigError(f"a clock is moved back, got {iso(self.begin)} that stands for {iso(self.stands_for)}")

    def at(self, moment: datetime) -> datetime:
        """Tell what the clock shows at a time."""
        return moment if moment < self.begin else self.stands_for + (moment - self.begin)


def is_utc(moment: datetime) -> bool:
    """Tell whether a time says that it is in UTC."""
    return moment.utcoffset() == timedelta(0)


def iso(moment: datetime) -> str:
    """Write a UTC time in ISO 8601 with a `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def sql_literal(moment: datetime) -> str:
    """Write a time as a literal of Spark's SQL, for sessions in UTC."""
    return f"timestamp'{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """Build a UTC time."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


# Dates further apart than this are not of one run of data: a year that was mistyped, or a placeholder.
LONGEST_GAP = timedelta(days=366)


def first_of(times: Iterable[datetime]) -> datetime | None:
    """Find the first of some times, but for those that lie more than a year before the next one: mistyped dates."""
    newest_first = sorted(times, reverse=True)
    together = takewhile(lambda pair: pair[0] - pair[1] <= LONGEST_GAP, pairwise(newest_first))
    return min((earlier for _, earlier in together), default=newest_first[0] if newest_first else None)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """Turn a UTC time into whole microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int | None) -> datetime | None:
    """Turn microseconds since 1970 into a UTC time: what Spark collects depends on the process's time zone."""
    return None if micros is None else EPOCH + timedelta(microseconds=micros)
