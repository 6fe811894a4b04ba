"""A laptop's ledgers: Delta tables read and written by delta-rs, in hundredths of a second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from levelfive.commits import APPENDS, Write, is_committed
from levelfive.conflicts import overtaken, refused
from levelfive.errors import TableConflict
from levelfive.ledgers import Cells

_ATTEMPTS = 10
# Tried again by delta-rs itself, a write that rests on a look would no longer rest on it.
_ONCE = CommitProperties(max_commit_retries=0)


class LocalLedgers:
    """Ledgers in a folder of the local disk.

    Args:
        folder: Of a table, from its logical name.
        arrow_schema: From a schema as Spark writes it to one of Arrow.
    """

    def __init__(self, folder: Callable[[str], Path], arrow_schema: Callable[[str], pa.Schema]) -> None:
        """Serve the tables of a folder."""
        self._folder = folder
        self._arrow_schema = arrow_schema

    def rows(
        self, table: str, *, columns: Sequence[str] | None = None, where: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        """Read rows; see `Ledgers`."""
        if not is_committed(self._folder(table)):
            return []
        return _read(self._folder(table), DeltaTable(self._folder(table)), columns, where)

    def add(self, table: str, schema: str, rows: Sequence[Cells], keys: Sequence[str] = ()) -> Write:
        """Add rows; see `Ledgers`."""
        data, path = self._data(schema, rows), self._folder(table)
        for _ in range(_ATTEMPTS):
            with suppress(TableConflict):
                if not is_committed(path):
                    with _refusals(table):
                        write_deltalake(path, data, mode="error", commit_properties=_ONCE)
                    return Write(table, 0, data.num_rows)
                return _append(table, DeltaTable(path), path, data, keys)
        raise overtaken(table)

    def replace(self, table: str, schema: str, rows: Sequence[Cells], of: Sequence[str]) -> Write:
        """Replace rows; see `Ledgers`."""
        data, path = self._data(schema, rows), self._folder(table)
        if not is_committed(path):
            return self.add(table, schema, rows)
        same = " OR ".join(dict.fromkeys(f"({_equals(row)})" for row in data.select(list(of)).to_pylist()))
        seen = DeltaTable(path)
        with _refusals(table):
            write_deltalake(seen, data, mode="overwrite", predicate=same)
        return Write(table, seen.version(), data.num_rows)

    def _data(self, schema: str, rows: Sequence[Cells]) -> pa.Table:
        arrow = self._arrow_schema(schema)
        return pa.Table.from_pylist([dict(zip(arrow.names, row, strict=True)) for row in rows], schema=arrow)


def _append(table: str, seen: DeltaTable, folder: Path, data: pa.Table, keys: Sequence[str]) -> Write:
    if not keys:
        with _refusals(table):
            write_deltalake(seen, data, mode="append", commit_properties=CommitProperties(max_commit_retries=_ATTEMPTS))
        return Write(table, seen.version(), data.num_rows)
    fresh = _without(data, _read(folder, seen, keys, None), keys)
    if fresh.num_rows:
        # The look and the write rest on one version.
        look = CommitProperties(app_transactions=[Transaction(APPENDS, seen.version() + 1)], max_commit_retries=0)
        with _refusals(table):
            write_deltalake(seen, fresh, mode="append", commit_properties=look)
    return Write(table, seen.version(), fresh.num_rows)


def _read(
    folder: Path, table: DeltaTable, columns: Sequence[str] | None, where: Mapping[str, object] | None
) -> list[dict[str, Any]]:
    wanted = None if columns is None else list(columns)
    filters = [(name, "=", value) for name, value in (where or {}).items()] or None
    # Of Arrow itself: with a file system in Python, its threads end the process by a fault.
    local = SubTreeFileSystem(str(folder), LocalFileSystem())
    found = table.to_pyarrow_table(columns=wanted, filters=filters, filesystem=local)
    return list(found.to_pylist(maps_as_pydicts="strict"))


def _without(data: pa.Table, there: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> pa.Table:
    taken = {tuple(row[key] for key in keys) for row in there}
    return data.filter(
        pa.array([tuple(row[key] for key in keys) not in taken for row in data.select(keys).to_pylist()])
    )


def _equals(row: Mapping[str, object]) -> str:
    return " AND ".join(f'"{column}" = {_literal(value)}' for column, value in row.items())


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        moment = f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        return f"arrow_cast('{moment}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    escaped = str(value).replace("'", "''")
    return f"'{escaped}'"


class _refusals:
    """Turns the refusals of delta-rs into our errors."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, err: BaseException | None, __: object) -> None:
        if isinstance(err, CommitFailedError | FileExistsError):
            raise overtaken(self._table) from err
        if isinstance(err, DeltaError) and "already exists" in str(err):
            raise overtaken(self._table) from err
        if isinstance(err, DeltaError | SchemaMismatchError | pa.ArrowInvalid):
            raise refused(self._table, err) from err
