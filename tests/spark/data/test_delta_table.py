"""A Delta table that somebody else writes is read by its versions, and the contract of files holds for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from flight_delay import USE_CASE
from levelfive import Later, Source, not_null
from levelfive.core.windows import utc
from levelfive.data import job as data
from levelfive.data.job import DataResult
from levelfive.data.known import as_known
from levelfive.errors import ContractError, LandingError
from levelfive.features.store import LocalFeatureStore
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.trial.heads import read_head

AS_OF = utc(2024, 3, 1)
DAY = timedelta(days=1)
THINGS = Source(
    "things",
    {"id": "int", "at": "timestamp", "amount": "double"},
    key=("id",),
    expectations=not_null("at"),
    event_time="at",
    max_quarantined_share=1.0,
    delta_table="main.shop.things",
)
CORRECTED = replace(THINGS, later=Later.CORRECTION)
FEED = "TBLPROPERTIES (delta.enableChangeDataFeed = true)"


class Foreign:
    """A table of somebody else's, which lies in the landing place."""

    def __init__(self, tables: Tables, landing: Path) -> None:
        self.tables, self.landing, self.runs = tables, landing, 0
        self.place = f"delta.`{landing / 'things'}`"

    def sql(self, *statements: str) -> None:
        for statement in statements:
            self.tables.spark.sql(statement.format(things=self.place))

    def made(self, properties: str = "", columns: str = "id INT, at TIMESTAMP, amount DOUBLE") -> None:
        self.sql(f"CREATE TABLE {{things}} ({columns}) USING delta {properties}")
        self.sql("INSERT INTO {things} VALUES (1, timestamp'2024-02-01', 1.5), (2, timestamp'2024-02-02', 2.5)")

    def appended(self, *rows: tuple[int, float]) -> None:
        """Let one more version bring rows: their ids and amounts."""
        values = ", ".join(f"({number}, timestamp'2024-02-01', {amount})" for number, amount in rows)
        self.sql(f"INSERT INTO {{things}} VALUES {values}")

    def ingest(self, source: Source = THINGS) -> DataResult:
        """Run the data stage, a day after the last time."""
        self.runs += 1
        names, model = (source.name,), replace(USE_CASE.model, lookups=())
        use_case = replace(
            USE_CASE, sources=(source,), feature_tables=(), spine_sources=names, label_sources=names, model=model
        )
        context = JobContext(self.tables, use_case, LocalFeatureStore(self.tables))
        return data.run(context, landing=self.landing, as_of=AS_OF + self.runs * DAY)

    def known(self, source: Source = THINGS, *, run: int | None = None) -> list[tuple[object, ...]]:
        at = AS_OF + (self.runs if run is None else run) * DAY
        rows = as_known(self.tables.read("raw_things"), source, at)
        return sorted((row["id"], row["amount"]) for row in rows.collect())


@pytest.fixture
def foreign(tables: Tables, lakehouse: Path) -> Iterator[Foreign]:
    # Where a server of Connect can read it, too.
    landing = lakehouse / f"landing-{uuid4().hex}"
    landing.mkdir()
    landing.chmod(0o777)
    yield Foreign(tables, landing)
    shutil.rmtree(landing, ignore_errors=True)


def deliveries(*results: DataResult) -> list[tuple[object, ...]]:
    return [
        (file.source_file.split(" of ")[0], file.rows_in, file.accepted, file.duplicates)
        for one in results
        for file in one.files
    ]


@pytest.mark.parametrize(
    "properties",
    [pytest.param("", marks=pytest.mark.nightly, id="appended files"), pytest.param(FEED, id="change data feed")],
)
def test_only_what_is_new_is_read(foreign: Foreign, properties: str) -> None:
    """Four ingestions of a table that grows."""
    foreign.made(properties)
    first, nothing = foreign.ingest(), foreign.ingest()
    foreign.sql("INSERT INTO {things} VALUES (3, timestamp'2024-02-03', 3.5)", "OPTIMIZE {things}")
    foreign.sql("INSERT INTO {things} VALUES (2, timestamp'2024-02-02', 9), (4, NULL, 4.5)")
    second = foreign.ingest()

    assert deliveries(first, nothing, second) == [("versions 0 to 1", 2, 2, 0), ("versions 2 to 4", 3, 1, 1)]
    assert [file.quarantined for file in second.files] == [1]
    assert foreign.known() == [(1, 1.5), (2, 2.5), (3, 3.5)]
    assert not foreign.tables.exists("staging_things")


@pytest.mark.nightly
def test_care_for_a_table_is_a_delivery_without_rows(foreign: Foreign) -> None:
    """Two ingestions, and the care between them."""
    foreign.made(FEED)
    foreign.ingest()
    foreign.sql("OPTIMIZE {things}", "ALTER TABLE {things} SET TBLPROPERTIES (a = 'b')")

    assert [delivery[1:] for delivery in deliveries(foreign.ingest(), foreign.ingest())] == [(0, 0, 0)]


@pytest.mark.nightly
def test_updates_without_a_feed_are_refused_with_the_statement_that_switches_it_on(foreign: Foreign) -> None:
    """An ingestion, updates, and ingestions that are refused."""
    foreign.made()
    foreign.ingest()
    foreign.sql(
        "UPDATE {things} SET amount = 9 WHERE id = 1", "INSERT INTO {things} VALUES (3, current_timestamp(), 3)"
    )

    with pytest.raises(
        LandingError, match=r"versions 2 to 3 .* did more than append rows.*Switch it on: ALTER TABLE"
    ) as said:
        foreign.ingest()

    statement = str(said.value).split("Switch it on: ")[1].split(". The next")[0]
    foreign.sql(statement.replace(foreign.place, "{things}"))
    assert deliveries(foreign.ingest()) == [("versions 2 to 4", 3, 1, 2)]
    foreign.sql("DELETE FROM {things} WHERE id = 1", "INSERT INTO {things} VALUES (4, timestamp'2024-02-04', 4)")
    assert deliveries(foreign.ingest()) == [("versions 5 to 6", 1, 1, 0)]


@pytest.mark.nightly
def test_a_feed_tells_of_corrections_and_deletions(foreign: Foreign) -> None:
    """Three ingestions, with updates and deletions between them."""
    foreign.made(FEED)
    foreign.ingest(CORRECTED)
    foreign.sql("UPDATE {things} SET amount = 9 WHERE id = 1", "UPDATE {things} SET amount = 10 WHERE id = 1")
    foreign.sql("DELETE FROM {things} WHERE id = 2", "INSERT INTO {things} VALUES (3, timestamp'2024-02-03', 3)")
    second = foreign.ingest(CORRECTED)
    foreign.sql(
        "UPDATE {things} SET id = 30 WHERE id = 3", "INSERT INTO {things} VALUES (2, timestamp'2024-02-02', 2.5)"
    )
    third = foreign.ingest(CORRECTED)

    counted = [
        (file.rows_in, file.accepted, file.corrections, file.deletions) for file in (*second.files, *third.files)
    ]
    assert counted == [(3, 3, 1, 1), (3, 3, 1, 1)]
    assert [foreign.known(CORRECTED, run=run) for run in (1, 2, 3)] == [
        [(1, 1.5), (2, 2.5), (3, 3.0), (30, 3.0)],
        [(1, 10.0), (3, 3.0), (30, 3.0)],
        [(1, 10.0), (2, 2.5), (30, 3.0)],
    ]


@pytest.mark.nightly
@pytest.mark.parametrize("is_dropped", [True, False], ids=["dropped and made", "replaced"])
def test_a_table_that_is_made_anew_is_read_as_a_whole(foreign: Foreign, is_dropped: bool) -> None:
    """Ingestions of two tables of one name."""
    foreign.made(FEED)
    foreign.ingest(CORRECTED)
    if is_dropped:
        shutil.rmtree(foreign.landing / "things")
        foreign.made(FEED)
        foreign.sql("UPDATE {things} SET amount = 7 WHERE id = 1")
    else:
        rows = "(7, 1, timestamp'2024-02-01'), (2.5, 2, timestamp'2024-02-02')"
        other = foreign.tables.spark.sql(f"SELECT * FROM VALUES {rows} AS t(amount, id, at)")
        writer = other.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
        writer.save(str(foreign.landing / "things"))

    (file,) = foreign.ingest(CORRECTED).files

    assert (file.corrections, file.deletions) == (1, 0)
    assert foreign.known(CORRECTED) == [(1, 7.0), (2, 2.5)]


@pytest.mark.nightly
def test_a_column_that_is_added_does_no_harm_and_one_that_is_missing_is_named(foreign: Foreign) -> None:
    """Three ingestions of a table whose columns change."""
    foreign.made("TBLPROPERTIES (delta.columnMapping.mode = 'name', delta.enableChangeDataFeed = true)")
    foreign.ingest()
    foreign.sql("ALTER TABLE {things} ADD COLUMN note STRING")
    foreign.sql("INSERT INTO {things} VALUES (3, timestamp'2024-02-03', 3, 'x')")
    assert deliveries(foreign.ingest()) == [("versions 2 to 3", 1, 1, 0)]
    foreign.sql("ALTER TABLE {things} RENAME COLUMN amount TO price")

    with pytest.raises(ContractError, match="missing: 'amount'"):
        foreign.ingest()

    foreign.sql("ALTER TABLE {things} RENAME COLUMN price TO amount")
    foreign.sql("INSERT INTO {things} VALUES (4, timestamp'2024-02-04', 4, 'x')")
    foreign.ingest()
    assert foreign.known() == [(1, 1.5), (2, 2.5), (3, 3.0), (4, 4.0)]


@pytest.mark.nightly
def test_versions_that_were_cleaned_up_are_made_up_for_by_the_whole(foreign: Foreign, spark: SparkSession) -> None:
    """Two ingestions of a table whose change files are gone."""
    foreign.made(FEED)
    foreign.ingest(CORRECTED)
    foreign.sql("UPDATE {things} SET amount = 9 WHERE id = 1", "UPDATE {things} SET amount = 10 WHERE id = 1")
    for part in foreign.landing.glob("things/_change_data/*"):
        part.unlink()

    (file,) = foreign.ingest(CORRECTED).files

    assert (file.rows_in, file.corrections) == (2, 1)
    assert foreign.known(CORRECTED) == [(1, 10.0), (2, 2.5)]


@pytest.mark.nightly
def test_what_was_deleted_in_versions_that_were_cleaned_up_is_deleted(foreign: Foreign) -> None:
    """Two ingestions: the feed tells no longer of a deletion, which the whole table shows."""
    foreign.made(FEED)
    foreign.ingest(CORRECTED)
    foreign.sql("DELETE FROM {things} WHERE id = 2", "UPDATE {things} SET amount = 9 WHERE id = 1")
    foreign.appended((3, 3))
    for part in foreign.landing.glob("things/_change_data/*"):
        part.unlink()

    (file,) = foreign.ingest(CORRECTED).files

    assert (file.rows_in, file.corrections, file.deletions) == (3, 1, 1)
    assert foreign.known(CORRECTED) == [(1, 9.0), (3, 3.0)]


@pytest.mark.nightly
def test_rows_without_a_key_are_refused_one_by_one_and_may_be_deleted(foreign: Foreign) -> None:
    """Three ingestions by a feed: of rows without a key, and of their deletion."""
    foreign.made(FEED)
    foreign.ingest(CORRECTED)
    foreign.sql("INSERT INTO {things} VALUES (NULL, timestamp'2024-02-01', 5), (NULL, timestamp'2024-02-01', 6)")
    (refused,) = foreign.ingest(CORRECTED).files
    foreign.sql("DELETE FROM {things} WHERE id IS NULL")

    (deleted,) = foreign.ingest(CORRECTED).files

    assert [(file.rows_in, file.quarantined) for file in (refused, deleted)] == [(2, 2), (0, 0)]
    assert foreign.known(CORRECTED) == [(1, 1.5), (2, 2.5)]


@pytest.mark.nightly
def test_a_table_that_is_made_anew_each_night_counts_its_own_rows(foreign: Foreign) -> None:
    """Ingestions of two tables of one name and one version, with the same rows."""
    foreign.made()
    first = foreign.ingest(CORRECTED)
    shutil.rmtree(foreign.landing / "things")
    foreign.made()

    assert deliveries(first, foreign.ingest(CORRECTED)) == [("versions 0 to 1", 2, 2, 0), ("versions 0 to 1", 2, 0, 2)]


@pytest.mark.nightly
def test_a_table_that_is_set_back_from_a_backup_is_refused(foreign: Foreign) -> None:
    """Its new rows have the numbers of versions that were read, and were missed in silence."""
    foreign.made(FEED)
    things, backup = foreign.landing / "things", foreign.landing / "_backup"
    shutil.copytree(things, backup)
    foreign.appended((3, 3.5))
    foreign.ingest()
    shutil.rmtree(things)
    shutil.copytree(backup, things, copy_function=shutil.copyfile)

    with pytest.raises(LandingError, match=r"up to version 2, and now it ends with version 1: it was set back"):
        foreign.ingest()

    foreign.appended((4, 4.5))
    with pytest.raises(LandingError, match=r"and now its version 2 is another one, of 20"):
        foreign.ingest()
    foreign.appended((5, 5.5))
    with pytest.raises(LandingError, match=r"another one.*CREATE TABLE \.\.\. AS SELECT"):
        foreign.ingest()

    anew = foreign.landing / "anew"
    foreign.sql(f"CREATE TABLE delta.`{anew}` USING delta AS SELECT * FROM {{things}}")
    shutil.rmtree(things)
    anew.rename(things)
    foreign.ingest()
    assert foreign.known() == [(1, 1.5), (2, 2.5), (3, 3.5), (4, 4.5), (5, 5.5)]


@pytest.mark.nightly
def test_a_table_that_was_copied_with_other_file_times_is_the_same(foreign: Foreign) -> None:
    """Two ingestions: an archive or a move keeps no times of files to their last digit."""
    foreign.made(FEED)
    foreign.ingest()
    moved = foreign.landing / "_moved"
    shutil.copytree(foreign.landing / "things", moved, copy_function=shutil.copyfile)
    shutil.rmtree(foreign.landing / "things")
    moved.rename(foreign.landing / "things")

    assert foreign.ingest().files == ()


@pytest.mark.nightly
def test_a_row_that_an_update_marks_as_deleted_is_gone(foreign: Foreign) -> None:
    """Two ingestions by a feed, of a source that marks deleted rows by itself."""
    source = replace(CORRECTED, columns={**CORRECTED.columns, "gone": "boolean"}, deletion="gone")
    foreign.made(FEED)
    foreign.sql("ALTER TABLE {things} ADD COLUMN gone BOOLEAN")
    foreign.ingest(source)
    foreign.sql("UPDATE {things} SET gone = true WHERE id = 1")

    (file,) = foreign.ingest(source).files

    assert (file.accepted, file.deletions) == (1, 1)
    assert foreign.known(source) == [(2, 2.5)]


def with_code(rows: DataFrame, references: Mapping[str, DataFrame]) -> DataFrame:
    """Derive a key that another column is part of."""
    return rows.withColumn("code", F.concat_ws("-", "id", "amount"))


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("source", "columns"),
    [
        (replace(CORRECTED, key=("code",), derive=with_code), "id INT, at TIMESTAMP, amount DOUBLE"),
        (replace(CORRECTED, key=("id", "amount")), "ID INT, AT TIMESTAMP, Amount DOUBLE"),
    ],
    ids=["derived", "of another case"],
)
def test_an_update_that_changes_a_key_leaves_no_row_of_the_key_before(
    foreign: Foreign, source: Source, columns: str
) -> None:
    """Two ingestions, and an update of all rows between them."""
    foreign.made(FEED, columns)
    foreign.ingest(source)
    foreign.sql("UPDATE {things} SET amount = 9 WHERE id = 1", "UPDATE {things} SET at = timestamp'2024-02-05'")

    (file,) = foreign.ingest(source).files

    assert (file.accepted, file.deletions) == (3, 1)
    assert foreign.known(source) == [(1, 9.0), (2, 2.5)]


@pytest.mark.nightly
def test_of_a_key_that_was_appended_again_and_again_the_last_row_counts(foreign: Foreign) -> None:
    """Three ingestions without a feed: of a whole table, and twice of three versions."""
    derived = replace(CORRECTED, derive=lambda rows, _: rows.withColumn("no", F.col("id")), key=("no",))
    foreign.made()
    foreign.appended((1, 7), (2, 0.5))
    foreign.ingest(derived)
    assert foreign.known(derived) == [(1, 7.0), (2, 0.5)]
    for amounts in ((9, 11), (10, 10), (11, 9)):
        foreign.appended(*enumerate(amounts, 1))
    foreign.ingest(derived)
    assert foreign.known(derived) == [(1, 11.0), (2, 9.0)]
    foreign.appended((1, 20))
    foreign.sql("OPTIMIZE {things}")
    foreign.appended((1, 3))

    (file,) = foreign.ingest(derived).files

    assert (file.rows_in, file.accepted, file.duplicates) == (2, 1, 1)
    assert foreign.known(derived) == [(1, 3.0), (2, 9.0)]


def test_the_first_rows_of_a_table_are_tried(foreign: Foreign, spark: SparkSession) -> None:
    foreign.made()

    head = read_head(spark, CORRECTED, foreign.landing, {}, limit=1)

    assert (head.rows_in, head.refused_rows, head.accepted_rows.count()) == (1, 0, 1)
    assert head.accepted_rows.columns == ["id", "at", "amount", "source_file", "loaded_at"]


@pytest.mark.nightly
def test_a_table_without_rows_cannot_be_tried_yet(foreign: Foreign, spark: SparkSession) -> None:
    """Its first rows are looked for."""
    foreign.sql("CREATE TABLE {things} (id INT, at TIMESTAMP, amount DOUBLE) USING delta")

    with pytest.raises(LandingError, match=r"main.shop.things has no rows yet: try again when it has"):
        read_head(spark, THINGS, foreign.landing, {}, limit=10)


def test_a_table_that_is_not_there_is_named(foreign: Foreign) -> None:
    with pytest.raises(LandingError, match=r"expected a Delta table main.shop.things, which cannot be read"):
        foreign.ingest()


def test_values_become_the_texts_that_files_hold(foreign: Foreign) -> None:
    """The canonical texts of the formats' own suite, from a table's types."""
    values = {
        "id": ("BIGINT", "9007199254740993", "9007199254740993"),
        "name": ("STRING", "'été, ”x”'", "été, ”x”"),
        "empty": ("STRING", "''", ""),
        "amount": ("DOUBLE", "0.1", "0.1"),
        "whole": ("DOUBLE", "3.0", "3"),
        "key": ("DOUBLE", "9007199254740992.0", "9007199254740992"),
        "negative": ("DOUBLE", "-12345678.0", "-12345678"),
        "zero": ("DOUBLE", "double('-0.0')", "-0"),
        "large": ("DOUBLE", "1e17", "1E17"),
        "single": ("FLOAT", "0.5", "0.5"),
        "price": ("DECIMAL(20,2)", "12345678901234567.89", "12345678901234567.89"),
        "day": ("DATE", "date'1969-12-31'", "1969-12-31"),
        "moment": ("TIMESTAMP", "timestamp'2013-02-01 05:00:00.12+01:00'", "2013-02-01T04:00:00.12Z"),
        "naive": ("TIMESTAMP_NTZ", "timestamp_ntz'2013-02-01 05:00:00'", "2013-02-01T05:00:00"),
        "fine": ("BOOLEAN", "true", "true"),
        "nested": ("ARRAY<STRUCT<a: INT, b: STRING>>", "array(named_struct('a', 1, 'b', NULL))", '[{"a":1,"b":null}]'),
        "nothing": ("STRING", "NULL", None),
    }
    foreign.sql(f"CREATE TABLE {{things}} ({', '.join(f'{name} {of[0]}' for name, of in values.items())}) USING delta")
    foreign.sql(f"INSERT INTO {{things}} VALUES ({', '.join(of[1] for of in values.values())})")

    foreign.ingest(replace(THINGS, columns=dict.fromkeys(values, "string"), expectations=(), event_time=None))

    (row,) = foreign.tables.read("raw_things").select(*values).collect()
    assert row.asDict() == {name: of[2] for name, of in values.items()}
