"""How far behind the store was in a window of the past."""

from datetime import datetime, timedelta

from in_memory.tables import MemoryTables

from levelfive.core.windows import Window, iso, utc
from levelfive.online.publications import REACHES_TO, STAGE, behind, publications
from levelfive.online.staleness import Behind, Published, furthest_behind, reach
from levelfive.online.store import OnlineTable, TableState
from levelfive.storage.runs import RUNS, Run, RunRecord

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
T = utc(2013, 5, 10, 6)
WINDOW = Window(T, T + 7 * DAY)


def a_state(reaches_to: datetime | None) -> TableState:
    table = OnlineTable("delays", ("carrier",), ("string",), ("delay",), ("double",), timestamped=bool(reaches_to))
    return TableState(table, 1, T, reaches_to)


def daily(days: range, late: timedelta = timedelta(0)) -> list[Published]:
    return [Published(T + day * DAY, T + day * DAY - late) for day in days]


def test_the_store_reaches_as_far_as_the_table_that_is_furthest_behind() -> None:
    states = {"a": a_state(T - HOUR), "b": a_state(T + HOUR), "c": a_state(None)}

    assert (reach(states), reach({"c": a_state(None)}), reach({})) == (T - HOUR, None, None)


def test_a_store_is_furthest_behind_just_before_a_publication() -> None:
    assert furthest_behind(daily(range(8)), WINDOW) == Behind(T + DAY, T)


def test_a_publication_that_stopped_is_seen_at_the_end_of_the_window() -> None:
    found = furthest_behind(daily(range(3)), WINDOW)

    assert found == Behind(T + 7 * DAY, T + 2 * DAY)
    assert found.by == 5 * DAY


def test_features_that_were_not_computed_are_seen_although_publications_go_on() -> None:
    stopped = [*daily(range(3)), *(Published(T + day * DAY, T + 2 * DAY) for day in range(3, 7))]

    assert furthest_behind(stopped, WINDOW) == Behind(T + 7 * DAY, T + 2 * DAY)


def test_an_earlier_publication_that_is_repeated_takes_nothing_back() -> None:
    again = [*daily(range(8)), Published(T + 6 * DAY, T + DAY)]

    assert furthest_behind(again, WINDOW) == Behind(T + DAY, T)


def test_what_was_published_before_the_window_counts_in_it() -> None:
    assert furthest_behind(daily(range(-1, 0)), WINDOW) == Behind(T + 7 * DAY, T - DAY)


def test_before_the_first_publication_nothing_is_behind() -> None:
    assert furthest_behind([], WINDOW) is None
    assert furthest_behind(daily(range(7, 8)), WINDOW) is None


def a_run(as_of: datetime, *, stage: str = STAGE, status: str = "succeeded", end: datetime | None = None) -> RunRecord:
    parameters = {} if end is None else {REACHES_TO: iso(end)}
    cells = {"counts": {}, "seconds": {}, "versions_read": {}, "versions_written": {}, "model_version": None}
    times = {"started_at": as_of, "ended_at": as_of, "error": None}
    return RunRecord(f"{stage}-{as_of}-{status}", stage, "flights", as_of, status, parameters, **cells, **times)


def noted(*records: RunRecord) -> Run:
    tables = MemoryTables()
    tables.control_tables.add(RUNS, list(records))
    return Run(tables, "test")


def test_publications_are_the_runs_that_succeeded() -> None:
    run = noted(
        a_run(T, end=T - HOUR),
        a_run(T + HOUR, status="failed", end=T),
        a_run(T + HOUR, stage="features", end=T),
        a_run(T + HOUR),
        a_run(T + 9 * DAY, end=T + 9 * DAY),
    )

    assert publications(run, WINDOW) == [Published(T, T - HOUR)]


def test_the_last_publication_before_a_window_is_found_however_long_ago() -> None:
    run = noted(a_run(T - 100 * DAY, end=T - 100 * DAY), a_run(T + DAY, end=T + DAY))

    assert publications(run, WINDOW) == [Published(T - 100 * DAY, T - 100 * DAY), Published(T + DAY, T + DAY)]


def test_a_store_is_behind_by_what_was_published_last() -> None:
    run = noted(a_run(T - DAY, end=T - DAY), a_run(T, end=T - HOUR), a_run(T + HOUR, end=T + HOUR))

    assert behind(run, T) == Behind(T, T - HOUR)
    assert behind(run, T - 2 * DAY) is None
    assert behind(Run(MemoryTables(), "test"), T) is None
