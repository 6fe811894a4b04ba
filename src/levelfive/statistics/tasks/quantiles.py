"""Between which limits something will be: scores are quantiles of a number, the loss is the pinball loss."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from levelfive.errors import ConfigError, EvidenceError
from levelfive.statistics import day_blocks
from levelfive.statistics.day_blocks import DayBlocks, Floats, Statistic
from levelfive.statistics.tasks.task import LARGEST, Estimator, Metric, Task

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from levelfive.statistics.profiles import NumericProfile

_LEAST = 2


def _pinball(labels: Floats, scores: Floats, levels: Floats) -> Floats:
    """Mean over levels of max(q (y - s), (q - 1) (y - s)) (Koenker and Bassett 1978), shape (rows,)."""
    above = labels[:, None] - scores
    return np.asarray(np.maximum(levels * above, (levels - 1) * above).mean(axis=1))


def _loss(labels: Floats, scores: Floats, blocks: DayBlocks, *, levels: Floats) -> Statistic:
    return day_blocks.mean(_pinball(labels, scores, levels), blocks)


def _skill(labels: Floats, scores: Floats, blocks: DayBlocks, *, levels: Floats) -> Statistic:
    """Compare with the rows' own quantiles, which are the same in each draw of days."""
    constant = np.tile(np.quantile(labels, levels), (labels.size, 1))
    loss, of_constant = (_loss(labels, one, blocks, levels=levels) for one in (scores, constant))
    return lambda weights: 1 - day_blocks.ratio(loss(weights), of_constant(weights))


def _coverage(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean(((scores[:, 0] <= labels) & (labels <= scores[:, -1])).astype(np.float64), blocks)


def _width(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
    return day_blocks.mean(scores[:, -1] - scores[:, 0], blocks)


def _calibration(labels: Floats, scores: Floats, blocks: DayBlocks, *, place: int, level: float) -> Statistic:
    return day_blocks.mean((labels <= scores[:, place]) - level, blocks)


class Quantiles(Task):
    """A regression that says quantiles of the label.

    Labels are finite numbers with a unit, scores the quantiles of some levels in the same unit, and the loss is the
    mean of their pinball losses. The estimator's `predict` returns one column a level, shape (rows, levels), as
    XGBoost's `reg:quantileerror` and `QuantileEstimators` do; where a row's quantiles cross, they are put into their
    order (Chernozhukov, Fernandez-Val and Galichon 2010: that is never worse).

    Args:
        name: A Python identifier.
        levels: Increasing, each between 0 and 1: the score column of 0.1 is called `score_p10`.

    Raises:
        ConfigError: The name is no identifier, or the levels are not at least two that increase between 0 and 1.
    """

    wanted_labels = f"numbers from {-LARGEST:g} to {LARGEST:g}"
    score_range = (-LARGEST, LARGEST)
    predict_method = "predict"
    skill = "skill"
    charts = ("pinball", "coverage")

    def __init__(self, name: str, levels: Sequence[float]) -> None:
        """Derive score columns and metrics from the levels."""
        if not name.isidentifier():
            raise ConfigError(f"a task has a name of letters, digits and _, got {name!r}")
        if not all(isinstance(level, int | float | np.floating) for level in levels):
            raise ConfigError(f"task {name!r} needs levels that are fractions such as 0.1, got {levels!r}")
        increase = all(one < other for one, other in zip((0.0, *levels), (*levels, 1.0), strict=True))
        if len(levels) < _LEAST or not increase:
            raise ConfigError(f"task {name!r} needs levels that increase between 0 and 1, two at least, got {levels!r}")
        marks = [f"p{100 * level:g}".replace(".", "_") for level in levels]
        if len(set(marks)) < len(marks):
            raise ConfigError(f"task {name!r} has levels so near that their columns share a name: {', '.join(marks)}")
        self.name = name
        self.levels = tuple(levels)
        self.title = f"quantiles at {', '.join(f'{level:g}' for level in levels)}"
        self.score_columns = tuple(f"score_{mark}" for mark in marks)
        of_levels, within = np.array(levels, dtype=np.float64), f"{levels[-1] - levels[0]:.0%} is right"
        self.metrics = (
            Metric(
                "pinball", "Pinball loss", "in the label's unit", partial(_loss, levels=of_levels), lower_is_better=True
            ),
            Metric("coverage", "Coverage", f"share of labels between the outer quantiles, {within}", _coverage),
            Metric("width", "Width", "between the outer quantiles, in the label's unit", _width, lower_is_better=True),
            Metric("skill", "Skill", "1 is perfect, 0 are constant quantiles", partial(_skill, levels=of_levels)),
            *(
                Metric(
                    f"calibration_{mark}",
                    f"Calibration of {mark}",
                    "share of labels up to the quantile minus its level, 0 is best",
                    partial(_calibration, place=place, level=level),
                    zero_is_best=True,
                )
                for place, (mark, level) in enumerate(zip(marks, levels, strict=True))
            ),
        )

    @property
    def definition(self) -> dict[str, Any]:
        """Its name and levels, from which it is made again."""
        return {"kind": "quantiles", "name": self.name, "levels": list(self.levels)}

    def are_labels(self, values: Floats) -> NDArray[Any]:
        """Tell which of some numbers can be reckoned with."""
        return np.abs(values) <= LARGEST

    def predict(self, estimator: Estimator, features: pd.DataFrame) -> Floats:
        """Predict the quantiles, in their order.

        Raises:
            EvidenceError: The estimator does not predict one column a level.
        """
        scores = np.asarray(estimator.predict(features), dtype=np.float64)
        if scores.shape != (len(features), len(self.levels)):
            raise EvidenceError(
                f"an estimator of {self.title} must predict {len(self.levels)} columns, got the shape {scores.shape} "
                f"of {len(features)} rows; XGBRegressor(objective='reg:quantileerror', quantile_alpha=levels) does, "
                "and QuantileEstimators of one estimator a level"
            )
        return np.sort(scores, axis=1)

    def loss(self, labels: Floats, scores: Floats) -> Floats:
        """Compute the mean pinball loss over the levels, in the label's unit."""
        return _pinball(labels, scores, np.array(self.levels))

    def constant(self, labels: Floats) -> tuple[float, ...]:
        """Choose the labels' own quantiles."""
        return tuple(np.quantile(labels, self.levels).tolist())

    def constant_of(self, labels: NumericProfile) -> tuple[float, ...]:
        """Choose the labels' quantiles between the edges of the profile's bins, of nearly equal counts."""
        up_to = np.cumsum(labels.histogram.counts)[:-1]
        edges = [edge for edge in labels.histogram.edges if edge is not None]
        return tuple(np.interp(np.array(self.levels) * labels.count, up_to, edges).tolist())

    def expected(self, scores: Floats) -> Floats:
        """Take the quantile that is nearest to the median for the mean label."""
        return np.asarray(scores[:, int(np.argmin(np.abs(np.array(self.levels) - 0.5)))])
