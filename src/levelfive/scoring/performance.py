"""How live predictions did, once their labels are known: by period, of the rows that have a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from levelfive.features.job import LABELS
from levelfive.metrics import Evaluation, evaluate
from levelfive.runs import JobContext
from levelfive.scoring.batch import Role
from levelfive.scoring.job import PREDICTIONS
from levelfive.tables import in_window
from levelfive.usecase import KNOWN_AT, LABEL, LABELLED, OUTCOME, PREDICTION_TIME
from levelfive.windows import Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Performance:
    """Live predictions of one period.

    Args:
        window: The prediction times.
        scored: Rows scored by a champion.
        mature: Of them, rows old enough for nearly all labels to be known, and labelled.
        without_label: Number and mean score of the rows that will never have a label, by outcome.
        evaluation: Metrics on the mature rows, or None where there are none.
    """

    window: Window
    scored: int
    mature: int
    without_label: dict[str, tuple[int, float]]
    evaluation: Evaluation | None


def performance(context: JobContext, windows: Sequence[Window], as_of: datetime) -> tuple[Performance, ...]:
    """Compare live predictions with the labels known at `as_of`, window by window.

    Raises:
        TableError: Nothing was scored yet.
    """
    use_case = context.use_case
    whole = Window(min(w.start for w in windows), max(w.end for w in windows))
    live = live_predictions(context).where(in_window(PREDICTION_TIME, whole))
    known = context.tables.read(LABELS).where(F.col(KNOWN_AT) <= F.lit(as_of))
    joined = live.join(known.drop(PREDICTION_TIME), on=list(use_case.key), how="left")
    rows = joined.select(F.unix_micros(PREDICTION_TIME).alias("at"), "score", LABEL, OUTCOME).toPandas()
    return tuple(_of_window(context, rows, window, as_of) for window in windows)


def live_predictions(context: JobContext) -> DataFrame:
    """Read the live predictions, one a row: of several champions' the one that was made first."""
    rows = context.tables.read(PREDICTIONS).where(F.col("role") == str(Role.CHAMPION))
    first = Over.partitionBy(*context.use_case.key).orderBy("scored_as_of", "model_name", "model_version")
    return rows.withColumn("place", F.row_number().over(first)).where("place = 1").drop("place")


def _of_window(context: JobContext, rows: pd.DataFrame, window: Window, as_of: datetime) -> Performance:
    use_case = context.use_case
    inside = rows[(rows["at"] >= _micros(window.start)) & (rows["at"] < _micros(window.end))]
    old = inside["at"] < _micros(as_of - use_case.maturity)
    mature = inside[old & (inside[OUTCOME] == LABELLED)]
    others = inside[inside[OUTCOME].notna() & (inside[OUTCOME] != LABELLED)].groupby(OUTCOME)["score"]
    days = (mature["at"].to_numpy() // 1_000_000 - int(use_case.day_starts_at.total_seconds())) // 86_400
    evaluation = None
    if len(mature):
        labels = mature[LABEL].to_numpy(np.float64)
        evaluation = evaluate(use_case.model.task, labels, mature["score"].to_numpy(np.float64), days)
    without = {str(name): (len(scores), float(scores.mean())) for name, scores in others}
    return Performance(window, len(inside), len(mature), without, evaluation)


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
