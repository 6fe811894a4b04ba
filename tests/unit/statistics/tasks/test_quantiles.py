"""Quantiles: metrics are scikit-learn's, those that cross are put into order, and XGBoost's model is one of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from in_memory.release import a_model
from lightgbm import LGBMRegressor
from scipy import stats
from sklearn import metrics as sklearn_metrics
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBRegressor

from levelfive import QuantileEstimators, Quantiles
from levelfive.core.windows import utc
from levelfive.errors import ConfigError, EvidenceError
from levelfive.models.package import load, save, smoke_check
from levelfive.models.row_blocks import works_row_by_row
from levelfive.statistics.metrics import Evaluation, evaluate
from levelfive.statistics.profiles import profile_numeric

LEVELS = (0.1, 0.5, 0.9)
WAIT = Quantiles("wait", LEVELS)
DAYS = np.repeat(np.arange(20), 30)
RNG = np.random.default_rng(9)
MIDDLE = RNG.normal(20.0, 8.0, DAYS.size)
LABELS = MIDDLE + RNG.normal(0.0, 3.0, DAYS.size)
SCORES = MIDDLE[:, None] + 3.0 * stats.norm.ppf(LEVELS)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate(WAIT, LABELS, SCORES, DAYS)


def mean_pinball(scores: np.ndarray) -> float:
    return float(
        np.mean(
            [
                sklearn_metrics.mean_pinball_loss(LABELS, one, alpha=level)
                for one, level in zip(scores.T, LEVELS, strict=True)
            ]
        )
    )


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("pinball", mean_pinball(SCORES)),
        ("coverage", ((SCORES[:, 0] <= LABELS) & (SCORES[:, 2] >= LABELS)).mean()),
        ("width", 2 * 3.0 * stats.norm.ppf(0.9)),
        ("skill", 1 - mean_pinball(SCORES) / mean_pinball(np.tile(np.quantile(LABELS, LEVELS), (LABELS.size, 1)))),
        ("calibration_p10", (SCORES[:, 0] >= LABELS).mean() - 0.1),
    ],
)
def test_a_metric_is_that_of_scikit_learn(evaluation: Evaluation, metric: str, expected: float) -> None:
    estimate = evaluation.estimates[metric]

    assert estimate.value == pytest.approx(expected)
    assert estimate.low <= estimate.value * (1 + 1e-12)
    assert estimate.high >= estimate.value * (1 - 1e-12)


def test_quantiles_that_are_right_cover_what_they_say(evaluation: Evaluation) -> None:
    within = evaluation.estimates["coverage"]

    assert within.low < 0.8 < within.high


def test_the_best_constant_scores_are_the_labels_own_quantiles_also_by_a_profile() -> None:
    assert WAIT.constant(LABELS) == pytest.approx(np.quantile(LABELS, LEVELS))
    assert WAIT.constant_of(profile_numeric(LABELS)) == pytest.approx(np.quantile(LABELS, LEVELS), abs=0.3)
    best = WAIT.loss(LABELS, WAIT.repeated(WAIT.constant(LABELS), LABELS.size)).mean()
    others = [WAIT.loss(LABELS, np.tile(WAIT.constant(LABELS + by), (LABELS.size, 1))).mean() for by in (-1, 1)]
    assert best < min(others)


class Given:
    """An estimator that predicts what it was given."""

    def __init__(self, scores: np.ndarray) -> None:
        self.scores = scores

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "Given":
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.scores


def test_quantiles_that_cross_are_put_into_their_order() -> None:
    scores = WAIT.predict(Given(np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]])), pd.DataFrame(index=range(2)))

    assert scores.tolist() == [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]
    assert WAIT.expected(scores).tolist() == [2.0, 2.0]


def test_an_estimator_of_one_column_is_refused_with_one_that_has_several() -> None:
    with pytest.raises(EvidenceError, match=r"must predict 3 columns, got the shape \(2,\) of 2 rows; XGBR"):
        WAIT.predict(Given(np.array([1.0, 2.0])), pd.DataFrame(index=range(2)))


def test_a_model_of_xgboost_is_saved_loaded_and_repeats_its_scores(tmp_path: Path) -> None:
    rows = pd.DataFrame({"distance": MIDDLE})
    estimator = XGBRegressor(objective="reg:quantileerror", quantile_alpha=LEVELS, n_estimators=30).fit(rows, LABELS)
    model = a_model(utc(2024, 5, 1))
    model = replace(model, estimator=estimator, card=replace(model.card, task=WAIT))

    save(model, rows.head(20), tmp_path / "package")

    smoke_check(tmp_path / "package")
    again = load(tmp_path / "package")
    assert again.card.task == WAIT
    assert again.score(rows).tolist() == model.score(rows).tolist()
    assert evaluate(WAIT, LABELS, again.score(rows), DAYS).estimates["skill"].value > 0.5


@pytest.mark.parametrize(
    "one",
    [
        lambda level: GradientBoostingRegressor(loss="quantile", alpha=level, n_estimators=30),
        lambda level: LGBMRegressor(objective="quantile", alpha=level, n_estimators=30, verbose=-1),
    ],
    ids=["scikit-learn", "LightGBM"],
)
@pytest.mark.parametrize("is_pipeline", [False, True], ids=["alone", "pipeline"])
def test_one_estimator_a_level_is_a_model_of_quantiles(
    one: Callable[[float], Any], is_pipeline: bool, tmp_path: Path
) -> None:
    rows = pd.DataFrame({"distance": MIDDLE})
    each = QuantileEstimators([one(level) for level in LEVELS])
    estimator = make_pipeline(StandardScaler().set_output(transform="pandas"), each) if is_pipeline else each
    model = a_model(utc(2024, 5, 1))
    model = replace(model, estimator=estimator.fit(rows, LABELS), card=replace(model.card, task=WAIT))

    save(model, rows.head(20), tmp_path / "package")

    smoke_check(tmp_path / "package")
    again = load(tmp_path / "package").score(rows)
    assert again.tolist() == model.score(rows).tolist()
    assert model.score(rows[5:6]).tolist() == again[5:6].tolist()
    found = evaluate(WAIT, LABELS, again, DAYS).estimates
    assert found["skill"].value > 0.5
    assert found["coverage"].value == pytest.approx(0.8, abs=0.05)
    assert works_row_by_row(estimator)
    each.estimators_[0] = Ridge().fit(rows, LABELS)
    assert not works_row_by_row(estimator)


@pytest.mark.parametrize("levels", [(0.5,), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0), (0.5, 0.5)])
def test_levels_that_do_not_increase_between_0_and_1_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="needs levels that increase between 0 and 1, two at least"):
        Quantiles("wait", levels)


@pytest.mark.parametrize("levels", ["59", ("0.1", "0.9"), (0.1, None)])
def test_levels_that_are_no_numbers_are_refused(levels: Any) -> None:
    with pytest.raises(ConfigError, match=r"needs levels that are fractions such as 0\.1"):
        Quantiles("wait", levels)


def test_levels_whose_columns_would_share_a_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="so near that their columns share a name: p10, p10"):
        Quantiles("wait", (0.1, 0.100000001))


def test_score_columns_are_named_by_percent() -> None:
    assert Quantiles("tails", (0.025, 0.5)).score_columns == ("score_p2_5", "score_p50")
