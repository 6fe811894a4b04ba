"""Rows of a table are deleted by values of any type and sign, with all versions of the table that had them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flight_delay import USE_CASE
from levelfive.core.windows import Window, utc
from levelfive.data import job as data
from levelfive.data.raw_tables import QUARANTINE
from levelfive.erasure.beyond import beyond_of
from levelfive.erasure.forget import Stores, _with_links, places
from levelfive.erasure.person import ErasurePlan, KeyValues, Person, plan
from levelfive.erasure.tables import QuarantineRows, TableRows
from levelfive.features.store import LocalFeatureStore
from levelfive.storage.runs import JobContext, Run
from levelfive.storage.tables import Tables
from levelfive.usecase.features import FeatureTable, Lookup
from levelfive.usecase.sources import Source

ODD = 'O\'Neil \\ "x" -- ; DROP TABLE things é'
START = utc(2024, 1, 1)
THINGS = Source("things", {"id": "long", "name": "string"}, key=("id",), max_quarantined_share=1.0)


def someone(kinds: dict[str, str], *values: str) -> Person:
    return Person(KeyValues(tuple(kinds), frozenset({values})), kinds=kinds)


def write_things(tables: Tables) -> Tables:
    """Write a table of many types; of each value there is one that is like it and another one."""
    rows = [
        (1, ODD, "2013-05-01", "2013-05-01 06:00:00", "1.50", "1", ODD),
        (2, ODD + " ", "2013-05-02", "2013-05-01 06:00:01", "1.51", "01", "x"),
        (3, None, None, "2013-05-03 00:00:00", None, None, None),
    ]
    names = ("name", "day", "at", "price", "no", "inner")
    frame = tables.spark.createDataFrame(rows, ", ".join(["id long", *(f"{name} string" for name in names)]))
    typed = frame.selectExpr(
        *("id", "name", "no", "cast(day as date) AS day", "cast(at AS timestamp) AS at"),
        "cast(price AS decimal(9,2)) AS price",
        *("named_struct('customer', inner, 'n', id) AS features", "map('town', inner) AS lookup_keys"),
    )
    tables.replace_window("things", typed, "at", Window(utc(2013, 1, 1), START))
    return tables


@pytest.fixture
def things(tables: Tables) -> Tables:
    return write_things(tables)


@pytest.fixture(scope="module")
def counted(open_tables: Callable[[str], Tables]) -> Iterator[Tables]:
    """The same table, for tests that delete nothing."""
    tables = write_things(open_tables("counted"))
    yield tables
    tables.spark.sql(f"DROP SCHEMA {tables.schema} CASCADE")


BY_OTHER = someone({"other": "string"}, "x")
LINKED = replace(
    BY_OTHER, row_keys=KeyValues(("id",), frozenset({("1",), ("3",)})), kinds={"id": "long", "other": "string"}
)


@pytest.mark.parametrize(
    ("person", "count"),
    [
        (someone({"id": "long"}, "1"), 1),
        (someone({"name": "string"}, ODD), 1),
        (someone({"day": "date"}, "2013-05-01"), 1),
        (someone({"at": "timestamp"}, "2013-05-01T06:00:00Z"), 1),
        (someone({"price": "decimal(9,2)"}, "1.50"), 1),
        (someone({"no": "long"}, "1"), 2),
        (someone({"customer": "string"}, ODD), 1),
        (someone({"town": "string"}, ODD), 1),
        (someone({"id": "long", "name": "string"}, "2", ODD), 0),
        (someone({"id": "long", "other": "string"}, "1", "x"), 0),
        (LINKED, 2),
    ],
    ids=["long", "odd text", "date", "time", "decimal", "text", "feature", "lookup", "and", "no column", "linked"],
)
def test_rows_are_told_by_values_of_any_type_and_sign(counted: Tables, person: Person, count: int) -> None:
    assert TableRows(counted, "things", person).count().rows == count


def test_rows_that_are_meant_are_deleted_and_no_others(things: Tables) -> None:
    erased = [TableRows(things, "things", LINKED).erase().rows for _ in range(2)]

    assert erased == [2, 0]
    assert [row["id"] for row in things.read("things").collect()] == [2]


def test_neither_earlier_versions_nor_the_log_keep_what_was_deleted(things: Tables, warehouse: Path) -> None:
    """Only the laptop's files can be looked into."""
    before = things.version("things")

    TableRows(things, "things", someone({"name": "string"}, ODD)).erase()

    folder = warehouse / f"{things.schema}.db" / "things"
    log = "".join(path.read_text() for path in folder.glob("_delta_log/*.json"))
    assert "MERGE" in log
    assert "Neil" not in log
    left = [row for path in folder.glob("*.parquet") for row in pq.read_table(path).column("name").to_pylist()]
    assert set(left) == {ODD + " ", None}
    with pytest.raises(Exception, match=r"(?i)file|exist"):
        things.read("things", version=before).collect()


def test_a_table_of_windows_knows_how_far_it_reaches_as_before(things: Tables) -> None:
    TableRows(things, "things", someone({"id": "long"}, "1")).erase()

    assert things.watermark("things", before=START + timedelta(days=1)) == START


def test_the_rows_of_a_person_tell_the_keys_by_which_others_are_found(tables: Tables, tmp_path: Path) -> None:
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "a.csv").write_text("id,name\n1,ada\n2,bob\n7,ada\nx,ada\n8\nada\n")
    names, model = ("things",), replace(USE_CASE.model, lookups=())
    use_case = replace(
        USE_CASE,
        key=("id",),
        sources=(THINGS,),
        feature_tables=(),
        spine_sources=names,
        label_sources=names,
        model=model,
    )
    context = JobContext(tables, use_case, LocalFeatureStore(tables))
    data.run(context, landing=tmp_path, as_of=START)
    meant: ErasurePlan = plan(use_case, {"name": "ada"})

    person = _with_links(context, meant)

    assert person.row_keys == KeyValues(("id",), frozenset({("1",), ("7",)}))
    refused = QuarantineRows(tables, (THINGS,), person)
    assert [refused.count().rows, refused.erase().rows, refused.erase().rows] == [2, 2, 0]
    assert tables.read(QUARANTINE).count() == 1
    raw = TableRows(tables, "raw_things", person)
    assert [raw.erase().rows, raw.erase().rows] == [2, 0]


def test_tables_of_before_are_looked_into_and_what_has_other_names_is_named(tables: Tables, tmp_path: Path) -> None:
    """Two feature tables have keys of their own, one of which a lookup compares; there were others before."""
    lookups = (Lookup("by_thing", {"thing": "id"}, ("n",), max_age=timedelta(days=1)),)
    names, model = ("things",), replace(USE_CASE.model, lookups=lookups)
    by_customer, by_thing = (FeatureTable(f"by_{key}", (key,), (), lambda *_: None) for key in ("customer", "thing"))
    use_case = replace(
        USE_CASE,
        key=("id",),
        sources=(THINGS,),
        feature_tables=(by_customer, by_thing),
        spine_sources=names,
        label_sources=names,
        model=model,
    )
    context = JobContext(tables, use_case, LocalFeatureStore(tables))
    keys = {"by_customer": "customer", "by_thing": "thing", "was_features": "id", "raw_was": "id"}
    for table, column in keys.items():
        tables.append(table, tables.spark.createDataFrame([(1,), (2,)], f"{column} long"))
    refused = [("fell", "a.csv", "{}", []), ("things", "a.csv", "{}", [])]
    columns = "source string, source_file string, row string, reasons array<string>"
    tables.append(QUARANTINE, tables.spark.createDataFrame(refused, columns))
    for folder in ("things", "was", "request_log", "_levelfive"):
        (tmp_path / folder).mkdir()
    meant = plan(use_case, {"id": "1"})

    found = {one.name: one for one in places(context, Run(tables, ""), Stores(tmp_path, None, None), meant)}

    assert {table: found[table].erase().rows for table in keys} == dict(zip(keys, (0, 1, 1, 1), strict=True))
    assert "runs" not in found
    assert beyond_of(context, meant.person, tmp_path)[:2] == (
        "by_customer, which have no column id, and what is published of them: look whether they hold the person under "
        "another name",
        "files and refused rows of fell, was, which is no source of this use case: look there",
    )
