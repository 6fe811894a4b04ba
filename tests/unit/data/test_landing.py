"""Landing files that are missing, broken, changed or delivered twice are refused."""

import gzip
import hashlib
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from levelfive.core.windows import utc
from levelfive.data.landing import LandingFile, has_nothing, inspect, list_files, read_rows, unseen
from levelfive.errors import LandingError
from levelfive.formats import JsonLines, delimited
from levelfive.usecase.sources import Source

SOURCE = Source("things", {"id": "int"}, key=("id",))


def a_file(name: str, sha256: str) -> LandingFile:
    return LandingFile(Path("landing") / name, sha256, ("id",))


def test_a_source_without_files_is_named_with_its_folder(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"things.*expected files"):
        list_files(tmp_path, SOURCE)


def landed(landing: Path, *names: str) -> Path:
    (landing / SOURCE.name).mkdir()
    for name in names:
        (landing / SOURCE.name / name).write_text(f"id\n{len(name)}\n")
    return landing


def test_files_are_found_whatever_their_names(tmp_path: Path) -> None:
    names = ["100%.csv", "FEB.CSV", "[a]*?.csv", "a 'b' \\c.csv", "no#1.csv", "things (1).csv.GZ", "été.csv"]

    found = list_files(landed(tmp_path, *names), SOURCE)

    assert sorted(names) == [entry.name for entry in found]


def test_a_listing_tells_size_and_modification_time(tmp_path: Path) -> None:
    landing = landed(tmp_path, "a.csv")
    os.utime(landing / SOURCE.name / "a.csv", ns=(0, 1_357_034_400_123_456_789))

    (entry,) = list_files(landing, SOURCE)

    assert (entry.size, entry.modified_at) == (5, utc(2013, 1, 1, 10) + timedelta(microseconds=123_456))
    assert (entry.size, entry.modified_at) == (inspect(entry.path).size, inspect(entry.path).modified_at)


def test_a_table_is_something_that_landed(tmp_path: Path) -> None:
    assert has_nothing(tmp_path, [SOURCE])
    assert not has_nothing(landed(tmp_path, "a.csv"), [SOURCE])
    assert not has_nothing(tmp_path / "elsewhere", [SOURCE, replace(SOURCE, delta_table="main.shop.things")])


def test_hidden_files_and_markers_are_passed_over(tmp_path: Path) -> None:
    landing = landed(tmp_path, "a.csv", ".a.csv.partial", ".hidden.csv", "_SUCCESS", "_old.csv", "b.csv.tmp")
    (landing / SOURCE.name / "archive").mkdir()

    assert [entry.name for entry in list_files(landing, SOURCE)] == ["a.csv"]


def test_a_file_of_another_format_is_named_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"end in \.csv or \.csv\.gz in .*found also a\.xlsx, b\.csv\.bak\."):
        list_files(landed(tmp_path, "a.csv", "a.xlsx", "b.csv.bak"), SOURCE)


def test_the_format_of_a_source_says_which_files_are_its(tmp_path: Path) -> None:
    source = replace(SOURCE, format=JsonLines())
    (tmp_path / "things").mkdir()
    path = tmp_path / "things" / "a.jsonl"
    path.write_text('{"id": 1}')

    assert [path] == [entry.path for entry in list_files(tmp_path, source)]
    assert inspect(path, source=source).header == ("id",)


def test_rows_know_their_file(tmp_path: Path) -> None:
    (entry,) = list_files(landed(tmp_path, "é 1.csv"), SOURCE)

    (rows,) = read_rows(inspect(entry.path), SOURCE)

    assert rows.to_pydict() == {"id": ["7"], "malformed": [None], "source_file": ["é 1.csv"]}


def test_a_file_that_changes_between_two_looks_is_refused(tmp_path: Path) -> None:
    (entry,) = list_files(landed(tmp_path, "a.csv"), SOURCE)
    file = inspect(entry.path)
    entry.path.write_text("id\n8\n")

    with pytest.raises(LandingError, match="was changed while it was read"):
        list(read_rows(file, SOURCE))


def test_a_file_that_changes_while_it_is_parsed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = list_files(landed(tmp_path, "a.csv"), SOURCE)
    monkeypatch.setattr(delimited, "BATCH_CHARACTERS", 1)
    parts = read_rows(inspect(entry.path), SOURCE)
    next(parts)
    entry.path.write_text("id\n88\n")

    with pytest.raises(LandingError, match="was changed while it was read"):
        list(parts)


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id\n")

    with pytest.raises(LandingError, match=r"a\.csv has a header and no rows"):
        list(read_rows(inspect(path), SOURCE))


def test_a_folder_with_the_ending_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "things" / "a.csv").mkdir(parents=True)

    (entry,) = list_files(tmp_path, SOURCE)

    with pytest.raises(LandingError, match=r"a\.csv cannot be read"):
        inspect(entry.path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"id\n" + b"12345\n" * 10_000)[:-20])

    with pytest.raises(LandingError, match="cannot be read"):
        inspect(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("")

    with pytest.raises(LandingError, match="is empty"):
        inspect(path)


def test_a_known_file_is_not_unpacked_again(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"id\n1\n")[:-4])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    found = inspect(path, {digest: "a.csv.gz"})

    assert (found.sha256, found.header) == (digest, ())


def test_a_file_that_was_ingested_is_passed_over() -> None:
    assert (a_file("new.csv", "2"),) == unseen([a_file("old.csv", "1"), a_file("new.csv", "2")], {"1": "old.csv"})


def test_a_copy_of_an_ingested_file_is_refused() -> None:
    with pytest.raises(LandingError, match=r"same content as old\.csv"):
        unseen([a_file("copy.csv", "1")], {"1": "old.csv"})


def test_two_equal_files_at_once_are_refused() -> None:
    with pytest.raises(LandingError, match="same content"):
        unseen([a_file("a.csv", "1"), a_file("b.csv", "1")], {})


def test_a_file_that_changed_after_it_was_ingested_is_refused() -> None:
    with pytest.raises(LandingError, match="was changed"):
        unseen([a_file("old.csv", "2")], {"1": "old.csv"})
