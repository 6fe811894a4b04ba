"""The online store without a person's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta

from levelfive.core.windows import from_micros, iso
from levelfive.erasure.person import Person
from levelfive.erasure.place import Removal
from levelfive.online.store import OnlineStore, OnlineTable, Value
from levelfive.usecase.features import Lookup

_FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
class OnlineRows:
    """The rows of all tables that were published.

    Args:
        store: The online store.
        person: Whose rows.
        lock: Keeps publications away, where that can be done.
        lookups: Of the use case's model, by which it reads the tables.
    """

    store: OnlineStore
    person: Person
    lock: Callable[[], AbstractContextManager[None]]
    lookups: tuple[Lookup, ...] = ()
    name: str = "online store"

    def count(self) -> Removal:
        """Count the rows that are theirs."""
        return Removal(sum(self.store.count(name, rows) for name, rows in self._choosers().items()))

    def erase(self) -> Removal:
        """Delete the rows, and what the store keeps of rows that are deleted."""
        with self.lock():
            return Removal(sum(self.store.erase(name, rows) for name, rows in self._choosers().items()))

    def _choosers(self) -> dict[str, Callable[[Mapping[str, Value]], bool]]:
        tables = {name: state.table for name, state in self.store.states().items()}
        persons = {name: self.person.in_table(name, self.lookups) for name in tables}
        return {
            name: _chooser(table, persons[name])
            for name, table in tables.items()
            if persons[name].ways((*table.keys, *table.columns))
        }


def _chooser(table: OnlineTable, person: Person) -> Callable[[Mapping[str, Value]], bool]:
    kinds = dict(zip((*table.columns, *table.keys), (*table.types, *table.key_types), strict=True))

    def is_theirs(fields: Mapping[str, Value]) -> bool:
        return person.has({name: file_text_of(value, kinds[name]) for name, value in fields.items()})

    return is_theirs


def file_text_of(value: Value, kind: str) -> str | None:
    """Write a value of the store as a file writes one of its kind."""
    match kind, value:
        case _, None:
            return None
        case "date", int():
            return (_FIRST_DAY + timedelta(days=value)).isoformat()
        case "timestamp", int():
            moment = from_micros(value)
            return None if moment is None else iso(moment)
        case "boolean", bool():
            return "true" if value else "false"
        case _, bytes():
            return value.hex()
    return str(value)
