"""Seattle's weather: will a day be dry, or bring light or heavy rain? Said at six in the morning."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import Window as Over
from pyspark.sql import functions as F
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from levelfive import (
    KNOWN_AT,
    LABEL,
    LABELLED,
    OUTCOME,
    PREDICTION_TIME,
    Estimator,
    FeatureTable,
    GatePolicy,
    Later,
    Lookup,
    ModelSpec,
    MonitoringPolicy,
    Multiclass,
    Source,
    UseCase,
    Window,
    between,
    in_window,
    not_null,
)

RAIN = Multiclass("rain", ("dry", "light", "heavy"))
HEAVY = 5.0  # mm a day
DAY, SIX = timedelta(days=1), timedelta(hours=6)


def published(observations: DataFrame, references: Mapping[str, DataFrame]) -> DataFrame:
    """Say when a day's row is published: at its end."""
    return observations.withColumn("published_at", F.col("day") + F.lit(DAY))


def spine(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """List the days of a window, each after a day that was observed."""
    days = raw["observations"].select((F.col("day") + F.lit(DAY)).alias("day"), F.lit("seattle").alias("station"))
    timed = days.withColumns({PREDICTION_TIME: F.col("day") + F.lit(SIX), "month": F.month("day").cast("double")})
    return timed.where(in_window(PREDICTION_TIME, window))


def labels(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Tell how much it rained, once the day is over."""
    rain = F.col("precipitation")
    place = F.when(rain >= HEAVY, F.lit(2.0)).when(rain > 0, F.lit(1.0)).when(rain == 0, F.lit(0.0))
    return (
        raw["observations"]
        .where(in_window("published_at", window))
        .select(
            "day",
            (F.col("day") + F.lit(SIX)).alias(PREDICTION_TIME),
            place.alias(LABEL),
            F.lit(LABELLED).alias(OUTCOME),
            F.col("published_at").alias(KNOWN_AT),
        )
    )


def recent(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Compute, for each day, what it was like, and what its week was like."""
    last_week = Over.partitionBy(F.lit(1)).orderBy(F.unix_seconds("day")).rangeBetween(-6 * 86400, 0)
    week = {"rain_of_week": F.sum("precipitation").over(last_week), "warmth_of_week": F.avg("temp_max").over(last_week)}
    days = raw["observations"].withColumns(week).where(in_window("published_at", window))
    columns = ("temp_max", "temp_min", "precipitation", "wind", *week)
    return days.select(F.lit("seattle").alias("station"), F.col("published_at").alias(KNOWN_AT), *columns)


def build(numeric: Sequence[str], categorical: Sequence[str], seed: int) -> Estimator:
    """Build a multinomial logistic regression."""
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500, random_state=seed))


OBSERVATIONS = Source(
    name="observations",
    columns={
        "day": "timestamp",
        "precipitation": "double",
        "temp_max": "double",
        "temp_min": "double",
        "wind": "double",
    },
    key=("day",),
    expectations=(*not_null("precipitation"), between("precipitation", 0, 500), between("temp_max", -40, 50)),
    derive=published,
    event_time="day",
    known_at="published_at",
    key_within=timedelta(0),
    delta_table="weather.public.observations",
    later=Later.CORRECTION,
)
USE_CASE = UseCase(
    name="seattle_weather",
    sources=(OBSERVATIONS,),
    feature_tables=(FeatureTable("recent", ("station",), ("observations",), recent, lookback=7 * DAY),),
    key=("day",),
    spine_sources=("observations",),
    spine=spine,
    label_sources=("observations",),
    labels=labels,
    labels_lookback=DAY,
    maturity=2 * DAY,
    model=ModelSpec(
        task=RAIN,
        spine_features=("month",),
        lookups=(
            Lookup(
                "recent",
                {"station": "station"},
                ("temp_max", "temp_min", "precipitation", "wind", "rain_of_week", "warmth_of_week"),
                max_age=3 * DAY,
            ),
        ),
        categorical=(),
        build=build,
    ),
    gate=GatePolicy(holdout_days=180, min_days=60, min_rows=60),
    monitoring=MonitoringPolicy(min_days=14, min_rows=14),
    purpose="To decide in the morning whether an outdoor event of the day needs a roof.",
    limits=("Snow counts as rain. The rain of the last week is rounded, and corrected then.",),
)
