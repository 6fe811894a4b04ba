"""Monitoring keeps what it said of each window, also of windows that lie in one another."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from first_champion import Stage, on_shop

from levelfive.app import App
from levelfive.core.windows import Window, utc
from levelfive.monitoring import job as monitoring
from levelfive.monitoring.performance_records import PERFORMANCE
from levelfive.monitoring.records import DRIFT, PROFILES, QUALITY
from levelfive.monitoring.verdict import VERDICTS

WHOLE = Window(utc(2013, 2, 15, 6), utc(2013, 2, 18, 6))
LATE = Window(utc(2013, 2, 17, 6), WHOLE.end)
EARLY = Window(WHOLE.start, utc(2013, 2, 16, 6))
TABLES = (PROFILES, DRIFT, PERFORMANCE, QUALITY, VERDICTS)

Said = dict[str, dict[Window, list[str]]]


@pytest.fixture
def app(loop, tmp_path: Path) -> App:
    return loop.copy(tmp_path / "home", Stage.SCORED)


def monitor(app: App, window: Window) -> Said:
    """Monitor a window; what is there then, by table and window."""
    monitoring.run(app.context, app.registry, window=window, as_of=WHOLE.end)
    said: Said = {table: {} for table in TABLES}
    for table, windows in said.items():
        for row in app.tables.control_tables.rows(table):
            told = windows.setdefault(Window(row["window_start"], row["window_end"]), [])
            told.append(json.dumps(row, default=str, sort_keys=True))
            told.sort()
    return said


def days_of(app: App, window: Window) -> int:
    """Count the use case's days that have a part in a window."""
    return len({(hour.start - app.use_case.day_starts_at).date() for hour in window.split(timedelta(hours=1))})


@on_shop
def test_a_window_within_another_leaves_the_rows_of_both(app: App) -> None:
    """Two windows are monitored."""
    whole = monitor(app, WHOLE)

    both = monitor(app, LATE)

    for table in TABLES:
        assert {WHOLE, LATE} == set(both[table]), table
        assert whole[table][WHOLE] == both[table][WHOLE], table
    days = [len({json.loads(row)["day"] for row in both[PROFILES][window]}) for window in (WHOLE, LATE)]
    assert [days_of(app, WHOLE) + 1, days_of(app, LATE) + 1] == days


@on_shop
def test_a_window_around_others_leaves_their_rows_and_replaces_its_own(app: App) -> None:
    """Four windows are monitored."""
    for window in (EARLY, LATE):
        parts = monitor(app, window)

    once = monitor(app, WHOLE)
    twice = monitor(app, WHOLE)

    assert once == twice
    for table in TABLES:
        assert parts[table] == {window: rows for window, rows in twice[table].items() if window != WHOLE}, table
        assert WHOLE in twice[table], table
