"""The online store as one file of SQLite: for one machine, on a disk of its own."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from levelfive.core.windows import to_micros
from levelfive.errors import LevelfiveError, OnlineStoreError, translating, unusable
from levelfive.online.layout import (
    PUBLISH,
    ROWS,
    TABLES,
    TableReader,
    absent,
    check_kept,
    check_onto,
    chosen_rows,
    reader_of,
    rows_of,
    state_of,
    state_row,
    times_between,
)
from levelfive.online.store import Ask, Chooser, Publication, StoredValues, TableState

PATIENCE = timedelta(seconds=5)
# Publications stop no reader, and a service that waits for whoever else keeps the file answers nobody meanwhile.
PATIENCE_OF_READERS = timedelta(milliseconds=500)

_SCHEMA = (
    # Readers go on while a publication is written.
    "PRAGMA journal_mode = WAL",
    f"""CREATE TABLE IF NOT EXISTS {TABLES} (
        name TEXT PRIMARY KEY, definition TEXT NOT NULL, version INTEGER NOT NULL,
        published_at INTEGER NOT NULL, reaches_to INTEGER, kept_from INTEGER, oldest INTEGER)""",
    f"""CREATE TABLE IF NOT EXISTS {ROWS} (
        name TEXT, key TEXT, known_at INTEGER, data BLOB NOT NULL, PRIMARY KEY (name, key, known_at)) WITHOUT ROWID""",
    f"CREATE INDEX IF NOT EXISTS {ROWS}_by_time ON {ROWS} (name, known_at)",
)
_THIN = f"""DELETE FROM {ROWS} WHERE name = :name AND known_at < :kept_from AND EXISTS (
    SELECT 1 FROM {ROWS} AS newer WHERE newer.name = :name AND newer.key = {ROWS}.key
    AND newer.known_at > {ROWS}.known_at AND newer.known_at < :kept_from)"""
_NEWEST = f"""SELECT known_at, data FROM {ROWS} WHERE name = ? AND key = ? AND known_at BETWEEN ? AND ?
    ORDER BY known_at DESC LIMIT 1"""
_File = tuple[int, int]


class _Reader:
    """A connection, with what it knows of the tables.

    Args:
        file: The file that it is to, by device and inode.
        connection: For reading.
    """

    def __init__(self, file: _File, connection: sqlite3.Connection) -> None:
        self.file = file
        self.connection = connection
        self._data_version: int | None = None
        self._tables: dict[str, tuple[TableReader, int | None]] = {}

    def tables(self) -> dict[str, tuple[TableReader, int | None]]:
        """Tell what the tables are, and from when on they are kept, in the transaction that is open."""
        # It is another one after each commit of another connection.
        (data_version,) = self.connection.execute("PRAGMA data_version").fetchone()
        if data_version != self._data_version:
            columns = f"SELECT name, definition, kept_from FROM {TABLES}"
            rows = self.connection.execute(columns) if _is_store(self.connection) else ()
            self._tables = {name: (reader_of(text), kept_from) for name, text, kept_from in rows}
            self._data_version = data_version
        return self._tables


class SqliteStore:
    """Holds the rows of lookups in a file; see `OnlineStore`.

    Args:
        path: The file; the first publication makes it.
        patience: How long a publication waits for a file that another one has locked; a reader waits half a second at
            most.
    """

    def __init__(self, path: Path, *, patience: timedelta = PATIENCE) -> None:
        """Remember the file."""
        self._path = path
        self._patience = patience
        self._idle: list[_Reader] = []

    def publish(self, publication: Publication) -> None:
        """Put rows of a table there, all at once; see `OnlineStore`."""
        with translating(self._refusal):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect("rwc", self._patience)) as connection:
                for statement in _SCHEMA:
                    connection.execute(statement)
                with _transaction(connection, "BEGIN IMMEDIATE"):
                    _publish(connection, publication)

    def states(self) -> Mapping[str, TableState]:
        """Tell what is there of each table; see `OnlineStore`."""
        with translating(self._refusal):
            if not self._path.exists():
                return {}
            with self._snapshot() as reader:
                if not _is_store(reader.connection):
                    return {}
                return {row[0]: state_of(row) for row in reader.connection.execute(f"SELECT * FROM {TABLES}")}

    def read(self, asks: Sequence[Ask]) -> list[StoredValues | None]:
        """Answer asks from one state of the store; see `OnlineStore`."""
        with translating(self._refusal), self._snapshot() as reader:
            return _read(reader, asks)

    def count(self, table: str, is_chosen: Chooser) -> int:
        """Count the rows that are chosen; see `OnlineStore`."""
        with translating(self._refusal):
            if not self._path.exists():
                return 0
            with self._snapshot() as reader:
                return len(_chosen(reader.connection, table, is_chosen))

    def erase(self, table: str, is_chosen: Chooser) -> int:
        """Delete the rows that are chosen; see `OnlineStore`. The file is written anew, without any deleted row."""
        with translating(self._refusal):
            if not self._path.exists():
                return 0
            with closing(self._connect("rw", self._patience)) as connection:
                with _transaction(connection, "BEGIN IMMEDIATE"):
                    rows = _chosen(connection, table, is_chosen)
                    of_table = [(table, key, known_at) for key, known_at in rows]
                    connection.executemany(f"DELETE FROM {ROWS} WHERE name = ? AND key = ? AND known_at = ?", of_table)
                connection.execute("VACUUM")
                (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise OnlineStoreError(
                f"the online store in {self._path} is read, so that its log still holds what was deleted: run this "
                "again, or end who reads"
            )
        return len(rows)

    def close(self) -> None:
        """Close all connections."""
        while self._idle:
            self._idle.pop().connection.close()

    @contextmanager
    def _snapshot(self) -> Iterator[_Reader]:
        """Read from one state of the file, by a connection that no other thread uses meanwhile."""
        stat = os.stat(self._path)
        file = (stat.st_dev, stat.st_ino)
        reader = self._idle_one(file) or _Reader(file, self._connect("rw", min(self._patience, PATIENCE_OF_READERS)))
        try:
            with _transaction(reader.connection, "BEGIN"):
                yield reader
        except LevelfiveError:
            self._idle.append(reader)
            raise
        except BaseException:
            reader.connection.close()
            raise
        self._idle.append(reader)

    def _idle_one(self, file: _File) -> _Reader | None:
        """Take a connection that is open; those to a file in whose place there is another one are closed."""
        while self._idle:
            with suppress(IndexError):  # another thread was faster
                reader = self._idle.pop()
                if reader.file == file:
                    return reader
                reader.connection.close()
        return None

    def _connect(self, mode: str, patience: timedelta) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.resolve().as_uri()}?mode={mode}",
            uri=True,
            timeout=patience.total_seconds(),
            isolation_level=None,  # transactions are begun by hand
            check_same_thread=False,
        )

    def _refusal(self, err: Exception) -> OnlineStoreError | None:
        """Say what SQLite or the disk refuses."""
        match err:
            case FileNotFoundError():
                return OnlineStoreError(f"there is no online store in {self._path}: {PUBLISH}")
            case OSError():
                return OnlineStoreError(f"online store: {unusable(err)}")
            case sqlite3.Error():
                return OnlineStoreError(
                    f"the online store in {self._path} refused: {err}. Where it stays locked, end what holds it; where "
                    f"it is damaged, delete it and {PUBLISH}"
                )
        return None


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        # Some errors, such as a full disk, have ended it already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _is_store(connection: sqlite3.Connection) -> bool:
    row = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLES,)).fetchone()
    return row is not None


def _chosen(connection: sqlite3.Connection, table: str, is_chosen: Chooser) -> list[tuple[str, int]]:
    if not _is_store(connection):
        return []
    definition = connection.execute(f"SELECT definition FROM {TABLES} WHERE name = ?", (table,)).fetchone()
    rows = connection.execute(f"SELECT key, known_at, data FROM {ROWS} WHERE name = ?", (table,))
    return list(chosen_rows(None if definition is None else definition[0], rows, is_chosen))


def _publish(connection: sqlite3.Connection, publication: Publication) -> None:
    state = publication.state
    name = state.table.name
    there = connection.execute(f"SELECT version FROM {TABLES} WHERE name = ?", (name,)).fetchone()
    check_onto(publication, None if there is None else there[0])
    if publication.windows is None:
        connection.execute(f"DELETE FROM {ROWS} WHERE name = ?", (name,))
    for window in publication.windows or ():
        connection.execute(
            f"DELETE FROM {ROWS} WHERE name = ? AND known_at >= ? AND known_at < ?",
            (name, to_micros(window.start), to_micros(window.end)),
        )
    connection.executemany(f"INSERT INTO {ROWS} VALUES (?, ?, ?, ?)", rows_of(publication))
    if state.oldest is not None:
        oldest = to_micros(state.oldest)
        connection.execute(f"DELETE FROM {ROWS} WHERE name = ? AND known_at < ?", (name, oldest))
    if state.kept_from is not None:
        connection.execute(_THIN, {"name": name, "kept_from": to_micros(state.kept_from)})
    connection.execute(f"INSERT OR REPLACE INTO {TABLES} VALUES (?, ?, ?, ?, ?, ?, ?)", state_row(state))


def _read(reader: _Reader, asks: Sequence[Ask]) -> list[StoredValues | None]:
    tables, execute = reader.tables(), reader.connection.execute
    answers: list[StoredValues | None] = []
    for ask in asks:
        if ask.table not in tables:
            raise absent(ask.table, tables)
        table, kept_from = tables[ask.table]
        check_kept(ask, kept_from)
        key = table.key(ask)
        row = None if key is None else execute(_NEWEST, (ask.table, key, *times_between(ask))).fetchone()
        answers.append(None if row is None else table.known(ask, *row))
    return answers
