"""Rows are left out of files of all formats, and all else stays as it was, to the byte where a format is text."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from levelfive.errors import LandingError
from levelfive.formats import Csv, Format, JsonLines, Parquet, read_whole
from levelfive.formats.texts import MALFORMED

COLUMNS = {"id": "long", "name": "string", "price": "double"}


def is_ada(rows: pa.Table) -> list[bool]:
    refused = rows.column(MALFORMED).to_pylist()
    return [
        name == "ada" or "ada" in (why or "")
        for name, why in zip(rows.column("name").to_pylist(), refused, strict=True)
    ]


def without(one: Format, content: bytes, name: str = "") -> tuple[bytes, int]:
    return one.without(Path(name or f"things{one.endings[0]}"), io.BytesIO(content), COLUMNS, is_ada)


@pytest.mark.parametrize(
    ("one", "before", "after"),
    [
        (Csv(), "id,name,price\n1,ada,2\n2,bob,3\n", "id,name,price\n2,bob,3\n"),
        (Csv(), "id,name,price\r\n2,bob,3\r\n1,ada,2", "id,name,price\r\n2,bob,3\r\n"),
        (
            Csv(),
            '\ufeff\n\nid,name,price\n1,"ada",2\n\n2,"b\n""ada"", ob",3\n',
            '\ufeff\n\nid,name,price\n\n2,"b\n""ada"", ob",3\n',
        ),
        (Csv(), "id,name,price\n1,ada,2,4\n2,bob\n3,eve,007.50\n", "id,name,price\n2,bob\n3,eve,007.50\n"),
        (Csv(), 'id,name,price\n1,"x"ada,2\n1,x"bob"y,2\n2,"b"ob,3\n', 'id,name,price\n1,x"bob"y,2\n2,"b"ob,3\n'),
        (Csv(";", decimal=",", header=False), "1;ada;2,5\n2;bob;3,5\n", "2;bob;3,5\n"),
        (Csv(date_format="%d.%m.%Y"), "id,name,price\n1,ada,2\n", "id,name,price\n"),
        (
            JsonLines(),
            '{"id": 1, "name": "ada"}\n{"price":3.50,  "name":"bob"}\n\n{"name":"\\u0061da"}',
            '{"price":3.50,  "name":"bob"}\n\n',
        ),
        (JsonLines(lenient=True), 'no ada\n{"name":"bob"}\nnothing\n', '{"name":"bob"}\nnothing\n'),
    ],
    ids=[
        "csv",
        "the last line without an end",
        "rows of several lines",
        "wrong numbers of cells",
        "wrong quotes",
        "no header",
        "nothing is left",
        "json lines",
        "no json",
    ],
)
def test_a_text_without_the_rows_that_are_chosen(one: Format, before: str, after: str) -> None:
    found, count = without(one, before.encode())

    assert found.decode() == after
    assert count == before.count("ada") + before.count("\\u0061da") - after.count("ada")


def test_one_row_of_very_many_is_found() -> None:
    rows = [f"{number},{'ada' if number in (0, 4711, 9999) else 'bob'},1\n" for number in range(10_000)]
    header = "id,name,price\n"

    found, count = without(Csv(), "".join([header, *rows]).encode())

    assert (found.decode(), count) == ("".join([header, *(row for row in rows if "bob" in row)]), 3)


def test_a_packed_file_stays_packed_and_an_encoding_what_it_is() -> None:
    content = gzip.compress("id,name,price\n1,ada,1\n2,bØb,1\n".encode("latin-1"))

    found, count = without(Csv(encoding="latin-1"), content, "things.CSV.gz")

    assert (gzip.decompress(found).decode("latin-1"), count) == ("id,name,price\n2,bØb,1\n", 1)


def test_parquet_keeps_types_and_what_it_says_of_itself() -> None:
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int16()), "name": ["bob", "ada", None], "price": [1.5, 2.5, None]})
    rows = rows.replace_schema_metadata({"made": "by hand"})
    target = io.BytesIO()
    pq.write_table(rows, target)

    found, count = without(Parquet(), target.getvalue())

    left = pq.read_table(io.BytesIO(found))
    assert (left.to_pydict(), count) == ({"id": [1, 3], "name": ["bob", None], "price": [1.5, None]}, 1)
    assert left.schema.equals(rows.schema, check_metadata=True)
    assert b"ada" not in found


@pytest.mark.parametrize("one", [Csv(), JsonLines(), Parquet()], ids=lambda one: type(one).__name__)
def test_what_is_no_such_file_is_refused(one: Format) -> None:
    with pytest.raises(LandingError, match="cannot be read"):
        without(one, b'\xff\xfe\x00"ada')


def test_what_is_left_is_read_as_it_was() -> None:
    content = 'id,name,price\n1,ada,2\n2,"bob, the builder",3\n'

    found, _ = without(Csv(), content.encode())

    texts = read_whole(Csv(), Path("things.csv"), io.BytesIO(found), COLUMNS)
    assert texts.rows.to_pylist() == [{"id": "2", "name": "bob, the builder", "price": "3", MALFORMED: None}]
