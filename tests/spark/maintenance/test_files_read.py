"""A day's jobs open the files of the day, however many days a table has: what they read is told by Spark's plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import shop
from first_champion import LATER, SMALL, Kept, Stage, prepare
from in_memory.registry import MemoryBackend
from pyspark.sql import SparkSession
from scans import scans_of

from levelfive.core.windows import Window, utc
from levelfive.data import job as data
from levelfive.features import job as features
from levelfive.features.store import LocalFeatureStore
from levelfive.monitoring import job as monitoring
from levelfive.online import job as online
from levelfive.online.opening import open_store, url_of
from levelfive.scoring import job as scoring
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.storage.upkeep import Upkeep

BEGIN, DAY, DAYS = utc(2013, 1, 1, 6), timedelta(days=1), 6
STATISTICS = ("spark.databricks.delta.stats.collect", "spark.databricks.delta.stats.skipping")


@pytest.fixture
def with_statistics(spark: SparkSession, over_connect: bool) -> Iterator[None]:
    """Let Delta keep the least and the greatest value of each file, as it does on a workspace."""
    if over_connect:
        pytest.skip("what Spark counts is asked of its own JVM, which no client of Spark Connect reaches")
    before = {name: spark.conf.get(name) for name in STATISTICS}
    keep_statistics(spark)
    yield
    for name, value in before.items():
        spark.conf.set(name, value)


def keep_statistics(spark: SparkSession) -> None:
    for name in STATISTICS:
        spark.conf.set(name, "true")


def files_read(spark: SparkSession, context: JobContext, landing: Path, number: int) -> Counter[str]:
    """Let a day land, run the jobs of data and features on it, and count the files that they open, by table."""
    day = Window(BEGIN + number * DAY, BEGIN + (number + 1) * DAY)
    shop.write_orders(landing, day)

    def jobs() -> None:
        data.run(context, landing=landing, as_of=day.end)
        features.run(context, as_of=day.end)

    return files_opened(spark, jobs)


def files_opened(spark: SparkSession, job: Callable[[], object]) -> Counter[str]:
    """Count the files that a job opens, by table."""
    with scans_of(spark) as scans:
        job()
        counts: Counter[str] = Counter()
        for scan in scans():
            counts[scan.table] += scan.files
    return counts


@pytest.mark.usefixtures("with_statistics")
def test_a_day_opens_as_many_files_however_many_days_there_are(
    spark: SparkSession, tables: Tables, tmp_path: Path
) -> None:
    """Each is published; the last is computed anew, and one more comes after upkeep."""
    (table,) = shop.USE_CASE.feature_tables
    use_case = replace(shop.USE_CASE, feature_tables=(replace(table, lookback=DAY),), labels_lookback=DAY)
    context = JobContext(tables, use_case, LocalFeatureStore(tables))
    registry, store = MemoryBackend().opened("shop"), open_store(url_of(tmp_path / "online.db"), "shop")

    by_day, published_by_day = [], []
    for number in range(4):
        by_day.append(files_read(spark, context, tmp_path, number))
        as_of = BEGIN + (number + 1) * DAY
        published_by_day.append(files_opened(spark, partial(online.run, context, registry, store, as_of=as_of)))

    there = len(tables.read("raw_orders").inputFiles())
    assert there >= 4
    assert by_day[2] == by_day[3]
    # Feature table and labels look at two days each: the day itself, and the one before.
    assert published_by_day[2] == published_by_day[3]
    assert 0 < published_by_day[3]["store_returns"] <= len(tables.read("store_returns").inputFiles()) / 4
    assert 0 < by_day[3]["raw_orders"] <= 2 * 2 * there / 4
    # What is revealed later may be of any row, as far as anybody has said.
    last, anywhere = BEGIN + 4 * DAY, JobContext(tables, shop.USE_CASE, context.features)
    anew = files_opened(spark, lambda: features.run(anywhere, as_of=last, since=last - DAY))
    assert anew["raw_orders"] >= 2 * there
    assert Upkeep(tables, timedelta(days=30)).compact("raw_orders") == (1, there)
    assert files_read(spark, context, tmp_path, 4)["raw_orders"] <= by_day[3]["raw_orders"]
    assert tables.read("labels").count() == shop.ORDERS_A_DAY * 5 - 9


@pytest.mark.nightly
@pytest.mark.usefixtures("with_statistics")
def test_scoring_and_monitoring_of_a_day_open_as_many_files_however_many_days_there_are(
    spark: SparkSession, kept_of: Callable[[str], Kept], tmp_path: Path
) -> None:
    """A champion scores six days, each of which is monitored a day after it."""
    app = kept_of(SMALL).copy(Stage.CHAMPION, tmp_path / "home", "files_read")
    context = app.context
    # The first look at a home sets what a laptop's session is like.
    keep_statistics(spark)
    by_day: list[dict[str, Counter[str]]] = []
    for number in range(DAYS):
        day = Window(LATER + number * DAY, LATER + (number + 1) * DAY)
        prepare(app, shop.write_orders, day)
        jobs: dict[str, Callable[[], object]] = {
            "scoring": lambda day=day: scoring.run(context, app.registry, window=day, as_of=day.end),
            "monitoring": lambda day=day: monitoring.run(context, app.registry, window=day, as_of=day.end),
        }
        by_day.append({name: files_opened(spark, job) for name, job in jobs.items()})

    assert by_day[3] == by_day[4] == by_day[5]
    assert by_day[5]["scoring"]["raw_orders"] > 0
    assert by_day[5]["monitoring"]["predictions"] > 0
