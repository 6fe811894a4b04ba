"""What a report is collected from: what it shows, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from in_memory.release import Environment, Packages, flights
from in_memory.retraining import DECIDED, WEEK, LiveModel

from levelfive import BINARY
from levelfive.core.windows import Window, iso
from levelfive.models.package import Model
from levelfive.monitoring import alerting
from levelfive.monitoring.acknowledged import acknowledge
from levelfive.monitoring.alerting import update_alerts
from levelfive.monitoring.drift_statistics import PSI, ColumnDrift
from levelfive.monitoring.evidence import Finding
from levelfive.monitoring.muted import mute
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.performance_records import write_performance
from levelfive.monitoring.raised import Raised
from levelfive.monitoring.records import DRIFT, PROFILES, ProfileRecord, write_drift
from levelfive.monitoring.slice_drift import SliceDrift, write_slice_drift
from levelfive.monitoring.usual_drift import usual_drift
from levelfive.monitoring.verdict import Subject
from levelfive.reporting.collect import collect
from levelfive.reporting.label_rates import usual_label_mean
from levelfive.reporting.models import holdout_table
from levelfive.reporting.words import Health, headline
from levelfive.statistics.baseline import Baseline, profile_baseline
from levelfive.statistics.calibration import ReliabilityGroup
from levelfive.storage.runs import Run
from levelfive.training.dataset import DAY_NUMBER
from levelfive.usecase.alert_rules import Severity
from levelfive.usecase.columns import LABEL

LATEST = Window(WEEK.end, WEEK.end + timedelta(hours=12))


@pytest.fixture
def live(production: Environment, packages: Packages) -> LiveModel:
    return LiveModel.released(production, packages)


def test_of_drift_the_latest_window_that_was_judged_is_read_and_no_other(live: LiveModel) -> None:
    run, name = Run(live.production.tables, "monitoring"), live.production.registry.name
    for window, psi in ((WEEK, 0.1), (LATEST, 0.2)):
        live.seen(live.version, window=window)
        write_drift(run, [(Subject(name, live.version, window), ColumnDrift("distance", {PSI: psi}, {}))])

    report = collect(live.production.context, live.production.registry, as_of=DECIDED)

    assert [(line.window, line.column, line.statistics) for line in report.drift] == [(LATEST, "distance", {PSI: 0.2})]


def test_the_live_model_tells_of_its_training_and_who_decided(live: LiveModel) -> None:
    registry = live.production.registry
    card = registry.load(live.version).card

    report = collect(live.production.context, registry, as_of=DECIDED)

    assert [(one.version, one.importances) for one in report.champions] == [(live.version, card.importances)]
    assert report.live_model is not None
    facts = dict(report.live_model.lineage)
    assert facts["hash of the training set"] == card.training_set_sha256
    assert facts["tracking run"] == card.run_id
    assert facts["gate"]
    assert (report.live_model.limits, report.live_model.holdout) == (card.limits, holdout_table(card))


def test_without_a_verdict_no_drift_is_shown(live: LiveModel) -> None:
    assert collect(live.production.context, live.production.registry, as_of=DECIDED).drift == ()


def test_of_a_column_whose_alarm_is_open_the_window_is_read_beside_the_training(live: LiveModel) -> None:
    run, registry = Run(live.production.tables, "monitoring"), live.production.registry
    subject = Subject(registry.name, live.version, WEEK)
    histogram = registry.load(live.version).baseline.numeric["distance"].histogram
    live.seen(live.version, window=WEEK)
    alarmed = ColumnDrift("distance", {PSI: 0.4}, {}, importance=1.0, alarm_since=WEEK.start)
    write_drift(run, [(subject, alarmed), (subject, ColumnDrift("(score)", {PSI: 0.1}, {}))])
    now = tuple(range(len(histogram.counts)))
    whole = ProfileRecord(
        **vars(subject), day=None, column_name="distance", count=sum(now), num_nulls=0, distinct_count=9, counts=now,
        sums=(0.0,) * len(now), most_frequent=3, far_outside=0, broken=None,
    )  # fmt: skip
    of_a_day = replace(whole, day=WEEK.start.date(), counts=(7,) * len(now))
    run.tables.control_tables.replace(PROFILES, [whole, of_a_day], ("model_name", "window_start", "window_end"))

    about = {"column_name": "distance", "slice_key": "origin", "count": 9, "p_value": 0.01}
    write_slice_drift(
        run,
        subject,
        [
            SliceDrift(
                **vars(subject), **about, slice_value=origin, population_stability_index=psi, unusual=origin != "LGA"
            )
            for origin, psi in (("EWR", 0.2), ("JFK", 0.9), ("LGA", 0.5))
        ],
    )

    (moved,) = collect(live.production.context, registry, as_of=DECIDED).drifted_columns

    assert moved.slices == ("origin = JFK", "origin = EWR")
    assert (moved.column, moved.since, moved.now) == ("distance", WEEK.start, now)
    assert moved.before == histogram.counts
    assert len(moved.bins) == len(now)
    assert (moved.bins[0], moved.bins[-1]) == ("below 0", "above 39")


def test_how_often_scores_came_true_is_that_of_the_latest_window_with_mature_labels(live: LiveModel) -> None:
    run, registry = Run(live.production.tables, "monitoring"), live.production.registry
    old = (ReliabilityGroup(0.2, 0.1, 0.0, 0.2, 90),)
    groups = (ReliabilityGroup(0.1, 0.08, 0.05, 0.11, 900), ReliabilityGroup(0.6, 0.7, 0.62, 0.78, 880))
    earlier = Window(WEEK.start - timedelta(days=7), WEEK.start)
    told = [
        Performance(window, (live.version,), 9, 9, 9, young, {}, None, None, None, reliability=shown)
        for window, young, shown in ((earlier, False, old), (WEEK, False, groups), (LATEST, True, old))
    ]
    write_performance(run, registry.name, told, task=BINARY, as_of=DECIDED)

    reliability = collect(live.production.context, registry, as_of=DECIDED).reliability

    assert reliability is not None
    assert (reliability.window, reliability.groups, reliability.training) == (WEEK, groups, None)


def trained_on_sixty_days(live: LiveModel, monkeypatch: pytest.MonkeyPatch) -> Baseline:
    """Let the live model rest on sixty days of distances, and of carriers of which one in fifty is the only one."""
    registry = live.production.registry
    model = registry.load(live.version)
    rows = flights(Window(DECIDED - timedelta(days=60), DECIDED))
    rows["carrier"] = [f"rare {place}" if place % 50 == 0 else "AA" for place in range(len(rows))]
    features = rows[["distance", "carrier"]]
    baseline = profile_baseline(
        features,
        ("carrier",),
        label=rows[LABEL].to_numpy(),
        score=model.score(features),
        days=rows[DAY_NUMBER].to_numpy(),
        score_columns=model.card.task.score_columns,
    )
    changed = Model(model.estimator, replace(model.card, baseline=baseline.to_json()))
    monkeypatch.setattr(registry, "load_if_there", lambda version: changed)
    return baseline


def test_labels_stand_beside_those_that_the_live_version_was_trained_on(
    live: LiveModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = trained_on_sixty_days(live, monkeypatch)
    run, name = Run(live.production.tables, "monitoring"), live.production.registry.name
    one = Performance(WEEK, ("99", live.version), 9, 9, 9, False, {}, None, None, None, label_drift={PSI: 0.03})
    write_performance(run, name, [one], task=BINARY, as_of=DECIDED)

    (point,) = collect(live.production.context, live.production.registry, as_of=DECIDED).points

    assert point.label_drift == {PSI: 0.03}
    assert point.usual_label_mean == usual_label_mean(baseline, 7)
    assert point.usual_label_mean is not None


def a_column_of_a_window(
    live: LiveModel, window: Window, psi: float, *, version: str = "", days: int = 7, **drift: Any
) -> None:
    """Let monitoring have profiled a column of a window and of some of its days, and compared it with the training."""
    run = Run(live.production.tables, "monitoring")
    subject = Subject(live.production.registry.name, version or live.version, window)
    write_drift(run, [(subject, ColumnDrift("distance", {PSI: psi}, {}, **drift))])
    whole = ProfileRecord(
        **vars(subject), day=None, column_name="distance", count=60, num_nulls=20, distinct_count=9,
        counts=(20, 20, 20), sums=(0.0, 60.0, 120.0), most_frequent=3, far_outside=0, broken=None,
    )  # fmt: skip
    by_day = [replace(whole, day=window.start.date() + timedelta(days=place)) for place in range(days)]
    run.tables.control_tables.add(PROFILES, [whole, *by_day])


@pytest.mark.parametrize("days", [4, 7])
def test_a_cell_of_the_heat_map_has_the_number_of_the_table(
    live: LiveModel, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """In units of what windows of as many days do without a change."""
    baseline = trained_on_sixty_days(live, monkeypatch)
    a_column_of_a_window(live, WEEK, 0.17, days=days)

    (cell,) = collect(live.production.context, live.production.registry, as_of=DECIDED).columns

    (row,) = live.production.tables.control_tables.rows(DRIFT)
    assert (cell.column, cell.window, cell.psi) == (row["column_name"], WEEK, row["statistics"][PSI])
    assert cell.deviations == usual_drift(baseline.daily, days).columns["distance"].deviations(0.17)
    assert (cell.mean, cell.null_share) == (3.0, 0.25)


@pytest.mark.parametrize("outside", [(), ("distance",)], ids=["inside", "outside"])
def test_a_cell_is_hatched_where_the_verdict_says_that_the_column_is_outside(
    live: LiveModel, outside: tuple[str, ...]
) -> None:
    a_column_of_a_window(live, WEEK, 0.1)
    live.seen(live.version, window=WEEK, outside=outside)

    (cell,) = collect(live.production.context, live.production.registry, as_of=DECIDED).columns

    assert cell.is_outside == bool(outside)


def test_where_two_versions_scored_a_window_a_column_is_told_of_the_one_that_the_dashboard_shows(
    live: LiveModel,
) -> None:
    """The files of the other one may be gone."""
    a_column_of_a_window(live, WEEK, 0.9)
    a_column_of_a_window(live, WEEK, 0.2, version="99", alarm_since=WEEK.start)

    (cell,) = collect(live.production.context, live.production.registry, as_of=DECIDED).columns

    assert (cell.psi, cell.deviations) == (0.2, None)


def test_the_cells_are_of_the_length_that_most_windows_have_and_else_of_the_latest(live: LiveModel) -> None:
    for window in (WEEK, LATEST):
        a_column_of_a_window(live, window, 0.1)
    context, registry = live.production.context, live.production.registry

    one_of_each = collect(context, registry, as_of=DECIDED).columns
    before = Window(WEEK.start - WEEK.length, WEEK.start)
    a_column_of_a_window(live, before, 0.1)
    more_weeks = collect(context, registry, as_of=DECIDED).columns

    assert [one.window for one in one_of_each] == [LATEST]
    assert [one.window for one in more_weeks] == [before, WEEK]


def a_week_of_harm_and_a_calm_day(live: LiveModel) -> None:
    """Let monitoring see that a week harms, and then a day that cannot tell."""
    run, name = Run(live.production.tables, "monitoring"), live.production.registry.name
    harm = Raised("skill_is_lost", Finding("no skill"), Severity.CRITICAL)
    for window, found in ((WEEK, (harm,)), (LATEST, ())):
        live.seen(live.version, window=window, harmful=tuple(one.text for one in found))
        judged = SimpleNamespace(subject=Subject(name, live.version, window), alerts=found)
        update_alerts(live.production.context, run, [judged], window.end)


def test_harm_of_a_week_still_calls_for_a_person_on_the_day_after(
    live: LiveModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "count_affected", lambda *_: {})
    a_week_of_harm_and_a_calm_day(live)
    context, registry = live.production.context, live.production.registry

    called = collect(context, registry, as_of=DECIDED)
    acknowledge(context, registry.name, WEEK, by="ada", reason="the strike", as_of=DECIDED)
    known = collect(context, registry, as_of=DECIDED)

    (alert,) = called.alerts
    assert (alert.message, alert.is_of_harm) == ("no skill", True)
    assert "docs/runbook.md#skill-is-lost" in alert.what_to_do
    assert headline(called).health == Health.NEEDS_A_PERSON
    assert headline(known).health == Health.ACKNOWLEDGED
    assert f"acknowledged by ada as of {iso(DECIDED)}: the strike" in known.alerts[0].text


def test_a_muted_alert_calls_nobody(live: LiveModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerting, "count_affected", lambda *_: {})
    a_week_of_harm_and_a_calm_day(live)
    context, registry = live.production.context, live.production.registry
    until = DECIDED + timedelta(days=1)
    mute(context, registry.name, "skill_is_lost", by="ada", reason="known", until=until, as_of=DECIDED)

    report = collect(context, registry, as_of=DECIDED)

    assert headline(report).health == Health.ACKNOWLEDGED
    assert report.alerts[0].text.endswith(f"muted by ada as of {iso(DECIDED)}: known, until {iso(until)}")
