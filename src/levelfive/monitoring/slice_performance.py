"""How live predictions did by slice: rows that share the value of one of the use case's `slices`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from levelfive.monitoring.comparison import Comparison
from levelfive.monitoring.drift_statistics import PSI, column_drift
from levelfive.monitoring.mature_rows import evaluation_of, mean_score, reliability_of
from levelfive.statistics.baseline import LABEL_PROFILE, profiled_as
from levelfive.statistics.calibration import ReliabilityGroup
from levelfive.statistics.metrics import Evaluation
from levelfive.statistics.profiles import CategoricalProfile
from levelfive.statistics.sliced_counts import Counts, Slice, SlicedCounts, largest_slices
from levelfive.usecase.columns import LABEL, own
from levelfive.usecase.use_case import UseCase

MOST_SLICES = 10
# Those that need no more than the counts of groups.
_STATISTICS = (PSI, "js_distance", "tv_distance", "l_infinity_distance")


@dataclass(frozen=True)
class SliceOutcome:
    """Live predictions of a slice of a window, and what became of them.

    Args:
        slice: Which rows.
        scored: How many there are.
        mature: Of them, rows with mature labels.
        score_mean: Mean score of all of them.
        evaluation: Metrics on the mature rows; None where there are none.
        reliability: Scores beside labels on the mature rows, in groups of like scores.
        score_drift: How the scores differ from those of the same slice at training, by the names of drift statistics;
            empty where that is not known. Of several score columns, the one that moved furthest.
        label_drift: The same of the labels of the mature rows.
    """

    slice: Slice
    scored: int
    mature: int
    score_mean: float
    evaluation: Evaluation | None
    reliability: tuple[ReliabilityGroup, ...] = ()
    score_drift: Mapping[str, float] = field(default_factory=dict)
    label_drift: Mapping[str, float] = field(default_factory=dict)


def slice_column(key: str) -> str:
    """Name the column of a slice's values among rows with their labels."""
    return own(f"slice_{key}")


def slice_outcomes(
    use_case: UseCase, scored: pd.DataFrame, mature: pd.DataFrame, trained: SlicedCounts | None
) -> tuple[SliceOutcome, ...]:
    """Measure the largest slices of a window, and those that alerts are wanted of.

    Args:
        use_case: Its slices, and its policy.
        scored: All rows of the window, with `slice_column` of each slice.
        mature: Those of them with mature labels.
        trained: Labels and scores by slice at training; None where that is not known.
    """
    keys = {key: scored[slice_column(key)] for key in use_case.slices}
    largest = largest_slices(keys, use_case.monitoring.min_rows, most=MOST_SLICES)
    wanted = (Slice(*parts) for parts in use_case.monitoring.slices)
    return tuple(
        _outcome(use_case, one, rows, mature[mature[slice_column(one.key)] == one.value], trained=trained)
        for one in sorted({*largest, *wanted})
        if len(rows := scored[scored[slice_column(one.key)] == one.value])
    )


def _outcome(
    use_case: UseCase, one: Slice, scored: pd.DataFrame, mature: pd.DataFrame, *, trained: SlicedCounts | None
) -> SliceOutcome:
    task = use_case.model.task
    drifts = [_moved(trained, profiled_as(name), one, scored[name]) for name in task.score_columns]
    return SliceOutcome(
        one,
        scored=len(scored),
        mature=len(mature),
        score_mean=mean_score(task, scored),
        evaluation=evaluation_of(use_case, mature, task.of_columns(mature[[*task.score_columns]])),
        reliability=reliability_of(use_case, mature),
        score_drift=max(drifts, key=lambda found: found.get(PSI, 0.0)),
        label_drift=_moved(trained, LABEL_PROFILE, one, mature[LABEL]),
    )


def _moved(trained: SlicedCounts | None, name: str, one: Slice, values: pd.Series) -> dict[str, float]:
    """Compare values of a slice with those at training, by group; nothing where a side has none."""
    counts = None if trained is None else trained.of_column(name, one)
    if counts is None:
        return {}
    column, before = counts
    now = np.bincount(column.groups_of(values), minlength=column.groups)[:-1]
    if not (before.any() and now.any()):
        return {}
    statistics = column_drift(name, Comparison(_grouped(before), _grouped(now))).statistics
    return {statistic: statistics[statistic] for statistic in _STATISTICS}


def _grouped(counts: Counts) -> CategoricalProfile:
    """Take groups for categories, all of which are known."""
    by_group = {str(group): int(count) for group, count in enumerate(counts)}
    return CategoricalProfile(
        count=int(counts.sum()),
        nulls=0,
        distinct=len(by_group),
        frequent=by_group,
        rest=0,
        others=(),
        once=0,
        outside=0,
    )
