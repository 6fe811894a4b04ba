"""ControlTables in memory: Arrow tables, so that cells come back with the types that Delta gives them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from in_memory.schemas import arrow_schema
from levelfive.errors import TableError
from levelfive.storage.commits import Write
from levelfive.storage.control_tables import Between, Cells, Where, is_several


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
        if table not in self._tables:
            return []
        found, wanted = self._tables[table], (where or {}).items()
        rows = found.to_pylist(maps_as_pydicts="strict")
        chosen = [
            row
            for row in rows
            if all(row[name] in value if is_several(value) else row[name] == value for name, value in wanted)
            and all(_lies(row[name], *ends) for name, ends in (between or {}).items())
        ]
        self.rows_read[table] = self.rows_read.get(table, 0) + len(chosen)
        return [{name: row[name] for name in columns or found.column_names} for row in chosen]

    def add(self, table: str, schema: str, rows: Sequence[Cells], keys: Sequence[str] = ()) -> Write:
        data = _data(schema, rows)
        with self._lock:
            there = self._tables.get(table)
            if there is None or not keys:
                return self._commit(table, [there, data], added=data)
            fresh = _without(data, there, keys)
            if fresh.num_rows == 0:
                return Write(table, self._versions[table], 0)
            return self._commit(table, [there, fresh], added=fresh)

    def replace(self, table: str, schema: str, rows: Sequence[Cells], of: Sequence[str]) -> Write:
        data = _data(schema, rows)
        with self._lock:
            there = self._tables.get(table)
            kept = None if there is None else _without(there, data, of)
            return self._commit(table, [kept, data], added=data)

    def _commit(self, table: str, parts: Sequence[pa.Table | None], *, added: pa.Table) -> Write:
        there, *others = (part for part in parts if part is not None)
        whole = pa.concat_tables([there, *(_fitted(table, part, there.schema) for part in others)])
        self._tables[table] = whole
        self._versions[table] = self._versions.get(table, -1) + 1
        return Write(table, self._versions[table], added.num_rows)


def _lies(value: Any, least: Any, greatest: Any) -> bool:
    return value is not None and (least is None or value >= least) and (greatest is None or value <= greatest)


def _data(schema: str, rows: Sequence[Cells]) -> pa.Table:
    arrow = arrow_schema(schema)
    return pa.Table.from_pylist([dict(zip(arrow.names, row, strict=True)) for row in rows], schema=arrow)


def _without(rows: pa.Table, others: pa.Table, names: Sequence[str]) -> pa.Table:
    """Leave out the rows that agree with one of the others in some columns."""
    taken = {tuple(row.values()) for row in others.select(list(names)).to_pylist()}
    kept = [tuple(row.values()) not in taken for row in rows.select(list(names)).to_pylist()]
    return rows.filter(pa.array(kept, pa.bool_()))


def _fitted(table: str, rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Put the columns in a table's order; rows that have others, or of other types, are refused."""
    if sorted(map(str, rows.schema)) != sorted(map(str, schema)):
        raise TableError(f"table {table!r} refused the rows: it has {schema.names}, they have {rows.schema.names}")
    return rows.select(schema.names)
