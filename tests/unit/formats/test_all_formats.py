"""One suite for all formats: the same table is read as the same texts, written as it was read, and spoilt alike."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from levelfive.errors import ConfigError, LandingError
from levelfive.formats import Csv, Format, JsonLines, Parquet, Texts, delimited, json_lines, parquet, read_whole
from levelfive.formats.texts import MALFORMED, is_of

COLUMNS = {
    "id": "long",
    "name": "string",
    "amount": "double",
    "price": "decimal(20,2)",
    "on": "date",
    "at": "timestamp",
}
COLUMNS |= {"fine": "boolean", "note": "string"}
ROWS = {
    "id": [9007199254740993, 2, 3],
    "name": ["Ana", "été, ”x”", None],
    "amount": [0.1, 3.0, None],
    "price": [Decimal("12345678901234567.89"), Decimal("1.50"), None],
    "on": [date(2013, 2, 1), date(1969, 12, 31), None],
    "at": [datetime(2013, 2, 1, 5, tzinfo=UTC), datetime(2013, 2, 1, 5, 0, 0, 120000, UTC), None],
    "fine": [True, False, None],
    "note": ["two\nlines", 'say "hi"', None],
}
TEXTS = {
    "id": ["9007199254740993", "2", "3"],
    "name": ["Ana", "été, ”x”", None],
    "amount": ["0.1", "3", None],
    "price": ["12345678901234567.89", "1.50", None],
    "on": ["2013-02-01", "1969-12-31", None],
    "at": ["2013-02-01T05:00:00Z", "2013-02-01T05:00:00.12Z", None],
    "fine": ["true", "false", None],
    "note": ["two\nlines", 'say "hi"', None],
}


def by_csv() -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([TEXTS, *zip(*TEXTS.values(), strict=True)])
    return text.getvalue().encode()


def by_parquet() -> bytes:
    zoned = pa.array(ROWS["at"], pa.timestamp("us", tz="UTC")).cast(pa.timestamp("ns", tz="Europe/Berlin"))
    target = pa.BufferOutputStream()
    pq.write_table(pa.table({**ROWS, "at": zoned}), target)
    return target.getvalue().to_pybytes()


def by_json() -> bytes:
    kept = {"id": int, "fine": lambda text: text == "true"}
    rows = [dict(zip(TEXTS, row, strict=True)) for row in zip(*TEXTS.values(), strict=True)]
    lines = [
        json.dumps({name: kept.get(name, str)(text) for name, text in row.items() if text is not None}) for row in rows
    ]
    # As a number, and not as a float that was rounded.
    return "\n".join(lines).replace('"12345678901234567.89"', "12345678901234567.89").replace('"1.50"', "1.50").encode()


FORMATS = [
    pytest.param(Csv(), by_csv, id="csv"),
    pytest.param(Parquet(), by_parquet, id="parquet"),
    pytest.param(JsonLines(), by_json, id="json lines"),
]


def a_path(one: Format) -> Path:
    return Path(f"landing/things/things{one.endings[0]}")


def read(one: Format, path: Path, content: bytes, columns: Mapping[str, str]) -> Texts:
    return read_whole(one, path, io.BytesIO(content), columns)


def texts(one: Format, content: bytes, columns: Mapping[str, str] = COLUMNS) -> dict[str, list[str | None]]:
    found = read(one, a_path(one), content, columns)
    assert found.rows.column_names == [*found.header, "malformed"]
    assert found.rows.schema.types == [pa.string()] * len(found.rows.column_names)
    assert found.rows.column("malformed").null_count == found.rows.num_rows
    return found.rows.select(found.header).to_pydict()


@pytest.mark.parametrize(("one", "written"), FORMATS)
def test_the_same_table_is_the_same_texts(one: Format, written: Callable[[], bytes]) -> None:
    found = texts(one, written())

    assert found == TEXTS
    assert list(TEXTS) == list(found)


@pytest.mark.parametrize(("one", "written"), FORMATS)
def test_what_is_written_is_read_as_the_same_texts(one: Format, written: Callable[[], bytes]) -> None:
    came = read(one, a_path(one), written(), COLUMNS)

    again = one.bytes_of(a_path(one), came)

    assert came == read(one, a_path(one), again, COLUMNS)
    assert again == one.bytes_of(a_path(one), came)


@pytest.mark.parametrize(("one", "written"), FORMATS)
def test_a_file_that_is_cut_off_is_refused(one: Format, written: Callable[[], bytes]) -> None:
    content = written()
    # A CSV that is cut between two cells can be seen by its last row alone.
    cut = content.index(b"lines") if isinstance(one, Csv) else len(content) - 3

    with pytest.raises(LandingError, match=r"things\.\w+ cannot be read .*deliver it again"):
        read(one, a_path(one), content[:cut], COLUMNS)


@pytest.mark.parametrize(("one", "written"), FORMATS)
def test_an_empty_file_is_refused(one: Format, written: Callable[[], bytes]) -> None:
    with pytest.raises(LandingError, match=r"things\.\w+ is empty: expected"):
        read(one, a_path(one), b"", COLUMNS)


@pytest.mark.parametrize(("one", "written"), FORMATS)
@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00\x01" * 50, b"\x89PNG\r\n\x1a\n\x00\x00\xff"], ids=["noise", "picture"]
)
def test_other_bytes_are_refused(one: Format, written: Callable[[], bytes], content: bytes) -> None:
    with pytest.raises(LandingError, match="cannot be read"):
        read(one, a_path(one), content, COLUMNS)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((delimited, "BATCH_CHARACTERS"), (json_lines, "BATCH_CHARACTERS"), (parquet, "_BATCH_ROWS")):
        monkeypatch.setattr(module, name, 1)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(("one", "written"), FORMATS)
def test_a_file_is_read_in_parts(one: Format, written: Callable[[], bytes]) -> None:
    parts = [part.rows.num_rows for part in one.batches(a_path(one), io.BytesIO(written()), COLUMNS)]

    assert [rows for rows in parts if rows] == [1, 1, 1]
    assert texts(one, written()) == TEXTS


@pytest.mark.usefixtures("small_batches")
def test_names_that_only_some_batches_have_are_missing_in_the_others() -> None:
    found = read(JsonLines(), Path("a.jsonl"), b'{"c": 1}\n{"b": 2, "a": 3}\n', {"a": "int", "b": "int"})

    assert found.header == ("a", "b", "c")
    assert found.rows.to_pydict() == {
        "a": [None, "3"],
        "b": [None, "2"],
        "c": ["1", None],
        "malformed": [None, None],
    }


@pytest.mark.parametrize(("one", "written"), [param for param in FORMATS if len(param.values[0].endings) > 1])
def test_a_packed_file_is_read_as_an_unpacked_one(one: Format, written: Callable[[], bytes]) -> None:
    path = Path(f"things{one.endings[1]}")

    assert read(one, path, gzip.compress(written()), COLUMNS).rows.drop_columns("malformed").to_pydict() == TEXTS
    for content in (gzip.compress(written())[:-9], written()):
        with pytest.raises(LandingError, match="cannot be read"):
            read(one, path, content, COLUMNS)


@pytest.mark.parametrize(("one", "written"), FORMATS)
def test_endings_are_compared_without_case(one: Format, written: Callable[[], bytes]) -> None:
    assert all(is_of(one, Path(f"FEB{ending.upper()}")) for ending in one.endings)
    assert not is_of(one, Path("feb.txt"))


@pytest.mark.parametrize("one", [Parquet(), JsonLines()])
def test_cells_that_carry_their_names_may_come_in_any_order(one: Format) -> None:
    written = one.bytes_of(a_path(one), read(Csv(), Path("a.csv"), b"b,c,a\n1,2,3\n", {}))

    assert read(one, a_path(one), written, {"a": "int", "b": "int"}).header == ("a", "b", "c")


def test_numbers_of_json_keep_their_text() -> None:
    line = b'{"a": 12345678901234567890123, "b": 0.10000000000000000555, "c": {"x": [1.10, null, "\\u00e9"]}}'

    found = texts(JsonLines(), line, {})

    expected = {
        "a": "12345678901234567890123",
        "b": "0.10000000000000000555",
        "c": '{"x":[1.10,null,"é"]}',
    }
    assert {name: [text] for name, text in expected.items()} == found


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[1]", r"line 2: expected a JSON object, got '\[1\]'"),
        ('{"a": 1, "a": 2}', "line 2: an object has 'a' twice"),
        ('{"a": 1', "line 2: "),
        ('{"a": "\\ud800"}', "line 2: .*surrogates"),
        ('{"a": ' + "[" * 100_000, "recursion"),
    ],
    ids=["an array", "a name twice", "cut off", "half a character", "too deep"],
)
def test_a_line_that_is_no_object_is_refused(line: str, why: str) -> None:
    with pytest.raises(LandingError, match=why):
        read(JsonLines(), Path("a.jsonl"), f'{{"a": 1}}\n{line}\n'.encode(), {})


@pytest.mark.parametrize(
    "line",
    [
        *(b"[1]", b'{"a": 1, "a": 2}', b'{"a": 1', b'{"a": ' + b"[" * 100_000, b'{"a": "\xff"}', b"\0"),
        *(b'{"a": "\\ud800"}', b'{"a": 1, "\\uDC00": 2}'),
    ],
)
def test_a_lenient_reader_refuses_the_line_alone(line: bytes) -> None:
    content = b'{"a": 1, "more": 2}\n' + line + b'\n{"b": 3}\n'

    found = read(JsonLines(lenient=True), Path("a.jsonl"), content, {"a": "int", "b": "int", "c": "int"})

    assert found.header == ("a", "b", "c")
    assert found.rows.column("a").to_pylist() == ["1", None, None]
    assert found.rows.column("b").to_pylist() == [None, None, "3"]
    first, why, last = found.rows.column(MALFORMED).to_pylist()
    assert (first, why.partition(": ")[0], last) == (None, "not a JSON object", None)


def test_an_empty_text_of_a_format_that_knows_null_is_a_text() -> None:
    assert texts(JsonLines(), b'{"a": "", "b": null}\n{"a": "NA"}', {}) == {"a": ["", "NA"], "b": [None, None]}


def test_the_types_of_parquet_become_canonical_texts() -> None:
    columns = {
        "whole": pa.array([3.0, 1e16, -2.0]),
        "key": pa.array([-9007199254740992.0, 1e15, None]),
        "single": pa.array([0.1, 0.5, None], pa.float32()),
        "naive": pa.array([datetime(2013, 2, 1, 5), datetime(2013, 2, 1, 5, 0, 1), None], pa.timestamp("s")),
        "zoned": pa.array(
            [datetime(2013, 2, 1, 5, tzinfo=timezone(timedelta(hours=1)))] * 3, pa.timestamp("us", "UTC")
        ),
        "coded": pa.array(["a", None, "a"]).dictionary_encode(),
        "long": pa.array(["a", "b", None], pa.large_string()),
        "nested": pa.array([[1, 2], None, []]),
        "nothing": pa.nulls(3),
    }
    target = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), target)

    found = texts(Parquet(), target.getvalue().to_pybytes(), {})

    assert found == {
        "whole": ["3", "1e+16", "-2"],
        "key": ["-9007199254740992", "1000000000000000", None],
        "single": ["0.1", "0.5", None],
        "naive": ["2013-02-01T05:00:00", "2013-02-01T05:00:01", None],
        "zoned": ["2013-02-01T04:00:00Z"] * 3,
        "coded": ["a", None, "a"],
        "long": ["a", "b", None],
        "nested": ["[1,2]", None, "[]"],
        "nothing": [None] * 3,
    }


def test_nested_values_of_parquet_are_the_json_that_a_file_of_it_would_hold() -> None:
    kind = pa.struct({"n": pa.int64(), "d": pa.decimal128(20, 2), "t": pa.timestamp("us", "UTC"), "b": pa.binary()})
    value = {"n": 2**53 + 1, "d": Decimal("1.10"), "t": datetime(2013, 2, 1, 5, tzinfo=UTC), "b": "é".encode()}
    columns = {
        "of_names": pa.array([value], kind),
        "by_key": pa.array([[("x", 0.1), ("y", None)]], pa.map_(pa.string(), pa.float64())),
        "by_number": pa.array([[(1, date(2013, 2, 1))]], pa.map_(pa.int64(), pa.date32())),
    }
    target = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), target)
    expected = {
        "of_names": '{"n":9007199254740993,"d":1.10,"t":"2013-02-01T05:00:00Z","b":"é"}',
        "by_key": '{"x":0.1,"y":null}',
        "by_number": '{"1":"2013-02-01"}',
    }

    found = texts(Parquet(), target.getvalue().to_pybytes(), {})

    assert {name: [text] for name, text in expected.items()} == found
    line = "{" + ",".join(f'"{name}": {text}' for name, text in expected.items()) + "}"
    assert found == texts(JsonLines(), line.encode(), {})


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (pa.array([b"\xff"]), "UTF8"),
        (pa.array([timedelta(hours=1)], pa.duration("ns")), r"duration\[ns\]: write lengths of time as numbers"),
        (pa.array([[timedelta(hours=1)]], pa.list_(pa.duration("s"))), "a value of timedelta"),
    ],
    ids=["bytes", "a length of time", "a length of time in a list"],
)
def test_a_column_that_is_no_text_is_refused(column: pa.Array, why: str) -> None:
    target = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": column}), target)

    with pytest.raises(LandingError, match=rf"a\.parquet cannot be read .*{why}"):
        read(Parquet(), Path("a.parquet"), target.getvalue().to_pybytes(), {})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Csv(null_texts="NA"),  # type: ignore[arg-type]  # as somebody may write it
        lambda: Csv(endings_unpacked=".csv"),  # type: ignore[arg-type]  # as somebody may write it
        lambda: JsonLines(".jsonl"),  # type: ignore[arg-type]  # as somebody may write it
        lambda: Parquet(".parquet"),  # type: ignore[arg-type]  # as somebody may write it
    ],
)
def test_one_text_where_several_are_asked_for_is_refused(make: Callable[[], Format]) -> None:
    with pytest.raises(ConfigError, match="must be a tuple of texts, it is the text"):
        make()
