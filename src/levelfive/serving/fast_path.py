"""A pipeline of column transformers and gradient-boosted trees, compiled for few rows at a time.

Texts become codes by a dictionary that the fitted encoder itself fills, and the booster reads one array of numbers; the
task makes scores of what comes out, as it does of the pipeline's. What is not known here is not compiled, and what is
compiled is used only if it gives the same bits as the pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from levelfive.models.package import Model, feature_frame
from levelfive.serving.cells import Cell
from levelfive.statistics.day_blocks import Floats

Score: TypeAlias = Callable[[Sequence[Sequence[Cell]]], Floats]
"""From rows of cells to scores."""
UNKNOWN = "\x00 no training saw this text"
ROWS_ALONE = 20


class _Unknown(Exception):
    """Something is in the estimator that is not compiled; the message says what."""


@dataclass(frozen=True)
class Codes:
    """The codes of the texts of one column; `otherwise` is that of a text that training did not see."""

    place: int
    codes: dict[Cell, float]
    otherwise: float


class Trees:
    """Fitted trees of XGBoost, asked with as little as possible around them.

    Args:
        fitted: A fitted `XGBClassifier` or `XGBRegressor`.
    """

    def __init__(self, fitted: Any) -> None:
        """Take what its own `predict` takes."""
        self._booster = fitted.get_booster()
        # For a single row, threads take longer to wake than to add.
        self._booster.set_param({"nthread": 1})
        best = getattr(fitted, "best_iteration", None)  # where training was stopped early
        self._trees = (0, 0) if best is None else (0, best + 1)
        self._missing = fitted.missing

    def _values(self, features: NDArray[np.float64]) -> NDArray[Any]:
        values: NDArray[Any] = self._booster.inplace_predict(
            features, iteration_range=self._trees, missing=self._missing, validate_features=False
        )
        return values


class ClassifierTrees(Trees):
    """Trees that give the chances of classes."""

    def predict_proba(self, features: NDArray[np.float64]) -> NDArray[Any]:
        """Compute the chance of each class, shape (rows, classes)."""
        chances = self._values(features)
        return chances if chances.ndim > 1 else np.vstack((1.0 - chances, chances)).T


class RegressorTrees(Trees):
    """Trees that give numbers."""

    def predict(self, features: NDArray[np.float64]) -> NDArray[Any]:
        """Compute the number of each row."""
        return self._values(features)


def fast_path(model: Model, names: Sequence[str], smoke: pd.DataFrame) -> Score | str:
    """Compile a model's scoring, if its estimator is known and the result is the same to the last bit.

    Args:
        model: What is compiled.
        names: The features, in the order in which rows hold their cells.
        smoke: Rows of features that it is tried on: as they are, with each feature missing, and with each category of
            an unknown text.

    Returns:
        The compiled scoring, or why there is none.
    """
    try:
        score = _compiled(model, list(names))
    except _Unknown as err:
        return str(err)
    return _difference(model, list(names), smoke, score) or score


def _compiled(model: Model, names: list[str]) -> Score:
    estimator = model.estimator
    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    *before, last = steps
    trees: Any = _trees(last)
    if len(before) > 1 or (before and not isinstance(before[0], ColumnTransformer)):
        raise _Unknown(f"the pipeline has {', '.join(type(step).__name__ for step in before)} before its trees")
    order, codes = _columns(before[0], names) if before else (list(model.card.features), [])
    places, predict = [names.index(name) for name in order], model.card.task.predict
    pick: Callable[[list[Cell]], tuple[Cell, ...]]
    pick = itemgetter(*places) if len(places) > 1 else lambda cells: (cells[places[0]],)

    def score(rows: Sequence[Sequence[Cell]]) -> Floats:
        values = []
        for row in rows:
            cells = list(row)
            for one in codes:
                cells[one.place] = one.codes.get(cells[one.place], one.otherwise)
            values.append(pick(cells))
        return predict(trees, np.array(values, dtype=np.float64))  # type: ignore[arg-type]  # the task asks the trees alone

    return score


def _trees(last: Any) -> Trees:
    if not type(last).__module__.startswith("xgboost."):
        raise _Unknown(f"{type(last).__name__} is not compiled")
    from xgboost import XGBClassifier, XGBRegressor

    if last.booster not in (None, "gbtree"):
        raise _Unknown(f"the booster {last.booster} is not compiled")
    if type(last) is XGBClassifier:
        return ClassifierTrees(last)
    if type(last) is XGBRegressor:
        return RegressorTrees(last)
    raise _Unknown(f"{type(last).__name__} is not compiled")


def _columns(transformer: ColumnTransformer, names: list[str]) -> tuple[list[str], list[Codes]]:
    """List the columns that come out, and the codes of those that go in as texts."""
    if transformer.transformer_weights:
        raise _Unknown("the column transformer has weights")
    order: list[str] = []
    codes: list[Codes] = []
    for label, step, columns in transformer.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        if not isinstance(columns, list):
            raise _Unknown(f"the columns of {label} are no list")
        step_columns = [transformer.feature_names_in_[name] if isinstance(name, int) else name for name in columns]
        order += step_columns
        if type(step) is OrdinalEncoder:
            codes += _codes(step, step_columns, names)
        elif not _passes(step):
            raise _Unknown(f"{type(step).__name__} in {label} is not compiled")
    if len(set(order)) < len(order) and codes:
        raise _Unknown("a column goes in twice")
    return order, codes


def _passes(step: object) -> bool:
    return step == "passthrough" or (type(step) is FunctionTransformer and step.func is None)


def _codes(encoder: OrdinalEncoder, columns: list[str], names: list[str]) -> list[Codes]:
    """Ask a fitted encoder for the codes of all texts that it knows, of a missing one, and of any other."""
    if encoder.handle_unknown != "use_encoded_value" or encoder.dtype != np.float64:
        raise _Unknown("the encoder refuses texts that training did not see, or gives other numbers than float64")
    categories = [[text for text in texts if isinstance(text, str)] for texts in encoder.categories_]
    rows = max(map(len, categories)) + 2
    probe = pd.DataFrame(
        {
            name: [*texts, None, *[UNKNOWN] * (rows - 1 - len(texts))]
            for name, texts in zip(columns, categories, strict=True)
        },
        dtype=object,
    )
    codes = np.asarray(encoder.transform(probe), dtype=np.float64)
    return [
        Codes(names.index(name), dict(zip([*texts, None], codes[:, i].tolist(), strict=False)), float(codes[-1, i]))
        for i, (name, texts) in enumerate(zip(columns, categories, strict=True))
    ]


def _difference(model: Model, names: list[str], smoke: pd.DataFrame, score: Score) -> str:
    """Say how what was compiled differs from the model; empty where it does not."""
    card = model.card
    rows = feature_frame(smoke, card.features, card.categorical)
    probe = pd.concat([rows, *_with_holes(rows, card.categorical)], ignore_index=True)
    cells = [tuple(row) for row in probe[names].astype(object).itertuples(index=False)]
    try:
        ours = score(cells)
        alone = [score([row]) for row in cells[: min(ROWS_ALONE, len(rows))]]
    except Exception as err:  # of whatever a task or a library does with an array
        return f"compiled, it fails ({type(err).__name__})"
    theirs = model.score(probe)
    together = ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes()
    if together and b"".join(one.tobytes() for one in alone) == theirs[: len(alone)].tobytes():
        return ""
    return "compiled, it gives other scores for the smoke rows"


def _with_holes(rows: pd.DataFrame, categorical: Sequence[str]) -> list[pd.DataFrame]:
    """Make rows with each feature missing, and with each category of an unknown text."""
    holes = [rows.assign(**{name: None if name in categorical else np.nan}) for name in rows.columns]
    return [*holes, *(rows.assign(**{name: UNKNOWN}) for name in rows.columns if name in categorical)]
