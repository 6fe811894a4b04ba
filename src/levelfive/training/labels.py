"""What labels have to be for a task: 0 and 1 for a binary one, finite numbers for a regression."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from levelfive.statistics.day_blocks import Floats
from levelfive.usecase.model import Task

SHOWN = 3


def faults_of(task: Task, labels: pd.Series) -> Iterator[str]:
    """Find what no model of a task can take as a label.

    Args:
        task: Binary classification or regression.
        labels: Of rows whose outcome is `labelled`.
    """
    numbers = _numbers(labels)
    if numbers is None:
        yield f"labels must be numbers, got {_some(labels)}: cast them to double in `labels`."
        return
    missing = np.isnan(numbers)
    if missing.any():
        yield f"{missing.sum():,} labelled rows have no label: say in `outcome` why a row has none, or give it one."
    known = numbers[~missing]
    if task is Task.BINARY:
        right = (known == 0) | (known == 1)
        wanted = "0 or 1 for a binary task"
    else:
        right, wanted = np.isfinite(known), "finite numbers for a regression"
    if not right.all():
        yield f"labels must be {wanted}, got {_some(pd.Series(known[~right]))}: correct `labels`."


def cannot_be_learned(task: Task, labels: Floats) -> str:
    """Say why no model can learn from labels that are right each by itself; empty where one can."""
    values = np.unique(labels)
    if task is Task.BINARY and values.size == 1:
        return f"all {labels.size:,} labels are {values[0]:g}, and a classifier learns from both 0 and 1"
    return ""


def _numbers(labels: pd.Series) -> Floats | None:
    try:
        numbers: Floats = labels.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        return None
    return numbers


def _some(values: pd.Series) -> str:
    return ", ".join(repr(value) for value in values.drop_duplicates().head(SHOWN).tolist())
