"""The flights to be predicted, two hours before their scheduled departure, and what the schedule says of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from flight_delay.sources import FLIGHT_KEY, PREDICTION_LEAD
from levelfive import PREDICTION_TIME, Window, in_window

# Neighbours in the schedule count this far on both sides of a flight.
NEIGHBOURHOOD = timedelta(hours=1)

SPINE_FEATURES = (
    "origin",
    "carrier",
    "dest",
    "minute_of_day",
    "weekday",
    "distance",
    "scheduled_minutes",
    "arrival_minute_of_day",
    "departures_hour_before",
    "departures_hour_after",
    "own_departures_hour_before",
    "same_route_day_before",
)


def spine(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """List the flights whose prediction time lies in the window, with the features of their schedule."""
    around = Window(window.start - timedelta(days=1), window.end + PREDICTION_LEAD + NEIGHBOURHOOD)
    flights = raw["flights"].withColumn(PREDICTION_TIME, F.col("sched_dep_at") - F.lit(PREDICTION_LEAD))
    near = flights.where(in_window(PREDICTION_TIME, around)).withColumn("second", F.unix_seconds("sched_dep_at"))
    airport = Over.partitionBy("origin").orderBy("second")
    own = Over.partitionBy("origin", "carrier").orderBy("second")
    route = Over.partitionBy("origin", "dest").orderBy("second")
    hour = int(NEIGHBOURHOOD.total_seconds())
    rows = near.select(
        *FLIGHT_KEY,
        "dest",
        "tailnum",
        PREDICTION_TIME,
        F.col("tailnum").isNotNull().alias("aircraft_known"),
        (F.col("hour") * 60 + F.col("minute")).alias("minute_of_day"),
        F.dayofweek("flight_date").alias("weekday"),
        "distance",
        ((F.unix_seconds("sched_arr_at") - F.unix_seconds("sched_dep_at")) / 60).cast("int").alias("scheduled_minutes"),
        (F.floor(F.col("sched_arr_time") / 100) * 60 + F.col("sched_arr_time") % 100)
        .cast("int")
        .alias("arrival_minute_of_day"),
        F.count(F.lit(1)).over(airport.rangeBetween(-hour, 0)).alias("departures_hour_before"),
        F.count(F.lit(1)).over(airport.rangeBetween(0, hour)).alias("departures_hour_after"),
        F.count(F.lit(1)).over(own.rangeBetween(-hour, 0)).alias("own_departures_hour_before"),
        F.count(F.lit(1)).over(route.rangeBetween(-86_400, 0)).alias("same_route_day_before"),
    )
    return rows.where(in_window(PREDICTION_TIME, window))
