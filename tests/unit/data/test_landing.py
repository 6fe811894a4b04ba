"""Landing files that are missing, broken, changed or delivered twice are refused."""

import gzip
import hashlib
from pathlib import Path

import pytest

from levelfive.data.landing import LandingFile, inspect, list_files, unseen
from levelfive.errors import LandingError
from levelfive.usecase import Source

SOURCE = Source("things", {"id": "int"}, key=("id",))


def a_file(name: str, sha256: str) -> LandingFile:
    return LandingFile(Path("landing") / name, sha256, ("id",))


def test_a_source_without_files_is_named_with_its_folder(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"things.*expected files"):
        list_files(tmp_path, SOURCE)


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

    assert LandingFile(path, digest, ()) == inspect(path, {digest: "a.csv.gz"})


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
