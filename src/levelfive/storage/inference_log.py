"""The view `inference_log`: each prediction beside its label, as a monitor of inference logs expects them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from levelfive.core.conditions import quoted_name
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.tables import Tables
from levelfive.usecase.columns import KNOWN_AT, LABEL, LABELLED, OUTCOME, PREDICTION_TIME

if TYPE_CHECKING:
    from levelfive.usecase.use_case import UseCase

INFERENCE_LOG = "inference_log"
PREDICTION = "prediction"
"""The label that is predicted."""


def inference_log(tables: Tables, use_case: UseCase) -> str:
    """Write the query of the view: the newest label of a row that is known by now, or null.

    Args:
        tables: Where `predictions` and `labels` are.
        use_case: Its key joins them; its task tells in SQL which label scores predict.
    """
    key = [quoted_name(name) for name in use_case.key]
    scores = [f"p.{quoted_name(name)}" for name in use_case.model.task.score_columns]
    columns = [f"p.{name}" for name in (*key, PREDICTION_TIME, "model_name", "model_version", "role", "scored_as_of")]
    newest = f"max_by(IF({OUTCOME} = '{LABELLED}', {LABEL}, NULL), {KNOWN_AT})"
    labels = f"SELECT {', '.join(key)}, {newest} AS {LABEL} FROM {tables.name('labels')} GROUP BY {', '.join(key)}"
    return (
        f"SELECT {', '.join([*columns, *scores])}, {use_case.model.task.predicted_label} AS {PREDICTION}, l.{LABEL} "
        f"FROM {tables.name(PREDICTIONS)} AS p LEFT JOIN ({labels}) AS l "
        f"ON {' AND '.join(f'p.{name} <=> l.{name}' for name in key)}"
    )
