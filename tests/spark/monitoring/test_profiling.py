"""Profiles by day in Spark: the same in whatever batches the rows come, with quantiles of the right rank."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from levelfive.monitoring.profiling import finish, profile_days
from levelfive.statistics.baseline import profile_baseline
from levelfive.statistics.partials import QUANTILES
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
