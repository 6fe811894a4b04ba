"""How a window's predictions did by slice: metrics, reliability, and what moved against the same slice at training."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, Environment, a_use_case

from levelfive import AlertRule
from levelfive.core.windows import Window
from levelfive.monitoring.drift_statistics import PSI
from levelfive.monitoring.mature_rows import AT
from levelfive.monitoring.performance import Outcomes, Performance, performance_of
from levelfive.monitoring.slice_performance import MOST_SLICES, slice_column
from levelfive.monitoring.slice_records import PERFORMANCE_SLICES, write_slice_performance
from levelfive.statistics.baseline import SCORE_PROFILE, Baseline, profile_baseline
from levelfive.statistics.sliced_counts import Slice, SlicedCounts
from levelfive.storage.runs import Run
from levelfive.training.dataset import DAY_NUMBER, SLICE
from levelfive.training.out_of_fold import OutOfFold
from levelfive.training.segment_losses import sliced_outcomes
from levelfive.usecase.columns import LABEL, LABELLED, OUTCOME
from levelfive.usecase.policies import MonitoringPolicy
from levelfive.usecase.use_case import UseCase

WEEK = Window(AS_OF, AS_OF + timedelta(days=7))
ROWS, STORES = 7 * 300, ("north", "south", "west")
DAY_IN_MICROSECONDS = 86_400_000_000


def a_case(**policy: object) -> UseCase:
    return replace(
        a_use_case(),
        slices=("store",),
        monitoring=MonitoringPolicy(**{"min_rows": 100, **policy}),  # type: ignore[arg-type]  # of several types
    )


def rows_of(seed: int, rate: float = 0.3, *, late_in_north: float = 0.0, score: float = 0.0) -> pd.DataFrame:
    """Draw a week of rows, each of a store, scored by the chance of label 1; in the north, labels and scores moved."""
    random = np.random.default_rng(seed)
    store = np.array(STORES, dtype=object)[np.arange(ROWS) % 3]
    is_north = store == "north"
    scores = np.clip(random.uniform(0.1, 2 * rate - 0.1, ROWS) + score * is_north, 0.01, 0.99)
    labels = (random.random(ROWS) < scores + late_in_north * is_north).astype(float)
    at = int(WEEK.start.timestamp()) * 1_000_000 + np.arange(ROWS) * 7 // ROWS * DAY_IN_MICROSECONDS
    return pd.DataFrame(
        {
            AT: at.astype(np.int64),
            "model_version": "2",
            "score": scores,
            "reference_score": scores,
            LABEL: labels,
            OUTCOME: LABELLED,
            slice_column("store"): store,
        }
    )


def trained_on(rows: pd.DataFrame) -> Baseline:
    """Build the baseline of a training on such rows, of which all but a few were scored by models that had not seen."""
    places, days = np.arange(ROWS - 100), np.arange(ROWS) * 7 // ROWS
    labels, scores = rows[LABEL].to_numpy(), rows["score"].to_numpy()
    baseline = profile_baseline(pd.DataFrame({"wind": np.zeros(ROWS)}), [], label=labels, score=scores[places])
    training_set = pd.DataFrame({LABEL: labels, DAY_NUMBER: days, f"{SLICE}store": rows[slice_column("store")]})
    unseen = OutOfFold(scores[places], labels[places], days[places], places, "a method")
    counts = sliced_outcomes(training_set, baseline, out_of_fold=unseen, slices=["store"], least_rows=100)
    return replace(baseline, slice_outcomes=counts)


def measured(rows: pd.DataFrame, use_case: UseCase | None = None, baseline: Baseline | None = None) -> Performance:
    use_case = use_case or a_case()
    as_of = WEEK.end + use_case.maturity
    outcomes = Outcomes(rows, as_of, None, baseline_of=lambda version: baseline)
    return performance_of(use_case, outcomes, WEEK, by_slice=True)


def test_each_slice_has_its_metrics_with_intervals_and_a_reliability_curve() -> None:
    found = measured(rows_of(1, late_in_north=0.3))

    assert [str(one.slice) for one in found.slices] == [f"store = {name}" for name in STORES]
    for one in found.slices:
        assert (one.scored, one.mature) == (ROWS // 3, ROWS // 3)
        assert one.evaluation is not None
        calibration = one.evaluation.estimates["calibration"]
        assert calibration.days == 7
        is_off = one.slice.value == "north"
        assert calibration.low < calibration.value < calibration.high
        assert calibration.high < -0.2 if is_off else abs(calibration.value) < 0.05
        assert sum(group.rows for group in one.reliability) == one.mature
        above = [group.label > group.score + 0.1 for group in one.reliability]
        assert all(above) if is_off else not all(above)


def test_scores_and_labels_of_a_slice_are_compared_with_the_same_slice_at_training() -> None:
    before, now = rows_of(1), rows_of(2, score=0.25)

    found = {one.slice.value: one for one in measured(now, baseline=trained_on(before)).slices}

    assert found["north"].score_drift[PSI] > 1
    assert found["north"].label_drift[PSI] > 0.1
    assert set(found["north"].score_drift) == {PSI, "js_distance", "tv_distance", "l_infinity_distance"}
    for name in ("south", "west"):
        assert found[name].score_drift[PSI] < 0.05
        assert found[name].label_drift[PSI] < 0.05


def test_what_is_counted_at_training_are_all_labels_and_the_scores_that_were_unseen() -> None:
    rows = rows_of(1)

    counts = trained_on(rows).slice_outcomes

    assert isinstance(counts, SlicedCounts)
    labels, scores = (counts.of_column(name, Slice("store", "north")) for name in ("(label)", SCORE_PROFILE))
    assert labels is not None
    assert scores is not None
    of_north = rows[rows[slice_column("store")] == "north"]
    assert labels[1].tolist() == [int((of_north[LABEL] == 0).sum()), int((of_north[LABEL] == 1).sum())]
    assert scores[1].sum() == (of_north.index < ROWS - 100).sum()
    assert counts.of_column("(label)", Slice("store", "east")) is None
    assert counts.of_column("wind", Slice("store", "north")) is None


def test_where_it_is_not_known_what_a_slice_was_at_training_nothing_is_said_of_drift() -> None:
    rows = rows_of(1)
    east = rows.assign(**{slice_column("store"): rows[slice_column("store")].replace("north", "east")})

    of_no_version = measured(rows).slices
    of_another_slice = measured(east, baseline=trained_on(rows)).slices

    assert [one.score_drift for one in of_no_version] == [{}, {}, {}]
    assert [(one.slice.value, bool(one.score_drift)) for one in of_another_slice] == [
        ("east", False),
        ("south", True),
        ("west", True),
    ]


def test_scores_are_told_of_before_there_are_labels() -> None:
    rows = rows_of(1).assign(**{LABEL: np.nan, OUTCOME: None})

    found = measured(rows, baseline=trained_on(rows_of(1)))

    assert [(one.mature, one.evaluation, one.reliability, one.label_drift) for one in found.slices] == [
        (0, None, (), {})
    ] * 3
    assert all(one.score_drift[PSI] < 0.05 for one in found.slices)


def test_slices_of_few_rows_are_told_of_where_a_rule_names_them_alone() -> None:
    rule = AlertRule("metric_is_beyond", of="auc", slice="store=rare", limit=0.6)
    rows = rows_of(1)
    rows.loc[rows.index[:60], slice_column("store")] = "rare"
    rows.loc[rows.index[60:120], slice_column("store")] = None

    found = measured(rows, a_case(alerts=(rule,)))

    assert {one.slice.value for one in found.slices} == {*STORES, "rare"}
    assert found.metrics["store=rare"]["auc"].rows == 60
    assert {one.slice.value for one in measured(rows).slices} == set(STORES)


def test_no_more_than_the_largest_slices_are_told_of() -> None:
    rows = rows_of(1)
    rows[slice_column("store")] = np.array([f"s{place % 20:02}" for place in range(ROWS)], dtype=object)

    assert len(measured(rows, a_case(min_rows=1)).slices) == MOST_SLICES


def test_what_was_said_of_slices_as_of_a_time_is_there_once(production: Environment) -> None:
    found = measured(rows_of(1), baseline=trained_on(rows_of(1)))

    for as_of in (WEEK.end, WEEK.end, WEEK.end + timedelta(days=1)):
        write_slice_performance(Run(production.tables, "now"), "shop", [found], as_of=as_of)

    rows = production.tables.control_tables.rows(PERFORMANCE_SLICES)
    assert len(rows) == 2 * len(STORES)
    north = next(row for row in rows if row["slice_value"] == "north")
    assert (north["slice_key"], north["model_version"], north["provisional"], north["days"]) == ("store", "2", False, 7)
    assert north["low"]["auc"] < north["metrics"]["auc"] < north["high"]["auc"]
    assert len(north["reliability_score"]) == len(north["reliability_label"]) == len(north["reliability_rows"])


@pytest.mark.parametrize("by_slice", [False, True])
def test_slices_are_measured_where_that_is_asked_for(by_slice: bool) -> None:
    rows = rows_of(1)

    found = performance_of(a_case(), Outcomes(rows, WEEK.end, None), WEEK, by_slice=by_slice)

    assert bool(found.slices) is by_slice
