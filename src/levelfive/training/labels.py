"""What labels have to be for a task."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from levelfive.statistics.day_blocks import Floats
from levelfive.statistics.tasks.task import Task

SHOWN = 3


def faults_of(task: Task, labels: pd.Series) -> Iterator[str]:
    """Find what no model of a task can take as a label.

    Args:
        task: Says which numbers are labels.
        labels: Of rows whose outcome is `labelled`.
    """
    numbers = _numbers(labels)
    if numbers is None:
        yield f"labels must be numbers, got {_some(labels)}: cast them to double in `labels`."
        return
    missing = np.isnan(numbers)
    if missing.any():
        yield f"{missing.sum():,} labelled rows have no label: say in `outcome` why a row has none, or give it one."
    values = numbers[~missing]
    right = task.are_labels(values)
    if not right.all():
        wrong = _some(pd.Series(values[~right]))
        yield f"labels must be {task.wanted_labels} for {task.title}, got {wrong}: correct `labels`."


def _numbers(labels: pd.Series) -> Floats | None:
    try:
        numbers: Floats = labels.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        return None
    return numbers


def _some(values: pd.Series) -> str:
    return ", ".join(repr(value) for value in values.drop_duplicates().head(SHOWN).tolist())
