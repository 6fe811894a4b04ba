"""Of a source with corrections, as of any time the rows of then are read, whatever became known since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flight_delay import USE_CASE
from levelfive import Later, Source, not_null
from levelfive.core.windows import utc
from levelfive.data import job as data
from levelfive.data.job import DataResult
from levelfive.data.known import as_known
from levelfive.data.listings import LISTINGS
from levelfive.data.missing import SOURCE_DAYS
from levelfive.errors import AsOfError
from levelfive.features.store import LocalFeatureStore
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables

AS_OF = utc(2024, 3, 1)
DAY = timedelta(days=1)
THINGS = Source(
    "things",
    {"id": "int", "at": "timestamp", "amount": "double", "gone": "boolean"},
    key=("id",),
    expectations=not_null("at", "amount"),
    event_time="at",
    max_quarantined_share=1.0,
    later=Later.CORRECTION,
    deletion="gone",
)
HEADER = "id,at,amount,gone\n"
ONE, TWO, THREE = "1,2024-02-01,1.5,NA\n", "2,2024-02-02,2.5,NA\n", "3,2024-02-03,3.5,NA\n"

Row = tuple[int, float | None]


def ingest(tables: Tables, landing: Path, day: int, files: Mapping[str, str], source: Source = THINGS) -> DataResult:
    """Let files land, and ingest them so many days after `AS_OF`."""
    (landing / source.name).mkdir(exist_ok=True)
    for name, rows in files.items():
        (landing / source.name / name).write_text(HEADER + rows)
    names, model = (source.name,), replace(USE_CASE.model, lookups=())
    use_case = replace(
        USE_CASE, sources=(source,), feature_tables=(), spine_sources=names, label_sources=names, model=model
    )
    context = JobContext(tables, use_case, LocalFeatureStore(tables))
    return data.run(context, landing=landing, as_of=AS_OF + day * DAY)


def known(tables: Tables, at: datetime) -> list[Row]:
    rows = as_known(tables.read("raw_things"), THINGS, at)
    assert rows.columns == ["id", "at", "amount", "gone", "source_file", "loaded_at"]
    return sorted((row["id"], row["amount"]) for row in rows.collect())


def counts(result: DataResult) -> list[tuple[int, ...]]:
    return [
        (file.rows_in, file.accepted, file.quarantined, file.duplicates, file.corrections, file.deletions)
        for file in result.files
    ]


def test_as_of_any_time_the_rows_of_then_are_read(tables: Tables, tmp_path: Path) -> None:
    """Files land in four runs, and are read as of each."""
    first = ingest(tables, tmp_path, 0, {"a.csv": ONE + TWO + THREE})
    second = ingest(tables, tmp_path, 1, {"b.csv": ONE + "2,2024-02-09,20,NA\n" + "4,2024-02-04,4.5,NA\n"})
    third = ingest(tables, tmp_path, 2, {"c.csv": "3,NA,NA,true\n" + "9,NA,NA,true\n" + "2,2024-02-02,2.5,NA\n"})
    fourth = ingest(tables, tmp_path, 3, {"d.csv": "3,2024-02-03,3.5,false\n" + "5,NA,NA,NA\n"})

    assert [counts(one) for one in (first, second, third, fourth)] == [
        [(3, 3, 0, 0, 0, 0)],
        [(3, 2, 0, 1, 1, 0)],
        [(3, 2, 0, 1, 1, 1)],
        [(2, 1, 1, 0, 1, 0)],
    ]
    assert [file.corrects_since for one in (first, second, third, fourth) for file in one.files] == [
        None,
        utc(2024, 2, 2),
        utc(2024, 2, 2),
        utc(2024, 2, 3),
    ]
    then: dict[int, list[Row]] = {
        0: [(1, 1.5), (2, 2.5), (3, 3.5), (4, 4.5)],
        1: [(1, 1.5), (2, 20.0), (3, 3.5), (4, 4.5)],
        2: [(1, 1.5), (2, 2.5), (4, 4.5)],
        3: [(1, 1.5), (2, 2.5), (3, 3.5), (4, 4.5)],
    }
    assert {day: known(tables, AS_OF + day * DAY) for day in then} == then
    assert known(tables, AS_OF + 2 * DAY - timedelta.resolution) == then[1]
    days = tables.control_tables.rows(SOURCE_DAYS, columns=("source_file", "accepted"))
    assert sum(row["accepted"] for row in days) == 4


@pytest.mark.nightly
def test_what_becomes_known_later_changes_nothing_as_of_before(tables: Tables, tmp_path: Path) -> None:
    """Three tables are read as of three times, before and after."""
    ingest(tables, tmp_path, 0, {"a.csv": ONE + TWO + THREE})
    ingest(tables, tmp_path, 1, {"b.csv": "1,2024-02-01,10,NA\n"})
    times = [AS_OF - DAY, AS_OF, AS_OF + DAY]
    before = [as_known(tables.read("raw_things"), THINGS, at).orderBy("id").collect() for at in times]

    ingest(tables, tmp_path, 2, {"c.csv": "1,2024-02-05,11,NA\n2,NA,NA,true\n"})

    assert before == [as_known(tables.read("raw_things"), THINGS, at).orderBy("id").collect() for at in times]
    assert known(tables, AS_OF + 2 * DAY) == [(1, 11.0), (3, 3.5)]


def test_of_the_rows_of_a_key_in_one_run_the_last_by_file_and_place_counts(tables: Tables, tmp_path: Path) -> None:
    result = ingest(tables, tmp_path, 0, {"b.csv": ONE + "1,2024-02-01,10,NA\n", "a.csv": "1,2024-02-01,99,NA\n" + TWO})

    assert counts(result) == [(2, 1, 0, 1, 0, 0), (2, 1, 0, 1, 0, 0)]
    assert known(tables, AS_OF) == [(1, 10.0), (2, 2.5)]


@pytest.mark.nightly
def test_a_run_that_was_killed_counts_its_corrections_when_it_is_repeated(tables: Tables, tmp_path: Path) -> None:
    """Files land in three runs, one of them twice."""
    ingest(tables, tmp_path, 0, {"a.csv": ONE + TWO + THREE})
    ingest(tables, tmp_path, 1, {"b.csv": "2,2024-02-09,20,NA\n3,NA,NA,true\n"})
    files = tables.read("landing_files").where("source_file = 'a.csv'")
    tables.overwrite("landing_files", files.sparkSession.createDataFrame(files.toArrow(), schema=files.schema))
    tables.overwrite(LISTINGS, tables.read(LISTINGS).limit(0))
    rows = tables.read("raw_things").count()

    again = ingest(tables, tmp_path, 2, {})

    assert counts(again) == [(2, 2, 0, 0, 1, 1)]
    assert [file.corrects_since for file in again.files] == [utc(2024, 2, 2)]
    assert tables.read("raw_things").count() == rows


def test_what_was_ingested_as_of_then_is_corrected_as_of_later(tables: Tables, tmp_path: Path) -> None:
    """Files land in three runs, two of them as of one time; the last one is repeated as of a later time."""
    ingest(tables, tmp_path, 1, {"a.csv": ONE})
    new = ingest(tables, tmp_path, 1, {"b.csv": TWO})
    for day in (0, 1):
        with pytest.raises(AsOfError, match=r"things': c.csv corrects rows .* nothing was ingested. Give a later"):
            ingest(tables, tmp_path, day, {"c.csv": "1,2024-02-01,9,NA\n" + THREE})
    assert not tables.read("landing_files").where("source_file = 'c.csv'").count()

    result = ingest(tables, tmp_path, 2, {})

    assert [counts(one) for one in (new, result)] == [[(1, 1, 0, 0, 0, 0)], [(2, 2, 0, 0, 1, 0)]]
    assert known(tables, AS_OF + 2 * DAY) == [(1, 9.0), (2, 2.5), (3, 3.5)]


@pytest.mark.nightly
def test_what_a_killed_run_wrote_is_corrected_as_of_later(tables: Tables, tmp_path: Path) -> None:
    """A run is killed after its rows were written; a correction of them lands before it is repeated."""
    ingest(tables, tmp_path, 0, {"a.csv": ONE})
    ingest(tables, tmp_path, 1, {"b.csv": "1,2024-02-01,8,NA\n"})
    for table, earlier in {"landing_files": "source_file = 'a.csv'", "runs": f"as_of <= '{AS_OF}'"}.items():
        rows = tables.read(table)
        kept = rows.sparkSession.createDataFrame(rows.where(earlier).toArrow(), schema=rows.schema)
        tables.overwrite(table, kept)
    tables.overwrite(LISTINGS, tables.read(LISTINGS).limit(0))

    with pytest.raises(AsOfError, match=r"b.csv, c.csv corrects rows"):
        ingest(tables, tmp_path, 1, {"c.csv": "1,2024-02-01,9,NA\n"})

    ingest(tables, tmp_path, 2, {})
    assert known(tables, AS_OF + 2 * DAY) == [(1, 9.0)]


@pytest.mark.nightly
def test_a_source_that_had_no_corrections_may_have_some_later(tables: Tables, tmp_path: Path) -> None:
    """Files land in two runs and are read as of both."""
    ingest(tables, tmp_path, 0, {"a.csv": ONE + TWO}, replace(THINGS, later=Later.DUPLICATE, deletion=None))

    result = ingest(tables, tmp_path, 1, {"b.csv": "2,2024-02-09,20,NA\n"})

    assert counts(result) == [(1, 1, 0, 0, 1, 0)]
    assert [known(tables, AS_OF + day * DAY) for day in (0, 1)] == [[(1, 1.5), (2, 2.5)], [(1, 1.5), (2, 20.0)]]
