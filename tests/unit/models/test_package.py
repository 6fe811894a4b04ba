"""A package repeats its own scores to the last digit of its rows, or is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, a_model
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from levelfive import REGRESSION
from levelfive.errors import ConfigError, RegistryError
from levelfive.models.package import SMOKE, Model, check_repeats, feature_frame, save, smoke_check

CARD = replace(a_model(AS_OF).card, task=REGRESSION)


def saved(
    folder: Path,
    values: list[Any],
    *,
    prepare: Callable[..., Any] = np.array,
    category: bool = False,
    unit: float = 1.0,
) -> Path:
    """Fit a line, or one through categories, and write it with its rows."""
    card = replace(CARD, features=("x",), categorical=("x",) if category else ())
    rows, labels = pd.DataFrame({"x": values}), unit * np.arange(len(values))
    first = OneHotEncoder(handle_unknown="ignore") if category else FunctionTransformer(prepare)
    estimator = Pipeline([("first", first), ("line", LinearRegression())])
    estimator.fit(feature_frame(rows, card.features, card.categorical), labels)
    save(Model(estimator, card), rows, folder)
    return folder


def noisy(features: pd.DataFrame) -> Any:
    return features + np.random.default_rng().normal(size=features.shape)


@pytest.mark.parametrize("values", [[1e-15, 7e-15, 3e-15], [1e300, 2e300, -1e300], [2.0**53 - 1, 2.0**53 - 2, 0.1]])
def test_numbers_of_any_size_are_kept_as_they_are(tmp_path: Path, values: list[float]) -> None:
    package = saved(tmp_path / "model", values)

    smoke_check(package)
    check_repeats(package)

    assert pd.read_parquet(package / SMOKE)["x"].tolist() == values


@pytest.mark.parametrize("values", [[2**62 + 1, 2**62 + 2, 5], [3, None, 2], [None, None, None], [True, None, False]])
def test_categories_are_kept_as_their_texts(tmp_path: Path, values: list[Any]) -> None:
    package = saved(tmp_path / "model", values, category=True)

    smoke_check(package)


@pytest.mark.parametrize("unit", [1.0, 1e-15])
def test_scores_that_differ_are_told_however_small_they_are(tmp_path: Path, unit: float) -> None:
    package = saved(tmp_path / "model", [1.0, 2.0, 4.0], unit=unit)
    smoke = pd.read_parquet(package / SMOKE)
    smoke.assign(x=smoke["x"] + 0.001).to_parquet(package / SMOKE)

    with pytest.raises(RegistryError, match="the environment or the artefact is not the same"):
        smoke_check(package)


def test_a_model_that_cannot_repeat_its_scores_is_refused_where_it_is_made(tmp_path: Path) -> None:
    package = saved(tmp_path / "model", [1.0, 2.0, 4.0], prepare=noisy)

    with pytest.raises(RegistryError, match="cannot repeat its own scores once it is written and read"):
        check_repeats(package)


def test_a_package_without_smoke_rows_is_refused(tmp_path: Path) -> None:
    package = saved(tmp_path / "model", [1.0, 2.0, 4.0])
    (package / SMOKE).unlink()

    with pytest.raises(RegistryError, match="holds no smoke rows"):
        smoke_check(package)


def test_a_feature_that_holds_no_numbers_is_named() -> None:
    rows = pd.DataFrame({"distance": [1.0], "speed": ["much"], "origin": ["JFK"]})

    with pytest.raises(ConfigError, match=r"the feature speed holds something else .* 'much'"):
        feature_frame(rows, ("distance", "speed", "origin"), ("origin",))
