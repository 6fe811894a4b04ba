"""What is written down of a version's verdict: the intervals that are known, and the share of unusual columns."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, LATER, a_context, a_model
from in_memory.tables import MemoryTables

from levelfive import BINARY
from levelfive.core.windows import Window
from levelfive.models.package import Model
from levelfive.monitoring.drift_alarms import EarlierWindow
from levelfive.monitoring.drift_statistics import PSI
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.profiling import WindowProfiles
from levelfive.monitoring.scored_versions import ScoredVersion
from levelfive.monitoring.verdict import Subject
from levelfive.monitoring.versions import JudgedVersion, WindowFacts, judge_version, verdict_record
from levelfive.statistics.baseline import SCORE_PROFILE, profile_baseline
from levelfive.statistics.metrics import Estimate, Evaluation
from levelfive.statistics.partials import partial_numeric

WINDOW = Window(AS_OF, LATER)


@pytest.fixture(scope="module")
def model() -> Model:
    return a_model(AS_OF)


def measured(estimates: dict[str, Estimate] | None = None) -> Performance:
    evaluation = None if estimates is None else Evaluation(estimates, 400, 3, 0.5, 0.5)
    return Performance(WINDOW, ("7",), 432, 420, 400, False, {}, 0.5, evaluation, None)


def judged(model: Model, performance: Performance, before: tuple[EarlierWindow, ...] = ()) -> JudgedVersion:
    """Judge the window of a version that scored one distance only."""
    histograms = {
        "distance": model.baseline.numeric["distance"].histogram,
        SCORE_PROFILE: model.baseline.scores[SCORE_PROFILE].histogram,
    }
    parts = {(AS_OF.date(), name): partial_numeric([0.5] * 432, bins) for name, bins in histograms.items()}
    scored = ScoredVersion(Subject("m", "7", WINDOW), model, WindowProfiles(parts))
    return judge_version(a_context(MemoryTables()), scored, WindowFacts((), performance, {}, {"7": before}))


def an_estimate(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, days=3, rows=400)


def test_each_column_and_the_score_are_compared_with_the_baseline(model: Model) -> None:
    found = judged(model, measured())

    assert [drift.column for drift in found.drifts] == sorted(("distance", SCORE_PROFILE))
    assert all(drift.statistics[PSI] > 1 for drift in found.drifts)


def test_a_column_that_moved_for_two_windows_has_an_open_alarm_and_is_said_in_one_line(model: Model) -> None:
    random, days = np.random.default_rng(1), np.repeat(np.arange(60), 50)
    values = random.normal(size=3000) + random.normal(0, 0.2, 60)[days]
    season = profile_baseline(
        pd.DataFrame({"distance": values}), (), label=values, score=values, days=days, score_days=days
    )
    card = replace(model.card, baseline=season.to_json(), importances={"distance": 1.0})
    before = EarlierWindow(AS_OF - timedelta(days=3), frozenset({"distance"}), {})

    found = judged(Model(model.estimator, card), measured(), (before,))

    by_column = {one.column: one for one in found.drifts}
    distance, score = by_column["distance"], by_column[SCORE_PROFILE]
    assert (distance.importance, distance.unusual, distance.alarm_since) == (1.0, True, before.start)
    assert (score.unusual, score.alarm_since) == (True, None)
    assert found.verdict.unusual == (SCORE_PROFILE, "distance")
    assert found.verdict.drift.startswith(
        "1 of the 2 columns that the model rests on most moved, since 2013-02-12: dist"
    )
    assert verdict_record(BINARY, found, measured(), LATER).drifted_share == 1.0


def test_without_labels_a_verdict_has_no_intervals(model: Model) -> None:
    record = verdict_record(BINARY, judged(model, measured()), measured(), LATER)

    assert (record.model_version, record.window, record.as_of, record.rows) == ("7", WINDOW, LATER, 400)
    assert (record.days, record.calibration, record.skill) == (0, None, None)


@pytest.mark.parametrize(
    ("known", "calibration", "skill"),
    [
        ({"calibration": (-0.1, 0.2), "skill": (0.3, 0.4)}, (-0.1, 0.2), (0.3, 0.4)),
        ({"calibration": (math.nan, math.nan), "skill": (0.3, 0.4)}, None, (0.3, 0.4)),
    ],
    ids=["both", "an interval that one day does not have"],
)
def test_intervals_are_written_where_they_are_known(
    model: Model, known: dict[str, tuple[float, float]], calibration: Any, skill: Any
) -> None:
    performance = measured({name: an_estimate(*ends) for name, ends in known.items()})

    record = verdict_record(BINARY, judged(model, performance), performance, LATER)

    assert (record.days, record.calibration, record.skill) == (3, calibration, skill)
