"""How much something will be: labels and scores are numbers with a unit, the loss is the squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from levelfive.statistics import day_blocks
from levelfive.statistics.day_blocks import DayBlocks, Floats, Statistic
from levelfive.statistics.tasks.registry import register_task
from levelfive.statistics.tasks.task import LARGEST, Estimator, Metric, Task

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def _loss(labels: Floats, scores: Floats) -> Floats:
    return np.asarray(np.square(scores - labels))


def _rmse(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    squared_loss = day_blocks.mean(_loss(labels, scores), blocks)
    return lambda weights: np.sqrt(squared_loss(weights))


def _mae(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean(np.abs(scores - labels), blocks)


def _r2(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    squared_loss = day_blocks.mean(_loss(labels, scores), blocks)
    # Centred, so that the variance is not the small difference of two large numbers; exactly 0 if constant.
    centred_labels = labels - np.median(labels)
    first, second = day_blocks.mean(centred_labels, blocks), day_blocks.mean(np.square(centred_labels), blocks)
    return lambda w: 1 - day_blocks.ratio(squared_loss(w), second(w) - np.square(first(w)))


def _bias(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean(scores - labels, blocks)


class Regression(Task):
    """A regression."""

    name = "regression"
    title = "a regression"
    wanted_labels = f"numbers from {-LARGEST:g} to {LARGEST:g}"
    score_range = (-LARGEST, LARGEST)
    predicted_label = "score"
    predict_method = "predict"
    metrics = (
        Metric("rmse", "RMSE", "in the label's unit", _rmse, lower_is_better=True),
        Metric("mae", "MAE", "in the label's unit", _mae, lower_is_better=True),
        Metric("r2", "R²", "1 is perfect, 0 is the mean", _r2),
        Metric("bias", "Bias", "mean score minus mean label, in the label's unit", _bias, zero_is_best=True),
    )
    skill = "r2"
    offset = "bias"
    charts = ("rmse", "mae")

    def are_labels(self, values: Floats) -> NDArray[Any]:
        """Tell which of some numbers can be reckoned with."""
        return np.abs(values) <= LARGEST

    def predict(self, estimator: Estimator, features: pd.DataFrame) -> Floats:
        """Predict the label."""
        return np.asarray(estimator.predict(features), dtype=np.float64)

    def loss(self, labels: Floats, scores: Floats) -> Floats:
        """Compute the squared error, in the square of the label's unit."""
        return _loss(labels, scores)


REGRESSION = register_task(Regression())
