"""What a model rests on: the columns that its scores are made of, whichever way its estimator takes them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, a_model
from multiclass import COLOURS
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor

from levelfive import REGRESSION
from levelfive.models.package import Model
from levelfive.training.importances import SAMPLE_ROWS, draw_by_day, importances

RANDOM = np.random.default_rng(3)
ROWS = 400
FEATURES = pd.DataFrame(
    {
        "carrier": RANDOM.choice(["UA", "AA", None], ROWS),
        "carrier_delay": RANDOM.normal(size=ROWS),
        "noise": RANDOM.normal(size=ROWS),
    }
)
DAYS = np.arange(ROWS) // 40
LABELS = (FEATURES["carrier_delay"] + 0.5 * (FEATURES["carrier"] == "UA") > 0).to_numpy(np.float64)
CARD = replace(a_model(AS_OF).card, features=tuple(FEATURES), categorical=("carrier",))
TREES = {"n_estimators": 10, "max_depth": 3, "n_jobs": 1}


def pipeline(encoder: Any, last: Any, names: bool = True) -> Pipeline:
    columns = ColumnTransformer(
        [("cat", encoder, ["carrier"]), ("num", StandardScaler(), ["carrier_delay", "noise"])],
        verbose_feature_names_out=names,
        sparse_threshold=0,
    )
    return Pipeline([("columns", columns), ("last", last)])


def codes() -> OrdinalEncoder:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)


def measured(estimator: Any, labels: Any = LABELS, **card: Any) -> dict[str, float]:
    estimator.fit(FEATURES, labels)
    return importances(Model(estimator, replace(CARD, **card)), FEATURES, DAYS)


@pytest.mark.parametrize(
    "estimator",
    [
        pipeline(codes(), XGBClassifier(**TREES), names=False),
        pipeline(OneHotEncoder(), XGBClassifier(**TREES)),
        pipeline(OneHotEncoder(), LogisticRegression()),
    ],
    ids=["trees of codes", "trees of flags", "no trees"],
)
def test_a_model_rests_on_what_its_labels_are_made_of(estimator: Pipeline) -> None:
    found = measured(estimator)

    assert list(found) == ["carrier_delay", "carrier", "noise"]
    assert found["carrier_delay"] > 0.5 > found["carrier"] > 2 * found["noise"]
    assert sum(found.values()) == pytest.approx(1, abs=0.001)


def test_a_model_that_rests_on_numbers_alone_needs_no_pipeline() -> None:
    numbers = FEATURES[["carrier_delay", "noise"]]
    estimator = XGBRegressor(**TREES).fit(numbers, LABELS)
    card = replace(CARD, task=REGRESSION, features=tuple(numbers), categorical=())

    assert list(importances(Model(estimator, card), numbers, DAYS)) == ["carrier_delay", "noise"]


def test_of_several_classes_the_contributions_to_all_of_them_count() -> None:
    labels = np.digitize(FEATURES["carrier_delay"], [-0.5, 0.5]).astype(float)

    found = measured(pipeline(codes(), XGBClassifier(**TREES)), labels, task=COLOURS)

    assert found["carrier_delay"] > 0.9


def test_trees_that_were_left_out_by_early_stopping_count_for_nothing() -> None:
    numbers = FEATURES[["carrier_delay", "noise"]]
    trees = XGBRegressor(n_estimators=30, learning_rate=1.0, early_stopping_rounds=30, n_jobs=1)
    trees.fit(numbers[:200], LABELS[:200], eval_set=[(numbers[200:], LABELS[200:])], verbose=False)
    kept = XGBRegressor(n_estimators=trees.best_iteration + 1, learning_rate=1.0, n_jobs=1)
    kept.fit(numbers[:200], LABELS[:200])
    card = replace(CARD, task=REGRESSION, features=tuple(numbers), categorical=())

    stopped, short = (importances(Model(one, card), numbers, DAYS) for one in (trees, kept))

    assert trees.best_iteration < 29
    assert stopped == short


def test_a_model_that_says_the_same_of_all_rows_rests_on_nothing() -> None:
    assert measured(pipeline(codes(), XGBRegressor(**TREES)), np.ones(ROWS), task=REGRESSION) == {}


def test_the_trees_of_lightgbm_say_what_they_rest_on() -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="needs lightgbm, which the ML runtime brings")

    found = measured(pipeline(codes(), lightgbm.LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1)))

    assert next(iter(found)) == "carrier_delay"


@pytest.mark.parametrize(
    ("rows_of_days", "number", "drawn"),
    [([100, 100, 100], 30, [10, 10, 10]), ([3, 100, 100], 33, [3, 15, 15]), ([2, 1, 3], 10, [2, 1, 3])],
    ids=["alike", "a short day gives all", "few rows are all drawn"],
)
def test_rows_are_drawn_of_all_days_alike(rows_of_days: Sequence[int], number: int, drawn: Sequence[int]) -> None:
    days = np.repeat(np.arange(5, 5 + len(rows_of_days)), rows_of_days)

    places = draw_by_day(days[::-1], number, seed=1)

    assert np.bincount(days[::-1][places], minlength=5)[5:].tolist() == list(drawn)
    assert (np.diff(places) > 0).all()


def test_more_rows_than_a_sample_are_not_looked_at() -> None:
    days = np.repeat(np.arange(30), 100)

    assert len(draw_by_day(days, SAMPLE_ROWS, seed=1)) == SAMPLE_ROWS
