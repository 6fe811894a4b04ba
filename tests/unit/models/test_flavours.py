"""An estimator that cannot be pickled is kept by the MLflow flavour that it names, and read by the one of its file."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, a_model
from own_flavour import InDatabase
from xgboost import XGBRegressor
from xgboost.callback import TrainingCallback

from levelfive import REGRESSION, Estimator
from levelfive.errors import RegistryError
from levelfive.models.package import Model, check_repeats, load, save, smoke_rows
from levelfive.serving.fast_path import fast_path
from levelfive.serving.features import feature_names
from levelfive.training.importances import importances

RNG = np.random.default_rng(4)
ROWS = pd.DataFrame({"distance": RNG.gamma(2.0, 30.0, 240), "wind": RNG.normal(size=240)})
LABELS = ROWS["distance"].to_numpy() + RNG.normal(size=240)
CARD = replace(a_model(AS_OF).card, task=REGRESSION, features=("distance", "wind"))


class Log(TrainingCallback):
    """Writes each round's loss into a file, which stays open."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.file = path.open("w")

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self.file.write(f"{epoch}\n")
        return False


def logged(path: Path) -> XGBRegressor:
    estimator = XGBRegressor(n_estimators=20, n_jobs=1, callbacks=[Log(path)])
    return estimator.fit(ROWS, LABELS)


def named(estimator: Any, flavour: str) -> Any:
    estimator.mlflow_flavour = flavour
    return estimator


@pytest.fixture(params=["xgboost", "own"])
def estimator(request: pytest.FixtureRequest, tmp_path: Path) -> Estimator:
    if request.param == "own":
        return InDatabase().fit(ROWS, LABELS)
    return named(logged(tmp_path / "log"), "mlflow.xgboost")


def test_an_estimator_that_cannot_be_pickled_is_saved_by_its_flavour_and_gives_the_same_bits(
    estimator: Estimator, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(estimator)
    model = Model(estimator, CARD)

    save(model, ROWS, tmp_path / "package")

    check_repeats(tmp_path / "package")
    again = load(tmp_path / "package")
    assert type(again.estimator) is type(estimator)
    assert again.score(ROWS).tobytes() == model.score(ROWS).tobytes()
    assert mlflow.pyfunc.load_model(str(tmp_path / "package")).predict(ROWS).tolist() == model.score(ROWS).tolist()
    assert next(iter(importances(again, ROWS, np.arange(240) // 20))) == "distance"


def test_trees_that_were_read_by_their_flavour_take_the_fast_path(tmp_path: Path) -> None:
    save(Model(named(logged(tmp_path / "log"), "mlflow.xgboost"), CARD), ROWS, tmp_path / "package")

    again = load(tmp_path / "package")
    score = fast_path(again, feature_names(again.card), smoke_rows(tmp_path / "package"))

    assert not isinstance(score, str), score
    assert score(ROWS.to_numpy().tolist()).tobytes() == again.score(ROWS).tobytes()


def test_one_that_names_no_flavour_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"of XGBRegressor cannot be pickled \(.*\): let its attribute mlflow_flav"):
        save(Model(logged(tmp_path / "log"), CARD), ROWS, tmp_path / "package")
