"""ControlTables in memory: Arrow tables, so that cells come back with the types that Delta gives them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from levelfive.errors import TableError
from levelfive.storage.commits import Write
from levelfive.storage.control_tables import Between, Where, columns_to_read, is_several
from levelfive.storage.records import check_columns, to_arrow

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class MemoryControlTables:
    """All of `ControlTables`; a table's versions are counted from 0, as Delta counts them."""

    def __init__(self) -> None:
        self._tables: dict[str, pa.Table] = {}
        self._versions: dict[str, int] = {}
        self.rows_read: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def versions(self) -> Mapping[str, int]:
        """The newest version of each table."""
        return self._versions

    def rows(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        between: Between | None = None,
    ) -> list[dict[str, Any]]:
        names = columns_to_read(columns, where, between)
        check_columns(table, self._tables[table].column_names if table in self._tables else (), names)
        if table not in self._tables:
            return []
        found, wanted = self._tables[table], (where or {}).items()
        rows = found.to_pylist(maps_as_pydicts="strict")
        chosen = [
            row
            for row in rows
            if all(_has(row.get(name), value) for name, value in wanted)
            and all(_lies(row.get(name), *ends) for name, ends in (between or {}).items())
        ]
        self.rows_read[table] = self.rows_read.get(table, 0) + len(chosen)
        return [{name: row.get(name) for name in columns or found.column_names} for row in chosen]

    def add(self, table: str, records: Sequence[DataclassInstance], keys: Sequence[str] = ()) -> Write:
        data = to_arrow(records)
        with self._lock:
            there = self._tables.get(table)
            if there is None or not keys:
                return self._commit(table, [there, data], added=data)
            fresh = _without(data, there, keys)
            if fresh.num_rows == 0:
                return Write(table, self._versions[table], 0)
            return self._commit(table, [there, fresh], added=fresh)

    def replace(self, table: str, records: Sequence[DataclassInstance], of: Sequence[str]) -> Write:
        data = to_arrow(records)
        with self._lock:
            there = self._tables.get(table)
            kept = None if there is None else _without(there, data, of)
            return self._commit(table, [kept, data], added=data)

    def remove(self, table: str, where: Where) -> Write | None:
        if not self.rows(table, columns=tuple(where), where=where):
            return None
        with self._lock:
            there = self._tables[table]
            kept = [not all(_has(row[name], value) for name, value in where.items()) for row in there.to_pylist()]
            return self._commit(table, [there.filter(pa.array(kept, pa.bool_()))], added=there.slice(0, 0))

    def _commit(self, table: str, parts: Sequence[pa.Table | None], *, added: pa.Table) -> Write:
        try:
            whole = pa.concat_tables([part for part in parts if part is not None], promote_options="default")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as err:
            raise TableError(f"table {table!r} refused the rows: {err}") from err
        self._tables[table] = whole
        self._versions[table] = self._versions.get(table, -1) + 1
        return Write(table, self._versions[table], added.num_rows)


def _has(value: Any, asked_for: object) -> bool:
    return value is not None and (value in asked_for if is_several(asked_for) else value == asked_for)


def _lies(value: Any, least: Any, greatest: Any) -> bool:
    return value is not None and (least is None or value >= least) and (greatest is None or value <= greatest)


def _without(rows: pa.Table, others: pa.Table, names: Sequence[str]) -> pa.Table:
    """Leave out the rows that agree with one of the others in some columns."""
    taken = {tuple(row.values()) for row in others.select(list(names)).to_pylist()}
    kept = [tuple(row.values()) not in taken for row in rows.select(list(names)).to_pylist()]
    return rows.filter(pa.array(kept, pa.bool_()))
