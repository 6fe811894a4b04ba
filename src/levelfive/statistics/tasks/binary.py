"""Whether something will be so: labels are 0 or 1, scores the probability of 1, the loss is the log loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import entr

from levelfive.statistics import calibration, day_blocks
from levelfive.statistics.calibration import Calibration
from levelfive.statistics.day_blocks import DayBlocks, Floats, Statistic
from levelfive.statistics.tasks.registry import register_task
from levelfive.statistics.tasks.task import Estimator, Metric, Task

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_CLIP = 1e-15  # keeps the log loss of a certain and wrong score finite


def _loss(labels: Floats, scores: Floats) -> Floats:
    likelihood = np.where(labels == 1, scores, 1 - scores)
    return np.asarray(-np.log(np.clip(likelihood, _CLIP, 1 - _CLIP)))


def _log_loss(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean(_loss(labels, scores), blocks)


def _brier(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean(np.square(scores - labels), blocks)


def _calibration(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean(scores - labels, blocks)


def _skill(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    loss, rate = _log_loss(labels, scores, blocks), day_blocks.mean(labels, blocks)
    return lambda weights: 1 - day_blocks.ratio(loss(weights), _entropy(rate(weights)))


def _entropy(rate: Floats) -> Floats:
    """The log loss of predicting a rate for rows of which that share has label 1, in nats."""
    return np.asarray(entr(rate) + entr(1 - rate))


_SKILL_UNIT = "share of a constant prediction's log loss that the model takes away, 1 is perfect"


class Binary(Task):
    """A binary classification."""

    name = "binary"
    title = "a binary task"
    wanted_labels = "0 or 1"
    score_range = (0.0, 1.0)
    labels_are_classes = True
    predicted_label = "CAST(score >= 0.5 AS DOUBLE)"
    predict_method = "predict_proba"
    metrics = (
        Metric("auc", "AUC", "0.5 is chance, 1 is perfect", day_blocks.auc),
        Metric("log_loss", "Log loss", "nats", _log_loss, lower_is_better=True),
        Metric("brier", "Brier score", "squared probability", _brier, lower_is_better=True),
        Metric("calibration", "Calibration", "mean score minus label rate, 0 is best", _calibration, zero_is_best=True),
        Metric("skill", "Skill", _SKILL_UNIT, _skill),
    )
    skill = "skill"
    offset = "calibration"
    offset_format = "+.4f"
    charts = ("auc", "log_loss")
    label_mean = "label rate"
    labels_are_shares = True

    def are_labels(self, values: Floats) -> NDArray[Any]:
        """Tell which of some numbers are 0 or 1."""
        return np.isin(values, (0, 1))

    def cannot_be_learned(self, labels: Floats) -> str:
        """Say that all labels are alike, where they are."""
        values = np.unique(labels)
        if values.size != 1:
            return ""
        return f"all {labels.size:,} labels are {values[0]:g}, and a classifier learns from both 0 and 1"

    def predict(self, estimator: Estimator, features: pd.DataFrame) -> Floats:
        """Compute the probability of label 1."""
        chances: Floats = estimator.predict_proba(features)[:, 1]  # type: ignore[attr-defined]  # classifiers have it
        return chances.astype(np.float64)

    def loss(self, labels: Floats, scores: Floats) -> Floats:
        """Compute the log loss, in nats."""
        return _loss(labels, scores)

    def calibrate(self, scores: Floats, labels: Floats) -> Calibration:
        """Learn which share of rows has label 1, by their score."""
        return calibration.calibrate(scores, labels)

    def expected_metrics(self, scores: Floats, shares: Floats) -> Mapping[str, float]:
        """Estimate all metrics, each row counting as label 1 by its share and as label 0 by the rest.

        It is right as long as rows with a score come true as often as they did: the features may move, what they mean
        may not (NannyML's confidence-based estimation rests on the same).
        """
        others, rate = 1 - shares, shares.mean()
        log_loss = (shares * _loss(np.ones_like(scores), scores) + others * _loss(np.zeros_like(scores), scores)).mean()
        brier = (shares * np.square(1 - scores) + others * np.square(scores)).mean()
        skill = 1 - day_blocks.ratio(np.array([log_loss]), np.array([_entropy(rate)]))[0]
        values = {
            "auc": _expected_auc(scores, shares),
            "log_loss": log_loss,
            "brier": brier,
            "calibration": scores.mean() - rate,
            "skill": skill,
        }
        return {name: float(value) for name, value in values.items() if np.isfinite(value)}


def _expected_auc(scores: Floats, shares: Floats) -> float:
    """Divide the expected number of pairs ranked right, half for ties, by that of all pairs of two rows."""
    values, place = np.unique(scores, return_inverse=True)
    positives = np.bincount(place, weights=shares, minlength=values.size)
    negatives = np.bincount(place, weights=1 - shares, minlength=values.size)
    with_itself = (shares * (1 - shares)).sum()
    right = (positives * (negatives.cumsum() - negatives / 2)).sum() - with_itself / 2
    pairs = positives.sum() * negatives.sum() - with_itself
    return float(day_blocks.ratio(np.array([right]), np.array([pairs]))[0])


BINARY = register_task(Binary())
