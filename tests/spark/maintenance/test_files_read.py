"""A day's jobs open the files of the day, however many days a table has: what they read is told by Spark's plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import shop
from pyspark.sql import SparkSession
from scans import scans_of

from levelfive.core.windows import Window, utc
from levelfive.data import job as data
from levelfive.features import job as features
from levelfive.features.store import LocalFeatureStore
from levelfive.maintenance import job as maintenance
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables

BEGIN, DAY, DAYS = utc(2013, 1, 1, 6), timedelta(days=1), 6
STATISTICS = ("spark.databricks.delta.stats.collect", "spark.databricks.delta.stats.skipping")


@pytest.fixture
def with_statistics(spark: SparkSession, over_connect: bool) -> Iterator[None]:
    """Let Delta keep the least and the greatest value of each file, as it does on a workspace."""
    if over_connect:
        pytest.skip("what Spark counts is asked of its own JVM, which no client of Spark Connect reaches")
    before = {name: spark.conf.get(name) for name in STATISTICS}
    for name in STATISTICS:
        spark.conf.set(name, "true")
    yield
    for name, value in before.items():
        spark.conf.set(name, value)


def files_read(spark: SparkSession, context: JobContext, landing: Path, number: int) -> Counter[str]:
    """Let a day land, run the jobs of data and features on it, and count the files that they open, by table."""
    day = Window(BEGIN + number * DAY, BEGIN + (number + 1) * DAY)
    shop.write_orders(landing, day)
    with scans_of(spark) as scans:
        data.run(context, landing=landing, as_of=day.end)
        features.run(context, as_of=day.end)
        counts: Counter[str] = Counter()
        for scan in scans():
            counts[scan.table] += scan.files
    return counts


@pytest.mark.usefixtures("with_statistics")
def test_a_day_opens_as_many_files_however_many_days_there_are(
    spark: SparkSession, tables: Tables, tmp_path: Path
) -> None:
    """Six days, of which each is compared with the one before; then one more day, with what came before in one file."""
    (table,) = shop.USE_CASE.feature_tables
    use_case = replace(shop.USE_CASE, feature_tables=(replace(table, lookback=DAY),), labels_lookback=DAY)
    context = JobContext(tables, use_case, LocalFeatureStore(tables))

    by_day = [files_read(spark, context, tmp_path, number) for number in range(DAYS)]

    there = len(tables.read("raw_orders").inputFiles())
    assert there >= DAYS
    assert by_day[2] == by_day[3] == by_day[4] == by_day[5]
    # Feature table and labels look at two days each: the day itself, and the one before.
    assert 0 < by_day[5]["raw_orders"] <= 2 * 2 * there / DAYS
    maintenance.run(context, as_of=BEGIN + DAYS * DAY, keep_versions=timedelta(days=30))
    assert files_read(spark, context, tmp_path, DAYS)["raw_orders"] <= by_day[5]["raw_orders"]
    assert tables.read("labels").count() == shop.ORDERS_A_DAY * (DAYS + 1) - 9


@pytest.mark.usefixtures("with_statistics")
def test_without_a_lookback_all_files_are_opened(spark: SparkSession, tables: Tables, tmp_path: Path) -> None:
    """What is revealed later may be of any row, as far as anybody has said."""
    context = JobContext(tables, shop.USE_CASE, LocalFeatureStore(tables))

    by_day = [files_read(spark, context, tmp_path, number) for number in range(3)]

    assert by_day[2]["raw_orders"] > by_day[1]["raw_orders"] > by_day[0]["raw_orders"]
