"""How engines of SQL hold the store: two tables, and what a row of them means. Another layout gets other names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import TypeAlias

from levelfive.core.windows import from_micros, to_micros
from levelfive.errors import ConfigError, NotKept, OnlineStoreConflict, OnlineStoreError
from levelfive.online.encoding import codec, key_text, table_of, table_text
from levelfive.online.store import Ask, Chooser, OnlineTable, Publication, StoredValues, TableState, Value

TABLES = "levelfive_online_tables_v1"
ROWS = "levelfive_online_rows_v1"
PUBLISH = "run `levelfive features publish --as-of TIME`"
_FIRST, _LAST = -(2**63), 2**63 - 1
UNTIMED = 0
"""Stands for the time of a row of a table without times."""

Picker: TypeAlias = Callable[[tuple[Value, ...]], tuple[Value, ...]]
StateRow = tuple[str, str, int, int, int | None, int | None, int | None]
"""A row of `TABLES`: name, definition, version, and in microseconds published_at, reaches_to, kept_from, oldest."""


def state_row(state: TableState) -> StateRow:
    """Write a state as a row of `TABLES`."""
    times = (_micros(state.reaches_to), _micros(state.kept_from), _micros(state.oldest))
    return (state.table.name, table_text(state.table), state.version, to_micros(state.published_at), *times)


def state_of(row: StateRow) -> TableState:
    """Read a row of `TABLES`."""
    _, text, version, *times = row
    published_at, *others = (from_micros(time) for time in times)
    assert published_at is not None
    return TableState(table_of(text), version, published_at, *others)


def rows_of(publication: Publication) -> Iterator[tuple[str, str, int, bytes]]:
    """Write the rows of a publication as rows of `ROWS`: table, key, time, values.

    Raises:
        ConfigError: A value does not fit its column.
    """
    table = publication.state.table
    encode = codec(table.types).encode
    for row in publication.rows:
        known_at = row.known_at if table.timestamped else UNTIMED
        if known_at is None:
            raise ConfigError(f"table {table.name!r} has times, got a row without; give each row its known_at")
        yield table.name, key_text(row.key, table.key_types), known_at, encode(row.values)


def check_onto(publication: Publication, there: int | None) -> None:
    """Refuse windows that would be put onto another version than is there; their own has them already, and may.

    Raises:
        OnlineStoreConflict: Another version is there.
    """
    state = publication.state
    if publication.windows is not None and there not in (publication.onto, state.version):
        raise OnlineStoreConflict(
            f"online table {state.table.name!r}: expected version {publication.onto}, found {there}: another "
            "publication came first. Publish again"
        )


class TableReader:
    """Reads the rows of a table.

    Args:
        table: What the table is.
    """

    def __init__(self, table: OnlineTable) -> None:
        """Prepare for the table's columns."""
        self._table = table
        self._codec = codec(table.types)
        self._pickers: dict[tuple[str, ...], Picker] = {}

    def key(self, ask: Ask) -> str | None:
        """Write the key of an ask; None where a value is missing, so that nothing is known.

        Raises:
            ConfigError: The key does not fit the table, or the ask lacks its time.
        """
        if self._table.timestamped and ask.at is None:
            raise ConfigError(f"table {ask.table!r} has times; ask for what is known at one")
        return None if None in ask.key else key_text(ask.key, self._table.key_types)

    def known(self, ask: Ask, known_at: int, data: bytes) -> StoredValues:
        """Read a row of `ROWS` that answers an ask.

        Raises:
            OnlineStoreError: A column was not published.
        """
        values = self._codec.decode(data)
        if ask.columns is not None:
            values = self._picker(ask.columns)(values)
        return StoredValues(known_at if self._table.timestamped else None, values)

    def fields(self, key: str, data: bytes) -> dict[str, Value]:
        """Read the keys and the columns of a row of `ROWS`, by their names."""
        kinds = zip(json.loads(key), self._table.key_types, strict=True)
        keys = (bytes.fromhex(part) if kind == "binary" else part for part, kind in kinds)
        columns = zip(self._table.columns, self._codec.decode(data), strict=True)
        return {**dict(columns), **dict(zip(self._table.keys, keys, strict=True))}

    def _picker(self, columns: tuple[str, ...]) -> Picker:
        """Make what takes some columns of a row, in their order, once."""
        if columns not in self._pickers:
            for name in columns:
                if name not in self._table.columns:
                    raise OnlineStoreError(
                        f"table {self._table.name!r} of the online store has no column {name!r}, it has "
                        f"{', '.join(self._table.columns)}: {PUBLISH}"
                    )
            self._pickers[columns] = _picker(tuple(map(self._table.columns.index, columns)))
        return self._pickers[columns]


def _picker(places: tuple[int, ...]) -> Picker:
    # Of a single place it would give the value, and of none it cannot be made.
    return itemgetter(*places) if len(places) > 1 else lambda values: tuple(values[place] for place in places)


@lru_cache(maxsize=1024)
def reader_of(text: str) -> TableReader:
    """Make the reader of a table from the text that `TABLES` has of it, once."""
    return TableReader(table_of(text))


def chosen_rows(
    definition: str | None, rows: Iterable[tuple[str, int, bytes]], is_chosen: Chooser
) -> Iterator[tuple[str, int]]:
    """List the key and time of each row of `ROWS` that is chosen; nothing of a table that was not published."""
    if definition is None:
        return
    reader = reader_of(definition)
    for key, known_at, data in rows:
        if is_chosen(reader.fields(key, bytes(data))):
            yield key, known_at


def check_kept(ask: Ask, kept_from: int | None) -> None:
    """Refuse to answer as of a time before a table is kept, in microseconds.

    Raises:
        NotKept: The ask is for such a time.
    """
    if kept_from is not None and ask.at is not None and ask.at < kept_from:
        since, at = (from_micros(time) for time in (kept_from, ask.at))
        raise NotKept(f"{ask.table} is kept since {since}, got {at}; ask for a later time")


def times_between(ask: Ask) -> tuple[int, int]:
    """Tell the first and the last time, in microseconds, of the rows that may answer an ask."""
    return (_FIRST if ask.not_before is None else ask.not_before, _LAST if ask.at is None else ask.at)


def absent(table: str, there: Iterable[str]) -> OnlineStoreError:
    """Build the error of a table that was not published."""
    return OnlineStoreError(
        f"table {table!r} is not in the online store, which holds {', '.join(sorted(there)) or 'nothing'}: {PUBLISH}"
    )


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)
