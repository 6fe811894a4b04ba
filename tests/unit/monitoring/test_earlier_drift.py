"""Which earlier windows an alarm of drift looks at: the last ones of about its length, none of which overlap."""

from datetime import timedelta

from in_memory.release import Environment

from levelfive.core.windows import Window, utc
from levelfive.monitoring.drift_alarms import EarlierWindow
from levelfive.monitoring.drift_statistics import PSI, ColumnDrift
from levelfive.monitoring.earlier_drift import earlier_drift, windows_before
from levelfive.monitoring.records import write_drift
from levelfive.monitoring.verdict import Subject
from levelfive.storage.runs import Run

DAY = timedelta(days=1)
NOW = Window(utc(2013, 6, 3), utc(2013, 6, 10))


def back(days: int, length: int = 7) -> Window:
    """Make a window whose end lies so many days before that of now."""
    end = NOW.end - days * DAY
    return Window(end - length * DAY, end)


def row(window: Window) -> dict[str, object]:
    return {
        "window_start": window.start,
        "window_end": window.end,
        "column_name": "temp",
        "unusual": False,
        "alarm_since": None,
    }


def starts(*windows: Window) -> list[object]:
    return [one.start for one in windows_before([row(window) for window in windows], NOW)]


def test_the_last_two_windows_are_listed_the_newest_last() -> None:
    assert starts(back(14), back(7), back(21)) == [back(14).start, back(7).start]


def test_windows_that_overlap_count_once() -> None:
    assert starts(*(back(days) for days in range(1, 20))) == [back(14).start, back(7).start]


def test_days_and_quarters_are_no_windows_before_a_week() -> None:
    assert starts(back(7, 1), back(7, 90), back(7, 14)) == [back(7, 14).start]


def test_what_was_said_is_read_by_version_and_of_this_model_alone(production: Environment) -> None:
    run, since = Run(production.tables, "earlier"), back(14).start
    moved = ColumnDrift("temp", {PSI: 2.0}, {PSI: 1.0}, alarm_since=since)
    calm = ColumnDrift("wind", {PSI: 0.5}, {PSI: 1.0})
    for model, version in (("m", "1"), ("m", "2"), ("another", "3")):
        subject = Subject(model, version, back(7 * int(version)))
        write_drift(run, [(subject, moved), (subject, calm)])

    found = earlier_drift(Run(production.tables, "now"), "m", NOW)

    assert found == {
        "1": (EarlierWindow(back(7).start, frozenset({"temp"}), {"temp": since}),),
        "2": (EarlierWindow(back(14).start, frozenset({"temp"}), {"temp": since}),),
    }
