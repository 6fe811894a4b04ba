"""Maintenance: rows stay, small files become large ones, and what is younger than told can be read as it was."""

from datetime import timedelta
from pathlib import Path

import pytest
import shop
from pyspark.sql import DataFrame, SparkSession

from levelfive.core.windows import Window, utc
from levelfive.data import job as data
from levelfive.features import job as features
from levelfive.features.store import LocalFeatureStore
from levelfive.maintenance import job as maintenance
from levelfive.storage.conflicts import overtaken
from levelfive.storage.retention import FILES_RETENTION
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import OTHERS_MEANWHILE, Tables
from levelfive.storage.upkeep import Upkeep

BEGIN, DAY = utc(2013, 1, 1, 6), timedelta(days=1)
TWO_DAYS = Window(BEGIN, BEGIN + 2 * DAY)
KEEP = timedelta(days=30)
# Of each kind one: labels, rows of files, records, features.
SOME = ("labels", "raw_orders", "runs", "store_returns")


@pytest.fixture
def context(tables: Tables) -> JobContext:
    return JobContext(tables, shop.USE_CASE, LocalFeatureStore(tables))


def a_day(context: JobContext, landing: Path, number: int) -> None:
    day = Window(BEGIN + number * DAY, BEGIN + (number + 1) * DAY)
    shop.write_orders(landing, day)
    data.run(context, landing=landing, as_of=day.end)
    features.run(context, as_of=day.end)


def rows(frame: DataFrame) -> list[str]:
    return sorted(map(str, frame.collect()))


@pytest.fixture(params=["some", pytest.param("all", marks=pytest.mark.nightly)])
def looked_after(request: pytest.FixtureRequest, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """By day, look after a table of each kind alone: each takes two seconds."""
    if request.param == "some":
        monkeypatch.setattr(type(tables), "own_tables", lambda self, among: SOME)


@pytest.mark.usefixtures("looked_after")
def test_rows_stay_and_the_next_day_goes_on(context: JobContext, tables: Tables, tmp_path: Path) -> None:
    """Two days each make files of their own; the third comes after maintenance."""
    for number in range(2):
        a_day(context, tmp_path, number)
    before = {name: rows(tables.read(name)) for name in ("raw_orders", "store_returns", "labels", "quarantine")}
    reached = tables.watermark("labels", before=BEGIN + 9 * DAY)

    result = maintenance.run(context, as_of=BEGIN + 2 * DAY, keep_versions=KEEP)

    assert {name: rows(tables.read(name)) for name in before} == before
    files = {one.table: (one.files_before, one.files_after, one.clustered_by) for one in result.tables}
    assert files["raw_orders"][0] >= 2
    assert files["raw_orders"][1:] == (1, ("ordered_at", "order_id"))
    assert files["store_returns"][1:] == (1, ("known_at", "store"))
    assert files["runs"][0] > files["runs"][1] == 1
    assert files["runs"][2] == ()
    assert result.overtaken == ()
    assert tables.watermark("labels", before=BEGIN + 9 * DAY) == reached
    a_day(context, tmp_path, 2)
    assert tables.read("raw_orders").count() == 3 * shop.ORDERS_A_DAY
    assert {row for row in before["raw_orders"]} < set(rows(tables.read("raw_orders")))


def write_labels(tables: Tables, day: Window) -> None:
    """Write the labels of a day, or write them anew, into one file."""
    known = [(number, hour.start) for number, hour in enumerate(day.split(timedelta(hours=1)))]
    frame = tables.spark.createDataFrame(known, "order_id long, known_at timestamp").coalesce(1)
    tables.replace_window("labels", frame, "known_at", day)


def test_a_second_run_finds_nothing_to_do(context: JobContext, tables: Tables) -> None:
    for day in TWO_DAYS.split(DAY):
        write_labels(tables, day)
    (first,) = maintenance.run(context, as_of=TWO_DAYS.end, keep_versions=KEEP).tables
    before = Upkeep(tables, KEEP).layout("labels")

    second = maintenance.run(context, as_of=TWO_DAYS.end, keep_versions=KEEP)

    assert (first.files_before, first.files_after) == (2, 1)
    assert before.clustered_by == ("known_at", "order_id")
    assert Upkeep(tables, KEEP).layout("labels") == before
    assert {one.table: (one.files_before, one.files_after) for one in second.tables}["labels"] == (1, 1)


def test_files_go_once_they_are_older_than_the_table_keeps_them(
    context: JobContext, tables: Tables, warehouse: Path
) -> None:
    """A window that was computed anew leaves a file that no version of today needs."""
    day, _ = TWO_DAYS.split(DAY)
    for _ in range(2):
        write_labels(tables, day)
    folder, version = warehouse / f"{tables.schema}.db" / "labels", tables.version("labels")
    early = rows(tables.read("labels", version=version - 1))
    assert early

    maintenance.run(context, as_of=TWO_DAYS.end, keep_versions=KEEP)

    assert rows(tables.read("labels", version=version - 1)) == early
    name = tables.name("labels")
    tables.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('{FILES_RETENTION}' = 'interval 0 hours')")
    tables.vacuum("labels")
    now = {file.rpartition("/")[2] for file in tables.read("labels").inputFiles()}
    assert {file.name for file in folder.glob("*.parquet")} == now
    assert rows(tables.read("labels")) == early


def test_how_far_a_table_reaches_is_known_after_any_number_of_upkeeps(tables: Tables, spark: SparkSession) -> None:
    """More than the commits that are looked at first."""
    window = Window(BEGIN, BEGIN + DAY)
    hours = spark.createDataFrame([(hour.start,) for hour in window.split(timedelta(hours=1))], "at timestamp")
    tables.replace_window("hours", hours, "at", window)
    for number in range(OTHERS_MEANWHILE + 1):
        spark.sql(f"ALTER TABLE {tables.name('hours')} SET TBLPROPERTIES ('a' = '{number}')")

    tables.replace_window("hours", hours.limit(0), "at", Window(window.end, window.end + DAY))

    assert tables.watermark("hours", before=window.end + 9 * DAY) == window.end + DAY


def test_what_others_keep_in_the_schema_is_left_alone(
    context: JobContext, tables: Tables, spark: SparkSession, over_connect: bool, tmp_path: Path
) -> None:
    """A schema with a table and a view of somebody else's, beside the dozen that a day makes: each takes seconds."""
    if not over_connect:
        pytest.skip("about a catalog, in which others may keep tables: a laptop's home is levelfive's own")
    a_day(context, tmp_path, 0)
    spark.range(3).write.format("delta").saveAsTable(tables.name("theirs"))
    spark.range(3).write.format("parquet").saveAsTable(tables.name("in_another_format"))
    spark.sql(f"CREATE VIEW {tables.name('a_view')} AS SELECT 1 AS one")

    result = maintenance.run(context, as_of=BEGIN + DAY, keep_versions=KEEP)

    assert {"raw_orders", "labels", "runs", "landing_files"} <= {one.table for one in result.tables}
    assert not {"theirs", "in_another_format", "a_view"} & {one.table for one in result.tables}
    assert [commit.version for commit in tables.history("theirs")] == [0]


def test_a_table_that_another_job_writes_meanwhile_is_left_to_the_next_run(
    context: JobContext, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in TWO_DAYS.split(DAY):
        write_labels(tables, day)
    tables.append("raw_orders", tables.spark.range(1))
    compact = Upkeep.compact

    def overtaken_once(upkeep: Upkeep, table: str) -> tuple[int, int]:
        if table == "labels":
            raise overtaken(table)
        return compact(upkeep, table)

    monkeypatch.setattr(Upkeep, "compact", overtaken_once)
    result = maintenance.run(context, as_of=TWO_DAYS.end, keep_versions=KEEP)

    assert result.overtaken == ("labels",)
    assert "labels" not in {one.table for one in result.tables}
    assert "raw_orders" in {one.table for one in result.tables}
