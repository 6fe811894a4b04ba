"""What a task is: one object that holds all that depends on what a model predicts."""

from __future__ import annotations

import math
from abc import ABC, ABCMeta, abstractmethod
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from levelfive.core.texts import repeated
from levelfive.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from levelfive.statistics.calibration import Calibration
    from levelfive.statistics.day_blocks import DayBlocks, Floats, Statistic
    from levelfive.statistics.profiles import NumericProfile


LARGEST = 1e30
"""Of labels and scores that are amounts: the squares of squared errors are summed, and XGBoost counts in 32 bits."""


class Estimator(Protocol):
    """A scikit-learn estimator or pipeline.

    One that cannot be pickled has an attribute `mlflow_flavour`: the name of the module that saves and loads it.
    """

    def fit(self, X: pd.DataFrame, y: NDArray[Any]) -> object:
        """Learn from features and labels."""

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Predict a label for each row."""


@dataclass(frozen=True)
class Metric:
    """A metric of a task.

    Args:
        name: Under which it is stored.
        title: Its name in reports.
        unit: Its unit, or how to read it; for reports.
        statistic: From labels, scores and the days of the rows, the metric as a function of the days' weights.
        lower_is_better: Whether it is a loss; of others, the unit says how to read them.
        zero_is_best: Whether it may lie too high and too low, as a mean score minus a mean label does.
    """

    name: str
    title: str
    unit: str
    statistic: Callable[[Floats, Floats, DayBlocks], Statistic]
    lower_is_better: bool = False
    zero_is_best: bool = False

    @property
    def reading(self) -> str:
        """Its unit, and which way is better."""
        return f"{self.unit}, lower is better" if self.lower_is_better else self.unit


class _ByName(ABCMeta):
    """Finds a task in capitals: `Task.BINARY` is the one that is named `binary`."""

    def __getattr__(cls, name: str) -> Task:
        from levelfive.statistics.tasks.registry import task_named

        if not name.isupper() or name.startswith("_"):
            raise AttributeError(f"a task has no {name!r}")
        try:
            return task_named(name.lower())
        except ConfigError as err:
            raise AttributeError(str(err)) from err


class Task(ABC, metaclass=_ByName):
    """What a model predicts, and all that depends on it; `Task.BINARY` and `Task.REGRESSION` are two of them.

    Labels are numbers, of shape (rows,). Scores have the shape (rows,) where a task has one score column, and (rows,
    columns) where it has several. A new task is a subclass in a module of its own, whose instance is registered; see
    `levelfive.statistics.tasks.registry`.

    Attributes:
        name: Under which a model's package names it; a Python identifier.
        title: Its name in a sentence, with its article.
        wanted_labels: What its labels have to be, in words.
        score_columns: The columns of `predictions` that hold its scores.
        score_range: The least and the greatest score.
        predict_method: The estimator's method that scores rows, as MLflow's `pyfunc_predict_fn` takes it.
        metrics: All metrics of its predictions, in the order in which they are shown.
        skill: The metric that says how much of a constant prediction's loss a model takes away: comparable between
            seasons.
        offset: The metric of mean score minus mean label, by whose limit in the retraining policy a model is trained
            again; None where the task has none.
        offset_format: How that metric is written.
        charts: The metrics that a report draws.
        label_mean: What the mean label is called in reports.
        labels_are_shares: Whether the mean label is a share, 0 to 1, and has no unit.
        labels_are_classes: Whether labels are numbers of classes.
        predicted_label: In Spark's SQL over the score columns, the label that scores predict; None where they do not
            predict one.
    """

    name: str
    title: str
    wanted_labels: str
    score_columns: tuple[str, ...] = ("score",)
    score_range: tuple[float, float] = (-math.inf, math.inf)
    predict_method: str
    metrics: tuple[Metric, ...]
    skill: str
    offset: str | None = None
    offset_format: str = "+.4g"
    charts: tuple[str, ...]
    label_mean: str = "mean label"
    labels_are_shares: bool = False
    labels_are_classes: bool = False
    predicted_label: str | None = None

    @abstractmethod
    def are_labels(self, values: Floats) -> NDArray[Any]:
        """Tell which of some numbers, shape (rows,), can be labels."""

    def cannot_be_learned(self, labels: Floats) -> str:
        """Say why no model can learn from labels that are right each by itself; empty where one can."""
        return ""

    @abstractmethod
    def predict(self, estimator: Estimator, features: pd.DataFrame) -> Floats:
        """Score rows of features by a fitted estimator."""

    @abstractmethod
    def loss(self, labels: Floats, scores: Floats) -> Floats:
        """Compute the loss of each row, shape (rows,), of labels and scores that are sound; see `metrics.row_loss`."""

    def constant(self, labels: Floats) -> tuple[float, ...]:
        """Choose the scores, one a score column, that are best if all rows with these labels get the same."""
        return (float(labels.mean()),)

    def constant_of(self, labels: NumericProfile) -> tuple[float, ...]:
        """Choose the same by a profile of the labels, as a model's baseline keeps it."""
        return (labels.mean or 0.0,)

    def expected(self, scores: Floats) -> Floats:
        """Compute the mean label that each row's scores say, shape (rows,)."""
        return scores

    def calibrate(self, scores: Floats, labels: Floats) -> Calibration | None:
        """Learn from unseen rows, shape (rows,), what `expected_metrics` needs; None where the task has none."""
        return None

    def expected_metrics(self, scores: Floats, shares: Floats) -> Mapping[str, float]:
        """Estimate metrics of rows whose labels are not known yet.

        Args:
            scores: Shape (rows,), at least one row.
            shares: The share of label 1 among rows with such a score, shape (rows,); see `calibrate`.

        Returns:
            Values by the names of metrics; none where the task has no such estimate.
        """
        return {}

    def plots(self, labels: Floats, scores: Floats) -> Mapping[str, Figure]:
        """Draw the scores of a holdout against its labels, by the plots' names."""
        from levelfive.statistics.tasks.plots import calibration_plot  # matplotlib is slow to load

        return {"calibration": calibration_plot(labels, self.expected(scores))}

    @property
    def definition(self) -> str | dict[str, Any]:
        """What a model's package keeps of the task, and makes it from again: a name, or an object of JSON."""
        return self.name

    def __eq__(self, other: object) -> bool:
        """Tell whether another task is of the same kind, with the same definition and metrics."""
        return isinstance(other, Task) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity[:2])

    @property
    def _identity(self) -> tuple[type[Task], str, object, list[str]]:
        return type(self), self.name, self.definition, [metric.name for metric in self.metrics]

    @property
    def reference_columns(self) -> tuple[str, ...]:
        """The columns of `predictions` that hold, beside the scores, those of the first champion."""
        return tuple(f"reference_{name}" for name in self.score_columns)

    @property
    def wanted_scores(self) -> str:
        """What each score has to be, in words."""
        low, high = self.score_range
        return "a finite number" + (f" between {low:g} and {high:g}" if math.isfinite(high - low) else "")

    @property
    def loss_metric(self) -> str | None:
        """The first of the metrics that is a loss; None where none is."""
        return next((metric.name for metric in self.metrics if metric.lower_is_better), None)

    def with_metrics(self, *metrics: Metric) -> Self:
        """Make the same task with more metrics, such as those that people decide by; see `levelfive.cost_at`.

        Raises:
            ConfigError: Two metrics have one name.
        """
        task = copy(self)
        task.metrics = (*self.metrics, *metrics)
        if twice := repeated(metric.name for metric in task.metrics):
            raise ConfigError(f"{self.title} has metrics of one name: {', '.join(sorted(twice))}; give each its own")
        return task

    def metric(self, name: str) -> Metric | None:
        """Find a metric by name; None where the task has no such metric."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def by_column(self, scores: Floats) -> dict[str, Floats]:
        """Take scores apart: each score column's, shape (rows,)."""
        return dict(zip(self.score_columns, scores.reshape(len(scores), -1).T, strict=True))

    def of_columns(self, columns: pd.DataFrame) -> Floats:
        """Put scores together from a frame with one column a score column, in their order."""
        scores: Floats = columns.to_numpy(np.float64)
        return scores[:, 0] if len(self.score_columns) == 1 else scores

    def repeated(self, constant: tuple[float, ...], rows: int) -> Floats:
        """Give each of some rows the same scores."""
        return np.tile(np.array(constant), (rows, 1)).reshape((rows, -1) if len(constant) > 1 else rows)
