"""Every write can be repeated, says what it did, and of two writers none undoes the other."""

from concurrent.futures import ThreadPoolExecutor
from copy import copy
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from lock_contract import check_that_one_piece_of_work_waits_for_the_other
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from levelfive.core.windows import Window, utc
from levelfive.errors import TableConflict, TableError
from levelfive.storage.catalog_tables import CatalogTables
from levelfive.storage.local_tables import LocalTables
from levelfive.storage.tables import Tables

START = utc(2013, 1, 1)
HOUR = timedelta(hours=1)


def numbers(tables: Tables, *values: int) -> DataFrame:
    return tables.spark.createDataFrame([(value, f"of {value}") for value in values], "number long, said string")


def found(tables: Tables, table: str = "numbers") -> list[int]:
    return sorted(row["number"] for row in tables.read(table).select("number").collect())


def ticks(tables: Tables, window: Window, value: str) -> DataFrame:
    rows = [(moment.start, value) for moment in window.split(HOUR)]
    return tables.spark.createDataFrame(rows, "known_at timestamp, value string")


@pytest.mark.alike
def test_rows_whose_key_is_there_are_left_alone(tables: Tables) -> None:
    first = tables.insert_new("numbers", numbers(tables, 1, 2), ("number",))
    second = tables.insert_new("numbers", numbers(tables, 2, 3).withColumn("said", F.lit("changed")), ("number",))

    assert (first.rows, second.rows) == (2, 1)
    assert found(tables) == [1, 2, 3]
    assert tables.read("numbers").where("number = 2").collect()[0]["said"] == "of 2"


def test_a_commit_keeps_its_record_whether_it_makes_the_table_or_adds_to_it(tables: Tables) -> None:
    for number in (1, 2):
        tables.insert_new("numbers", numbers(tables, number), ("number",), record={"batch": number})

    assert [commit.record["batch"] for commit in tables.history("numbers", limit=2)] == [2, 1]


@pytest.mark.alike
def test_the_record_of_a_commit_is_no_other_commits(tables: Tables) -> None:
    tables.insert_new("numbers", numbers(tables, 1), ("number",), record={"batch": 1})

    tables.append("runs", numbers(tables, 1))

    assert "batch" not in tables.history("runs")[0].record


@pytest.mark.alike
def test_columns_are_added_only_where_that_is_allowed(tables: Tables) -> None:
    tables.insert_new("numbers", numbers(tables, 1), ("number",))
    wider = numbers(tables, 2).withColumn("new", F.lit(True))

    with pytest.raises(TableError, match="refused the rows"):
        tables.insert_new("numbers", wider, ("number",))
    assert found(tables) == [1]

    tables.insert_new("numbers", wider, ("number",), evolve=True)
    assert found(tables) == [1, 2]


@pytest.mark.alike
def test_writers_side_by_side_insert_each_key_once(tables: Tables) -> None:
    tables.insert_new("numbers", numbers(tables, 0), ("number",))
    start = Barrier(3)

    def insert(values: range) -> int | None:
        start.wait()
        return tables.insert_new("numbers", numbers(tables, *values), ("number",)).rows

    with ThreadPoolExecutor(3) as pool:
        inserted = list(pool.map(insert, (range(0, 20), range(10, 30), range(0, 30))))

    assert found(tables) == list(range(30))
    assert sum(rows or 0 for rows in inserted) == 29


@pytest.fixture(params=["laptop", "workspace"])
def tables(request: pytest.FixtureRequest, tables: Tables) -> Tables:
    """Tables whose writers are kept apart by locks, and such as are kept apart by Delta's transactions."""
    if request.param == "workspace":
        return CatalogTables(tables.spark, schema=tables.schema, can_cache=False)
    request.getfixturevalue("warehouse")
    return tables


def insert_before_each_look(tables: Tables, values: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another writer commit a value between a look at the table's version and the commit that rests on it."""
    other = copy(tables)
    read = Tables.read

    def overtaken_read(self: Tables, table: str, *, version: int | None = None) -> DataFrame:
        rows = read(self, table, version=version)
        if self is tables and values:
            other.insert_new(table, numbers(other, values.pop()), ("number",))
        return rows

    monkeypatch.setattr(Tables, "read", overtaken_read)


def test_a_writer_that_was_overtaken_looks_again(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    tables.insert_new("numbers", numbers(tables, 0), ("number",))
    insert_before_each_look(tables, [7], monkeypatch)

    write = tables.insert_new("numbers", numbers(tables, 7, 8), ("number",))

    monkeypatch.undo()
    assert write.rows == 1
    assert found(tables) == [0, 7, 8]


@pytest.mark.alike
def test_of_two_first_writers_the_second_looks_again(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    newest, others = Tables._newest, [lambda: tables.insert_new("numbers", numbers(tables, 7), ("number",))]

    def overtaken_look(self: Tables, table: str) -> object:
        seen = newest(self, table)
        if others:
            others.pop()()
        return seen

    monkeypatch.setattr(Tables, "_newest", overtaken_look)

    write = tables.insert_new("numbers", numbers(tables, 7, 8), ("number",))

    assert write.rows == 1
    assert found(tables) == [7, 8]


@pytest.mark.alike
def test_a_writer_that_is_always_overtaken_is_told(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    tables.insert_new("numbers", numbers(tables, 0), ("number",))
    monkeypatch.setattr("levelfive.storage.tables.ATTEMPTS", 2)
    insert_before_each_look(tables, [1, 2], monkeypatch)

    with pytest.raises(TableConflict, match="another writer committed first"):
        tables.insert_new("numbers", numbers(tables, 99), ("number",))

    monkeypatch.undo()
    assert found(tables) == [0, 1, 2]


def test_a_window_is_replaced_and_the_rest_stays(tables: Tables) -> None:
    day, second = Window(START, START + 4 * HOUR), Window(START + HOUR, START + 3 * HOUR)
    tables.replace_window("ticks", ticks(tables, day, "old"), "known_at", day)

    tables.replace_window("ticks", ticks(tables, second, "new"), "known_at", second)

    rows = tables.read("ticks").orderBy("known_at").collect()
    assert [row["value"] for row in rows] == ["old", "new", "new", "old"]


@pytest.mark.alike
def test_a_table_of_windows_knows_how_far_it_reaches(tables: Tables) -> None:
    windows = list(Window(START, START + 3 * HOUR).split(HOUR))
    for window in windows:
        tables.replace_window("ticks", ticks(tables, window, "a"), "known_at", window)

    assert windows[-1].end == tables.watermark("ticks", before=START + 9 * HOUR)
    assert windows[1].end == tables.watermark("ticks", before=windows[-1].end)
    assert tables.watermark("ticks", before=START) is None
    assert tables.watermark("nothing", before=START) is None


@pytest.mark.alike
def test_upkeep_hides_nothing_of_what_commits_note(tables: Tables) -> None:
    first, second = Window(START, START + 2 * HOUR).split(HOUR)
    for window in (first, second):
        tables.replace_window("ticks", ticks(tables, window, "a"), "known_at", window)
        tables.spark.sql(f"ALTER TABLE {tables.name('ticks')} SET TBLPROPERTIES ('upkeep' = '{window.start}')")

    assert [commit.operation for commit in tables.history("ticks", limit=2)] == ["SET TBLPROPERTIES", "WRITE"]
    assert second.end == tables.watermark("ticks", before=START + 9 * HOUR)
    tables.replace_window("ticks", ticks(tables, second, "b"), "known_at", second)
    assert sorted(row["value"] for row in tables.read("ticks").collect()) == ["a", "b"]


@pytest.mark.alike
def test_a_table_whose_first_rows_could_not_be_computed_is_made_anew(tables: Tables) -> None:
    windows = list(Window(START, START + 2 * HOUR).split(HOUR))
    broken = ticks(tables, windows[0], "a").withColumn("value", F.raise_error(F.lit("planted")).cast("string"))
    with pytest.raises(TableError, match="planted"):
        tables.replace_window("ticks", broken, "known_at", windows[0])

    for window in windows:
        tables.replace_window("ticks", ticks(tables, window, "a"), "known_at", window)

    assert windows[1].end == tables.watermark("ticks", before=START + 9 * HOUR)
    assert tables.read("ticks").count() == 2


@pytest.mark.parametrize("log", [True, False], ids=["with an empty log", "without a log"])
def test_a_table_whose_first_write_was_killed_is_made_anew(spark: SparkSession, warehouse: Path, log: bool) -> None:
    tables = LocalTables(spark, schema=f"killed_{log}", warehouse=warehouse)
    folder = warehouse / f"{tables.schema}.db" / "numbers"
    (folder / "_delta_log" if log else folder).mkdir(parents=True)
    (folder / "part-00000-left.parquet").write_bytes(b"half a file")

    write = tables.insert_new("numbers", numbers(tables, 1), ("number",))

    assert (write.version, write.rows) == (0, 1)
    assert found(tables) == [1]


def test_a_table_that_is_not_there_says_who_writes_it(tables: Tables) -> None:
    with pytest.raises(TableError, match="run the stage that writes it first"):
        tables.read("nothing")


@pytest.mark.parametrize("tables", ["laptop"], indirect=True)
def test_one_piece_of_work_waits_for_the_other_on_a_laptop(tables: Tables) -> None:
    check_that_one_piece_of_work_waits_for_the_other(tables)
