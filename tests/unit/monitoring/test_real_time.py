"""Answers to single requests stand beside batches: what is said of these stays as it was."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from in_memory.release import HOUR, LATER, Environment

from levelfive.core.windows import Window
from levelfive.data.landed import LANDING_FILES, LandedFile
from levelfive.monitoring import deliveries, performance_records, real_time, records
from levelfive.monitoring.drift_statistics import ColumnDrift
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.performance_records import PERFORMANCE
from levelfive.monitoring.records import DRIFT
from levelfive.monitoring.verdict import Subject
from levelfive.storage.predictions import Role
from levelfive.storage.runs import Run
from levelfive.usecase.columns import REQUEST_LOG

DAY = timedelta(days=1)
TODAY = Window(LATER - DAY, LATER)
YESTERDAY = Window(TODAY.start - DAY, TODAY.start)


def landed(production: Environment, begin: datetime, loaded_at: datetime, *, quarantined: int = 0) -> None:
    """Let a file of the request log have been read, with an hour of answers."""
    counts = {"rows_in": 100, "accepted": 100 - quarantined, "quarantined": quarantined, "duplicates": 0}
    times = {"min_event_time": begin, "max_event_time": begin + HOUR, "loaded_at": loaded_at}
    file = LandedFile(source=REQUEST_LOG, source_file=str(begin), sha256=str(begin), **counts, **times)
    production.tables.control_tables.add(LANDING_FILES, [file])


def measured(window: Window, scored: int = 100) -> Performance:
    return Performance(window, ("2",), scored, 0, 0, True, {}, None, None, None)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[Window], Role]]:
    """Keep which windows are measured, in place of a join in Spark."""
    kept: list[tuple[list[Window], Role]] = []

    def performance(*_: Any, role: Role, **__: Any) -> tuple[Performance, ...]:
        kept.append((list(_[2]), role))
        return tuple(measured(window) for window in _[2])

    monkeypatch.setattr(real_time, "performance", performance)
    return kept


def look(production: Environment) -> real_time.RealTime:
    windows = [YESTERDAY, TODAY]
    return real_time.real_time(
        production.context, Run(production.tables, "a-run"), production.registry, windows, as_of=LATER
    )


def test_without_a_request_log_nothing_is_read(production: Environment, asked: list[Any]) -> None:
    assert (look(production), asked) == (real_time.RealTime(), [])


def test_only_windows_with_answers_are_measured(production: Environment, asked: list[Any]) -> None:
    landed(production, YESTERDAY.start, LATER)

    found = look(production)

    assert asked == [([YESTERDAY], Role.SERVED)]
    assert (found.performance, found.versions) == ((measured(YESTERDAY),), ())


def test_rows_of_the_log_count_in_the_window_in_which_they_were_read(production: Environment, asked: list[Any]) -> None:
    landed(production, YESTERDAY.start, TODAY.start, quarantined=7)
    landed(production, YESTERDAY.start + HOUR, TODAY.end, quarantined=3)

    assert look(production).log_counts == (100, 3)


def test_the_request_log_is_no_delivery_that_may_break(production: Environment) -> None:
    landed(production, TODAY.start, TODAY.end - HOUR, quarantined=90)

    assert deliveries.delivered(production.context, Run(production.tables, "a-run"), TODAY, as_of=LATER) == ()


def test_drift_of_answers_is_read_apart_from_that_of_batches(production: Environment) -> None:
    run, subject = Run(production.tables, "a-run"), Subject("m", "2", TODAY)
    batch, served = (ColumnDrift("wind", {"psi": value}, {}) for value in (0.1, 0.9))

    records.write_drift(run, [(subject, batch)], served_drifts=[(subject, served)])

    of_roles = [
        records.of_model(run, DRIFT, "m", LATER, columns=("window_end", "statistics"), role=role)
        for role in (Role.CHAMPION, Role.SERVED)
    ]
    assert [[dict(row["statistics"]) for row in rows] for rows in of_roles] == [[{"psi": 0.1}], [{"psi": 0.9}]]


def test_performance_of_answers_is_a_model_of_its_own(production: Environment) -> None:
    run, task = Run(production.tables, "a-run"), production.context.use_case.model.task

    performance_records.write_performance(
        run, "m", [measured(TODAY)], task=task, as_of=LATER, served_performances=[measured(TODAY, 7)]
    )

    rows = production.tables.control_tables.rows(PERFORMANCE)
    assert sorted((row["model"], row["scored"]) for row in rows) == [("live", 100), ("served", 7)]
