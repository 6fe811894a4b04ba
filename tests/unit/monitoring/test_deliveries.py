"""What landed in a window, of which sources, and which of its days hold much quarantine."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from in_memory.release import LATER, Environment, a_context, a_use_case
from in_memory.tables import MemoryTables

from levelfive import AlertRule
from levelfive.core.windows import Window
from levelfive.data.landed import LANDING_FILES, LandedFile
from levelfive.data.missing import Hole, acknowledge, count_days
from levelfive.monitoring.deliveries import delivered
from levelfive.monitoring.evidence import Delivered
from levelfive.storage.runs import Run
from levelfive.usecase.policies import MonitoringPolicy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = Window(LATER - DAY, LATER)
SEVENTEENTH = date(2013, 2, 17)


def landed(tables: MemoryTables, source: str, begin: datetime | None, loaded_at: datetime, quarantined: int) -> None:
    """Let a file of a hundred rows have been read, with an hour of rows."""
    counts = {"rows_in": 100, "accepted": 100 - quarantined, "quarantined": quarantined, "duplicates": 0}
    times = {"min_event_time": begin, "max_event_time": begin and begin + HOUR, "loaded_at": loaded_at}
    name = f"{source} at {loaded_at}"
    file = LandedFile(source=source, source_file=name, sha256=name, **counts, **times)
    tables.control_tables.add(LANDING_FILES, [file])


@pytest.mark.parametrize(
    ("source", "quarantined"), [("planes", 40), ("flights", 100)], ids=["no dates", "no accepted row"]
)
def test_a_file_that_knows_no_times_stands_where_it_came_and_leaves_no_day_out(
    production: Environment, source: str, quarantined: int
) -> None:
    for loaded_at in (TODAY.start, TODAY.start + HOUR, TODAY.end + HOUR):
        landed(production.tables, source, None, loaded_at, quarantined)

    found = delivered(production.context, Run(production.tables, "a-run"), TODAY, as_of=LATER)

    assert found == (Delivered(source, 100, 100 - quarantined, quarantined, 0),)


@pytest.mark.parametrize(("limit", "days"), [(None, (SEVENTEENTH,)), (0.05, ())])
def test_days_hold_much_quarantine_by_the_limit_that_the_use_case_sets_for_the_source(
    limit: float | None, days: tuple[date, ...]
) -> None:
    tables, rules = MemoryTables(), (AlertRule("much_is_quarantined", of="flights", limit=limit),)
    landed(tables, "flights", TODAY.start + HOUR, TODAY.start + 3 * HOUR, 4)
    context = a_context(tables, a_use_case(monitoring=MonitoringPolicy(alerts=rules)))

    assert delivered(context, Run(tables, "a-run"), TODAY, as_of=LATER) == (Delivered("flights", 100, 96, 4, 0, days),)


def test_days_without_rows_that_a_window_looks_back_to_are_said_until_they_are_filled_or_acknowledged(
    production: Environment,
) -> None:
    tables, context, hole = production.tables, production.context, Hole("flights", date(2013, 2, 14), date(2013, 2, 16))
    days = {hole.first - place * DAY: 900 for place in range(1, 40)} | {SEVENTEENTH: 900}
    count_days(Run(tables, "earlier"), {"flights": {"a-file": days}}, LATER)

    def missing_days() -> dict[str, tuple[date, ...]]:
        run = Run(tables, "a-run")
        return {one.source: one.missing_days for one in delivered(context, run, TODAY, as_of=LATER)}

    first = missing_days()
    acknowledge(context, replace(hole, last=hole.first), by="ada", reason="a storm", as_of=LATER)
    second = missing_days()
    count_days(Run(tables, "late"), {"flights": {"late": {hole.first + DAY: 900, hole.last: 900}}}, LATER)

    assert first == {"flights": (hole.first, hole.first + DAY, hole.last)}
    assert second == {"flights": (hole.first + DAY, hole.last)}
    assert missing_days() == {}
