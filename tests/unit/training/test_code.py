"""A version's code is told by its source: what changes the model changes the hash, and nothing else does."""

import importlib
import runpy
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from in_memory.release import AS_OF, a_model

from flight_delay import USE_CASE
from levelfive import BINARY
from levelfive.errors import ConfigError
from levelfive.models.card import ModelCard
from levelfive.training.code import code_of
from levelfive.usecase.model import ModelSpec

MODULE = """
TREES = 20

def build(numeric, categorical, seed):
    return TREES
"""
SCRIPT = """
TREES = {trees}

def trees():
    return TREES

def build(numeric, categorical, seed):
    return trees()
"""


def hash_with(build: Callable[..., Any]) -> str:
    return code_of(replace(USE_CASE, model=replace(USE_CASE.model, build=build, parameters={}))).sha256


def made(trees: int) -> Callable[..., Any]:
    def build(numeric: Any, categorical: Any, seed: int) -> Any:
        return trees

    return build


def built(numeric: Any, categorical: Any, seed: int, *, trees: int = 20) -> Any:
    return trees


def test_the_same_code_has_the_same_hash_and_the_distribution_that_brought_it() -> None:
    first, second = code_of(USE_CASE), code_of(USE_CASE)

    assert first == second
    assert (first.distribution, bool(first.version), len(first.sha256)) == ("levelfive", True, 64)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (made(20), made(300)),
        (partial(built, trees=20), partial(built, trees=300)),
        (made(20), built),
        (lambda numeric, categorical, seed: 20, lambda numeric, categorical, seed: 300),
    ],
    ids=["closure", "partial", "another function", "lambda"],
)
def test_another_build_has_another_hash(one: Callable[..., Any], other: Callable[..., Any]) -> None:
    assert hash_with(one) == hash_with(one)
    assert hash_with(one) != hash_with(other)


@pytest.mark.parametrize("place", ["recipe.py", "recipe/__init__.py"], ids=["module", "package"])
def test_a_change_in_a_file_of_the_use_case_changes_the_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "recipe", raising=False)
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_text(MODULE)
    build = importlib.import_module("recipe").build
    before = hash_with(build)

    (tmp_path / "notes.py").write_text("NOT = 'of the use case'")
    (file.parent / "notes.txt").write_text("no code")
    same = hash_with(build)
    file.write_text(MODULE.replace("TREES = 20", "TREES = 300"))

    assert before == same != hash_with(build)
    monkeypatch.delitem(sys.modules, "recipe")


def test_the_functions_of_a_script_are_hashed_with_what_they_use(tmp_path: Path) -> None:
    def run(trees: int, name: str) -> str:
        script = tmp_path / name
        script.write_text(SCRIPT.format(trees=trees))
        return hash_with(runpy.run_path(str(script), run_name="__main__")["build"])

    assert run(20, "one.py") == run(20, "two.py") != run(300, "one.py")


def test_the_code_is_in_card_and_identity() -> None:
    card = a_model(AS_OF).card
    other = replace(card, code=code_of(USE_CASE))

    assert ModelCard.from_json(other.to_json()) == other
    assert card.identity != other.identity


def a_spec(build: Callable[..., Any], **parameters: Any) -> ModelSpec:
    return ModelSpec(BINARY, ("x", "c"), (), ("c",), build, parameters, seed=7)


def test_what_is_recorded_is_what_is_built() -> None:
    def with_parameters(numeric: Any, categorical: Any, seed: int, parameters: Any) -> Any:
        return numeric, categorical, seed, parameters

    assert a_spec(with_parameters, trees=20).estimator() == (["x"], ["c"], 7, {"trees": 20})
    assert a_spec(lambda *given: given).estimator() == (["x"], ["c"], 7)
    assert USE_CASE.model.estimator().get_params()["trees__n_estimators"] == USE_CASE.model.parameters["n_estimators"]


def test_parameters_that_build_does_not_take_are_refused() -> None:
    with pytest.raises(ConfigError, match="parameters are recorded but build does not take them, got trees"):
        a_spec(lambda numeric, categorical, seed: None, trees=20)
