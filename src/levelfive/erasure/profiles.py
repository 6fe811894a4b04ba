"""Tables of monitoring that name values: counts of categories, one of which may be what a person is called by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from levelfive.erasure.models import category_of
from levelfive.erasure.person import Person
from levelfive.erasure.place import Removal
from levelfive.monitoring.consecutive import DRIFT_CONSECUTIVE, ConsecutiveDrift
from levelfive.monitoring.records import DRIFT, PROFILES, DriftRecord, ProfileRecord
from levelfive.storage.records import from_row
from levelfive.storage.runs import Run

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_TABLES: Mapping[str, type[ProfileRecord | DriftRecord | ConsecutiveDrift]] = {
    PROFILES: ProfileRecord,
    DRIFT: DriftRecord,
    DRIFT_CONSECUTIVE: ConsecutiveDrift,
}
_OF = ("model_name", "window_start", "window_end")
_WindowKey = tuple[str, datetime, datetime]


@dataclass(frozen=True)
class Categories:
    """The rows of `profiles`, `drift` and `drift_consecutive` that name the value by which a person is called.

    A person who is called by several values together is named by no category.

    Args:
        run: Notes what is read and written.
        person: Whose value.
    """

    run: Run
    person: Person
    name: str = "categories in profiles and drift"

    def count(self) -> Removal:
        """Count the rows that name the value."""
        return Removal(
            sum(len(self._naming(table, column, value)) for table, column, value in self._columns_and_values())
        )

    def erase(self) -> Removal:
        """Count the value among the others, and keep no earlier version of a table."""
        count = 0
        for table, column, value in self._columns_and_values():
            naming = self._naming(table, column, value)
            windows = {_window_of(row) for row in naming}
            if naming:
                rows = (row for row in self.run.rows(table) if _window_of(row) in windows)
                records = [_without(table, row, column, value) for row in rows]
                self.run.wrote(self.run.tables.control_tables.replace(table, records, _OF))
            if self.run.tables.exists(table):
                self.run.tables.discard_versions(table)
            count += len(naming)
        return Removal(count)

    def _columns_and_values(self) -> Iterable[tuple[str, str, str]]:
        return [(table, *item) for item in category_of(self.person).items() for table in _TABLES]

    def _naming(self, table: str, column: str, value: str) -> list[dict[str, Any]]:
        return [row for row in self.run.rows(table, where={"column_name": column}) if value in _categories(table, row)]


def _categories(table: str, row: Mapping[str, Any]) -> Iterable[str]:
    if table == PROFILES:
        return row["frequent_items"] or ()
    # A table of an earlier levelfive has no such columns.
    return [*(row.get("new_categories") or ()), *(row.get("vanished_categories") or ())]


def _without(table: str, row: Mapping[str, Any], column: str, value: str) -> DataclassInstance:
    record = from_row(_TABLES[table], row)
    if isinstance(record, ProfileRecord):
        return _without_item(record, column, value)
    return _without_category(record, column, value)


def _without_item(record: ProfileRecord, column: str, value: str) -> ProfileRecord:
    count = record.frequent_items.get(value)
    if record.column_name != column or count is None:
        return record
    others = {name: of for name, of in record.frequent_items.items() if name != value}
    return replace(record, frequent_items=others, rest=(record.rest or 0) + count)


def _without_category(
    record: DriftRecord | ConsecutiveDrift, column: str, value: str
) -> DriftRecord | ConsecutiveDrift:
    if record.column_name != column:
        return record
    new, categories = (
        tuple(one for one in names if one != value) for names in (record.new_categories, record.vanished_categories)
    )
    return replace(record, new_categories=new, vanished_categories=categories)


def _window_of(row: Mapping[str, Any]) -> _WindowKey:
    return row["model_name"], row["window_start"], row["window_end"]
