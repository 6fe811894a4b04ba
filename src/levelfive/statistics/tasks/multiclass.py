"""Which of several classes something is: labels are the classes' places, scores the probability of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import entr

from levelfive.errors import ConfigError
from levelfive.statistics import day_blocks
from levelfive.statistics.day_blocks import DayBlocks, Floats, Statistic
from levelfive.statistics.tasks.task import Estimator, Metric, Task

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from levelfive.statistics.profiles import NumericProfile

_CLIP = 1e-15  # keeps the log loss of a certain and wrong score finite
_LEAST = 2


def _loss(labels: Floats, scores: Floats) -> Floats:
    chances = scores[np.arange(labels.size), labels.astype(np.intp)]
    return np.asarray(-np.log(np.clip(chances, _CLIP, 1.0)))


def _log_loss(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean(_loss(labels, scores), blocks)


def _accuracy(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean((scores.argmax(axis=1) == labels).astype(np.float64), blocks)


def _macro_auc(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    """Mean over classes of the AUC of the class against all others (Provost and Domingos 2000, unweighted)."""
    parts = [day_blocks.auc((labels == k).astype(np.float64), scores[:, k], blocks) for k in range(scores.shape[1])]
    return lambda weights: np.mean([part(weights) for part in parts], axis=0)


def _macro_f1(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    """Mean over the classes that occur, as label or as the likeliest class, of 2 TP / (2 TP + FP + FN)."""
    likeliest = scores.argmax(axis=1)
    sums = [
        (blocks.sums(2.0 * ((labels == k) & (likeliest == k))), blocks.sums(1.0 * (labels == k) + (likeliest == k)))
        for k in range(scores.shape[1])
    ]
    return lambda weights: np.nanmean([day_blocks.ratio(weights @ hits, weights @ both) for hits, both in sums], axis=0)


def _skill(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    loss = _log_loss(labels, scores, blocks)
    shares = [day_blocks.mean((labels == k).astype(np.float64), blocks) for k in range(scores.shape[1])]
    return lambda weights: 1 - day_blocks.ratio(loss(weights), np.sum([entr(one(weights)) for one in shares], axis=0))


def _calibration(labels: Floats, scores: Floats, blocks: DayBlocks, *, place: int) -> Statistic:
    return day_blocks.mean(scores[:, place] - (labels == place), blocks)


class Multiclass(Task):
    """A classification into several classes.

    A label is the place of its class in `classes`, counted from 0; the scores of a row are the probabilities of the
    classes, in their order, and the loss is the log loss in nats. The estimator has `predict_proba`.

    Args:
        name: A Python identifier.
        classes: Their names, identifiers too: the score columns are called `score_<class>`.

    Raises:
        ConfigError: A name is no identifier, there are fewer than two classes, or two have one name.
    """

    score_range = (0.0, 1.0)
    labels_are_classes = True
    predict_method = "predict_proba"
    skill = "skill"
    charts = ("auc", "log_loss")
    label_mean = "mean place of the class"

    def __init__(self, name: str, classes: Sequence[str]) -> None:
        """Derive score columns and metrics from the classes."""
        if isinstance(classes, str):
            raise ConfigError(f"task {name!r} needs a tuple of classes, got the text {classes!r}: name each by itself")
        names: tuple[object, ...] = (name, *classes)
        if wrong := [one for one in names if not (isinstance(one, str) and one.isidentifier())]:
            raise ConfigError(f"a task and its classes have names of letters, digits and _, got {wrong[0]!r}")
        # Columns whose names differ in case alone are one to Spark.
        if len(classes) < _LEAST or len({one.casefold() for one in classes}) < len(classes):
            raise ConfigError(f"task {name!r} needs at least two classes, each by another name, got {list(classes)}")
        self.name = name
        self.classes = tuple(classes)
        self.title = f"one of the classes {', '.join(classes)}"
        self.wanted_labels = f"0 to {len(classes) - 1}, the places of {', '.join(classes)}"
        self.score_columns = tuple(f"score_{one}" for one in classes)
        scores = f"array({', '.join(self.score_columns)})"
        self.predicted_label = f"CAST(array_position({scores}, array_max({scores})) - 1 AS DOUBLE)"
        self.metrics = (
            Metric("auc", "Macro AUC", "mean over classes, 0.5 is chance, 1 is perfect", _macro_auc),
            Metric("log_loss", "Log loss", "nats", _log_loss, lower_is_better=True),
            Metric("accuracy", "Accuracy", "share of rows whose likeliest class is theirs", _accuracy),
            Metric("f1", "Macro F1", "mean over classes, 1 is perfect", _macro_f1),
            Metric("skill", "Skill", "share of a constant prediction's log loss taken away, 1 is perfect", _skill),
            *(
                Metric(
                    f"calibration_{one}",
                    f"Calibration of {one}",
                    "mean score minus share of the class, 0 is best",
                    partial(_calibration, place=place),
                    zero_is_best=True,
                )
                for place, one in enumerate(classes)
            ),
        )

    @property
    def definition(self) -> dict[str, Any]:
        """Its name and classes, from which it is made again."""
        return {"kind": "multiclass", "name": self.name, "classes": list(self.classes)}

    def are_labels(self, values: Floats) -> NDArray[Any]:
        """Tell which of some numbers are places of classes."""
        return np.isin(values, range(len(self.classes)))

    def cannot_be_learned(self, labels: Floats) -> str:
        """Name a class that no label has: the estimator would have no probability of it."""
        lacking = [one for place, one in enumerate(self.classes) if place not in labels]
        return f"no label is of the class {', '.join(lacking)}" if lacking else ""

    def predict(self, estimator: Estimator, features: pd.DataFrame) -> Floats:
        """Compute the probability of each class, shape (rows, classes)."""
        return np.asarray(estimator.predict_proba(features), dtype=np.float64)  # type: ignore[attr-defined]  # classifiers have it

    def loss(self, labels: Floats, scores: Floats) -> Floats:
        """Compute the log loss, in nats."""
        return _loss(labels, scores)

    def constant(self, labels: Floats) -> tuple[float, ...]:
        """Choose the shares of the classes."""
        counts = np.bincount(labels.astype(np.intp), minlength=len(self.classes))
        return tuple((counts / labels.size).tolist())

    def constant_of(self, labels: NumericProfile) -> tuple[float, ...]:
        """Choose the shares of the classes; those that share a bin of the profile, as rare ones do, share alike."""
        bins = labels.histogram.bins_of(np.arange(len(self.classes)))
        counts = np.array(labels.histogram.counts)[bins] / np.bincount(bins)[bins]
        return tuple((counts / labels.count).tolist())

    def expected(self, scores: Floats) -> Floats:
        """Compute the mean place that the scores of each row say."""
        return np.asarray(scores @ np.arange(len(self.classes)))

    def plots(self, labels: Floats, scores: Floats) -> Mapping[str, Figure]:
        """Draw, for each class, its share against its score."""
        from levelfive.statistics.tasks.plots import calibration_plot  # matplotlib is slow to load

        return {
            f"calibration_{one}": calibration_plot((labels == place).astype(np.float64), scores[:, place])
            for place, one in enumerate(self.classes)
        }
