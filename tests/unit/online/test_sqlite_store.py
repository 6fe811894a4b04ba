"""The online store in a file, and what may become of a file."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from online_store_contract import OnlineStoreContract, aircraft, opening, seats

from levelfive.errors import ConfigError, OnlineStoreError
from levelfive.online.opening import open_store, url_of
from levelfive.online.sqlite_store import SqliteStore
from levelfive.online.store import OnlineStore, Publication, Row


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder" / "online?#%.db"


@pytest.fixture
def url(path: Path) -> str:
    return url_of(path)


@pytest.fixture
def open_again(url: str) -> Iterator[Callable[[], OnlineStore]]:
    with opening(url) as open_again:
        yield open_again


@pytest.fixture
def store(open_again: Callable[[], OnlineStore]) -> OnlineStore:
    return open_again()


class TestSqliteStore(OnlineStoreContract):
    """SQLite keeps the contract."""


def test_a_file_that_is_gone_is_no_store(store: OnlineStore, path: Path) -> None:
    store.publish(aircraft(150))
    assert seats(store, 0) == [150]

    path.unlink()

    assert store.states() == {}
    with pytest.raises(
        OnlineStoreError, match=r"there is no online store in .*: run `levelfive features publish --as-of TIME`"
    ):
        seats(store, 0)


def test_a_file_in_the_place_of_another_is_read(store: OnlineStore, path: Path, tmp_path: Path) -> None:
    store.publish(aircraft(150))
    assert seats(store, 0) == [150]
    with closing(SqliteStore(tmp_path / "other.db")) as other:
        other.publish(aircraft(20))

    (tmp_path / "other.db").replace(path)

    assert seats(store, 0) == [20]


def test_a_file_that_another_one_keeps_for_itself_is_waited_for_so_long(path: Path) -> None:
    with closing(SqliteStore(path, patience=timedelta(milliseconds=20))) as store:
        store.publish(aircraft(150))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert seats(store, 0) == [150]
            with pytest.raises(OnlineStoreError, match="database is locked"):
                store.publish(aircraft(20, version=2))
            other.execute("ROLLBACK")

        assert seats(store, 0) == [150]
        store.publish(aircraft(20, version=2))
        assert seats(store, 0) == [20]


def test_a_file_of_something_else_is_refused(store: OnlineStore, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database " * 1000)

    for ask in (store.states, lambda: seats(store, 0), lambda: store.publish(aircraft(1))):
        with pytest.raises(OnlineStoreError, match="delete it and run `levelfive features publish --as-of TIME`"):
            ask()


def test_a_file_with_nothing_in_it_is_a_store_with_nothing_in_it(store: OnlineStore, path: Path) -> None:
    path.parent.mkdir()
    path.touch()

    assert store.states() == {}
    with pytest.raises(OnlineStoreError, match="not in the online store, which holds nothing"):
        seats(store, 0)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OnlineStoreError, match="Name another place"):
        SqliteStore(tmp_path / "file" / "online.db").publish(aircraft(1))


@pytest.mark.parametrize("url", ["", "online.db", "sqlite:///", "sqlite://online.db", "mysql://me:secret@host/db"])
def test_a_url_of_another_kind_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match=r"sqlite:///.* or postgresql://") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_no_byte_of_a_row_that_was_deleted_is_left_in_the_file(store: OnlineStore, path: Path) -> None:
    name = "an-unusual-aircraft"
    table = aircraft().state
    store.publish(Publication(table, [Row((f"N{number}",), None, (2,)) for number in range(500)]))
    store.publish(Publication(table, [Row((name,), None, (7,)), Row(("N1",), None, (8,))]))
    assert name.encode() in b"".join(file.read_bytes() for file in path.parent.iterdir())

    assert store.erase("aircraft", lambda row: row["tailnum"] == name) == 1

    assert name.encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert seats(store, 1) == [8]


def test_what_a_build_of_sqlite_left_of_rows_deleted_before_is_gone_too(store: OnlineStore, path: Path) -> None:
    """Some builds overwrite what is deleted by themselves: here it is told not to."""
    name = "an-unusual-aircraft"
    store.publish(Publication(aircraft().state, [Row((name,), None, (7,)), Row(("N1",), None, (8,))]))
    with closing(sqlite3.connect(path, isolation_level=None)) as careless:
        careless.execute("PRAGMA secure_delete = OFF")
        careless.execute("DELETE FROM levelfive_online_rows_v1 WHERE key LIKE '%unusual%'")
        careless.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert name.encode() in path.read_bytes()

    assert store.erase("aircraft", lambda row: row["tailnum"] == name) == 0

    assert name.encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_a_reader_that_goes_on_keeps_deleted_rows_in_the_log_which_is_said(path: Path) -> None:
    with closing(SqliteStore(path, patience=timedelta(milliseconds=50))) as store:
        store.publish(aircraft(150, 20))
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            with pytest.raises(OnlineStoreError, match=r"run this again, or end who reads|refused: database .*locked"):
                store.erase("aircraft", lambda row: row["seats"] == 150)

        assert store.erase("aircraft", lambda row: row["seats"] == 150) == 0
        assert seats(store, 0, 1) == [None, 20]
