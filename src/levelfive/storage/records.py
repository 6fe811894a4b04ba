"""Records as rows: a frozen dataclass a table, whose fields are the table's columns, by name and type.

A field holds `str`, a `StrEnum`, `int`, `float`, `bool`, `date` or `datetime`, a `tuple` or a `Mapping` of these, or a
`Window`, which is two columns; with `| None`, it may hold none. A table may lack columns, as an earlier levelfive made
it, and have others, as a later one did: a new field needs a default, or may be None.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import pyarrow as pa

from levelfive.core.windows import Window
from levelfive.errors import TableError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_R = TypeVar("_R", bound="DataclassInstance")

_TIME = pa.timestamp("us", tz="UTC")
_TYPES = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    date: pa.date32(),
    datetime: _TIME,
}


RECORDS: dict[str, type[DataclassInstance]] = {}
"""The record of each control table's rows, by the table's logical name."""


def record_of(table: str) -> Callable[[type[_R]], type[_R]]:
    """Say which table's rows a dataclass is the record of."""

    def register(record: type[_R]) -> type[_R]:
        RECORDS[table] = record
        return record

    return register


def check_columns(table: str, there: Collection[str], names: Iterable[str]) -> None:
    """Refuse columns that neither a table nor the record of its rows has, as where one is misspelt.

    Args:
        table: The logical name.
        there: The table's columns; none where there is no table yet.
        names: Columns that are asked for.

    Raises:
        TableError: There is no such column.
    """
    record = RECORDS.get(table)
    columns = {*there, *(() if record is None else arrow_schema(record).names)}
    if columns and (absent := sorted({*names} - columns)):
        raise TableError(
            f"table {table!r} has no column {', '.join(absent)}, it has {', '.join(sorted(columns))}: correct the name"
        )


class _Field(NamedTuple):
    """A field of a record: the type of its values, and whether a row must have one."""

    name: str
    type: Any
    is_optional: bool
    has_default: bool


@cache
def arrow_schema(record: type[DataclassInstance]) -> pa.Schema:
    """Make a table's schema from the class of its records."""
    columns: list[tuple[str, pa.DataType]] = []
    for field in _fields(record):
        names = _ends_of(field.name) if field.type is Window else (field.name,)
        columns += [(name, _TIME if field.type is Window else _arrow_type(field.type)) for name in names]
    return pa.schema(columns)


def to_arrow(records: Sequence[DataclassInstance]) -> pa.Table:
    """Make rows of records, of which there is at least one, and all are of one class."""
    return pa.Table.from_pylist(list(map(_to_row, records)), schema=arrow_schema(type(records[0])))


def from_row(record: type[_R], row: Mapping[str, Any]) -> _R:
    """Read a record from a row; columns that it does not have are passed over.

    Raises:
        TableError: A field has no value, and no default.
    """
    values = {}
    for field in _fields(record):
        value = _value(field, row)
        if value is not None or field.is_optional:
            values[field.name] = value
        elif not field.has_default:
            raise TableError(
                f"a row without `{field.name}` is no {record.__name__}: it was written by another version of "
                "levelfive, or by hand. Run the version that wrote it, or give the row a value"
            )
    return record(**values)


@cache
def _fields(record: type[DataclassInstance]) -> tuple[_Field, ...]:
    hints = get_type_hints(record)
    return tuple(_field(field, hints[field.name]) for field in fields(record))


def _field(field: Field[Any], hint: Any) -> _Field:
    has_default = field.default is not MISSING or field.default_factory is not MISSING
    if NoneType not in get_args(hint):
        return _Field(field.name, hint, False, has_default)
    (kind,) = (argument for argument in get_args(hint) if argument is not NoneType)
    return _Field(field.name, kind, True, has_default)


def _arrow_type(hint: Any) -> pa.DataType:
    if get_origin(hint) is tuple:
        return pa.list_(_arrow_type(get_args(hint)[0]))
    if get_origin(hint) is Mapping:
        return pa.map_(*map(_arrow_type, get_args(hint)))
    return pa.string() if issubclass(hint, StrEnum) else _TYPES[hint]


def _ends_of(window: str) -> tuple[str, str]:
    return f"{window}_start", f"{window}_end"


def _to_row(record: DataclassInstance) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Window):
            row |= zip(_ends_of(field.name), (value.start, value.end), strict=True)
        else:
            row[field.name] = dict(value) if isinstance(value, Mapping) else value
    return row


def _value(field: _Field, row: Mapping[str, Any]) -> Any:
    if field.type is Window:
        start, end = (row.get(name) for name in _ends_of(field.name))
        return None if start is None or end is None else Window(start, end)
    value = row.get(field.name)
    if value is None:
        return None
    if get_origin(field.type) is tuple:
        return tuple(value)
    return field.type(value) if isinstance(field.type, type) and issubclass(field.type, StrEnum) else value
