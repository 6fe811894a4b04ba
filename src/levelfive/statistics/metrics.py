"""How good predictions are: losses, metrics with intervals by days, slices, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import entr

from levelfive.errors import EvidenceError
from levelfive.statistics import day_blocks
from levelfive.statistics.day_blocks import DayBlocks, Floats, Statistic
from levelfive.usecase.model import Task

NULL_SLICE = None
"""The key of the slice of rows without a value in the slice's column: no text, so that no value has the same."""

_CLIP = 1e-15  # keeps the log loss of a certain and wrong score finite


class Metric(StrEnum):
    """The names of the metrics: the first five are of binary tasks, the others of regressions."""

    AUC = "auc"
    LOG_LOSS = "log_loss"
    BRIER = "brier"
    CALIBRATION = "calibration"
    SKILL = "skill"
    RMSE = "rmse"
    MAE = "mae"
    R2 = "r2"
    BIAS = "bias"


@dataclass(frozen=True)
class Estimate:
    """A metric's value with an interval by days; NaN where the data cannot tell."""

    value: float
    low: float
    high: float
    days: int
    rows: int


@dataclass(frozen=True)
class Evaluation:
    """All metrics of one set of predictions, by the name of the metric."""

    estimates: Mapping[str, Estimate]
    rows: int
    days: int
    label_mean: float
    score_mean: float


SKILL = {Task.BINARY: Metric.SKILL, Task.REGRESSION: Metric.R2}
"""The metric that says how much of a constant prediction's loss a model takes away: comparable between seasons."""


@dataclass(frozen=True)
class Difference:
    """The mean of `loss_a - loss_b`, in units of the loss: below 0, the first model is the better one."""

    value: float
    standard_error: float
    low: float
    high: float
    days: int
    rows: int


def row_loss(task: Task, y: NDArray[Any], score: NDArray[Any]) -> Floats:
    """Compute each row's primary loss: log loss (nats) or squared error (square of the label's unit).

    Args:
        task: What the scores predict.
        y: Labels, shape (rows,); 0 or 1 for a binary task.
        score: Probabilities of label 1, or predicted labels, shape (rows,).

    Returns:
        The losses, shape (rows,), all finite.

    Raises:
        EvidenceError: No rows, unequal lengths, a value that is not finite, or one out of its range.
    """
    labels, scores = _labels_and_scores(task, y, score)
    if task == Task.REGRESSION:
        return _squared_error(labels, scores)
    likelihood = np.where(labels == 1, scores, 1 - scores)
    return np.asarray(-np.log(np.clip(likelihood, _CLIP, 1 - _CLIP)))


def evaluate(
    task: Task, y: NDArray[Any], score: NDArray[Any], days: NDArray[Any], *, confidence: float = 0.9, seed: int = 0
) -> Evaluation:
    """Compute all metrics of a task with two-sided intervals by a bootstrap over days.

    Args:
        task: What the scores predict.
        y: Labels, shape (rows,); 0 or 1 for a binary task.
        score: Probabilities of label 1, or predicted labels, shape (rows,).
        days: The day that each row belongs to, shape (rows,), of any type that sorts.
        confidence: Of the two-sided intervals.
        seed: Of the bootstrap.

    Returns:
        Binary: `auc`, `log_loss`, `brier`, `calibration` (mean score minus mean label) and `skill` (the share by
        which the log loss lies below that of always predicting these rows' own label mean). Regression:
        `rmse`, `mae`, `r2` and `bias` (mean score minus mean label). A metric that is not defined, such as
        the AUC of one class, is NaN; so is every interval of a single day.

    Raises:
        ConfigError: The confidence is not between 0 and 1.
        EvidenceError: No rows, unequal lengths, a value that is not finite, or one out of its range.
    """
    labels, scores = _labels_and_scores(task, y, score)
    blocks = DayBlocks.of(days, labels.size)
    statistics = (_regression if task == Task.REGRESSION else _binary)(labels, scores, blocks)
    estimates = {
        str(name): Estimate(
            *day_blocks.bootstrap(statistic, blocks.days, confidence=confidence, seed=seed),
            days=blocks.days,
            rows=labels.size,
        )
        for name, statistic in statistics.items()
    }
    return Evaluation(estimates, labels.size, blocks.days, float(labels.mean()), float(scores.mean()))


def evaluate_slices(
    task: Task,
    y: NDArray[Any],
    score: NDArray[Any],
    days: NDArray[Any],
    *,
    values: NDArray[Any],
    min_rows: int = 500,
    confidence: float = 0.9,
    seed: int = 0,
) -> Mapping[str | None, Evaluation]:
    """Evaluate the rows of each value of a slice column by themselves, see `evaluate`.

    Args:
        task: What the scores predict.
        y: Labels, shape (rows,).
        score: Scores, shape (rows,).
        days: The day of each row, shape (rows,).
        values: The slice column, shape (rows,); rows without a value form the slice `NULL_SLICE`.
        min_rows: Slices with fewer rows are left out.
        confidence: Of the two-sided intervals.
        seed: Of the bootstrap.

    Returns:
        An evaluation for each value as text, in the order of the text, `NULL_SLICE` first.

    Raises:
        ConfigError: The confidence is not between 0 and 1.
        EvidenceError: As for `evaluate`.
    """
    labels, scores = _labels_and_scores(task, y, score)
    day_of_row = np.asarray(days)
    _require_rows("days", day_of_row.shape, labels.size)
    names = pd.Series(np.asarray(values)).astype("string")
    _require_rows("slice values", names.shape, labels.size)
    sliced: dict[str | None, NDArray[Any]] = {NULL_SLICE: np.flatnonzero(names.isna())}
    sliced |= {str(name): np.asarray(rows) for name, rows in sorted(names.groupby(names).indices.items())}
    return {
        name: evaluate(task, labels[rows], scores[rows], day_of_row[rows], confidence=confidence, seed=seed)
        for name, rows in sliced.items()
        if len(rows) >= max(min_rows, 1)
    }


def paired_difference(
    loss_a: NDArray[Any], loss_b: NDArray[Any], days: NDArray[Any], *, confidence: float = 0.9
) -> Difference:
    """Estimate the mean of `loss_a - loss_b` over rows, with error and interval by days.

    Args:
        loss_a: Losses of the first model, shape (rows,).
        loss_b: Losses of the second model on the same rows, shape (rows,).
        days: The day of each row, shape (rows,).
        confidence: Of the two-sided interval, which takes the t distribution with one degree less than days.

    Returns:
        The difference. With a single day its error and interval are NaN.

    Raises:
        ConfigError: The confidence is not between 0 and 1.
        EvidenceError: No rows, unequal lengths, or a loss that is not finite.
    """
    first, second = _finite("first losses", loss_a), _finite("second losses", loss_b)
    _require_rows("second losses", second.shape, first.size)
    blocks = DayBlocks.of(days, first.size)
    value, error = day_blocks.mean_and_error(first - second, blocks)
    reach = day_blocks.t_quantile(blocks.days, confidence) * error
    return Difference(value, error, value - reach, value + reach, blocks.days, first.size)


def _binary(labels: Floats, scores: Floats, blocks: DayBlocks) -> dict[Metric, Statistic]:
    loss, rate = day_blocks.mean(row_loss(Task.BINARY, labels, scores), blocks), day_blocks.mean(labels, blocks)
    return {
        Metric.AUC: day_blocks.auc(labels, scores, blocks),
        Metric.LOG_LOSS: loss,
        Metric.BRIER: day_blocks.mean(_squared_error(labels, scores), blocks),
        Metric.CALIBRATION: day_blocks.mean(scores - labels, blocks),
        Metric.SKILL: lambda weights: 1 - day_blocks.ratio(loss(weights), _entropy(rate(weights))),
    }


def _entropy(rate: Floats) -> Floats:
    """The log loss of predicting a rate for rows of which that share has label 1, in nats."""
    return np.asarray(entr(rate) + entr(1 - rate))


def _regression(labels: Floats, scores: Floats, blocks: DayBlocks) -> dict[Metric, Statistic]:
    squared = day_blocks.mean(_squared_error(labels, scores), blocks)
    # Centred, so that the variance is not the small difference of two large numbers; exactly 0 if constant.
    centred = labels - np.median(labels)
    first, second = day_blocks.mean(centred, blocks), day_blocks.mean(np.square(centred), blocks)
    return {
        Metric.RMSE: lambda weights: np.sqrt(squared(weights)),
        Metric.MAE: day_blocks.mean(np.abs(scores - labels), blocks),
        Metric.R2: lambda w: 1 - day_blocks.ratio(squared(w), second(w) - np.square(first(w))),
        Metric.BIAS: day_blocks.mean(scores - labels, blocks),
    }


def _squared_error(labels: Floats, scores: Floats) -> Floats:
    return np.asarray(np.square(scores - labels))


def _labels_and_scores(task: Task, y: NDArray[Any], score: NDArray[Any]) -> tuple[Floats, Floats]:
    labels, scores = _finite("labels", y), _finite("scores", score)
    _require_rows("scores", scores.shape, labels.size)
    if task == Task.BINARY:
        _require("labels of a binary task must be 0 or 1", labels, (labels == 0) | (labels == 1))
        _require("scores of a binary task must lie between 0 and 1", scores, (scores >= 0) & (scores <= 1))
    return labels, scores


def _finite(what: str, values: NDArray[Any]) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.size == 0:
        raise EvidenceError(f"{what}: at least one row is needed, got none; take a longer window")
    _require_rows(what, numbers.shape, numbers.size)
    _require(f"{what} must be finite", numbers, np.isfinite(numbers))
    return numbers


def _require(demand: str, values: Floats, met: NDArray[Any]) -> None:
    if not met.all():
        wrong = values[~met]
        raise EvidenceError(f"{demand}, got {wrong[0]:g} (in {wrong.size} of {values.size} rows)")


def _require_rows(what: str, shape: tuple[int, ...], rows: int) -> None:
    if shape != (rows,):
        raise EvidenceError(f"{what} must be one a row, of shape {(rows,)}, got {shape}; pass one value a row")
