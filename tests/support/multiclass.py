"""A task that levelfive does not bring: which of three colours. One more task is one file, and this one."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import entr

from levelfive import Estimator, Metric, Task, register_task
from levelfive.statistics import day_blocks
from levelfive.statistics.day_blocks import DayBlocks, Floats, Statistic
from levelfive.statistics.profiles import NumericProfile

CLASSES = ("red", "green", "blue")
_CLIP = 1e-15


def _loss(labels: Floats, scores: Floats) -> Floats:
    chances = scores[np.arange(labels.size), labels.astype(int)]
    return np.asarray(-np.log(np.clip(chances, _CLIP, 1.0)))


def _log_loss(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean(_loss(labels, scores), blocks)


def _accuracy(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean((scores.argmax(axis=1) == labels).astype(float), blocks)


def _skill(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    loss = _log_loss(labels, scores, blocks)
    rates = [day_blocks.mean((labels == place).astype(float), blocks) for place in range(len(CLASSES))]
    return lambda weights: 1 - day_blocks.ratio(loss(weights), sum(entr(rate(weights)) for rate in rates))


class Colours(Task):
    """Labels are 0, 1 or 2, scores the probability of each colour, the loss is the log loss."""

    name = "colours"
    title = "a colour"
    wanted_labels = "0, 1 or 2"
    score_columns = tuple(f"score_{name}" for name in CLASSES)
    score_range = (0.0, 1.0)
    predict_method = "predict_proba"
    metrics = (
        Metric("accuracy", "Accuracy", "share of the rows whose likeliest colour is theirs", _accuracy),
        Metric("log_loss", "Log loss", "nats", _log_loss, lower_is_better=True),
        Metric("skill", "Skill", "1 is perfect", _skill),
    )
    skill = "skill"
    charts = ("accuracy", "log_loss")
    label_mean = "mean colour"

    def are_labels(self, values: Floats) -> NDArray[Any]:
        return np.isin(values, range(len(CLASSES)))

    def cannot_be_learned(self, labels: Floats) -> str:
        lacking = sorted(set(range(len(CLASSES))) - set(labels))
        return f"no label is {lacking[0]}" if lacking else ""

    def predict(self, estimator: Estimator, features: pd.DataFrame) -> Floats:
        return np.asarray(estimator.predict_proba(features), dtype=np.float64)  # type: ignore[attr-defined]  # a classifier

    def loss(self, labels: Floats, scores: Floats) -> Floats:
        return _loss(labels, scores)

    def constant(self, labels: Floats) -> tuple[float, ...]:
        return tuple((np.bincount(labels.astype(int), minlength=len(CLASSES)) / labels.size).tolist())

    def constant_of(self, labels: NumericProfile) -> tuple[float, ...]:
        counts = np.array(labels.histogram.counts)[labels.histogram.bins_of(np.arange(len(CLASSES)))]
        return tuple((counts / labels.count).tolist())

    def expected(self, scores: Floats) -> Floats:
        return np.asarray(scores @ np.arange(len(CLASSES)))


COLOURS = register_task(Colours())
