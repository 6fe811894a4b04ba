"""What a report is collected from: what it shows, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
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
from levelfive.monitoring.raised import Raised
from levelfive.monitoring.records import DRIFT, PROFILES, ProfileRecord, write_drift, write_performance
from levelfive.monitoring.slice_drift import SliceDrift, write_slice_drift
from levelfive.monitoring.usual_drift import usual_drift
from levelfive.monitoring.verdict import Subject
from levelfive.reporting.collect import collect
from levelfive.reporting.words import Health, headline
from levelfive.statistics.baseline import Baseline, profile_baseline
from levelfive.statistics.calibration import ReliabilityGroup
from levelfive.storage.runs import Run
from levelfive.training.dataset import DAY_NUMBER
from levelfive.usecase.alert_rules import AlertRule, Severity
from levelfive.usecase.columns import LABEL
from levelfive.usecase.policies import MonitoringPolicy

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


def days_of_a_week(live: LiveModel, column: str, days: int, **profile: Any) -> None:
    """Let monitoring have profiled the first days of a week, which begins on a Monday."""
    subject = Subject(live.production.registry.name, live.version, WEEK)
    alike = ProfileRecord(
        **vars(subject), day=date(2013, 2, 11), column_name=column, num_nulls=0, distinct_count=9, most_frequent=3,
        far_outside=0, broken=None, **profile,
    )  # fmt: skip
    rows = [replace(alike, day=alike.day + timedelta(days=place)) for place in range(days) if alike.day]
    live.production.tables.control_tables.replace(PROFILES, rows, ("model_name", "window_start", "window_end"))


@pytest.mark.parametrize("days", [4, 5, 6, 7])
def test_a_week_is_compared_with_windows_of_as_many_days_as_it_has(
    live: LiveModel, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    baseline = trained_on_sixty_days(live, monkeypatch)
    counts = tuple(range(len(baseline.numeric["distance"].histogram.counts)))
    days_of_a_week(live, "distance", days, count=sum(counts), counts=counts, sums=(0.0,) * len(counts))

    (week,) = collect(live.production.context, live.production.registry, as_of=DECIDED).columns

    assert week.psi is not None
    usual = {length: usual_drift(baseline.daily, length).columns["distance"] for length in (4, 5, 6, 7)}
    assert week.deviations == usual[days].deviations(week.psi)
    assert len({one.middle for one in usual.values()}) == 4


@pytest.mark.parametrize(("new", "is_outside"), [(3, False), (12, True)], ids=["as usual", "more"])
def test_rare_categories_are_outside_the_training_s_range_where_more_come_than_usual(
    live: LiveModel, monkeypatch: pytest.MonkeyPatch, new: int, is_outside: bool
) -> None:
    trained_on_sixty_days(live, monkeypatch)
    days_of_a_week(live, "carrier", 7, count=144, frequent_items={"AA": 144 - new}, outside=new)

    (week,) = collect(live.production.context, live.production.registry, as_of=DECIDED).columns

    assert week.outside_share == pytest.approx(new / 144)
    assert week.is_outside == is_outside


def test_a_rule_of_the_use_case_says_how_much_of_a_column_may_be_outside(
    live: LiveModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_on_sixty_days(live, monkeypatch)
    days_of_a_week(live, "carrier", 7, count=144, frequent_items={"AA": 132}, outside=12)
    policy = MonitoringPolicy(alerts=(AlertRule("columns_outside", of="carrier", limit=0.1),))
    use_case = replace(live.production.context.use_case, monitoring=policy)

    (week,) = collect(
        replace(live.production.context, use_case=use_case), live.production.registry, as_of=DECIDED
    ).columns

    assert not week.is_outside


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

    assert [one.message for one in called.alerts] == ["no skill"]
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


def test_a_week_is_shown_beside_the_training_of_the_version_that_was_live_last(live: LiveModel) -> None:
    """After a rollback that is not the one with the highest number, whose files may be gone."""
    run, registry = Run(live.production.tables, "monitoring"), live.production.registry
    counts = (1,) * len(registry.load(live.version).baseline.numeric["distance"].histogram.counts)
    days = [
        ProfileRecord(
            model_name=registry.name, model_version=version, window=WEEK, day=WEEK.start.date() + timedelta(days=place),
            column_name="distance", count=sum(counts), num_nulls=0, distinct_count=9, counts=counts,
            sums=(0.0,) * len(counts), most_frequent=3, far_outside=0, broken=None,
        )
        for place, version in enumerate(["99", live.version, live.version])
    ]  # fmt: skip
    run.tables.control_tables.add(PROFILES, days)

    (week,) = collect(live.production.context, registry, as_of=DECIDED).columns

    assert (week.column, week.week.date()) == ("distance", WEEK.start.date())
