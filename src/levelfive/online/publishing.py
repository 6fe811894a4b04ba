"""What has to be published of a feature table: nothing, the windows that are new or were computed anew, or all of it.

Of a table with times two limits follow from its lookups. A request that lies as long before the watermark as the
policy's history is answered as it would have been then, so that all rows of since then are kept. Of what became known
before, the newest row of each key is kept, where it is not older than a lookup allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from levelfive.config import EARLIEST
from levelfive.core.windows import EPOCH, Window
from levelfive.online.store import OnlineTable, TableState
from levelfive.usecase.features import Lookup
from levelfive.usecase.policies import ServingPolicy


@dataclass(frozen=True)
class PublishedTable:
    """A feature table as it is now.

    Args:
        table: What it is to be in the store.
        version: Its version.
        watermark: Where its windows end, as of the publication; None for a table without times.
        windows: With its version, each window that was written since the version that the store has.
    """

    table: OnlineTable
    version: int
    watermark: datetime | None = None
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True)
class TableSpan:
    """From when to when a table with times is in the store, see `TableState`."""

    oldest: datetime
    kept_from: datetime
    reaches_to: datetime

    def cut(self, window: Window) -> Window | None:
        """Cut a window to what is kept.

        Of before `kept_from` the store has but the newest row of each key. Where one of these is replaced, the one
        before it may have to come back, so that all of them are published again.
        """
        start = self.oldest if window.start < self.kept_from else window.start
        end = min(window.end, self.reaches_to)
        return Window(start, end) if start < end else None


@dataclass(frozen=True)
class PublicationPlan:
    """What is to be published of a table, see `Publication`; a table without times has no span."""

    state: TableState
    span: TableSpan | None = None
    windows: tuple[Window, ...] | None = None
    onto: int | None = None


def plan_publication(
    source: PublishedTable,
    there: TableState | None,
    lookups: Sequence[Lookup],
    policy: ServingPolicy,
    *,
    as_of: datetime,
) -> PublicationPlan | None:
    """Plan what is to be published of a table.

    Args:
        source: The table as it is now.
        there: What the store has of it.
        lookups: Those of the table.
        policy: How long the store keeps history.
        as_of: The logical time of the publication.

    Returns:
        None where the store has all of it already.
    """
    if source.watermark is None:
        state = TableState(source.table, source.version, as_of)
        return None if there is not None and replace(there, published_at=as_of) == state else PublicationPlan(state)
    if there is None or there.reaches_to is None or there.version > source.version:
        # The last is a table that was made anew.
        span = span_of(lookups, policy, source.watermark)
        return PublicationPlan(_state(source, span, as_of), span)
    # What is published as of an earlier time takes nothing back.
    at, reaches_to = max(as_of, there.published_at), max(source.watermark, there.reaches_to)
    span = span_of(lookups, policy, reaches_to)
    state = _state(source, span, at)
    if there.table != source.table or _reaches_back(span, there):
        return PublicationPlan(state, span)
    ahead = [Window(there.reaches_to, reaches_to)] if reaches_to > there.reaches_to else []
    windows = _merged(map(span.cut, [*source.windows, *ahead]))
    if not windows and replace(there, published_at=at) == state:
        return None
    return PublicationPlan(state, span, windows, there.version)


def _state(source: PublishedTable, span: TableSpan, at: datetime) -> TableState:
    return TableState(source.table, source.version, at, span.reaches_to, span.kept_from, span.oldest)


def _reaches_back(span: TableSpan, there: TableState) -> bool:
    """Tell whether rows are wanted that the store has let go: a lookup or the policy asks for more than before."""
    pairs = ((span.kept_from, there.kept_from), (span.oldest, there.oldest))
    return any(has is None or needs_from < has for needs_from, has in pairs)


def span_of(lookups: Sequence[Lookup], policy: ServingPolicy, reaches_to: datetime) -> TableSpan:
    """Tell from when to when rows are to be kept for lookups, each of which has a grid or an age limit.

    Args:
        lookups: Those of the table.
        policy: How long the store keeps history.
        reaches_to: Where the table ends.

    Returns:
        The span; on a grid it is kept from a tick on.
    """
    grids = [lookup.grid for lookup in lookups if lookup.grid is not None]
    since = before(reaches_to, policy.history)
    kept_from = min([since, *(last_tick(since, grid) for grid in grids)])
    ages = (lookup.max_age for lookup in lookups if lookup.grid is None and lookup.max_age is not None)
    oldest = min(
        [kept_from, *(last_tick(kept_from, grid) for grid in grids), *(before(kept_from, age) for age in ages)]
    )
    return TableSpan(oldest, kept_from, reaches_to)


def last_tick(moment: datetime, grid: timedelta) -> datetime:
    """Find the last tick of a grid at or before a time."""
    return EPOCH + (moment - EPOCH) // grid * grid


def before(moment: datetime, length: timedelta) -> datetime:
    """Find the time so long before another one, or the earliest that all engines hold."""
    return moment - length if length <= moment - EARLIEST else EARLIEST


def _merged(windows: Iterable[Window | None]) -> tuple[Window, ...]:
    """Put windows that overlap or touch together."""
    result: list[Window] = []
    for window in sorted(window for window in windows if window is not None):
        if result and window.start <= result[-1].end:
            result[-1] = Window(result[-1].start, max(result[-1].end, window.end))
        else:
            result.append(window)
    return tuple(result)
