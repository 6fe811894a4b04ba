"""What a report is collected from: what it shows, and no more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from in_memory.release import Environment, Packages
from in_memory.retraining import DECIDED, WEEK, LiveModel

from levelfive.core.windows import Window
from levelfive.monitoring.drift_statistics import PSI, ColumnDrift
from levelfive.monitoring.records import DRIFT, write_drift
from levelfive.monitoring.verdict import Subject
from levelfive.reporting.collect import collect
from levelfive.storage.runs import Run

LATEST = Window(WEEK.end, WEEK.end + timedelta(hours=12))


@pytest.fixture
def live(production: Environment, packages: Packages) -> LiveModel:
    return LiveModel.released(production, packages)


def test_of_drift_the_latest_window_that_was_judged_is_read_and_no_other(live: LiveModel) -> None:
    run, name = Run(live.production.tables, "monitoring"), live.production.registry.name
    for window, psi in ((WEEK, 0.1), (LATEST, 0.2)):
        live.seen(live.version, window=window)
        write_drift(run, [(Subject(name, live.version, window), ColumnDrift("distance", {PSI: psi}, {}))])
    control_tables = live.production.tables.control_tables
    before = control_tables.rows_read.get(DRIFT, 0)

    report = collect(live.production.context, live.production.registry, as_of=DECIDED)

    assert [(line.window, line.column, line.statistics) for line in report.drift] == [(LATEST, "distance", {PSI: 0.2})]
    assert control_tables.rows_read[DRIFT] - before == 1


def test_without_a_verdict_no_drift_is_shown(live: LiveModel) -> None:
    assert collect(live.production.context, live.production.registry, as_of=DECIDED).drift == ()
