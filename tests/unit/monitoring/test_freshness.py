"""How new the rows of sources are at a window's end: by what was known then, and with the limit that counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from in_memory.release import LATER, Environment, a_context, a_use_case
from in_memory.tables import MemoryTables

from levelfive import AlertRule
from levelfive.core.windows import Window
from levelfive.data.landed import LANDING_FILES, LandedFile
from levelfive.monitoring.evidence import Delivery, Evidence, Newest
from levelfive.monitoring.faults import Faults
from levelfive.monitoring.freshness import FRESHNESS, SOURCE_IS_LATE, newest_rows, write_freshness
from levelfive.monitoring.raised import Raised, raised
from levelfive.monitoring.verdict import Subject
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.policies import MonitoringPolicy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = Window(LATER - DAY, LATER)


def landed(tables: MemoryTables, source: str, begin: datetime, end: datetime, loaded_at: datetime) -> None:
    """Let a file with rows from one time to another have been ingested."""
    counts = {"rows_in": 100, "accepted": 100, "quarantined": 0, "duplicates": 0}
    name = f"{source} {begin} {loaded_at}"
    times = {"min_event_time": begin, "max_event_time": end, "loaded_at": loaded_at}
    file = LandedFile(source=source, source_file=name, sha256=name, **counts, **times)
    tables.control_tables.add(LANDING_FILES, [file])


def a_place(limit: timedelta | None = 3 * DAY, *rules: AlertRule) -> JobContext:
    """Tables, and a use case whose first source has a limit."""
    use_case = a_use_case(monitoring=MonitoringPolicy(alerts=rules))
    first = next(source for source in use_case.sources if source.event_time is not None)
    changed = [replace(one, freshness=limit) if one is first else one for one in use_case.sources]
    return a_context(MemoryTables(), replace(use_case, sources=tuple(changed)))


def dated_source(context: JobContext) -> str:
    return next(source.name for source in context.use_case.sources if source.event_time is not None)


def found(context: JobContext, *, as_of: datetime = LATER) -> Newest:
    name = dated_source(context)
    (one,) = (
        one for one in newest_rows(context, Run(context.tables, "a-run"), TODAY, as_of=as_of) if one.source == name
    )
    return one


def alerts(*newest: Newest) -> tuple[Raised, ...]:
    delivery = Delivery((), 900.0, 900.0, newest=newest)
    return raised(Evidence((), delivery, None, None, Faults(), MonitoringPolicy()))


@pytest.mark.parametrize(
    ("ends", "behind"),
    [
        (TODAY.end - 2 * DAY, 2 * DAY),
        (TODAY.end - 30 * DAY, 30 * DAY),
        (TODAY.end + 5 * DAY, timedelta(0)),
    ],
    ids=["two days ago", "long before what is asked first", "beyond the window"],
)
def test_a_source_is_as_new_as_its_newest_row_up_to_the_windows_end(ends: datetime, behind: timedelta) -> None:
    context = a_place()
    landed(context.tables, dated_source(context), ends - 40 * DAY, ends, max(ends, TODAY.start))

    one = found(context, as_of=TODAY.end + 10 * DAY)

    assert (one.behind, one.at, one.is_late) == (behind, TODAY.end - behind, behind > 3 * DAY)


def test_what_came_later_is_not_known_yet_and_rows_after_the_window_say_nothing() -> None:
    context = a_place()
    name = dated_source(context)
    landed(context.tables, name, TODAY.end - 6 * DAY, TODAY.end - 5 * DAY, TODAY.end - 5 * DAY)
    landed(context.tables, name, TODAY.end - 3 * DAY, TODAY.end, TODAY.end + DAY)
    landed(context.tables, name, TODAY.end + HOUR, TODAY.end + DAY, TODAY.end + DAY)

    assert found(context).behind == 5 * DAY
    assert found(context, as_of=TODAY.end + DAY).behind == timedelta(0)


def test_a_wild_date_after_its_file_was_ingested_makes_no_source_new() -> None:
    context = a_place()
    landed(context.tables, dated_source(context), TODAY.end - 9 * DAY, TODAY.end + 99 * DAY, TODAY.end - 8 * DAY)

    assert found(context).behind == 8 * DAY


def test_of_a_source_of_which_nothing_ever_came_nothing_is_said() -> None:
    one = found(a_place())

    assert (one.at, one.behind, one.is_late) == (None, None, False)
    assert alerts(one) == ()


def test_a_rule_sets_the_limit_of_a_source_in_hours() -> None:
    name = dated_source(a_place())
    context = a_place(None, AlertRule(SOURCE_IS_LATE, of=name, limit=36.0))
    landed(context.tables, name, TODAY.start - DAY, TODAY.start - 13 * HOUR, TODAY.start)

    one = found(context)

    assert (one.limit, one.behind, one.is_late) == (36 * HOUR, 37 * HOUR, True)
    (late,) = alerts(one)
    assert (late.alert_id, late.finding.value) == (f"{SOURCE_IS_LATE}:{name}", 37.0)
    assert late.text == f"{name}: no row since 2013-02-16T17:00:00Z, and rows may be 1 day, 12:00:00 old"


def test_a_source_that_is_new_enough_raises_nothing() -> None:
    assert alerts(Newest("flights", TODAY.end - DAY, DAY, DAY), Newest("weather", None, None, None)) == ()


def test_what_is_written_of_a_window_is_there_once(production: Environment) -> None:
    run, subject = Run(production.tables, "now"), Subject("m", "2", TODAY)
    rows = [Newest("flights", TODAY.end - DAY, DAY, 3 * DAY), Newest("weather", None, None, None)]

    for _ in range(2):
        write_freshness(run, subject, rows)

    there = production.tables.control_tables.rows(FRESHNESS)
    told = [(row["source"], row["newest_at"], row["hours_behind"], row["limit_hours"]) for row in there]
    assert told == [("flights", TODAY.end - DAY, 24.0, 72.0), ("weather", None, None, None)]
