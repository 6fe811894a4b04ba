"""How far tables reach is told by rows, at the cost of the day, and whatever Delta has forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from in_memory.tables import MemoryTables

from levelfive.core.windows import Window, iso, utc
from levelfive.features.watermarks import FEATURE_WINDOWS, common_watermark, note_window, watermark
from levelfive.storage.commits import Commit, Write
from levelfive.storage.tables import WATERMARK

BEGIN = utc(2013, 1, 1)
DAY = timedelta(days=1)


def days_of(tables: MemoryTables, table: str, *, until: int, since: int = 0) -> MemoryTables:
    """Note a window for each day of a table, of whose commits nothing is remembered."""
    for day in range(since, until):
        note_window(tables, Write(table, day), Window(BEGIN + day * DAY, BEGIN + (day + 1) * DAY))
    return tables


def forgotten(*tables: str) -> MemoryTables:
    return MemoryTables(commits={table: (Commit(999, {}),) for table in tables})


@pytest.mark.parametrize(
    ("before", "end"),
    [(BEGIN + 401 * DAY, 400), (BEGIN + 400 * DAY, 399), (BEGIN + 60 * DAY, 59), (utc(2020, 1, 1), 400)],
    ids=["next", "again", "long ago", "years later"],
)
def test_a_table_tells_where_its_windows_ended_before_any_time(before: datetime, end: int) -> None:
    assert watermark(days_of(forgotten("state"), "state", until=400), "state", before=before) == BEGIN + end * DAY


def test_before_its_first_window_and_where_it_is_not_there_a_table_tells_nothing() -> None:
    tables = days_of(forgotten("state"), "state", until=3)

    assert watermark(tables, "state", before=BEGIN + DAY) is None
    assert watermark(tables, "nothing", before=BEGIN + DAY) is None
    assert common_watermark(tables, ["nothing"], until=BEGIN) is None


def test_windows_that_only_commits_noted_are_found_there() -> None:
    commits = tuple(Commit(day, {WATERMARK: iso(BEGIN + day * DAY)}) for day in range(5))
    tables = MemoryTables(commits={"state": commits})

    assert watermark(tables, "state", before=BEGIN + 4 * DAY) == BEGIN + 3 * DAY
    assert common_watermark(tables, ["state"], until=BEGIN + 9 * DAY) == BEGIN + 4 * DAY


def test_of_several_tables_the_one_that_is_furthest_behind_counts() -> None:
    tables = days_of(days_of(forgotten("state", "rotation"), "state", until=100), "rotation", until=9)

    for until in (5, 9, 50, 200):
        assert common_watermark(tables, ["state", "rotation"], until=BEGIN + until * DAY) == BEGIN + 9 * DAY


def test_a_day_costs_the_same_after_a_month_and_after_years() -> None:
    read = []
    for days in (60, 1000):
        tables = days_of(forgotten("state"), "state", until=days)
        watermark(tables, "state", before=BEGIN + (days + 1) * DAY)
        common_watermark(tables, ["state"], until=BEGIN + days * DAY)
        read.append(tables.control_tables.rows_read[FEATURE_WINDOWS])

    assert read[0] == read[1] <= 42
