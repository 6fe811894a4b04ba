"""What became of each flight, and when that was known."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flight_delay.sources import EARLY_BY, FLIGHT_KEY, LATE_MINUTES, OUTCOME_WITHIN, PREDICTION_LEAD
from levelfive import KNOWN_AT, LABEL, LABELLED, OUTCOME, PREDICTION_TIME, Window, in_window


def labels(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """List the outcomes that became known in a window.

    A flight that landed is labelled 1 if it was 15 minutes late or more, else 0. Cancelled and diverted
    flights have no label.
    """
    late = (F.col("arr_delay") >= LATE_MINUTES).cast("double")
    outcome = (
        F.when(F.col("arrived_at").isNotNull(), LABELLED)
        .when(F.col("cancelled_at").isNotNull(), "cancelled")
        .when(F.col("diverted_at").isNotNull(), "diverted")
    )
    # An outcome is known within four days of the schedule: the contract bounds both delays by two.
    due = Window(window.start - OUTCOME_WITHIN, window.end + EARLY_BY)
    known_flights = (
        raw["flights"]
        .where(in_window("sched_dep_at", due))
        .select(
            *FLIGHT_KEY,
            (F.col("sched_dep_at") - F.lit(PREDICTION_LEAD)).alias(PREDICTION_TIME),
            late.alias(LABEL),
            F.col("arr_delay").cast("double").alias("arr_delay"),
            outcome.alias(OUTCOME),
            F.coalesce("arrived_at", "cancelled_at", "diverted_at").alias(KNOWN_AT),
        )
    )
    return known_flights.where(in_window(KNOWN_AT, window))
