"""Scores that do not depend on the rows that are scored beside them.

What multiplies matrices (linear models, perceptrons, distances) lets BLAS choose the order of a sum by the shape of the
matrix and, at its edges, by the place of a row: the last bit of a row's score is another one alone than in a batch.
Such rows are scored in blocks of one size, on one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import ThreadpoolController

from levelfive.models.quantile_estimators import QuantileEstimators
from levelfive.statistics.day_blocks import Floats

ROWS = 192
"""Rows of a block: a multiple of the numbers of rows (up to 64) that kernels of BLAS work on at once."""

_TREES = {
    "xgboost": {"XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"},
    "lightgbm": {"LGBMClassifier", "LGBMRegressor", "LGBMRanker"},
    "sklearn": {
        *("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"),
        *("ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor"),
        *("GradientBoostingClassifier", "GradientBoostingRegressor"),
        *("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
    },
}
_ELEMENTWISE = {
    *("Binarizer", "KBinsDiscretizer", "MaxAbsScaler", "MinMaxScaler", "MissingIndicator", "OneHotEncoder"),
    *("OrdinalEncoder", "RobustScaler", "SimpleImputer", "StandardScaler", "TargetEncoder"),
}


def predict_each_alike(predict: Callable[[pd.DataFrame], Floats], estimator: object, features: pd.DataFrame) -> Floats:
    """Score rows so that each gets the same bits whichever rows are beside it.

    Args:
        predict: Scores rows of features by the estimator; the shape of its result begins with the rows.
        estimator: Whether it needs blocks.
        features: Any number of rows.
    """
    if features.empty or works_row_by_row(estimator):
        return predict(features)
    rows = len(features)
    # The last block is filled up with rows that are there.
    whole = features.iloc[np.arange(-(-rows // ROWS) * ROWS) % rows].reset_index(drop=True)
    with _one_thread():
        blocks = [predict(whole.iloc[begin : begin + ROWS]) for begin in range(0, len(whole), ROWS)]
    return np.concatenate(blocks)[:rows]


def works_row_by_row(estimator: object) -> bool:
    """Tell whether an estimator is known to treat each row by itself: trees, behind encoders and scalers of columns."""
    *before, last = _steps(estimator)
    lasts = last.estimators_ if isinstance(last, QuantileEstimators) else [last]
    return all(map(_are_trees, lasts)) and all(map(_is_elementwise, before))


def _are_trees(last: object) -> bool:
    return type(last).__name__ in _TREES.get(type(last).__module__.split(".")[0], ())


def _steps(estimator: Any) -> list[object]:
    """List the steps of a pipeline, with those of pipelines within it."""
    if not _is_of_sklearn(estimator, "Pipeline"):
        return [estimator]
    return [inner for _, step in estimator.steps for inner in _steps(step)]


def _is_elementwise(step: Any) -> bool:
    if step is None or isinstance(step, str):  # passthrough, drop
        return True
    if _is_of_sklearn(step, "ColumnTransformer"):
        return all(_is_elementwise(of) for _, one, _ in step.transformers_ for of in _steps(one))
    if _is_of_sklearn(step, "FunctionTransformer"):
        return step.func is None
    return _is_of_sklearn(step, *_ELEMENTWISE)


def _is_of_sklearn(step: object, *names: str) -> bool:
    return type(step).__module__.startswith("sklearn.") and type(step).__name__ in names


def _one_thread() -> AbstractContextManager[Any]:
    # With several, the place at which BLAS divides the rows depends on the machine.
    limit: AbstractContextManager[Any] = _pools().limit(limits=1, user_api="blas")
    return limit


@cache
def _pools() -> ThreadpoolController:
    """Look which pools of threads there are, once: it takes a millisecond."""
    return ThreadpoolController()
