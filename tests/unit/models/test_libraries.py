"""A package says which distributions its estimator is made of, and a machine that lacks one says which to install."""

import json
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from in_memory.release import AS_OF, a_model, flights
from lightgbm import LGBMClassifier
from own_flavour import InDatabase
from sklearn.ensemble import StackingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from levelfive.core.windows import Window
from levelfive.models.card import ModelCard
from levelfive.models.libraries import libraries_of
from levelfive.models.package import CARD, Model, save

LIBGOMP = "libgomp.so.1: cannot open shared object file: No such file or directory"
WITHOUT = """
import sys
from pathlib import Path

for name in [name for name in sys.modules if name.split(".")[0] == "lightgbm"]:
    del sys.modules[name]
sys.modules["lightgbm"] = None  # as where it is not installed
from levelfive.errors import RegistryError
from levelfive.models.package import load

try:
    load(Path(sys.argv[1]))
except RegistryError as err:
    print(err)
"""


def lightgbm() -> LGBMClassifier:
    return LGBMClassifier(n_estimators=3, verbose=-1)


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (lightgbm(), {"lightgbm"}),
        (XGBClassifier(), {"xgboost"}),
        (make_pipeline(StandardScaler(), lightgbm()), {"lightgbm", "scikit-learn"}),
        (StackingClassifier([("a", XGBClassifier()), ("b", lightgbm())]), {"lightgbm", "scikit-learn", "xgboost"}),
        (InDatabase(), set()),
    ],
    ids=["alone", "another", "pipeline", "stacked", "no distribution"],
)
def test_the_distributions_are_those_of_all_parts(estimator: Any, expected: set[str]) -> None:
    assert set(libraries_of(estimator)) - {"numpy", "cloudpickle"} == expected


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, folder = a_model(AS_OF), tmp_path_factory.mktemp("models") / "package"
    rows = flights(Window(model.card.trained_from, model.card.trained_until))
    estimator = make_pipeline(StandardScaler().set_output(transform="pandas"), lightgbm()).fit(
        rows[["distance"]], rows["label"]
    )
    save(Model(estimator, replace(model.card, libraries=("lightgbm",))), rows, folder)
    return folder


def test_the_version_of_each_is_in_the_card_and_in_the_requirements(package: Path) -> None:
    text = (package / CARD).read_text()

    assert ModelCard.from_json(text).libraries == ("lightgbm",)
    assert json.loads(text)["environment"]["lightgbm"] == version("lightgbm")
    assert f"lightgbm=={version('lightgbm')}" in (package / "requirements.txt").read_text().split()


def test_where_one_is_not_installed_the_refusal_says_what_to_install(package: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT, str(package)], capture_output=True, text=True, check=True)

    assert f"lightgbm=={version('lightgbm')}" in done.stdout
    assert "not installed here (No module named 'lightgbm" in done.stdout


def test_where_a_library_of_the_system_is_missing_the_refusal_names_it(package: Path, tmp_path: Path) -> None:
    """As in an image whose base has no libgomp: the wheel is installed, and its import fails."""
    (tmp_path / "lightgbm.py").write_text(f"raise OSError({LIBGOMP!r})\n")
    without = WITHOUT.replace('sys.modules["lightgbm"] = None', f"sys.path.insert(0, {str(tmp_path)!r})")

    done = subprocess.run([sys.executable, "-c", without, str(package)], capture_output=True, text=True, check=True)

    assert f"not installed here ({LIBGOMP})" in done.stdout
