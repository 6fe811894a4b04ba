"""What is kept of a training set by segment, losses of unseen scores, and by slice, counts of values and outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from levelfive.statistics.baseline import LABEL_PROFILE, Baseline
from levelfive.statistics.metrics import row_loss
from levelfive.statistics.segments import (
    MAX_COLUMNS,
    SegmentColumn,
    Segments,
    block_of,
    categorical_column,
    numeric_column,
    sums_by_block,
)
from levelfive.statistics.sliced_counts import MAX_COLUMNS as MAX_SLICED
from levelfive.statistics.sliced_counts import SlicedCounts
from levelfive.statistics.tasks.task import Task
from levelfive.statistics.worst_segments import TrainingLosses, training_losses
from levelfive.training.dataset import DAY_NUMBER, SLICE
from levelfive.training.out_of_fold import OutOfFold
from levelfive.usecase.columns import LABEL


def unseen_losses(
    task: Task,
    features: pd.DataFrame,
    baseline: Baseline,
    importances: Mapping[str, float],
    *,
    out_of_fold: OutOfFold,
    least_rows: int,
) -> TrainingLosses:
    """Add up the losses of unseen scores by segments of the columns that a model rests on most.

    Args:
        task: Whose loss it is.
        features: Of all rows of the training set, shape (rows, features).
        baseline: Its profiles say how columns are grouped.
        importances: By column, the greatest first; where that is not known, the first columns are taken.
        out_of_fold: Scores of rows by models that had not seen them.
        least_rows: Segments with fewer rows are left out.
    """
    columns = _columns(features, baseline, importances, MAX_COLUMNS)
    losses = row_loss(task, out_of_fold.labels, out_of_fold.scores)
    rows = features[[column.name for column in columns]].iloc[out_of_fold.places]
    blocks = block_of(out_of_fold.days)
    return training_losses(columns, sums_by_block(Segments(columns), rows, losses, blocks), least_rows=least_rows)


def sliced_counts(
    rows: pd.DataFrame,
    features: pd.DataFrame,
    baseline: Baseline,
    importances: Mapping[str, float],
    *,
    slices: Sequence[str],
    least_rows: int,
) -> SlicedCounts:
    """Count the values of the columns that a model rests on most, by slice and day.

    Args:
        rows: The training set, with its slices and days.
        features: Of the same rows, shape (rows, features).
        baseline: Its profiles say how columns are grouped.
        importances: By column, the greatest first; where that is not known, the first columns are taken.
        slices: The columns that slices are of.
        least_rows: Slices with fewer rows are left out.
    """
    columns = _columns(features, baseline, importances, MAX_SLICED)
    keys = {key: rows[f"{SLICE}{key}"] for key in slices}
    days = rows[DAY_NUMBER].to_numpy()
    return SlicedCounts.of(columns, features, keys, days, least_rows=least_rows)


def sliced_outcomes(
    rows: pd.DataFrame, baseline: Baseline, *, out_of_fold: OutOfFold, slices: Sequence[str], least_rows: int
) -> SlicedCounts:
    """Count labels and unseen scores by slice and day.

    Args:
        rows: The training set, with its labels, slices and days.
        baseline: Its profiles say how labels and scores are grouped.
        out_of_fold: Scores of rows by models that had not seen them.
        slices: The columns that slices are of.
        least_rows: Slices with fewer rows are left out.
    """
    values = {LABEL_PROFILE: rows[LABEL].to_numpy(np.float64)}
    for column, scores in zip(baseline.scores, out_of_fold.scores.reshape(len(out_of_fold.places), -1).T, strict=True):
        values[column] = np.full(len(rows), np.nan)
        values[column][out_of_fold.places] = scores
    columns = tuple(
        numeric_column(name, baseline.scores.get(name, baseline.label)) for name in (LABEL_PROFILE, *baseline.scores)
    )
    keys = {key: rows[f"{SLICE}{key}"] for key in slices}
    return SlicedCounts.of(columns, pd.DataFrame(values), keys, rows[DAY_NUMBER].to_numpy(), least_rows=least_rows)


def _columns(
    features: pd.DataFrame, baseline: Baseline, importances: Mapping[str, float], most: int
) -> tuple[SegmentColumn, ...]:
    first = [name for name, share in importances.items() if share > 0] or list(features.columns)
    return tuple(_column(name, baseline) for name in first[:most])


def _column(name: str, baseline: Baseline) -> SegmentColumn:
    if name in baseline.categorical:
        return categorical_column(name, baseline.categorical[name])
    return numeric_column(name, baseline.numeric[name])
