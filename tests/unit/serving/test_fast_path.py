"""What is compiled gives the same bits as the pipeline, or is not used."""

from collections.abc import Callable
from typing import Any

import multiclass
import numpy as np
import pandas as pd
import pytest
import served
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor

from levelfive import BINARY, REGRESSION
from levelfive.models.package import Model
from levelfive.serving.fast_path import Score, fast_path
from levelfive.serving.features import feature_names
from levelfive.statistics.tasks.binary import Binary

NUMBERS = tuple(name for name in served.FEATURES if name not in served.CATEGORIES)


def binary() -> Model:
    return served.classifier()


def many_classes() -> Model:
    labels = np.arange(400) % 3
    return served.fitted(served.encoded(XGBClassifier(n_jobs=1, n_estimators=6)), labels, task=multiclass.COLOURS)


def regression() -> Model:
    labels = served.training_rows()["distance"].fillna(0) * 1.7 - 900
    return served.fitted(
        served.encoded(XGBRegressor(n_jobs=1, n_estimators=6, base_score=3.25)), labels, task=REGRESSION
    )


def bare_trees() -> Model:
    card = {"features": NUMBERS, "categorical": (), "lookups": ()}
    return served.fitted(XGBClassifier(n_jobs=1, n_estimators=5), task=BINARY, **card)


def stopped_early() -> Model:
    model = served.classifier(trees=30)
    trees = XGBClassifier(n_jobs=1, n_estimators=30, early_stopping_rounds=2, learning_rate=0.9)
    rows = model.estimator[0].transform(served.training_rows())
    labels = np.random.default_rng(1).integers(0, 2, len(rows))
    trees.fit(rows[:200], labels[:200], eval_set=[(rows[200:], labels[200:])], verbose=False)
    assert trees.best_iteration < trees.get_booster().num_boosted_rounds() - 1
    return Model(Pipeline([("columns", model.estimator[0]), ("trees", trees)]), model.card)


def compiled(model: Model) -> Score | str:
    return fast_path(model, feature_names(model.card), served.training_rows(20))


@pytest.mark.parametrize("made", [binary, many_classes, regression, bare_trees, stopped_early])
def test_what_is_known_is_compiled_to_the_same_bits(made: Callable[[], Model]) -> None:
    model = made()
    rows = served.training_rows(300).assign(origin="LGA") if model.card.categorical else served.training_rows(300)

    score = compiled(model)

    assert not isinstance(score, str), score
    cells = [tuple(row) for row in rows[list(feature_names(model.card))].astype(object).itertuples(index=False)]
    cells = [tuple(None if cell != cell else cell for cell in row) for row in cells]
    assert score(cells).tobytes() == model.score(rows).tobytes()
    assert b"".join(score([row]).tobytes() for row in cells) == model.score(rows).tobytes()


def renamed(features: pd.DataFrame) -> pd.DataFrame:
    return features


def scaled() -> Any:
    steps = served.encoded(XGBClassifier(n_jobs=1, n_estimators=3)).steps
    return Pipeline([steps[0], ("scaled", StandardScaler()), steps[1]])


def weighted() -> Any:
    made = served.encoded(XGBClassifier(n_jobs=1, n_estimators=3))
    return made.set_params(columns__transformer_weights={"numbers": 2.0})


def strict() -> Any:
    made = served.encoded(XGBClassifier(n_jobs=1, n_estimators=3))
    return made.set_params(columns__categories=OrdinalEncoder(encoded_missing_value=-1))


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (served.encoded(LogisticRegression()), "LogisticRegression is not compiled"),
        (scaled(), "the pipeline has ColumnTransformer, StandardScaler before its trees"),
        (weighted(), "the column transformer has weights"),
        (strict(), "the encoder refuses texts that training did not see"),
        (served.encoded(XGBClassifier(n_jobs=1, n_estimators=3, booster="dart")), "the booster dart is not compiled"),
        (
            served.encoded(XGBClassifier(n_jobs=1, n_estimators=3)).set_params(
                columns__numbers=FunctionTransformer(renamed)
            ),
            "FunctionTransformer in numbers is not compiled",
        ),
    ],
    ids=["regression", "scaled", "weighted", "strict", "dart", "function"],
)
def test_what_is_not_known_says_what_it_is(estimator: Any, reason: str) -> None:
    rows = served.training_rows().fillna({**dict.fromkeys(NUMBERS, 0.0), **dict.fromkeys(served.CATEGORIES, "x")})
    labels = (rows["wind"] > 60).to_numpy(float)
    estimator.fit(rows, labels)

    assert reason in compiled(Model(estimator, served.CARD))  # type: ignore[operator]  # it is a text


class Looking(Binary):
    """A task that looks at the columns of what it scores."""

    name = "looking"

    def predict(self, estimator: Any, features: pd.DataFrame) -> Any:
        return super().predict(estimator, features) + 0.0 * features["distance"].isna().to_numpy()


class Rounding(Binary):
    """A task that makes another score of an array than of a frame."""

    name = "rounding"

    def predict(self, estimator: Any, features: Any) -> Any:
        scores = super().predict(estimator, features)
        return scores if isinstance(features, pd.DataFrame) else np.nextafter(scores, 1.0)


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (Looking(), "compiled, it fails (IndexError)"),
        (Rounding(), "compiled, it gives other scores for the smoke rows"),
    ],
)
def test_what_gives_other_bits_is_not_used(task: Binary, reason: str) -> None:
    model = served.classifier()

    assert compiled(served.fitted(model.estimator, task=task)) == reason
