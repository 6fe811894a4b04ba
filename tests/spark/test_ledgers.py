"""Both engines of ledgers do the same, and Spark reads what the laptop's writes."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from levelfive.errors import TableError
from levelfive.ledgers import Ledgers, SparkLedgers
from levelfive.tables import Tables
from levelfive.windows import utc


def ledgers_by_number(ledgers: Ledgers) -> list[dict[str, object]]:
    return sorted(ledgers.rows("facts"), key=lambda found: found["number"])


SCHEMA = """name string, at timestamp, day date, number long, share double, good boolean, counts map<string,long>,
    parts array<double>"""


def row(name: str, number: int, **other: object) -> tuple[object, ...]:
    cells = {"at": utc(2013, 3, 10, 7), "day": date(2013, 3, 10), "share": 0.5, "good": True}
    cells |= {"counts": {"a": number}, "parts": [1.0, 2.0], **other}
    return (name, cells["at"], cells["day"], number, *(cells[c] for c in ("share", "good", "counts", "parts")))


@pytest.fixture(params=["laptop", "spark"])
def ledgers(request: pytest.FixtureRequest, tables: Tables) -> Ledgers:
    if request.param == "spark":
        return SparkLedgers(tables)
    request.getfixturevalue("warehouse")
    return tables.ledgers


def numbers(ledgers: Ledgers, table: str = "facts") -> list[int]:
    return sorted(found["number"] for found in ledgers.rows(table))


def test_what_was_written_is_read_with_its_types(ledgers: Ledgers) -> None:
    ledgers.add("facts", SCHEMA, [row("it's", 1), row("b", 2, day=None, at=None, counts={}, parts=[])])
    first, second = sorted(ledgers.rows("facts"), key=lambda found: found["number"])
    assert first == {
        "name": "it's",
        "at": utc(2013, 3, 10, 7),
        "day": date(2013, 3, 10),
        "number": 1,
        "share": 0.5,
        "good": True,
        "counts": {"a": 1},
        "parts": [1.0, 2.0],
    }
    assert (second["at"], second["day"], second["counts"], second["parts"]) == (None, None, {}, [])


def test_rows_are_chosen_by_values_and_columns(ledgers: Ledgers) -> None:
    ledgers.add("facts", SCHEMA, [row("a", 1), row("b", 2), row("a", 3, good=False)])
    found = ledgers.rows("facts", columns=("number",), where={"name": "a", "good": True})
    assert found == [{"number": 1}]
    assert ledgers.rows("facts", where={"at": utc(2013, 3, 10, 8)}) == []


def test_a_table_that_is_not_there_has_no_rows(ledgers: Ledgers) -> None:
    assert ledgers.rows("nothing") == []


def test_a_key_is_added_once(ledgers: Ledgers) -> None:
    assert ledgers.add("facts", SCHEMA, [row("a", 1)], ("name", "number")).rows == 1
    write = ledgers.add("facts", SCHEMA, [row("a", 1, share=9.0), row("a", 2)], ("name", "number"))
    assert (write.rows, numbers(ledgers)) == (1, [1, 2])
    assert {found["share"] for found in ledgers.rows("facts")} == {0.5}
    again = ledgers.add("facts", SCHEMA, [row("a", 2)], ("name", "number"))
    assert (again.rows, numbers(ledgers)) == (0, [1, 2])


def test_rows_take_the_place_of_those_that_agree(ledgers: Ledgers) -> None:
    of = ("name", "at")
    ledgers.replace("facts", SCHEMA, [row("it's", 1), row("it's", 2), row("b", 3)], of)
    ledgers.replace("facts", SCHEMA, [row("it's", 4)], of)
    assert numbers(ledgers) == [3, 4]
    ledgers.replace("facts", SCHEMA, [row("it's", 5, at=utc(2013, 3, 10, 8))], of)
    assert numbers(ledgers) == [3, 4, 5]


def test_rows_that_do_not_fit_are_refused_and_nothing_is_written(ledgers: Ledgers) -> None:
    ledgers.add("facts", SCHEMA, [row("a", 1)])
    with pytest.raises(TableError, match="facts"):
        ledgers.add("facts", "number string", [("two",)])
    assert numbers(ledgers) == [1]


def test_writers_at_the_same_time_add_a_key_once(tables: Tables) -> None:
    def write(number: int) -> int | None:
        return tables.ledgers.add("facts", SCHEMA, [row("a", n) for n in range(number, number + 3)], ("number",)).rows

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(write, [0, 1, 2, 3]))
    assert numbers(tables.ledgers) == list(range(6))
    assert sum(filter(None, added)) == 6


def test_appends_at_the_same_time_are_all_kept(tables: Tables) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: tables.ledgers.add("facts", SCHEMA, [row("a", n)]), range(12)))
    assert numbers(tables.ledgers) == list(range(12))


WRITER = """
import sys
import pyarrow as pa
from pathlib import Path
from levelfive.local_ledgers import LocalLedgers
ledgers = LocalLedgers(lambda table: Path(sys.argv[1]) / table, lambda _: pa.schema([("number", pa.int64())]))
for number in range(10):
    print(ledgers.add("facts", "", [(number,)], ("number",)).rows, flush=True)
    assert {"number": number} in ledgers.rows("facts")
"""


@pytest.mark.usefixtures("warehouse")
def test_processes_at_the_same_time_add_a_key_once(tmp_path: object) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) for _ in range(3)]
    added = [int(line) for process in both for line in process.communicate()[0].split()]
    assert [process.returncode for process in both] == [0, 0, 0]
    assert (len(added), sum(added)) == (30, 10)


@pytest.mark.usefixtures("warehouse")
def test_spark_reads_what_the_laptop_wrote_and_the_other_way_round(tables: Tables) -> None:
    tables.ledgers.add("facts", SCHEMA, [row("a", 1)])
    tables.ledgers.replace("facts", SCHEMA, [row("a", 2)], ("name",))
    SparkLedgers(tables).add("facts", SCHEMA, [row("b", 3)])
    ours, theirs = ledgers_by_number(tables.ledgers), ledgers_by_number(SparkLedgers(tables))
    assert ours == theirs
    assert numbers(tables.ledgers) == [2, 3]
    assert tables.read("facts").where("at < timestamp'2013-03-10 07:00:01'").count() == 2
    assert tables.version("facts") == 2
