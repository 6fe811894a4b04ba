"""What live predictions of a window did, by the versions that made them."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, a_use_case

from levelfive.core.windows import Window, to_micros, utc
from levelfive.monitoring.drift_statistics import PSI
from levelfive.monitoring.mature_rows import AT
from levelfive.monitoring.performance import Outcomes, performance_of
from levelfive.statistics.baseline import Baseline, profile_baseline
from levelfive.usecase.columns import LABEL, LABELLED, OUTCOME

WEEK = Window(AS_OF, AS_OF + timedelta(days=7))
MILLISECOND = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("by_day", "versions"),
    [("2223333", ("2", "3")), ("2233322", ("3", "2")), ("9999000", ("9", "10"))],
    ids=["a promotion", "a promotion and a rollback", "another promotion"],
)
def test_the_version_that_was_live_last_stands_at_the_end(by_day: str, versions: tuple[str, ...]) -> None:
    days = pd.Series(list(by_day)).replace("0", "10")
    at = np.arange(7, dtype=np.int64) * 86_400_000_000 + to_micros(WEEK.start)
    rows = pd.DataFrame({AT: at, "model_version": days, "score": 0.5, "reference_score": 0.5, LABEL: 1.0})
    rows[OUTCOME] = None

    found = performance_of(a_use_case(), Outcomes(rows, WEEK.end, None), WEEK)

    assert found.versions == versions


@pytest.mark.parametrize(("rate", "psi"), [(0.2, 0.0), (0.5, 0.4158883)], ids=["alike", "more of them"])
def test_labels_of_mature_rows_are_compared_with_those_of_the_training(rate: float, psi: float) -> None:
    training, now = (labels_of_rate(of, 1000) for of in (0.2, rate))
    rows = pd.DataFrame({LABEL: now, "model_version": "2", "score": 0.5, "reference_score": 0.5, OUTCOME: LABELLED})
    rows[AT] = to_micros(WEEK.start)
    young = rows.assign(**{LABEL: 1.0, AT: to_micros(WEEK.end - timedelta(hours=1))})
    baseline = trained_on(training)
    outcomes = Outcomes(pd.concat([rows, young]), WEEK.end, None, baseline_of=lambda version: baseline)

    found = performance_of(a_use_case(), outcomes, WEEK)

    assert found.label_drift[PSI] == pytest.approx(psi)


@pytest.mark.parametrize("year", [2024, 1968])
def test_a_window_begins_and_ends_within_a_second(year: int) -> None:
    start = utc(year, 1, 1)
    window = Window(start + 300 * MILLISECOND, start + 700 * MILLISECOND)
    at = [to_micros(start + number * MILLISECOND) for number in (299, 300, 699, 700)]
    rows = pd.DataFrame({AT: at, "model_version": "2", "score": 0.5, "reference_score": 0.5, LABEL: 1.0, OUTCOME: None})

    assert performance_of(a_use_case(), Outcomes(rows, window.end, None), window).scored == 2


def test_of_a_version_that_is_gone_labels_are_compared_with_nothing() -> None:
    rows = pd.DataFrame({LABEL: [1.0], "model_version": "2", "score": 0.5, "reference_score": 0.5, OUTCOME: LABELLED})
    rows[AT] = to_micros(WEEK.start)

    assert performance_of(a_use_case(), Outcomes(rows, WEEK.end, None), WEEK).label_drift == {}


def trained_on(labels: np.ndarray) -> Baseline:
    """Build the baseline of a training set with some labels."""
    features = pd.DataFrame({"wind": np.zeros(labels.size)})
    return profile_baseline(features, [], label=labels, score=np.full(labels.size, 0.5))


def labels_of_rate(rate: float, rows: int) -> np.ndarray:
    """Make labels of which a share is 1."""
    return (np.arange(rows) < rate * rows).astype(float)
