"""Schemas of control tables as Arrow knows them, read without Spark."""

import re

import pyarrow as pa

_PLAIN = {
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "double": pa.float64(),
    "long": pa.int64(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
_BETWEEN_COLUMNS = re.compile(r",(?![^<]*>)")


def arrow_schema(schema: str) -> pa.Schema:
    """Read a schema as Spark writes it: columns of plain types, arrays and maps of these."""
    columns = (column.split(maxsplit=1) for column in _BETWEEN_COLUMNS.split(schema))
    return pa.schema([(name, _type(kind.strip())) for name, kind in columns])


def _type(kind: str) -> pa.DataType:
    outer, _, inner = kind.removesuffix(">").partition("<")
    if not inner:
        return _PLAIN[outer]
    parts = [_PLAIN[part.strip()] for part in inner.split(",")]
    if outer == "map":
        return pa.map_(*parts)
    assert outer == "array", f"no control table has a column of {kind}"
    return pa.list_(*parts)
