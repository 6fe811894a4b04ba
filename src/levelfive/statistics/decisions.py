"""Metrics of what people do with the scores of a binary task: what acting from a threshold on costs, whom a list hits.

A use case adds them to its task: `BINARY.with_metrics(precision_at(50))`.
"""

from __future__ import annotations

import math

import numpy as np

from levelfive.errors import ConfigError, require
from levelfive.statistics import day_blocks
from levelfive.statistics.day_blocks import DayBlocks, Floats, Statistic
from levelfive.statistics.tasks.task import Metric


def cost_at(threshold: float, *, false_positive: float, false_negative: float, unit: str) -> Metric:
    """Define what it costs on average to act on each row whose score reaches a threshold, and on no other.

    The threshold at which a calibrated score costs least is false_positive / (false_positive + false_negative) (Elkan
    2001, The Foundations of Cost-Sensitive Learning).

    Args:
        threshold: From which score on one acts, 0 to 1.
        false_positive: What it costs to act on a row of label 0, in the unit.
        false_negative: What it costs not to act on a row of label 1, in the unit.
        unit: Of the costs, such as EUR.

    Returns:
        The metric `cost`, in the unit a row; lower is better.

    Raises:
        ConfigError: A value makes no sense.
    """
    _require("threshold of a cost must lie between 0 and 1", 0 <= threshold <= 1, threshold)
    for name, value in (("false_positive", false_positive), ("false_negative", false_negative)):
        _require(f"{name} of a cost must be finite and at least 0", 0 <= value < math.inf, value)

    def statistic(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
        alarms = scores >= threshold
        costs = np.where(alarms, false_positive * (1 - labels), false_negative * labels)
        return day_blocks.mean(costs, blocks)

    return Metric("cost", "Cost", f"{unit} a row, acting from a score of {threshold:g} on", statistic, True)


def precision_at(rows_a_day: int) -> Metric:
    """Define which share of the rows with the highest scores of each day has label 1.

    Of rows that share the last places with equal scores, each counts by its share of these places, so that their order
    plays no part. A day with fewer rows counts with all of them.

    Args:
        rows_a_day: How many rows one looks at each day.

    Returns:
        The metric `precision_at_<rows_a_day>`, 0 to 1.

    Raises:
        ConfigError: It is no whole number, or less than one row.
    """
    _require(
        "precision_at takes a whole number of rows, at least 1",
        str(rows_a_day).isdecimal() and rows_a_day >= 1,
        rows_a_day,
    )

    def statistic(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
        quota = np.minimum(blocks.rows, rows_a_day)
        order = np.lexsort((-scores, blocks.codes))
        first = np.concatenate(([0], np.cumsum(blocks.rows)[:-1])).astype(np.intp)
        last = scores[order][first + quota.astype(np.intp) - 1][blocks.codes]  # of the day's rows that are looked at
        above, ties = scores > last, scores == last
        tie_share = day_blocks.ratio(
            quota - blocks.sums(above.astype(np.float64)), blocks.sums(ties.astype(np.float64))
        )
        hits = blocks.sums(labels * above) + tie_share * blocks.sums(labels * ties)
        return lambda weights: day_blocks.ratio(weights @ hits, weights @ quota)

    name, unit = f"precision_at_{rows_a_day}", "share of the highest scores of a day that came true, 1 is perfect"
    return Metric(name, f"Precision at {rows_a_day:,} a day", unit, statistic)


def _require(demand: str, is_met: bool, got: object) -> None:
    require(is_met, demand, got=got, remedy="correct the use case", error=ConfigError)
