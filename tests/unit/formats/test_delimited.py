"""CSV as people, spreadsheets, R and pandas write it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levelfive.errors import ConfigError, LandingError
from levelfive.formats import Csv, Texts, delimited, read_whole

PATH = Path("landing/things/a.csv")
COLUMNS = {"id": "int", "text": "string"}
CELLS = "not as many cells as the header has"
QUOTES = "a quote within quotes is not doubled"
FORMAT = "a cell is not of the declared format"
AS_WRITTEN = Csv(null_texts=())


def read(text: str, one: Csv | None = None, columns: dict[str, str] = COLUMNS, encoding: str = "utf-8") -> Texts:
    return read_whole(one or Csv(), PATH, io.BytesIO(text.encode(encoding)), columns)


def rows(texts: Texts) -> list[tuple[str | None, ...]]:
    return list(zip(*texts.rows.to_pydict().values(), strict=True))


def good(text: str, one: Csv | None = None, columns: dict[str, str] = COLUMNS) -> list[tuple[str | None, ...]]:
    found = rows(read(text, one, columns))
    assert {row[-1] for row in found} <= {None}
    return [row[:-1] for row in found]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"say ""hi"", you"', 'say "hi", you'),
        ('"7"" pipe"', '7" pipe'),
        ('""""', '"'),
        ('7" pipe', '7" pipe'),
        ('a "" b', 'a "" b'),
        (r'"\\host\share\"', r"\\host\share" + "\\"),
        (r"back\slash", r"back\slash"),
        ('"two\nlines"', "two\nlines"),
        ('"two\r\nlines"', "two\r\nlines"),
        (" padded ", " padded "),
        ('"a,b"', "a,b"),
        ("été", "été"),
        ("#1", "#1"),
        ("null", "null"),
        ("NaN", "NaN"),
        ('"NA"', "NA"),
        ("NA", None),
        ("", None),
        ('""', None),
        pytest.param("x" * 200_000, "x" * 200_000, id="long"),
        pytest.param('"' + 'y""\n' * 100_000 + '"', 'y"\n' * 100_000, id="long and quoted"),
    ],
)
def test_a_cell_is_read_as_it_was_meant(cell: str, text: str | None) -> None:
    assert good(f"id,text\n1,{cell}\n2,z\n") == [("1", text), ("2", "z")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_end_as_the_system_ends_them(end: str, last: bool) -> None:
    content = end.join(["id,text", "1,x", "", '2,"y"']) + (end if last else "")

    assert good(content) == [("1", "x"), ("2", "y")]


@pytest.mark.parametrize("text", ["\n  \nid,text\n1,x\n", "id,text\n1,x\n   \n\n", "\ufeffid,text\n1,x\n"])
def test_blank_lines_and_a_byte_order_mark_are_passed_over(text: str) -> None:
    assert read(text).header == ("id", "text")
    assert good(text) == [("1", "x")]


def test_an_empty_cell_of_a_single_column_is_missing_where_it_is_quoted() -> None:
    assert good('id\n1\n""\nNA\n') == [("1",), (None,), (None,)]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-8-sig"])
def test_the_encoding_is_the_declared_one(encoding: str) -> None:
    found = read("id,text\n1,é\n", Csv(encoding=encoding), encoding=encoding)

    assert rows(found) == [("1", "é", None)]


@pytest.mark.parametrize("separator", [";", "\t", "|", "^", "]"])
def test_the_separator_is_the_declared_one(separator: str) -> None:
    text = 'id,text\n1,"a""b,"\n2,c\n'.replace(",", separator)

    assert good(text, Csv(separator=separator)) == [("1", f'a"b{separator}'), ("2", "c")]


def test_null_texts_are_the_declared_ones() -> None:
    text = 'id,text\n1,-\n2,NA\n3,\n4,""\n5,"-"\n'

    assert [row[1] for row in good(text, Csv(null_texts=("-",)))] == [None, "NA", "", "", "-"]
    assert [row[1] for row in good(text, Csv(null_texts=("-",), quoted_nulls=True))] == [None, "NA", "", "", None]
    assert [row[1] for row in good(text, AS_WRITTEN)] == ["-", "NA", "", "", "-"]


def test_a_file_without_a_header_has_the_declared_columns() -> None:
    found = read("1,x\n2\n", Csv(header=False))

    assert found.header == ("id", "text")
    assert rows(found) == [("1", "x", None), ("2", None, f"{CELLS}: 2")]


def test_rows_with_other_numbers_of_cells_are_malformed_and_keep_their_cells() -> None:
    found = rows(read('id,text\n1,"a, b",z\n2\n3,y\n'))

    assert found == [("3", "y", None), ("1", "a, b", f'{CELLS}: 1,"a, b",z'), ("2", None, f"{CELLS}: 2")]


def test_each_malformed_row_counts_also_where_they_are_equal() -> None:
    found = rows(read("id,text\n1\n1\n1,x,\n" + '2,"x"y\n' * 3))

    assert sorted(row[-1] or "" for row in found) == [
        *[f'{QUOTES}: 2,"x"y'] * 3,
        *[f"{CELLS}: 1"] * 2,
        f"{CELLS}: 1,x,",
    ]


def test_a_row_with_a_stray_quote_is_malformed_and_the_others_are_not() -> None:
    found = rows(read('id,text\n1,"x"\n2,"7" pipe"\n3,"back\\"slash"\n4,"two\nlines"\n'))

    assert found[:2] == [("1", "x", None), ("4", "two\nlines", None)]
    assert [(row[0], row[2]) for row in found[2:]] == [
        ("2", f'{QUOTES}: 2,"7" pipe"'),
        ("3", f'{QUOTES}: 3,"back\\"slash"'),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"id,text\n1,some text\n', 1),
        ('id,text\n1,x\n2,"never closed\n3,y\n', 3),
        ('id,text\n1,"x\ny"\r\n2,"closed by\n3,"another\n', 4),
    ],
)
def test_a_quote_that_runs_into_other_rows_is_refused(text: str, line: int) -> None:
    with pytest.raises(LandingError, match=rf"a\.csv cannot be read \(line {line} opens a quote"):
        read(text)


def test_a_header_with_a_stray_quote_is_refused() -> None:
    for text in ('"id"x,text\n1,y\n', '"id"x,text'):
        with pytest.raises(LandingError, match="in the header a quote"):
            read(text)


@pytest.mark.parametrize("text", ["", "\n\n", "  \n", "\ufeff"])
def test_a_file_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(LandingError, match="is empty: expected a header line"):
        read(text)


@pytest.mark.parametrize("text", ["id,text\n", "id,text", "id,text\r\n\r\n"])
def test_a_header_alone_is_a_table_without_rows(text: str) -> None:
    found = read(text)

    assert (found.header, found.rows.num_rows) == (("id", "text"), 0)


def test_bytes_of_another_encoding_are_refused_with_what_to_do() -> None:
    with pytest.raises(LandingError, match="another encoding is to be named in the source's format"):
        read("id,text\n1,é\n", encoding="latin-1")


@pytest.mark.parametrize("header", ["a,a,,NA", '"a","a","","NA"', "a,a,,NA\n1,2,3,4"])
def test_a_header_is_never_changed(header: str) -> None:
    assert read(header).header == ("a", "a", "", "NA")


def test_a_header_cell_may_hold_a_line_end() -> None:
    found = read('"id\nnumber",text\n1,x\n')

    assert (found.header, rows(found)) == (("id\nnumber", "text"), [("1", "x", None)])


def test_a_decimal_comma_becomes_a_point_and_a_point_is_refused() -> None:
    one = Csv(separator=";", decimal=",")
    columns = {"n": "double", "text": "string"}

    found = rows(read("n;text\n1,5;1,5\n-2;a\n,5e3;b\n1.500;c\n;d\n", one, columns))

    assert found == [
        ("1.5", "1,5", None),
        ("-2", "a", None),
        (".5e3", "b", None),
        ("1.500", "c", f"{FORMAT}: n 1.500"),
        (None, "d", None),
    ]


def test_days_and_times_of_a_country_become_iso() -> None:
    one = Csv(date_format="%d.%m.%Y", timestamp_format="%d/%m/%Y %H:%M%z")
    columns = {"day": "date", "at": "timestamp", "text": "string"}

    found = rows(
        read("day,at,text\n1.2.2013,01/02/2013 05:00+0100,1.2.2013\n2013-02-01,NA,\n31.2.2013,NA,\n", one, columns)
    )

    assert found == [
        ("2013-02-01", "2013-02-01T04:00:00Z", "1.2.2013", None),
        ("2013-02-01", None, None, f"{FORMAT}: day 2013-02-01"),
        ("31.2.2013", None, None, f"{FORMAT}: day 31.2.2013"),
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"separator": ""},
        {"separator": '"'},
        {"separator": "§"},
        {"encoding": "utf-9"},
        {"encoding": "rot13"},
        {"decimal": ""},
        {"date_format": "dd.MM.yyyy"},
        {"date_format": "%d.%m."},
        {"timestamp_format": "%H:%M"},
        {"timestamp_format": "%d.%m.%Y %I:%M"},
        {"timestamp_format": "%d.%m.%Y %Q"},
    ],
)
def test_options_that_no_file_can_be_read_by_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Csv(**options)  # type: ignore[arg-type]  # options are of several types


@pytest.mark.parametrize(
    "pattern", ["%d.%m.%y", "%Y-%j", "%d %b %Y %I:%M %p", "%Y%m%dT%H%M%S.%f%z", "%Y-%m-%d %H:%M %Z"]
)
def test_a_format_that_tells_the_day_is_taken(pattern: str) -> None:
    assert Csv(timestamp_format=pattern).timestamp_format == pattern


def test_a_row_of_white_space_is_a_row() -> None:
    """A spreadsheet that is saved as text with tabs writes its empty rows so."""
    tabs = Csv(separator="\t")

    found = rows(read("id\ttext\n1\ta\n\t\n\t\t\n\t", tabs))

    empty, wrong = (None, None), (None, None, f"{CELLS}: \t\t")
    assert found == [("1", "a", None), (*empty, None), wrong, (*empty, None)]
    assert rows(read("id,text\n1,a\n\t\n")) == [("1", "a", None), ("\t", None, f"{CELLS}: \t")]


CELL = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00") | st.sampled_from('",;\n\r\\ '))


ROWS = st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1))


@given(ROWS, st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_what_pythons_writer_wrote_is_read_back(written: list[list[str]], quoting: Literal[0, 1]) -> None:
    text = io.StringIO()
    names = [f"c{place}" for place in range(len(written[0]))]
    csv.writer(text, quoting=quoting).writerows([names, *written])

    assert good(text.getvalue(), AS_WRITTEN, {}) == [tuple(row) for row in written]


@given(st.lists(st.tuples(st.none() | CELL.filter(bool), CELL.filter(bool)), min_size=1))
def test_what_was_read_is_written_so_that_it_is_read_back(written: list[tuple[str | None, str]]) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *((left or "", right) for left, right in written)])
    read_once = read(text.getvalue())

    assert good(Csv().bytes_of(PATH, read_once).decode()) == written


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_a_text_is_read_alike_wherever_its_pieces_end(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '\ufeff\n \r\nid,text\r\n1,"a, ""b""\r\nc"\r\n2,\r3,"7" pipe"\n4,x,y\n\n5,"\r"\n6,é'
    whole = read(text)
    monkeypatch.setattr(delimited, "BATCH_CHARACTERS", size)

    found = read(text)

    assert found.header == whole.header == ("id", "text")
    assert sorted(rows(found), key=str) == sorted(rows(whole), key=str)
    assert len(rows(found)) == 6


@pytest.mark.parametrize(("text", "line"), [('id,text\n1,x\n2,"y\n3,z\n', 3), ('id,text\r\n"1,x\r\n', 2)])
def test_a_quote_that_never_ends_is_found_whatever_the_pieces(
    text: str, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BATCH_CHARACTERS", 3)

    with pytest.raises(LandingError, match=f"line {line} opens a quote"):
        read(text)
