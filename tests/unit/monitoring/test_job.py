"""Which windows are measured, when they are measured again, and what is refused where there is nothing to say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from in_memory.release import HOUR, LATER, Environment, a_use_case, runs

from levelfive import AlertRule
from levelfive.core.windows import Window
from levelfive.data.missing import count_days
from levelfive.errors import AsOfError, DamagedModel, EvidenceError
from levelfive.models.package import Model
from levelfive.monitoring import again, alerting, inputs, performance_records, records, scored_versions
from levelfive.monitoring import job as monitoring
from levelfive.monitoring.alert_states import ALERTS_TABLE
from levelfive.monitoring.consecutive import DRIFT_CONSECUTIVE
from levelfive.monitoring.performance import BaselineOf, CalibrationOf, Expected, Performance
from levelfive.monitoring.performance_records import PERFORMANCE, write_performance
from levelfive.monitoring.profiling import WindowProfiles
from levelfive.monitoring.records import PROFILES
from levelfive.monitoring.slice_performance import SliceOutcome
from levelfive.monitoring.verdict import VERDICTS
from levelfive.statistics.baseline import SCORE_PROFILE
from levelfive.statistics.metrics import Estimate, Evaluation
from levelfive.statistics.partials import partial_categorical, partial_numeric
from levelfive.statistics.sliced_counts import Slice
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.policies import MonitoringPolicy

DAY = timedelta(days=1)
TODAY = Window(LATER - DAY, LATER)
YESTERDAY, BEFORE = (Window(TODAY.start - days * DAY, TODAY.end - days * DAY) for days in (1, 2))


def measured(window: Window, **found: object) -> Performance:
    """Build what live predictions of a window did: a version scored a hundred, whose labels are too young."""
    counts = {"scored": 100, "known": 0, "mature": 0, "provisional": True}
    nothing = {"without_label": {}, "label_mean_known": None, "evaluation": None, "reference": None}
    return Performance(**{"window": window, "versions": ("2",), **counts, **nothing, **found})


@dataclass
class Measuring:
    """Takes the place of `performance`, which joins predictions with labels in Spark."""

    found: dict[Window, dict[str, object]] = field(default_factory=dict)
    asked: list[tuple[list[Window], str | None]] = field(default_factory=list)

    def performance(
        self,
        context: JobContext,
        run: Run,
        windows: list[Window],
        *,
        model_name: str,
        as_of: datetime,
        first: str | None = None,
        calibration_of: CalibrationOf | None = None,
        baseline_of: BaselineOf | None = None,
        by_slice: bool = False,
    ) -> tuple[Performance, ...]:
        self.asked.append((list(windows), first))
        return tuple(measured(window, **self.found.get(window, {})) for window in windows)


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Measuring:
    found = Measuring()
    for of in (inputs, again):
        monkeypatch.setattr(of, "performance", found.performance)
    return found


def measured_before(production: Environment, as_of: datetime, *found: Performance, model: str = "") -> None:
    """Let an earlier run have measured some windows."""
    name, task = model or production.registry.name, production.context.use_case.model.task
    write_performance(Run(production.tables, "earlier"), name, found, task=task, as_of=as_of)


def monitor(production: Environment, window: Window = TODAY, as_of: datetime = LATER) -> monitoring.MonitoringResult:
    return monitoring.run(production.context, production.registry, window=window, as_of=as_of)


def told(production: Environment) -> list[tuple[Window, datetime, bool]]:
    """List what `performance` says: of which window, as of when, and whether it may change."""
    rows = production.tables.control_tables.rows(PERFORMANCE)
    return sorted(
        ((Window(row["window_start"], row["window_end"]), row["as_of"], row["provisional"]) for row in rows),
        key=lambda row: (row[0].start, row[1]),
    )


def test_a_window_beyond_the_logical_now_is_refused(production: Environment, measuring: Measuring) -> None:
    with pytest.raises(AsOfError, match="reaches beyond as_of 2013-02-18T05:00:00Z; end it there") as refused:
        monitor(production, as_of=LATER - HOUR)

    (run,) = runs(production.tables)
    assert (run["stage"], run["status"], run["error"]) == ("monitoring", "failed", f"AsOfError: {refused.value}")
    assert (run["parameters"], measuring.asked) == ({"window": str(TODAY)}, [])


def test_a_window_that_nobody_scored_is_refused(production: Environment, measuring: Measuring) -> None:
    measuring.found[TODAY] = {"scored": 0, "versions": ()}

    with pytest.raises(EvidenceError, match="run `levelfive scoring --as-of TIME` for it first"):
        monitor(production)

    assert production.trail() == [("monitoring", "failed", "")]
    assert not {PERFORMANCE, VERDICTS} & set(production.tables.names())


def test_where_scoring_found_no_row_there_is_nothing_to_monitor_and_earlier_windows_are_measured_again(
    production: Environment, measuring: Measuring
) -> None:
    measured_before(production, YESTERDAY.end, measured(YESTERDAY))
    measuring.found = {YESTERDAY: {"provisional": False}, TODAY: {"scored": 0, "versions": ()}}
    for half in TODAY.split(DAY / 2):
        with production.context.run("scoring", as_of=half.end, parameters={"window": half, "version": None}):
            pass

    found = monitor(production)

    assert found.nothing == f"no live prediction in {TODAY}: scoring found no row there"
    assert found.verdicts == {}
    assert told(production)[1:] == [(YESTERDAY, LATER, False), (TODAY, LATER, True)]
    run = runs(production.tables)[-1]
    assert (run["stage"], run["status"], run["parameters"]["nothing"]) == ("monitoring", "succeeded", found.nothing)
    assert VERDICTS not in production.tables.names()


@pytest.mark.parametrize(
    ("parameters", "hours"),
    [({"version": "7"}, 24), ({"version": None}, 23)],
    ids=["a backfill", "not all of it"],
)
def test_a_window_that_was_not_wholly_scored_live_is_refused(
    production: Environment, measuring: Measuring, parameters: dict[str, object], hours: int
) -> None:
    measuring.found[TODAY] = {"scored": 0, "versions": ()}
    scored = Window(TODAY.start, TODAY.start + timedelta(hours=hours))
    with production.context.run("scoring", as_of=LATER, parameters={"window": scored, **parameters}):
        pass

    with pytest.raises(EvidenceError, match="run `levelfive scoring --as-of TIME` for it first"):
        monitor(production)


@pytest.mark.parametrize("landed", [1, 0], ids=["rows landed", "a season is over"])
def test_where_no_row_has_landed_there_is_nothing_to_monitor(
    production: Environment, measuring: Measuring, landed: int
) -> None:
    measuring.found[TODAY] = {"scored": 0, "versions": ()}
    first = TODAY.start.date()
    files = {"a-file": {first - DAY: 900, first: landed}}
    count_days(Run(production.tables, "earlier"), {"flights": files}, LATER)

    if landed:
        with pytest.raises(EvidenceError, match="run `levelfive scoring --as-of TIME` for it first"):
            monitor(production)
    else:
        assert monitor(production).nothing.endswith(": no row of flights has landed of its days")


def test_a_window_that_only_a_lost_version_scored_is_refused(production: Environment, measuring: Measuring) -> None:
    live = production.released()
    production.backend.lose_files(production.registry.name, live)

    with pytest.raises(DamagedModel, match=f"version {live} are gone"):
        monitor(production.reopened(), as_of=LATER + HOUR)

    run = runs(production.tables)[-1]
    assert (run["status"], run["counts"]) == ("failed", {"scored": 100, "versions_gone": 1})
    assert not {PERFORMANCE, VERDICTS} & set(production.tables.names())


def test_earlier_windows_whose_labels_were_too_young_or_are_the_last_ones_known_are_measured_with_the_window(
    production: Environment, measuring: Measuring
) -> None:
    live = production.released()
    production.backend.lose_files(production.registry.name, live)
    measured_before(production, YESTERDAY.end, measured(BEFORE, provisional=False), measured(YESTERDAY))
    measured_before(production, YESTERDAY.end, measured(Window(BEFORE.start, BEFORE.start + HOUR)), model="another")

    with pytest.raises(DamagedModel):
        monitor(production.reopened(), as_of=LATER + HOUR)

    assert measuring.asked == [([BEFORE, YESTERDAY, TODAY], live)]


def test_windows_are_measured_again_until_their_labels_are_old_enough(
    production: Environment, measuring: Measuring
) -> None:
    days = [LATER + days * DAY for days in range(3)]
    measured_before(production, LATER, measured(YESTERDAY), measured(TODAY))
    measuring.found[YESTERDAY] = {"provisional": False}

    found = [
        [one.window for one in again.measure_again(production.context, production.registry, as_of=as_of)]
        for as_of in days[1:]
    ]

    assert found == [[YESTERDAY, TODAY], [TODAY]]
    assert told(production) == [
        (YESTERDAY, days[0], True),
        (YESTERDAY, days[1], False),
        (TODAY, days[0], True),
        (TODAY, days[1], True),
        (TODAY, days[2], True),
    ]


def test_measured_again_as_of_one_time_nothing_is_said_twice(production: Environment, measuring: Measuring) -> None:
    measured_before(production, LATER, measured(TODAY))

    for _ in range(2):
        again.measure_again(production.context, production.registry, as_of=LATER + DAY)

    assert told(production) == [(TODAY, LATER, True), (TODAY, LATER + DAY, True)]


def test_what_was_said_later_is_not_known_yet(production: Environment, measuring: Measuring) -> None:
    measured_before(production, LATER, measured(TODAY))
    measured_before(production, LATER + 2 * DAY, measured(TODAY, provisional=False))

    measured_later = again.measure_again(production.context, production.registry, as_of=LATER + DAY)

    assert [one.window for one in measured_later] == [TODAY]


def test_where_no_window_is_too_young_nothing_is_measured_again(production: Environment, measuring: Measuring) -> None:
    measured_before(production, LATER, replace(measured(TODAY), provisional=False))

    assert again.measure_again(production.context, production.registry, as_of=LATER + DAY) == ()

    (run,) = runs(production.tables)
    assert (run["stage"], run["status"], run["versions_written"]) == ("monitoring", "succeeded", {})
    assert measuring.asked == []


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[Window, int]:
    """How many of the 900 rows a day that were served lack their values, by window; by default none."""
    missing: dict[Window, int] = {}

    def profiled(context: JobContext, run: Run, subject: records.Subject, model: Model) -> WindowProfiles:
        values = np.resize(np.arange(30.0), 900)
        values[: missing.get(subject.window, 0)] = np.nan
        day = subject.window.start.date()
        numbers = {name: profile.histogram for name, profile in model.baseline.numeric.items()}
        numbers[SCORE_PROFILE] = model.baseline.scores[SCORE_PROFILE].histogram
        parts = {(day, name): partial_numeric(values, histogram) for name, histogram in numbers.items()}
        parts |= {(day, name): partial_categorical(pd.Series(["a"] * 900)) for name in model.baseline.categorical}
        return WindowProfiles(parts)

    monkeypatch.setattr(scored_versions, "profile_version", profiled)
    monkeypatch.setattr(alerting, "count_affected", lambda *_: {})
    monkeypatch.setattr(monitoring, "compare_scored", lambda *_, **__: ())
    return missing


def test_a_day_is_judged_by_the_days_that_were_monitored_before_and_called_days_are_marked(
    production: Environment, measuring: Measuring, served: dict[Window, int]
) -> None:
    live = production.released()
    first = LATER + DAY - timedelta(hours=LATER.hour) + production.context.use_case.day_starts_at
    days = [Window(first + place * DAY, first + (place + 1) * DAY) for place in range(31)]
    served.update({days[29]: 900, days[30]: 900})
    measuring.found = {day: {"scored": 900, "versions": (live,)} for day in days}

    found = [monitor(production, day, day.end).verdicts[live] for day in days]

    assert not any(verdict.broken for verdict in found[:29])
    assert all("of the rows have no value, usually 0%" in verdict.broken[-1] for verdict in found[29:])
    assert [verdict.left_out for verdict in found[29:]] == [(day.start.date(),) for day in days[29:]]
    rows = production.tables.control_tables.rows(PROFILES)
    called = {row["day"] for row in rows if row["broken"] and row["column_name"] != SCORE_PROFILE}
    assert called == {day.start.date() for day in days[29:]}
    pairs = {
        (row["window_cmp_start"], row["window_start"])
        for row in production.tables.control_tables.rows(DRIFT_CONSECUTIVE)
    }
    assert pairs == {(before.start, day.start) for before, day in pairwise(days)}
    told = records.verdicts(Run(production.tables, "later"), production.registry.name, as_of=days[-1].end)
    assert told[-1].left_out == (days[-1].start.date(),)
    alerts = [row for row in production.tables.control_tables.rows(ALERTS_TABLE) if row["alert"] == "source_is_broken"]
    assert [(row["state"], row["since"]) for row in alerts] == [("opened", days[29].start), ("open", days[29].start)]


def test_what_the_scores_alone_say_has_an_interval_where_it_held_before(
    production: Environment, measuring: Measuring, served: dict[Window, int]
) -> None:
    """Days differ from the last known ones, two days before, and the estimates of one metric were near."""
    live, name, task = production.released(), production.registry.name, production.context.use_case.model.task
    run = Run(production.tables, "earlier")
    for place in range(12, 0, -1):
        day, came = Window(TODAY.start - place * DAY, TODAY.end - place * DAY), 0.6 + 0.1 * (place // 2 % 2)
        estimates = {metric: Estimate(came, came, came, days=1, rows=90) for metric in ("auc", "brier")}
        known = {"provisional": False, "mature": 90, "evaluation": Evaluation(estimates, 90, 1, 0.2, 0.2)}
        said = Expected({"auc": came - 0.01, "brier": came - 0.2}, label_mean=0.2, score_mean=0.2)
        measured_before(production, LATER, measured(day, **known))
        performance_records.write_estimate(run, name, measured(day, expected=said), {}, task=task, as_of=day.end)
    said = Expected({"auc": 0.65, "brier": 0.5, "skill": 0.1}, label_mean=0.25, score_mean=0.21)
    measuring.found[TODAY] = {"versions": (live,), "expected": said}

    monitor(production)

    rows = production.tables.control_tables.rows(PERFORMANCE, where={"model": performance_records.ESTIMATED})
    (row,) = (row for row in rows if records.window_of(row) == TODAY)
    assert (row["metrics"], row["label_mean"], row["score_mean"]) == (said.metrics, 0.25, 0.21)
    assert (row["low"], row["high"]) == ({"auc": pytest.approx(0.66)}, {"auc": pytest.approx(0.66)})
    assert (row["provisional"], row["mature"]) == (True, 0)


def a_skill(value: float) -> Evaluation:
    estimate = Estimate(value, value - 0.02, value + 0.02, days=7, rows=900)
    return Evaluation({"skill": estimate}, 900, 7, 0.2, 0.2)


def test_where_labels_come_late_a_model_is_judged_by_the_last_window_that_has_them(
    production: Environment, measuring: Measuring, served: dict[Window, int]
) -> None:
    """Else no alert on labels could open: those of the window that ends now are never known."""
    live = production.released()
    days = [Window(LATER + place * DAY, LATER + (place + 1) * DAY) for place in range(6)]
    lost, found_again = ({"mature": 900, "provisional": False, "evaluation": a_skill(of)} for of in (-0.3, 0.2))
    measuring.found = {day: {"scored": 900, "versions": (live,)} for day in days}
    states, harms = [], []
    for place, day in enumerate(days):
        if place >= 2:
            # Labels are old enough after 36 hours.
            measuring.found[days[place - 2]].update(lost if place < 4 else found_again)
        harms.append([monitor(production, day, day.end).verdicts[live].harmful for _ in range(2)])
        alerts = alerting.alert_history(Run(production.tables, "look"), production.registry.name, as_of=day.end)
        states.append([str(one.state) for one in alerts if one.alert == "skill_is_lost" and one.window == day])

    assert states == [[], [], ["opened"], ["open"], ["closed"], []]
    assert all(first == second for first, second in harms)
    assert harms[2][0][0].endswith(f"or worse; by {days[0]}, the last window whose labels are known")
    rows = production.tables.control_tables.rows(PERFORMANCE, where={"model": performance_records.LIVE})
    # Each is measured again by the next two days, and not once more where it is judged by.
    assert len(rows) == 4 * 3 + 2 + 1


def test_of_what_another_version_did_no_harm_of_the_live_one_follows(
    production: Environment, measuring: Measuring, served: dict[Window, int]
) -> None:
    live = production.released()
    lost = {"mature": 900, "provisional": False, "evaluation": a_skill(-0.3)}
    measured_before(production, BEFORE.end, measured(BEFORE))
    measuring.found = {TODAY: {"versions": (live,)}, BEFORE: {**lost, "versions": ("0",)}}

    assert monitor(production).verdicts[live].harmful == ()


def test_a_metric_too_is_that_of_the_last_window_that_has_labels(
    production: Environment, measuring: Measuring, served: dict[Window, int]
) -> None:
    rule = AlertRule("metric_is_beyond", of="skill", slice="origin=JFK", limit=0.1)
    live, use_case = production.released(), a_use_case(monitoring=MonitoringPolicy(alerts=(rule,)))
    production = replace(production, context=replace(production.context, use_case=use_case))
    measured_before(production, BEFORE.end, measured(BEFORE, provisional=False))
    of_slice = SliceOutcome(Slice("origin", "JFK"), 900, 900, 0.5, a_skill(0.05))
    known = {"mature": 900, "provisional": False, "evaluation": a_skill(0.2), "slices": (of_slice,)}
    measuring.found = {TODAY: {"versions": (live,)}, BEFORE: {"versions": (live,), **known}}

    monitor(production)

    alerts = alerting.alert_history(Run(production.tables, "look"), production.registry.name, as_of=LATER)
    (alert,) = (one for one in alerts if one.alert == "metric_is_beyond")
    assert (alert.alert_id, str(alert.state)) == ("metric_is_beyond:skill:origin=JFK", "opened")
    assert alert.message == (
        "skill of origin=JFK 0.050 [0.030, 0.070], wholly beyond 0.1; by "
        f"{BEFORE}, the last window whose labels are known"
    )
    assert told(production) == [(BEFORE, BEFORE.end, False), (TODAY, LATER, True)]
