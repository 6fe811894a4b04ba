"""How new the rows of each source are at the end of a window: the table `freshness`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from levelfive.core.windows import Window
from levelfive.data.landed import LANDING_FILES
from levelfive.monitoring.evidence import Newest
from levelfive.monitoring.records import replace_window
from levelfive.monitoring.verdict import Subject
from levelfive.storage.control_tables import Between
from levelfive.storage.records import record_of
from levelfive.storage.runs import JobContext, Run

FRESHNESS = "freshness"
SOURCE_IS_LATE = "source_is_late"

_HOUR = timedelta(hours=1)


@record_of(FRESHNESS)
@dataclass(frozen=True, kw_only=True)
class FreshnessRecord(Subject):
    """One row of `freshness`: how new the newest row of a source was at the end of a window, in hours."""

    source: str
    newest_at: datetime | None
    hours_behind: float | None
    limit_hours: float | None

    def told(self) -> Newest:
        """Tell it as it was measured."""
        behind, limit = (None if of is None else of * _HOUR for of in (self.hours_behind, self.limit_hours))
        return Newest(self.source, self.newest_at, behind, limit)


def newest_rows(context: JobContext, run: Run, window: Window, *, as_of: datetime) -> tuple[Newest, ...]:
    """Tell of each source with dates how new its rows are at the end of a window, by the files ingested up to `as_of`.

    A file that reaches beyond the window, from within it or before, is taken to hold rows up to its end: days without
    rows are found by another rule.
    """
    policy, sources = context.use_case.monitoring, [one for one in context.use_case.sources if one.event_time]
    limits = {}
    for source in sources:
        own = policy.rule(SOURCE_IS_LATE, source.name).limit
        limits[source.name] = source.freshness if own is None else own * _HOUR
    reach = max((limit for limit in limits.values() if limit is not None), default=timedelta(0))
    newest = _newest(run, window, as_of, {"max_event_time": (window.start - reach, None)})
    if limits.keys() - newest.keys():
        newest = _newest(run, window, as_of, {})
    return tuple(_of(name, newest.get(name), window, limit) for name, limit in sorted(limits.items()))


def write_freshness(run: Run, subject: Subject, rows: Iterable[Newest]) -> None:
    """Put what is known of the sources in the place of what was said of the same window."""
    records = [
        FreshnessRecord(
            **vars(subject),
            source=one.source,
            newest_at=one.at,
            hours_behind=None if one.behind is None else one.behind / _HOUR,
            limit_hours=None if one.limit is None else one.limit / _HOUR,
        )
        for one in rows
    ]
    replace_window(run, FRESHNESS, subject, records)


def _newest(run: Run, window: Window, as_of: datetime, between: Between) -> dict[str, datetime]:
    columns = ("source", "min_event_time", "max_event_time", "loaded_at")
    newest: dict[str, datetime] = {}
    for row in run.rows(LANDING_FILES, columns=columns, between=between):
        begin, end = row["min_event_time"], row["max_event_time"]
        if end is not None and row["loaded_at"] <= as_of and begin < window.end:
            until = min(end, row["loaded_at"], window.end)
            newest[row["source"]] = max(newest.get(row["source"], until), until)
    return newest


def _of(source: str, at: datetime | None, window: Window, limit: timedelta | None) -> Newest:
    return Newest(source, at, None if at is None else window.end - at, limit)
