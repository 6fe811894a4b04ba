"""Days on which rows of a source are missing: the counts they are found by, and which of them a person acknowledged.

`source_days` has the accepted rows of each file by day, so that nothing but this small table must be read to know a
source's past. What is missing is found anew each time: late files fill a hole by being counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from levelfive.core.days import DAY, day_of, start_of
from levelfive.core.windows import Window
from levelfive.data.rhythm import JUDGED_DAYS, YEAR_DAYS, DaySpan, rhythm
from levelfive.errors import ConfigError
from levelfive.storage.annotations import (
    ACKNOWLEDGED,
    ANNOTATIONS,
    Annotation,
    annotate,
    list_annotations,
    source_subject,
)
from levelfive.storage.control_tables import RECENT
from levelfive.storage.records import record_of
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.use_case import UseCase

SOURCE_DAYS = "source_days"
KNOWN_BY = (SOURCE_DAYS, ANNOTATIONS)

FileDays = Mapping[str, Mapping[date, int]]
"""By file, its accepted rows by day."""


@record_of(SOURCE_DAYS)
@dataclass(frozen=True)
class SourceDay:
    """One row of `source_days`: the accepted rows of a day that a file brought."""

    source: str
    source_file: str
    day: date
    accepted: int
    loaded_at: datetime


@dataclass(frozen=True, order=True)
class Hole:
    """Days, both included, on which rows of a source are missing."""

    source: str
    first: date
    last: date

    def __str__(self) -> str:
        """Show it as `flights 2013-05-01 to 2013-05-31`."""
        return f"{self.source} {self.first}" + ("" if self.first == self.last else f" to {self.last}")

    @property
    def days(self) -> int:
        """How many days it is."""
        return DaySpan(self.first, self.last).length


@dataclass(frozen=True)
class Missing:
    """What is known of the sources' days: the holes, and the days with rows of sources that have too few to tell."""

    holes: tuple[Hole, ...]
    too_few: Mapping[str, int]


def count_days(run: Run, days: Mapping[str, FileDays], as_of: datetime) -> None:
    """Add the accepted rows of files by day, by source; those of files that are counted already stay."""
    records = [
        SourceDay(source, file, day, rows, as_of)
        for source, files in days.items()
        for file, counts in files.items()
        for day, rows in sorted(counts.items())
    ]
    if records:
        run.wrote(run.tables.control_tables.add(SOURCE_DAYS, records, ("source", "source_file", "day")))


def sources_with_days(run: Run, sources: Collection[str], *, as_of: datetime) -> frozenset[str]:
    """List those among some sources whose days are counted; only without any of late, the whole past is asked."""
    counted_sources: set[str] = set()
    for since in (as_of.date() - RECENT, None):
        rest = set(sources) - counted_sources
        if rest:
            rows = run.rows(SOURCE_DAYS, columns=("source",), where={"source": rest}, between={"day": (since, None)})
            counted_sources |= {row["source"] for row in rows}
    return frozenset(counted_sources)


def missing(run: Run, use_case: UseCase, *, as_of: datetime, sources: Iterable[str] | None = None) -> Missing:
    """Find the days on which rows are missing that nobody acknowledged.

    Args:
        run: Notes the versions of the tables that are read.
        use_case: Its days, and its dated sources.
        as_of: Days after it are not looked at.
        sources: Only these; by default all.
    """
    return _missing(run, use_case, day_of(as_of, use_case.day_starts_at), sources, as_of=as_of)


def _missing(run: Run, use_case: UseCase, until: date, sources: Iterable[str] | None, *, as_of: datetime) -> Missing:
    names = {source.name for source in use_case.sources if source.event_time is not None}
    names &= names if sources is None else set(sources)
    rows_by_day: dict[str, Counter[date]] = {name: Counter() for name in sorted(names)}
    columns, oldest = ("source", "day", "accepted"), until - (JUDGED_DAYS + YEAR_DAYS) * DAY
    for row in run.rows(SOURCE_DAYS, columns=columns, where={"source": names}, between={"day": (oldest, None)}):
        rows_by_day[row["source"]][row["day"]] += row["accepted"]
    rhythms = {name: rhythm(rows, until=until) for name, rows in rows_by_day.items() if rows}
    holes = tuple(Hole(name, span.first, span.last) for name, one in rhythms.items() for span in one.holes)
    if holes:
        known_holes = _acknowledged(run, use_case, {hole.source for hole in holes}, as_of)
        holes = tuple(part for hole in holes for part in _without(hole, known_holes))
    return Missing(holes, {name: one.known_days for name, one in rhythms.items() if not one.can_tell})


def within(holes: Iterable[Hole], window: Window, use_case: UseCase) -> tuple[Hole, ...]:
    """Choose the holes that states and predictions of a window look back to."""
    looked_at = Window(window.start - use_case.lookback, window.end)
    first, last = (day_of(edge, use_case.day_starts_at) for edge in _first_and_last(looked_at))
    return tuple(hole for hole in holes if hole.first <= last and hole.last >= first)


def looked_back_to(
    run: Run, use_case: UseCase, window: Window, *, as_of: datetime, sources: Iterable[str]
) -> tuple[Hole, ...]:
    """Find the holes of some sources that states and predictions of a window look back to, and note them in the run."""
    return note_holes(run, within(missing(run, use_case, as_of=as_of, sources=sources).holes, window, use_case))


def note_holes(run: Run, holes: Iterable[Hole]) -> tuple[Hole, ...]:
    """Keep holes in a run's record, if there are any, and hand them on."""
    all_holes = tuple(holes)
    if all_holes:
        run.counts["missing_days"] = sum(hole.days for hole in all_holes)
        run.notes["missing"] = "; ".join(map(str, all_holes))
    return all_holes


def acknowledge(context: JobContext, hole: Hole, *, by: str, reason: str, as_of: datetime) -> tuple[Hole, ...]:
    """Write down that days without rows are known of, so that they are said no longer.

    Args:
        context: Tables and use case.
        hole: Which days.
        by: Who says so.
        reason: Why.
        as_of: The logical now of the record.

    Returns:
        The holes that are left of the source.

    Raises:
        ConfigError: There is no such source, it has no dates, the days end before they begin, or a name or reason is
            missing.
    """
    use_case, parameters = context.use_case, {"acknowledged": hole, "by": by, "reason": reason}
    with context.run("acknowledgement", as_of=as_of, parameters=parameters) as run:
        check_hole(use_case, hole)
        first, after = (start_of(day, use_case.day_starts_at) for day in (hole.first, hole.last + DAY))
        annotate(
            run, Annotation(ACKNOWLEDGED, source_subject(hole.source), Window(first, after), by, reason, said_at=as_of)
        )
        # A person may look back for long: the holes around these days are told, not those around the logical now.
        until = min(day_of(as_of, use_case.day_starts_at), hole.last + YEAR_DAYS * DAY)
        return note_holes(run, _missing(run, use_case, until, [hole.source], as_of=as_of).holes)


def check_hole(use_case: UseCase, hole: Hole) -> None:
    """Refuse days that cannot be missing.

    Raises:
        ConfigError: There is no such source, it has no dates, or the days end before they begin.
    """
    if use_case.source(hole.source).event_time is None:
        raise ConfigError(f"source {hole.source!r} has no dates, so that none of its days can be missing")
    if hole.last < hole.first:
        raise ConfigError(f"days end after they begin, got {hole.first} to {hole.last}; both are included")


def _acknowledged(run: Run, use_case: UseCase, sources: Iterable[str], as_of: datetime) -> list[Hole]:
    names = {source_subject(name): name for name in sources}
    annotations = list_annotations(run, ACKNOWLEDGED, list(names), as_of=as_of)
    return [
        Hole(names[one.subject], *(day_of(edge, use_case.day_starts_at) for edge in _first_and_last(one.window)))
        for one in annotations
    ]


def _first_and_last(window: Window) -> tuple[datetime, datetime]:
    return window.start, window.end - timedelta.resolution


def _without(hole: Hole, holes: Iterable[Hole]) -> Iterable[Hole]:
    """Cut out of a hole the days that somebody acknowledged."""
    parts = [hole]
    for one in holes:
        if one.source == hole.source:
            parts = [part for of in parts for part in _cut(of, one)]
    return parts


def _cut(hole: Hole, by: Hole) -> list[Hole]:
    parts = []
    if hole.first < by.first:
        parts.append(Hole(hole.source, hole.first, min(hole.last, by.first - DAY)))
    if hole.last > by.last:
        parts.append(Hole(hole.source, max(hole.first, by.last + DAY), hole.last))
    return parts
