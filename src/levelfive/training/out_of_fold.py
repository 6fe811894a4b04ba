"""Scores of a training set's rows by models that had not seen them: what a live model's scores are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from levelfive.models.package import feature_frame
from levelfive.statistics.histograms import Floats
from levelfive.training.dataset import DAY_NUMBER
from levelfive.training.split import blocks_of_weeks
from levelfive.usecase.columns import LABEL, PREDICTION_TIME
from levelfive.usecase.model import ModelSpec

BLOCKS = 2
"""Of whole weeks before the holdout; each costs a fit on the other rows."""


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Scores of rows by models that had not seen them, and how they were made.

    Args:
        scores: Shape (rows,), or (rows, columns) where the task has several score columns.
        labels: The rows' labels, shape (rows,).
        days: Their days, likewise.
        places: Their places in the training set, likewise.
        method: Which rows there are.
    """

    scores: Floats
    labels: Floats
    days: npt.NDArray[np.int64]
    places: npt.NDArray[np.intp]
    method: str


def out_of_fold(
    spec: ModelSpec, rows: pd.DataFrame, held_out: Floats, *, day_starts_at: timedelta = timedelta(0)
) -> OutOfFold:
    """Score rows by models that had not seen them: the holdout by the candidate, what lies before it in blocks.

    A model is surer of the rows that it was fitted on, and the holdout alone is a fortnight of one season. So the weeks
    before the holdout are cut into `BLOCKS` contiguous blocks, and each is scored by the same recipe, parameters and
    seed, fitted on all rows but its own. Blocks, as days next to each other are alike; few, as each is a fit.

    Models see rows later than those that they score. Folds that only look back would leave the first block without
    scores, and fit the next ones on a fraction of the rows, whose scores are less spread than a live model's. What is
    made here is no measure of quality: no label is compared with, all labels were known when the training began, and
    features are those known at each prediction time, so that only a row's not being fitted on matters.

    Where there are weeks for one block only, the scores are those of the holdout. A block is left out where the other
    rows have labels of one class.

    Args:
        spec: The recipe.
        rows: The training set, in the order of prediction times, with the holdout as its last rows.
        held_out: The candidate's scores of the holdout.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
    """
    before = len(rows) - len(held_out)
    features, labels = feature_frame(rows, spec.features, spec.categorical), rows[LABEL].to_numpy(np.float64)
    days = rows[DAY_NUMBER].to_numpy(np.int64)
    blocks = blocks_of_weeks(rows[PREDICTION_TIME].iloc[:before], BLOCKS, day_starts_at=day_starts_at)
    block_of_row = np.append(blocks, np.full(len(held_out), -1))
    places = np.arange(len(rows))
    parts = [(held_out, places[before:])]
    for block in np.unique(blocks) if blocks.max(initial=0) > 0 else ():
        own = block_of_row == block
        if not spec.task.cannot_be_learned(labels[~own]):
            estimator = spec.estimator()
            estimator.fit(features[~own], labels[~own])
            parts.append((spec.task.predict(estimator, features[own]), places[own]))
    scores, unseen = (np.concatenate(some) for some in zip(*parts, strict=True))
    return OutOfFold(scores, labels[unseen], days[unseen], unseen, _method(len(parts) - 1, len(scores), len(rows)))


def _method(blocks: int, scored_rows: int, rows: int) -> str:
    if not blocks:
        return (
            f"holdout alone, {scored_rows} of {rows} rows: no block of the weeks before it could be scored out of fold"
        )
    return f"out of fold: the holdout, and blocks of weeks before it ({blocks}), {scored_rows} of {rows} rows"
