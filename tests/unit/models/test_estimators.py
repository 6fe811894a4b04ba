"""Any estimator of scikit-learn's kind is saved, loaded, repeats its scores, and says what it rests on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, a_model
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import HuberRegressor, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC, SVR
from xgboost import XGBClassifier, XGBRegressor

from levelfive import BINARY, REGRESSION, Estimator, Multiclass, Task
from levelfive.models.package import Model, check_repeats, feature_frame, load, save
from levelfive.training.importances import importances

SIZES = Multiclass("size", ("small", "middle", "large"))
RNG = np.random.default_rng(3)
ROWS = pd.DataFrame(
    {"price": RNG.gamma(2.0, 30.0, 240), "store": RNG.choice(["north", "south"], 240), "noise": RNG.normal(size=240)}
)
ROWS.loc[::17, "noise"] = np.nan
NUMBER = ROWS["price"].to_numpy() + 20.0 * (ROWS["store"] == "north").to_numpy()
LABELS = {BINARY: NUMBER > 60, SIZES: np.digitize(NUMBER, [40, 80]), REGRESSION: NUMBER}
DAYS = np.repeat(np.arange(12), 20)
CLASSIFIERS = {
    "LightGBM": LGBMClassifier(n_estimators=20, verbose=-1),
    "XGBoost": XGBClassifier(n_estimators=20),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=20),
    "forest": RandomForestClassifier(20, random_state=1),
    "naive Bayes": GaussianNB(),
    "neighbours": KNeighborsClassifier(),
    "support vectors": SVC(probability=True, random_state=1),
    "calibrated": CalibratedClassifierCV(GaussianNB(), cv=2),
    "logistic": LogisticRegression(max_iter=1000),
    "stacked": StackingClassifier([("bayes", GaussianNB())], LogisticRegression(), cv=2),
}
REGRESSORS = {
    "LightGBM": LGBMRegressor(n_estimators=20, verbose=-1),
    "XGBoost": XGBRegressor(n_estimators=20),
    "histogram boosting": HistGradientBoostingRegressor(max_iter=20),
    "ridge": Ridge(),
    "Huber": HuberRegressor(max_iter=1000),
    "Gaussian process": GaussianProcessRegressor(alpha=1.0),
    "perceptron": MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", max_iter=2000, random_state=1),
    "support vectors": SVR(),
}
CASES = [
    *(
        pytest.param(task, one, id=f"{task.name}-{name}")
        for name, one in CLASSIFIERS.items()
        for task in (BINARY, SIZES)
    ),
    *(pytest.param(REGRESSION, one, id=f"regression-{name}") for name, one in REGRESSORS.items()),
]


def assert_each_row_is_scored_alike(model: Model) -> None:
    """Score rows together, in parts of any length, in another order, and some alone."""
    together = model.score(ROWS)
    for length in (1, 2, 3, 5, 7, 31, 193):
        for begin in (0, 40):
            part = slice(begin, begin + length)
            assert model.score(ROWS[part]).tolist() == together[part].tolist(), (begin, length)
    order = np.random.default_rng(5).permutation(len(ROWS))
    assert model.score(ROWS.iloc[order]).tolist() == together[order].tolist()


@pytest.mark.parametrize(("task", "estimator"), CASES)
def test_a_model_of_any_library_is_a_package(task: Task, estimator: Estimator, tmp_path: Path) -> None:
    parts = [
        ("numbers", SimpleImputer(), ["price", "noise"]),
        ("stores", OneHotEncoder(sparse_output=False), ["store"]),
    ]
    columns = ColumnTransformer(parts).set_output(transform="pandas")  # LightGBM warns of what has no names
    features, categorical = ("price", "store", "noise"), ("store",)
    card = replace(a_model(AS_OF).card, task=task, features=features, categorical=categorical)
    frame = feature_frame(ROWS, features, categorical)
    fitted = Pipeline([("columns", columns), ("model", estimator)]).fit(frame, LABELS[task].astype(float))
    model = Model(fitted, card)

    save(model, ROWS, tmp_path / "package")

    check_repeats(tmp_path / "package")
    again = load(tmp_path / "package")
    assert_each_row_is_scored_alike(again)
    assert again.score(ROWS).tolist() == model.score(ROWS).tolist()
    assert again.score(ROWS).shape == ((240, 3) if task is SIZES else (240,))
    assert next(iter(importances(again, frame, DAYS))) == "price"
