"""The online store in PostgreSQL: for servers of more than one machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from levelfive.core.windows import to_micros
from levelfive.errors import ConfigError, MachineError, OnlineStoreConflict, OnlineStoreError, first_line, translating
from levelfive.online.layout import (
    ROWS,
    TABLES,
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
from levelfive.online.patience import Patience
from levelfive.online.store import Ask, Chooser, Publication, StoredValues, TableState

try:
    import psycopg2
    from psycopg2 import errors
    from psycopg2.extensions import parse_dsn
    from psycopg2.extras import execute_values
    from psycopg2.sql import SQL, Identifier
except ImportError as err:
    raise MachineError("an online store in PostgreSQL needs psycopg2: install levelfive[online]") from err

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

PATIENCE = timedelta(seconds=5)
PUBLISH_PATIENCE = timedelta(minutes=10)
ATTEMPTS = 5
ROWS_A_STATEMENT = 1000
APPLICATION = "levelfive"

# The index by time is for those who publish alone: a reader's statement, which names the column itself, cannot take it.
_TIME = "known_at + 0"
_SCHEMA = f"""
    CREATE TABLE {TABLES} (
        name text COLLATE "C" PRIMARY KEY, definition text NOT NULL, version bigint NOT NULL,
        published_at bigint NOT NULL, reaches_to bigint, kept_from bigint, oldest bigint);
    CREATE TABLE {ROWS} (
        name text COLLATE "C", key text COLLATE "C", known_at bigint, data bytea NOT NULL,
        PRIMARY KEY (name, key, known_at));
    CREATE INDEX {ROWS}_by_time ON {ROWS} (name, ({_TIME}))"""
_THIN = f"""DELETE FROM {ROWS} AS old WHERE name = %(name)s AND {_TIME} < %(kept_from)s AND EXISTS (
    SELECT 1 FROM {ROWS} AS newer WHERE newer.name = %(name)s AND newer.key = old.key
    AND newer.known_at > old.known_at AND newer.known_at < %(kept_from)s)"""
_ERASE = f"DELETE FROM {ROWS} WHERE (name, key, known_at) IN (VALUES %s)"
# Tables and answers by one statement, so that both are of one state: the tables have no place.
_READ = f"""
    SELECT NULL, name, definition, kept_from, NULL FROM {TABLES}
    UNION ALL
    SELECT asks.place, NULL, NULL, newest.known_at, newest.data
    FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[])
        WITH ORDINALITY AS asks (name, key, first, last, place)
    CROSS JOIN LATERAL (
        SELECT known_at, data FROM {ROWS} AS known
        WHERE known.name = asks.name AND known.key = asks.key AND known.known_at BETWEEN asks.first AND asks.last
        ORDER BY known.known_at DESC LIMIT 1) AS newest"""

Definitions: TypeAlias = dict[str, str]
"""By a table's name, what it is, as text."""


@dataclass(frozen=True)
class _Look:
    """One state of the store, by the names of tables and the places of asks."""

    definitions: Definitions
    kept_from: dict[str, int | None]
    newest: dict[int, tuple[int, bytes]]


class PostgresStore:
    """Holds the rows of lookups in PostgreSQL; see `OnlineStore`.

    A connection that the server closed is opened again. What the URL does not say is taken from where libpq looks for
    it: a password may be in a file that the URL names (`passfile`), which is read for each connection.

    Args:
        url: Begins with postgresql://, as libpq takes it. It is in no message, as it may hold a password.
        schema: Where its tables are, if the URL says nothing of a `search_path`; the first publication makes it.
        patience: How long a reader waits for a connection, in whole seconds, and for an answer.

    Raises:
        ConfigError: libpq does not take the URL.
    """

    def __init__(self, url: str, *, schema: str | None = None, patience: timedelta = PATIENCE) -> None:
        """Remember where the server is."""
        try:
            options = parse_dsn(url).get("options", "")
        except psycopg2.ProgrammingError:
            # What libpq says of it shows parts of it.
            raise ConfigError(
                "the online store has no URL that PostgreSQL takes; write postgresql://user@host:5432/database, and "
                "signs such as @ and / in a password as %40 and %2F"
            ) from None
        self._url = url
        self._schema = None if "search_path" in options else schema
        self._patience = Patience(patience)
        self._idle: list[Connection] = []
        self._definitions: Definitions = {}

    def publish(self, publication: Publication) -> None:
        """Put rows of a table there, all at once; see `OnlineStore`."""
        with (
            translating(_refusal),
            closing(self._connect(PUBLISH_PATIENCE)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("BEGIN")
            self._lock(cursor)
            if not _is_store(cursor):
                self._make(cursor)
            _publish(cursor, publication)
            # Where the block is left by an error, the connection is closed, and the server rolls back.
            cursor.execute("COMMIT")

    def states(self) -> Mapping[str, TableState]:
        """Tell what is there of each table; see `OnlineStore`."""
        with translating(_refusal):
            try:
                rows = self._fetch(f"SELECT * FROM {TABLES}")
            except errors.UndefinedTable:
                return {}
            return {row[0]: state_of(row) for row in rows}

    def read(self, asks: Sequence[Ask]) -> list[StoredValues | None]:
        """Answer asks from one state of the store; see `OnlineStore`."""
        with translating(_refusal):
            for _ in range(ATTEMPTS):
                before = self._definitions
                look = self._look(asks, before)
                self._definitions = look.definitions
                for ask in asks:
                    if ask.table not in look.definitions:
                        raise absent(ask.table, look.definitions)
                # Keys were written for what the tables were: where one is another by now, they are written again.
                if all(before.get(ask.table) == look.definitions[ask.table] for ask in asks):
                    return _answers(asks, look)
        raise OnlineStoreConflict("tables of the online store were others at each look; read again")

    def count(self, table: str, is_chosen: Chooser) -> int:
        """Count the rows that are chosen; see `OnlineStore`."""
        with (
            translating(_refusal),
            closing(self._connect(PUBLISH_PATIENCE)) as connection,
            connection.cursor() as cursor,
        ):
            return len(_chosen(cursor, table, is_chosen))

    def erase(self, table: str, is_chosen: Chooser) -> int:
        """Delete the rows that are chosen; see `OnlineStore`.

        They are vacuumed too; what the server's pages, its log and its backups keep of them is the server's.
        """
        with (
            translating(_refusal),
            closing(self._connect(PUBLISH_PATIENCE)) as connection,
            connection.cursor() as cursor,
        ):
            if not _is_store(cursor):
                return 0
            cursor.execute("BEGIN")
            self._lock(cursor)
            rows = [(table, key, known_at) for key, known_at in _chosen(cursor, table, is_chosen)]
            execute_values(cursor, _ERASE, rows, template="(%s, %s, %s::bigint)", page_size=ROWS_A_STATEMENT)
            cursor.execute("COMMIT")
            cursor.execute(f"VACUUM {ROWS}")
        return len(rows)

    def close(self) -> None:
        """Close all connections."""
        while self._idle:
            self._idle.pop().close()

    def _lock(self, cursor: Cursor) -> None:
        """Let one of two publications wait, and of two that make the store."""
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"{TABLES}{self._schema or ''}",))

    def _make(self, cursor: Cursor) -> None:
        cursor.execute("SELECT current_schema()")
        if self._schema is not None and cursor.fetchone() == (None,):  # who may not make one needs one that is there
            cursor.execute(SQL("CREATE SCHEMA {}").format(Identifier(self._schema)))
        cursor.execute(_SCHEMA)

    def _look(self, asks: Sequence[Ask], definitions: Definitions) -> _Look:
        """Read what the tables are and the newest row of each ask, by keys as some definitions write them."""
        keys = [_key(ask, definitions.get(ask.table)) for ask in asks]
        firsts, lasts = ([times[end] for times in map(times_between, asks)] for end in (0, 1))
        look = _Look({}, {}, {})
        try:
            rows = self._fetch(_READ, ([ask.table for ask in asks], keys, firsts, lasts))
        except errors.UndefinedTable:
            return look
        for place, name, definition, time, data in rows:
            if place is None:
                look.definitions[name] = definition
                look.kept_from[name] = time
            else:
                look.newest[place - 1] = (time, bytes(data))
        return look

    def _fetch(self, statement: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement by a connection that is open, or by a new one where the server has closed it."""
        with suppress(IndexError):  # none is idle
            connection = self._idle.pop()
            try:
                return self._run(connection, statement, arguments)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                if not connection.closed:
                    raise
                self.close()  # the others are of the same server
        return self._run(self._connect(self._patience.length), statement, arguments)

    def _run(self, connection: Connection, statement: str, arguments: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            with self._patience.waiting(connection), connection.cursor() as cursor:
                cursor.execute(statement, arguments)
                return cursor.fetchall()
        finally:
            if not connection.closed:
                self._idle.append(connection)

    def _connect(self, patience: timedelta) -> Connection:
        milliseconds = patience // timedelta(milliseconds=1)
        connection = psycopg2.connect(
            self._url,
            connect_timeout=math.ceil(self._patience.length.total_seconds()),
            tcp_user_timeout=milliseconds,
            application_name=APPLICATION,
        )
        connection.autocommit = True
        with self._patience.waiting(connection), connection.cursor() as cursor:
            if self._schema is not None:
                cursor.execute(SQL("SET search_path = {}").format(Identifier(self._schema)))
            cursor.execute("SET statement_timeout = %s; SET lock_timeout = %s", (milliseconds, milliseconds))
            # Of rows that were just put there the server has no statistics, and would look through all of them. Without
            # that way it takes a statement for a costly one, and would spend a tenth of a second on compiling it.
            cursor.execute("SET enable_seqscan = off; SET jit = off")
        return connection


def _refusal(err: Exception) -> OnlineStoreError | None:
    """Say what the server or the network refuses."""
    if not isinstance(err, psycopg2.Error):
        return None
    return OnlineStoreError(
        f"the online store in PostgreSQL refused: {first_line(err)}. Look whether the server is up and its URL and "
        "the grants are right"
    )


def _is_store(cursor: Cursor) -> bool:
    cursor.execute("SELECT to_regclass(%s)", (TABLES,))
    return bool(cursor.fetchone() != (None,))


def _chosen(cursor: Cursor, table: str, is_chosen: Chooser) -> list[tuple[str, int]]:
    if not _is_store(cursor):
        return []
    cursor.execute(f"SELECT definition FROM {TABLES} WHERE name = %s", (table,))
    definition = cursor.fetchone()
    cursor.execute(f"SELECT key, known_at, data FROM {ROWS} WHERE name = %s", (table,))
    return list(chosen_rows(None if definition is None else definition[0], cursor.fetchall(), is_chosen))


def _publish(cursor: Cursor, publication: Publication) -> None:
    state = publication.state
    name = state.table.name
    cursor.execute(f"SELECT version FROM {TABLES} WHERE name = %s", (name,))
    there = cursor.fetchone()
    check_onto(publication, None if there is None else there[0])
    if publication.windows is None:
        cursor.execute(f"DELETE FROM {ROWS} WHERE name = %s", (name,))
    for window in publication.windows or ():
        cursor.execute(
            f"DELETE FROM {ROWS} WHERE name = %s AND {_TIME} >= %s AND {_TIME} < %s",
            (name, to_micros(window.start), to_micros(window.end)),
        )
    execute_values(cursor, f"INSERT INTO {ROWS} VALUES %s", rows_of(publication), page_size=ROWS_A_STATEMENT)
    if state.oldest is not None:
        oldest = to_micros(state.oldest)
        cursor.execute(f"DELETE FROM {ROWS} WHERE name = %s AND {_TIME} < %s", (name, oldest))
    if state.kept_from is not None:
        cursor.execute(_THIN, {"name": name, "kept_from": to_micros(state.kept_from)})
    cursor.execute(f"DELETE FROM {TABLES} WHERE name = %s", (name,))
    cursor.execute(f"INSERT INTO {TABLES} VALUES (%s, %s, %s, %s, %s, %s, %s)", state_row(state))


def _key(ask: Ask, definition: str | None) -> str | None:
    """Write the key of an ask; None where it does not fit what the table is taken for."""
    with suppress(ConfigError):
        return None if definition is None else reader_of(definition).key(ask)
    return None


def _answers(asks: Sequence[Ask], look: _Look) -> list[StoredValues | None]:
    answers: list[StoredValues | None] = []
    for place, ask in enumerate(asks):
        reader = reader_of(look.definitions[ask.table])
        check_kept(ask, look.kept_from[ask.table])
        if place in look.newest:
            answers.append(reader.known(ask, *look.newest[place]))
        else:
            reader.key(ask)  # one that does not fit the table is refused
            answers.append(None)
    return answers
