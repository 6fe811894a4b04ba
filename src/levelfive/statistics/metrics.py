"""How good predictions are: losses, metrics with intervals by days, slices, and paired differences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levelfive.errors import EvidenceError
from levelfive.statistics import day_blocks
from levelfive.statistics.categories import factorized
from levelfive.statistics.day_blocks import DayBlocks, Floats

if TYPE_CHECKING:
    from levelfive.statistics.tasks.task import Task

NULL_SLICE = None
"""The key of the slice of rows without a value in the slice's column: no text, so that no value has the same."""


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

    @property
    def known(self) -> dict[str, dict[str, float]]:
        """The metrics by name, as far as the data tell: their `values`, and `low` and `high` of the intervals."""
        parts = {"values": "value", "low": "low", "high": "high"}
        return {
            name: {metric: end for metric, one in self.estimates.items() if math.isfinite(end := getattr(one, part))}
            for name, part in parts.items()
        }


@dataclass(frozen=True)
class LossDifference:
    """The mean of `loss_a - loss_b`, in units of the loss: below 0, the first model is the better one."""

    value: float
    standard_error: float
    low: float
    high: float
    days: int
    rows: int


def row_loss(task: Task, y: NDArray[Any], score: NDArray[Any]) -> Floats:
    """Compute each row's loss, by which models are compared.

    Args:
        task: What the scores predict.
        y: Labels, shape (rows,).
        score: Scores, shape (rows,), or (rows, columns) where the task has several score columns.

    Returns:
        The losses, shape (rows,), all finite.

    Raises:
        EvidenceError: No rows, unequal lengths, a value that is not finite, or one out of its range.
    """
    return task.loss(*_labels_and_scores(task, y, score))


def evaluate(
    task: Task, y: NDArray[Any], score: NDArray[Any], days: NDArray[Any], *, confidence: float = 0.9, seed: int = 0
) -> Evaluation:
    """Compute all metrics of a task with two-sided intervals by a bootstrap over blocks of days.

    Args:
        task: What the scores predict.
        y: Labels, shape (rows,).
        score: Scores, shape (rows,), or (rows, columns) where the task has several score columns.
        days: The day that each row belongs to, shape (rows,), of any type that sorts.
        confidence: Of the two-sided intervals.
        seed: Of the bootstrap.

    Returns:
        The task's metrics. One that is not defined, such as the AUC of one class, is NaN; so is every interval of a
        single day.

    Raises:
        ConfigError: The confidence is not between 0 and 1.
        EvidenceError: No rows, unequal lengths, a value that is not finite, or one out of its range.
    """
    labels, scores = _labels_and_scores(task, y, score)
    blocks = DayBlocks.of(days, labels.size)
    estimates = {}
    for metric in task.metrics:
        statistic = metric.statistic(labels, scores, blocks)
        ends = day_blocks.bootstrap(statistic, blocks.days, confidence=confidence, seed=seed)
        estimates[metric.name] = Estimate(*ends, days=blocks.days, rows=labels.size)
    return Evaluation(estimates, labels.size, blocks.days, float(labels.mean()), float(task.expected(scores).mean()))


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
        score: Scores, shape (rows,), or (rows, columns) where the task has several score columns.
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
    rows_by_slice: dict[str | None, NDArray[Any]] = {NULL_SLICE: np.flatnonzero(names.isna())}
    codes, texts = factorized(names)
    by_code = names.groupby(codes).indices
    rows_by_slice |= {
        text: np.asarray(by_code[code]) for text, code in sorted(zip(texts.to_pylist(), range(len(texts)), strict=True))
    }
    return {
        name: evaluate(task, labels[rows], scores[rows], day_of_row[rows], confidence=confidence, seed=seed)
        for name, rows in rows_by_slice.items()
        if len(rows) >= max(min_rows, 1)
    }


def paired_difference(
    loss_a: NDArray[Any], loss_b: NDArray[Any], days: NDArray[Any], *, confidence: float = 0.9
) -> LossDifference:
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
    return LossDifference(value, error, value - reach, value + reach, blocks.days, first.size)


def _labels_and_scores(task: Task, y: NDArray[Any], score: NDArray[Any]) -> tuple[Floats, Floats]:
    labels, scores = _finite("labels", y), _finite("scores", score, columns=len(task.score_columns))
    _require_rows("scores", scores.shape[:1], labels.size)
    _require(f"labels of {task.title} must be {task.wanted_labels}", labels, task.are_labels(labels))
    low, high = task.score_range
    _require(
        f"scores of {task.title} must lie between {low:g} and {high:g}", scores, (scores >= low) & (scores <= high)
    )
    return labels, scores


def _finite(what: str, values: NDArray[Any], *, columns: int = 1) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.size == 0:
        raise EvidenceError(f"{what}: at least one row is needed, got none; take a longer window")
    rows = numbers.size // columns
    _require_rows(what, numbers.shape, rows, columns)
    _require(f"{what} must be finite", numbers, np.isfinite(numbers))
    return numbers


def _require(demand: str, values: Floats, is_met: NDArray[Any]) -> None:
    if not is_met.all():
        wrong = values[~is_met]
        raise EvidenceError(f"{demand}, got {wrong[0]:g} (in {wrong.size} of {values.size} rows)")


def _require_rows(what: str, shape: tuple[int, ...], rows: int, columns: int = 1) -> None:
    expected_shape = (rows,) if columns == 1 else (rows, columns)
    if shape != expected_shape:
        raise EvidenceError(f"{what} must be one a row, of shape {expected_shape}, got {shape}; pass one value a row")
