"""Profiles by day in Spark: the same in whatever batches the rows come, with quantiles of the right rank."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from levelfive.monitoring.profiling import finish, profile_days
from levelfive.statistics.baseline import profile_baseline
from levelfive.statistics.profiles import QUANTILES
from levelfive.statistics.segments import SegmentColumn
from levelfive.statistics.sliced_counts import SlicedCounts
from levelfive.usecase.columns import PREDICTION_TIME

ROWS = 12_000


def test_quantiles_of_a_long_tail_beside_the_baselines_range_are_of_the_right_rank(spark) -> None:
    """A profile of Spark takes Python workers in two stages."""
    random = np.random.default_rng(1)
    tail = 1000 + random.lognormal(0, 2, ROWS)
    times = pd.Timestamp("2013-01-07 12:00") + pd.to_timedelta(np.arange(ROWS) % 3, unit="D")
    given = spark.createDataFrame(pd.DataFrame({PREDICTION_TIME: times, "tail": tail, "score": random.random(ROWS)}))
    rows = given.select(PREDICTION_TIME, "score", F.struct("tail").alias("features"))
    trained = pd.DataFrame({"tail": random.lognormal(0, 2, 500)})
    baseline = profile_baseline(trained, (), label=np.zeros(1), score=np.linspace(0, 1, 50))

    whole = profile_days(rows.repartition(2), baseline, timedelta(hours=6)).whole["tail"]

    quantiles = finish(whole, "tail", baseline).quantiles
    wrong = [abs(np.mean(tail <= quantiles[str(level)]) - level) for level in QUANTILES]
    assert (whole.count, max(wrong) <= 0.002) == (ROWS, True)


def test_values_are_counted_by_slice_as_in_pandas_in_the_same_pass(spark) -> None:
    """Python workers in two stages."""
    random = np.random.default_rng(1)
    given = pd.DataFrame(
        {
            PREDICTION_TIME: pd.Timestamp("2013-01-07 12:00") + pd.to_timedelta(np.arange(600) % 3, unit="D"),
            "score": random.random(600),
            "wind-speed": random.choice([-0.0, 0.0, 1.0, np.nan, np.inf, 2.5], size=600),
            "shelf": random.choice([7, 12, 30], size=600),
            "store": random.choice(np.array(["north", "south", None], dtype=object), size=600),
        }
    )
    columns = (SegmentColumn("wind-speed", edges=(0.0, 2.5)), SegmentColumn("shelf", categories=("7", "12")))
    features, days = given[["wind-speed", "shelf"]], np.arange(600) % 3
    slice_counts = SlicedCounts.of(columns, features, {"store": given["store"]}, days, least_rows=1)
    baseline = profile_baseline(features, ("shelf",), label=np.zeros(1), score=np.linspace(0, 1, 50))
    rows = spark.createDataFrame(given).selectExpr(
        PREDICTION_TIME,
        "score",
        "map('store', store) AS slices",
        "named_struct('wind-speed', `wind-speed`, 'shelf', shelf) AS features",
    )

    found = profile_days(rows.repartition(3), replace(baseline, slice_counts=slice_counts), timedelta(hours=6))

    assert [str(day) for day in sorted(found.slice_counts)] == ["2013-01-07", "2013-01-08", "2013-01-09"]
    by_day = np.stack([found.slice_counts[day] for day in sorted(found.slice_counts)], axis=1)
    assert by_day.tolist() == slice_counts.counts.tolist()
    assert sorted(found.whole) == ["(score)", "shelf", "wind-speed"]
    assert profile_days(rows, baseline, timedelta(hours=6)).slice_counts == {}


@pytest.mark.nightly
def test_a_profile_is_as_many_jobs_of_spark_whatever_the_number_of_columns_and_days(spark, over_connect) -> None:
    if over_connect:
        pytest.skip("jobs are counted where there is a context of Spark")
    counts = [_jobs(spark, columns, days) for columns, days in ((2, 2), (30, 2), (2, 20))]

    assert counts[0] > 0
    assert counts == [counts[0]] * 3


def _jobs(spark, columns: int, days: int) -> int:
    random, names = np.random.default_rng(1), [f"x{place}" for place in range(columns)]
    features = pd.DataFrame(random.normal(size=(400, columns)), columns=names)
    times = pd.Timestamp("2013-01-07 12:00") + pd.to_timedelta(np.arange(400) % days, unit="D")
    given = spark.createDataFrame(features.assign(**{PREDICTION_TIME: times, "score": random.random(400)}))
    rows = given.select(PREDICTION_TIME, "score", F.struct(*names).alias("features"))
    baseline = profile_baseline(features, (), label=np.zeros(1), score=np.linspace(0, 1, 50))
    group = f"{columns} columns, {days} days"

    spark.sparkContext.setJobGroup(group, group)
    profile_days(rows, baseline, timedelta(hours=6))

    return len(spark.sparkContext.statusTracker().getJobIdsForGroup(group))
