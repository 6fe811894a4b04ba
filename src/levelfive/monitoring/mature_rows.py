"""What rows whose labels are mature say of the scores: metrics and reliability, by blocks of days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from levelfive.core.days import day_number
from levelfive.statistics.calibration import ReliabilityGroup, reliability
from levelfive.statistics.day_blocks import Floats
from levelfive.statistics.metrics import Evaluation, evaluate
from levelfive.statistics.tasks.task import Task
from levelfive.usecase.columns import LABEL, own
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT = own("at")
"""The column of prediction times, in microseconds."""


def evaluation_of(use_case: UseCase, mature: pd.DataFrame, scores: Floats) -> Evaluation | None:
    """Measure scores of rows, shape (rows,) or (rows, columns); None without rows."""
    if mature.empty:
        return None
    return evaluate(use_case.model.task, mature[LABEL].to_numpy(np.float64), scores, _days(use_case, mature))


def reliability_of(use_case: UseCase, mature: pd.DataFrame) -> tuple[ReliabilityGroup, ...]:
    """Compare scores with labels, in groups of like scores; none without rows."""
    if mature.empty:
        return ()
    scores = _expected(use_case.model.task, mature)
    return reliability(scores, mature[LABEL].to_numpy(np.float64), _days(use_case, mature))


def mean_score(task: Task, rows: pd.DataFrame) -> float:
    """Average what scores let expect of labels."""
    return float(_expected(task, rows).mean())


def _expected(task: Task, rows: pd.DataFrame) -> Floats:
    return task.expected(task.of_columns(rows[[*task.score_columns]]))


def _days(use_case: UseCase, rows: pd.DataFrame) -> NDArray[Any]:
    return day_number(rows[AT].to_numpy(np.int64) // 1_000_000, use_case.day_starts_at)
