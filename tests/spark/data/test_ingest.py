"""Files of all formats and names become rows of a raw table, and what is wrong in them goes to quarantine."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flight_delay import USE_CASE
from levelfive import Later
from levelfive.core.windows import utc
from levelfive.data import job as data
from levelfive.data import staging
from levelfive.data.job import DataResult
from levelfive.errors import LandingError
from levelfive.features.store import LocalFeatureStore
from levelfive.formats import Csv, Format, JsonLines, Parquet, delimited, read_whole
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.usecase.sources import Source
from levelfive.usecase.use_case import UseCase

AS_OF = utc(2024, 1, 1)
THINGS = Source("things", {"id": "int", "name": "string", "amount": "double"}, key=("id",), max_quarantined_share=1.0)
HEADER = "id,name,amount\n"
ODD_NAMES = ("things 2024-01.csv", "things (1).csv", "100%.csv", "no#1.csv", "[a]*?{b}.csv", "été.csv", "FEB.CSV")
ODD_NAMES += ("it's.csv", "a\\b.csv", "back\\'slash\\.csv", 'say "hi".csv', "%20.csv")


def of_sources(*sources: Source) -> UseCase:
    """Make a use case of which the data stage alone is run."""
    names, model = tuple(source.name for source in sources), replace(USE_CASE.model, lookups=())
    return replace(USE_CASE, sources=sources, feature_tables=(), spine_sources=names, label_sources=names, model=model)


def ingest(tables: Tables, source: Source, landing: Path, files: Mapping[str, bytes]) -> DataResult:
    (landing / source.name).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (landing / source.name / name).write_bytes(content)
    context = JobContext(tables, of_sources(source), LocalFeatureStore(tables))
    return data.run(context, landing=landing, as_of=AS_OF)


def raw(tables: Tables) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in tables.read("raw_things").select(*THINGS.columns).collect())


def test_cells_are_stored_as_they_were_meant(tables: Tables, tmp_path: Path) -> None:
    content = HEADER + '1,"say ""hi"", you",1.5\n2,"NA",NA\n3,"two\nlines",\n4,back\\slash,1e3\n'

    result = ingest(tables, THINGS, tmp_path, {"a.csv": content.encode()})

    assert [(file.rows_in, file.accepted) for file in result.files] == [(4, 4)]
    assert raw(tables) == [
        (1, 'say "hi", you', 1.5),
        (2, "NA", None),
        (3, "two\nlines", None),
        (4, "back\\slash", 1000.0),
    ]


def test_files_are_known_by_their_names_whatever_these_are(tables: Tables, tmp_path: Path) -> None:
    files = {name: f"{HEADER}{place},a,1\n{place},b,x\n".encode() for place, name in enumerate(ODD_NAMES)}

    result = ingest(tables, THINGS, tmp_path, files)

    expected = {name: (2, 1, 1, 0) for name in ODD_NAMES}
    assert expected == {
        file.source_file: (file.rows_in, file.accepted, file.quarantined, file.duplicates) for file in result.files
    }
    names = {row["source_file"] for row in tables.read("raw_things").select("source_file").collect()}
    assert set(ODD_NAMES) == names


def test_a_run_that_was_killed_after_the_quarantine_puts_its_rows_there_once(tables: Tables, tmp_path: Path) -> None:
    """Files of every odd name are read twice."""
    files = {name: f"{HEADER}{place},a,1\n{place},b,x\n".encode() for place, name in enumerate(ODD_NAMES)}
    ingest(tables, THINGS, tmp_path, files)
    tables.overwrite("landing_files", tables.read("landing_files").limit(0))

    ingest(tables, THINGS, tmp_path, {})

    assert sorted(ODD_NAMES) == sorted(row["source_file"] for row in tables.read("quarantine").collect())


def test_rows_that_the_reader_refuses_are_quarantined_with_their_texts(tables: Tables, tmp_path: Path) -> None:
    content = HEADER + '1,a,1\n2,b\n3,c,3,4\n4,"7" pipe",4\n'

    result = ingest(tables, THINGS, tmp_path, {"a.csv": content.encode()})

    (file,) = result.files
    assert (file.rows_in, file.accepted, file.quarantined) == (4, 1, 3)
    found = {json.loads(row["row"])["id"]: row["reasons"] for row in tables.read("quarantine").collect()}
    assert found == {
        "2": ["row: not as many cells as the header has: 2,b"],
        "3": ["row: not as many cells as the header has: 3,c,3,4"],
        "4": ['row: a quote within quotes is not doubled: 4,"7" pipe",4'],
    }


@pytest.mark.parametrize("one", [Csv(), Parquet(), JsonLines()])
def test_the_same_rows_come_out_of_every_format(tables: Tables, tmp_path: Path, one: Format) -> None:
    columns = {**THINGS.columns, "at": "timestamp", "price": "decimal(20,2)"}
    content = (
        HEADER.strip() + ",at,price\n1,é,0.1,2013-02-01T05:00:00Z,12345678901234567.89\n2,NA,3,NA,1.5\n3,c,x,NA,NA\n"
    )
    texts = read_whole(Csv(), Path("a.csv"), io.BytesIO(content.encode()), columns)
    name = f"a{one.endings[0]}"

    result = ingest(
        tables, replace(THINGS, columns=columns, format=one), tmp_path, {name: one.bytes_of(Path(name), texts)}
    )

    assert [(file.rows_in, file.accepted, file.quarantined) for file in result.files] == [(3, 2, 1)]
    rows = sorted(tables.read("raw_things").select(*columns).collect())
    assert [row["at"] for row in rows] == [datetime(2013, 2, 1, 5), None]
    assert [str(row["price"]) for row in rows] == ["12345678901234567.89", "1.50"]
    assert raw(tables) == [(1, "é", 0.1), (2, None, 3.0)]


def test_rows_that_do_not_fit_at_once_wait_in_a_table(
    tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are handed over one by one, by two runs."""
    monkeypatch.setattr(staging, "PIECE_BYTES", 1)
    monkeypatch.setattr(delimited, "BATCH_CHARACTERS", 8)
    rows = [f"{place},{name},{place / 2}\n" for place, name in enumerate("abcd")]

    first = ingest(tables, THINGS, tmp_path, {"a.csv": (HEADER + rows[0] + rows[1]).encode()})
    second = ingest(tables, THINGS, tmp_path, {"b.csv": (HEADER + rows[1] + rows[2] + "4,x,y\n" + rows[3]).encode()})

    counts = [(file.rows_in, file.accepted, file.duplicates) for one in (first, second) for file in one.files]
    assert counts == [(2, 2, 0), (4, 2, 1)]
    assert raw(tables) == [(0, "a", 0.0), (1, "b", 0.5), (2, "c", 1.0), (3, "d", 1.5)]
    assert not tables.exists("staging_things")


def test_a_file_that_cannot_be_read_leaves_nothing_behind(tables: Tables, tmp_path: Path) -> None:
    files = {"a.csv": f"{HEADER}1,a,1\n".encode(), "b.csv": f'{HEADER}1,"a,1\n'.encode()}

    with pytest.raises(LandingError, match=r"b\.csv cannot be read \(line 2 opens a quote"):
        ingest(tables, THINGS, tmp_path, files)

    assert not tables.exists("raw_things")
    assert not tables.exists("landing_files")


PLACES = Source("places", {"place": "string", "zone": "string"}, key=("place",))


def in_their_zones(rows: DataFrame, references: Mapping[str, DataFrame]) -> DataFrame:
    return rows.join(references["places"].select(F.col("place").alias("name"), "zone"), on="name", how="left")


@pytest.mark.nightly
@pytest.mark.parametrize("later", list(Later))
def test_what_is_known_of_a_reference_and_delivered_again_is_there_once(
    tables: Tables, tmp_path: Path, later: Later
) -> None:
    """Two runs: with the second one, all places land again, one of them otherwise and one more among them."""
    places, things = replace(PLACES, later=later), replace(THINGS, references=("places",), derive=in_their_zones)
    context = JobContext(tables, of_sources(places, things), LocalFeatureStore(tables))
    for folder in ("places", "things"):
        (tmp_path / folder).mkdir()
    for day, zones in enumerate(("a,first\nb,second\n", "a,first\nb,other\nc,third\n")):
        (tmp_path / "places" / f"{day}.csv").write_text(f"place,zone\n{zones}")
        (tmp_path / "things" / f"{day}.csv").write_text(f"{HEADER}{day},b,1\n")
        result = data.run(context, landing=tmp_path, as_of=AS_OF + timedelta(days=day))

    assert [(file.source, file.rows_in, file.accepted) for file in result.files][-1] == ("things", 1, 1)
    rows = tables.read("raw_things").orderBy("id").select("zone").collect()
    assert [row["zone"] for row in rows] == ["second", "other" if later is Later.CORRECTION else "second"]
