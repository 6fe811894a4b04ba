"""Labels of use cases whose sources are corrected: what is known later is kept beside what was known before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.conditions import in_window
from levelfive.core.windows import Window
from levelfive.features.labels import LABELS, newest_of_each_key
from levelfive.storage.runs import Run
from levelfive.usecase.columns import KNOWN_AT, LABEL, OUTCOME, PREDICTION_TIME, own
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WITHDRAWN = "withdrawn"
"""The outcome of a row whose label is known no longer: what it rested on was deleted or is another."""

OUTCOME_AT = own("outcome_at")
"""When the outcome became known by the row's own times; `known_at` is later where it was corrected."""

_WAS, _IS = own("was"), own("is")


def with_outcome_time(labels: DataFrame) -> DataFrame:
    """Note when the outcomes became known by the rows' own times."""
    return labels.withColumn(OUTCOME_AT, F.col(KNOWN_AT))


def revised(run: Run, use_case: UseCase, again: DataFrame, window: Window, *, until: datetime) -> DataFrame:
    """Choose the labels of a window that are others than they were known to be; they become known just before `until`.

    Args:
        run: Notes the version of the table that is read.
        use_case: Its key identifies a row.
        again: The labels of the window, by what is known at `until`.
        window: When the outcomes became known by the rows' own times; its end is where labels end so far.
        until: The end of the time that is being computed.
    """
    earlier_labels = run.read(LABELS).where(F.col(KNOWN_AT) < F.lit(window.end))
    if OUTCOME_AT not in earlier_labels.columns:
        earlier_labels = with_outcome_time(earlier_labels)
    was = newest_of_each_key(earlier_labels, use_case)
    key = list(use_case.key)
    outcome = F.struct(LABEL, OUTCOME, PREDICTION_TIME)
    now = with_outcome_time(again).withColumn(
        _IS, F.struct(F.col(LABEL).cast("double").alias(LABEL), OUTCOME, PREDICTION_TIME)
    )
    pairs = now.join(was.select(*key, outcome.alias(_WAS)), on=key, how="left")
    new_outcomes = pairs.where(~F.col(_IS).eqNullSafe(F.col(_WAS))).select(*with_outcome_time(again).columns)
    withdrawals = was.where(in_window(OUTCOME_AT, window) & (F.col(OUTCOME) != WITHDRAWN)).join(
        again.select(*key), on=key, how="left_anti"
    )
    withdrawals = withdrawals.withColumns({OUTCOME: F.lit(WITHDRAWN), LABEL: F.lit(None).cast("double")})
    known_at = F.lit(until - timedelta.resolution)
    return new_outcomes.unionByName(withdrawals, allowMissingColumns=True).withColumn(KNOWN_AT, known_at)
