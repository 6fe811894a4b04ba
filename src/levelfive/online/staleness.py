"""When an online store was furthest behind in a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from levelfive.core.windows import Window
from levelfive.online.store import TableState


def reach(states: Mapping[str, TableState]) -> datetime | None:
    """Tell where the table ends that is furthest behind; None where no table has times."""
    return min((state.reaches_to for state in states.values() if state.reaches_to is not None), default=None)


@dataclass(frozen=True)
class Published:
    """A publication: its logical time, and where the table that was furthest behind ended after it."""

    as_of: datetime
    reaches_to: datetime


@dataclass(frozen=True)
class Behind:
    """How far a store was behind: at a time, with what was known up to another one."""

    at: datetime
    reaches_to: datetime

    @property
    def by(self) -> timedelta:
        """For how long nothing had become known to the store."""
        return max(self.at - self.reaches_to, timedelta(0))


def furthest_behind(publications: Sequence[Published], window: Window) -> Behind | None:
    """Find when a store was furthest behind in a window: just before a publication, or at the window's end.

    Args:
        publications: Those of before the window's end, in any order.
        window: Times at which requests may come.

    Returns:
        None where nothing was published before the window's end.
    """
    within = (one.as_of for one in publications if window.start < one.as_of < window.end)
    moments = []
    for at in sorted({*within, window.end}):
        ends = [one.reaches_to for one in publications if one.as_of < at]
        if ends:
            # What was published is never taken back.
            moments.append(Behind(at, max(ends)))
    return max(moments, key=lambda moment: moment.by, default=None)
