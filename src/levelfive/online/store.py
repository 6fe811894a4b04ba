"""The online store as a port: what was published of feature tables, and what is known of a key at a time.

In memory times are whole microseconds since 1970 in UTC, dates are whole days since 1970, and decimals are texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from levelfive.core.windows import Window

Value: TypeAlias = str | int | float | bool | bytes | None
"""What a cell holds."""


@dataclass(frozen=True)
class OnlineTable:
    """What a feature table is in the store.

    Args:
        name: The logical name.
        keys: Its key columns, in the order of the `FeatureTable`.
        key_types: Of each: string, long, double, boolean, date, timestamp, decimal or binary.
        columns: The value columns that are kept.
        types: Of each, Spark's simple name, such as double, int, timestamp or decimal(10,2).
        timestamped: Whether its rows have the times at which they became known.
    """

    name: str
    keys: tuple[str, ...]
    key_types: tuple[str, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    timestamped: bool


@dataclass(frozen=True)
class TableState:
    """How far the store holds a table.

    Args:
        table: What the table is.
        version: The version of the feature table that it was published from.
        published_at: The logical time of the publication.
        reaches_to: Where the feature table's windows end: what becomes known then or later is not there yet. None for
            a table without times.
        kept_from: Nothing is known of the table as of an earlier time. None for a table without times.
        oldest: Rows that became known before it are not there: no lookup may use them. None where all are.
    """

    table: OnlineTable
    version: int
    published_at: datetime
    reaches_to: datetime | None = None
    kept_from: datetime | None = None
    oldest: datetime | None = None


@dataclass(frozen=True)
class Row:
    """One row of a publication: key values and values in the order of the table's, and when they became known."""

    key: tuple[Value, ...]
    known_at: int | None
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Publication:
    """What is to be put into the store.

    Args:
        state: What the store's state of the table is then.
        rows: What to put there; each is read once.
        windows: The rows with these times are replaced; None for those of the whole table.
        onto: Where there are windows, the version that they are put onto.
    """

    state: TableState
    rows: Iterable[Row]
    windows: tuple[Window, ...] | None = None
    onto: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What is known of a key at a time?

    Args:
        table: The logical name of the table.
        key: Values in the order of the table's keys; where one is None, nothing is known.
        at: The newest row that was known at this time is meant; None where the table has no times.
        not_before: Rows known earlier are not used; None for no such limit. A row of this very time is.
        columns: Which values to give, in this order; None for those of the table.
    """

    table: str
    key: tuple[Value, ...]
    at: int | None = None
    not_before: int | None = None
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class StoredValues:
    """The values of a row, in the order that was asked for, and when they became known."""

    known_at: int | None
    values: tuple[Value, ...]


Chooser: TypeAlias = Callable[[Mapping[str, Value]], bool]
"""Tells of a row, by the names of its keys and columns, whether it is meant."""


class OnlineStore(Protocol):
    """Holds the rows that lookups ask for."""

    def publish(self, publication: Publication) -> None:
        """Put rows of a table there, all at once: a reader sees all of them, or none.

        Of the rows that became known before the table is `kept_from`, the newest of each key stays, unless it is older
        than the `oldest`. A publication that is repeated changes nothing.

        Raises:
            OnlineStoreConflict: Windows would be put onto another version of the table than is there.
            OnlineStoreError: The store cannot be reached, or refused.
        """
        ...

    def states(self) -> Mapping[str, TableState]:
        """Tell what is there of each table, by its logical name; nothing where nothing was published.

        Raises:
            OnlineStoreError: The store cannot be reached, or refused.
        """
        ...

    def read(self, asks: Sequence[Ask]) -> list[StoredValues | None]:
        """Answer asks from one state of the store, in their order; None where nothing is known.

        Raises:
            NotKept: One asks for a time before the table is `kept_from`.
            OnlineStoreError: A table or column was not published, or the store cannot be reached, or refused.
        """
        ...

    def count(self, table: str, is_chosen: Chooser) -> int:
        """Count the rows of a table that are chosen; all of them are looked at.

        Raises:
            OnlineStoreError: The store cannot be reached, or refused.
        """
        ...

    def erase(self, table: str, is_chosen: Chooser) -> int:
        """Delete the rows of a table that are chosen, all at once, and what the store keeps of rows that are deleted.

        The table's state stays: what is published later is put onto the same version.

        Returns:
            How many rows were deleted.

        Raises:
            OnlineStoreError: The store cannot be reached, or refused; where rows were deleted by then, another call
                removes what is kept of them.
        """
        ...

    def close(self) -> None:
        """Let go of the store; no call may follow."""
        ...
