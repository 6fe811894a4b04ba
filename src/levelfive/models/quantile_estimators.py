"""One estimator a level, for libraries whose quantile loss predicts a single quantile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone


class QuantileEstimators(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Predicts a column a level, as the task `Quantiles` asks for, by an estimator each.

    Args:
        estimators: In the order of the task's levels, such as `[LGBMRegressor(objective="quantile", alpha=level) for
            level in WAIT.levels]`, or `GradientBoostingRegressor(loss="quantile", alpha=level)`.
    """

    def __init__(self, estimators: Sequence[Any]) -> None:
        """Keep them as they are, as scikit-learn asks for."""
        self.estimators = estimators

    def fit(self, X: pd.DataFrame, y: NDArray[Any]) -> Self:
        """Fit a copy of each on the same rows."""
        self.estimators_ = [clone(one).fit(X, y) for one in self.estimators]
        return self

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Predict a quantile a level, shape (rows, levels)."""
        return np.column_stack([one.predict(X) for one in self.estimators_])
