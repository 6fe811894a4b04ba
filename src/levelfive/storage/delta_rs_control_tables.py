"""A laptop's control tables: Delta tables read and written by delta-rs, in hundredths of a second."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError
from pyarrow.compute import Expression, field
from pyarrow.dataset import dataset
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from levelfive.errors import TableConflict, TableError, translating
from levelfive.storage.commits import APPENDS, Write, is_committed
from levelfive.storage.conflicts import overtaken, refused
from levelfive.storage.control_tables import Between, Where, columns_to_read, is_several, times_of
from levelfive.storage.records import check_columns, to_arrow

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_ATTEMPTS = 10
_MILLISECOND = timedelta(milliseconds=1)
# Tried again by delta-rs itself, a write that rests on a look would no longer rest on it.
_ONCE = CommitProperties(max_commit_retries=0)


class DeltaRsControlTables:
    """Control tables in a folder of the local disk.

    Args:
        folder: Of a table, from its logical name.
    """

    def __init__(self, folder: Callable[[str], Path]) -> None:
        """Serve the tables of a folder."""
        self._folder = folder

    def rows(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        between: Between | None = None,
    ) -> list[dict[str, Any]]:
        """Read rows; see `ControlTables`."""
        names, folder = columns_to_read(columns, where, between), self._folder(table)
        if not is_committed(folder):
            check_columns(table, (), names)
            return []
        there = DeltaTable(folder)
        check_columns(table, [field.name for field in there.schema().fields], names)
        return _read(folder, there, columns, where=where or {}, between=between or {})

    def add(self, table: str, records: Sequence[DataclassInstance], keys: Sequence[str] = ()) -> Write:
        """Add records; see `ControlTables`."""
        data, path = to_arrow(records), self._folder(table)
        for _ in range(_ATTEMPTS):
            with suppress(TableConflict):
                if not is_committed(path):
                    with _refusals(table):
                        write_deltalake(path, data, mode="error", commit_properties=_ONCE)
                    return Write(table, 0, data.num_rows)
                return _append(table, DeltaTable(path), path, data, keys=keys)
        raise overtaken(table)

    def replace(self, table: str, records: Sequence[DataclassInstance], of: Sequence[str]) -> Write:
        """Replace rows; see `ControlTables`."""
        data, path = to_arrow(records), self._folder(table)
        if not is_committed(path):
            return self.add(table, records)
        same = " OR ".join(dict.fromkeys(f"({_equals(row)})" for row in data.select(list(of)).to_pylist()))
        there = DeltaTable(path)
        return _write(table, there, data, mode="overwrite", predicate=same)

    def remove(self, table: str, where: Where) -> Write | None:
        """Remove rows; see `ControlTables`."""
        if not self.rows(table, columns=tuple(where), where=where):
            return None
        there = DeltaTable(self._folder(table))
        nothing = pa.schema(there.schema().to_arrow()).empty_table()
        return _write(table, there, nothing, mode="overwrite", predicate=_equals(where))


def _append(table: str, there: DeltaTable, folder: Path, data: pa.Table, *, keys: Sequence[str]) -> Write:
    if not keys:
        again = CommitProperties(max_commit_retries=_ATTEMPTS)
        return _write(table, there, data, mode="append", commit_properties=again)
    fresh = _without(data, _read(folder, there, keys, where={}, between=times_of(data, keys)), keys)
    if not fresh.num_rows:
        return Write(table, there.version(), 0)
    # The look and the write rest on one version.
    look = CommitProperties(app_transactions=[Transaction(APPENDS, there.version() + 1)], max_commit_retries=0)
    return _write(table, there, fresh, mode="append", commit_properties=look)


def _write(table: str, there: DeltaTable, data: pa.Table, **how: Any) -> Write:
    with _refusals(table):
        # Of a column that is there, delta-rs would cast what is of another type.
        pa.unify_schemas([pa.schema(there.schema().to_arrow()), data.schema])
        write_deltalake(there, data, schema_mode="merge", **how)
    return Write(table, there.version(), data.num_rows)


def _read(
    folder: Path, table: DeltaTable, columns: Sequence[str] | None, *, where: Where, between: Between
) -> list[dict[str, Any]]:
    # Of Arrow itself: with a file system in Python, its threads end the process by a fault.
    local = SubTreeFileSystem(str(folder), LocalFileSystem())
    if table.protocol().min_reader_version > 1:
        # Files are read as they lie by the first version of the protocol alone; delta-rs knows what it can of others.
        files = table.to_pyarrow_dataset(filesystem=local)
    else:
        schema = pa.schema(table.schema().to_arrow())
        files = dataset(_files(table, where, between), schema=schema, format="parquet", filesystem=local)
    names = files.schema.names
    if not {*where, *between} <= set(names):
        return []
    chosen_columns = [name for name in columns or names if name in names]
    rows = files.to_table(columns=chosen_columns, filter=_filter(files.schema, where, between))
    nothing = dict.fromkeys(columns or ())
    return [{**nothing, **row} for row in rows.to_pylist(maps_as_pydicts="strict")]


def _filter(schema: pa.Schema, where: Where, between: Between) -> Expression | None:
    conditions = [
        field(name).isin(pa.array(list(value), schema.field(name).type)) if is_several(value) else field(name) == value
        for name, value in where.items()
    ]
    for name, (least, greatest) in between.items():
        conditions += [] if least is None else [field(name) >= least]
        conditions += [] if greatest is None else [field(name) <= greatest]
    return reduce(and_, conditions) if conditions else None


def _files(table: DeltaTable, where: Where, between: Between) -> list[str]:
    """List the files that may hold such rows: to open one takes a millisecond, its statistics are in the log."""
    files = pa.table(table.get_add_actions(flatten=True))
    is_read = pa.array([True] * files.num_rows, pa.bool_())
    for name, (least, greatest) in between.items():
        for end, value, holds in (("max", least, pc.greater_equal), ("min", greatest, pc.less_equal)):
            statistic = f"{end}.{name}"
            if value is not None and statistic in files.column_names:
                may = holds(files[statistic], _beyond(value, end))
                is_read = pc.and_(is_read, pc.fill_null(may, True))
    for name, value in where.items():
        values = list(value) if is_several(value) else [value]
        if None not in values and {f"min.{name}", f"max.{name}"} <= set(files.column_names):
            ends = zip(files[f"min.{name}"].to_pylist(), files[f"max.{name}"].to_pylist(), strict=True)
            is_read = pc.and_(is_read, pa.array(_may_hold(sorted(values), ends), pa.bool_()))
    paths: list[str] = files.filter(is_read)["path"].to_pylist()
    return paths


def _may_hold(values: Sequence[Any], ends: Iterable[tuple[Any, Any]]) -> list[bool]:
    """Tell of each file, by its least and greatest value, whether one of some sorted values may be in it."""
    answers = []
    for least, greatest in ends:
        has_ends = least is not None and greatest is not None
        place = bisect_left(values, _beyond(least, "max")) if has_ends else 0
        answers.append(not has_ends or (place < len(values) and values[place] <= _beyond(greatest, "min")))
    return answers


def _beyond(value: Any, end: str) -> Any:
    """Allow a time what statistics, which Delta writes in milliseconds, may have cut off: to compare it with an end."""
    if not isinstance(value, datetime):
        return value
    return value - _MILLISECOND if end == "max" else value + _MILLISECOND


def _without(data: pa.Table, there: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> pa.Table:
    keys_there = {tuple(row[key] for key in keys) for row in there}
    return data.filter(
        pa.array([tuple(row[key] for key in keys) not in keys_there for row in data.select(keys).to_pylist()])
    )


def _equals(row: Mapping[str, object]) -> str:
    return " AND ".join(f'"{column}" = {_literal(value)}' for column, value in row.items())


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        moment = f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        return f"arrow_cast('{moment}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    text = str(value).replace("'", "''")
    return f"'{text}'"


def _refusals(table: str) -> translating:
    """Turn the refusals of delta-rs into our errors."""
    return translating(partial(_refusal, table))


def _refusal(table: str, err: Exception) -> TableError | None:
    if isinstance(err, CommitFailedError | FileExistsError):
        return overtaken(table)
    if isinstance(err, DeltaError) and "already exists" in str(err):
        return overtaken(table)
    is_of_rows = isinstance(err, DeltaError | SchemaMismatchError | pa.ArrowInvalid | pa.ArrowTypeError)
    return refused(table, err) if is_of_rows else None
