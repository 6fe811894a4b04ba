"""A version is served if its files are those that were registered, and give the scores that they gave then."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import served
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from levelfive.errors import DamagedModel, RegistryError
from levelfive.models.package import SMOKE, digest
from levelfive.serving.version import served_version


def test_files_of_another_hash_are_not_read(package: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(package, tmp_path / "copied")
    (copied / "model.pkl").write_bytes(b"what a pickle could do")

    with pytest.raises(DamagedModel, match="the files of m version 1 are not those that were registered"):
        served_version(copied, "m", "1", sha256=digest(package))


def test_files_of_the_hash_are_served(package: Path) -> None:
    made = served_version(package, "m", "1", sha256=digest(package))

    assert (made.name, made.version, made.reason, made.fast is None) == ("m", "1", "", False)


def test_a_version_that_scores_differently_here_is_not_served(package: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(package, tmp_path / "copied")
    rows = pd.read_parquet(copied / SMOKE)
    rows.assign(distance=-rows["distance"], wind=0.0, delay=1e6).to_parquet(copied / SMOKE)

    with pytest.raises(RegistryError, match="scores its smoke rows differently"):
        served_version(copied, "m", "1")


def test_a_version_that_is_not_compiled_says_why(tmp_path: Path) -> None:
    steps = [("numbers", FunctionTransformer(numbers)), ("last", LogisticRegression())]
    package = served.saved(served.fitted(Pipeline(steps)), tmp_path / "model")

    made = served_version(package, "m", "1")

    assert (made.fast, made.reason) == (None, "LogisticRegression is not compiled")


def numbers(features: pd.DataFrame) -> pd.DataFrame:
    return features[["distance", "wind"]].fillna(0.0)
