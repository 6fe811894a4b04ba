"""Which columns are the likely cause of what a window shows: those that moved most among the important ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from levelfive.models.transformed import feature_of
from levelfive.monitoring.drift_alarms import TESTED_COLUMNS
from levelfive.monitoring.drift_statistics import PSI, ColumnDrift
from levelfive.monitoring.faults import Fault
from levelfive.statistics.baseline import is_score
from levelfive.statistics.tasks.task import Estimator

SHOWN_CAUSES = 3


def likely_causes(
    columns: Iterable[ColumnDrift], faults: Iterable[Fault], importance: Mapping[str, float]
) -> tuple[str, ...]:
    """Name broken columns first, then those whose PSI lies furthest above what is usual, weighted by importance.

    Args:
        columns: Each column's difference from the baseline.
        faults: What is broken in the columns.
        importance: How much the model rests on each column; where it is known, only the most important ones count.
    """
    important = sorted(importance, key=lambda name: -importance[name])[:TESTED_COLUMNS]
    broken = [fault.column for fault in faults if not is_score(fault.column)]
    moves = {one.column: _moved(one) * importance.get(one.column, 1.0) for one in columns if one.unusual}
    names = dict.fromkeys([*broken, *sorted(moves, key=lambda name: (-moves[name], name))])
    candidates = [name for name in names if not is_score(name) and (not importance or name in important)]
    return tuple(candidates[:SHOWN_CAUSES])


def importance_of(estimator: Estimator, features: Sequence[str]) -> Mapping[str, float]:
    """Tell how much an estimator rests on each feature, as shares; empty for one that does not say.

    Of a pipeline it is the last step's `feature_importances_`; what an encoder made of a column counts for the column.
    """
    steps: Sequence[tuple[str, Any]] = getattr(estimator, "steps", ())
    values = getattr(steps[-1][1], "feature_importances_", None) if steps else None
    if values is None:
        return {}
    names = [str(name) for name in steps[0][1].get_feature_names_out()] if len(steps) > 1 else list(features)
    shares = dict.fromkeys(features, 0.0)
    for name, value in zip(names, np.asarray(values, dtype=float), strict=True):
        if (feature := feature_of(name, features)) is not None:
            shares[feature] += float(value)
    return shares


def _moved(column: ColumnDrift) -> float:
    return column.statistics[PSI] / max(column.usual[PSI], 1e-9)
