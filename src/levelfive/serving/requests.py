"""What a request has to be: JSON, checked field by field against what a version and its tables ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from levelfive.core.texts import repeated
from levelfive.errors import ConfigError, RequestError
from levelfive.models.card import ModelCard
from levelfive.usecase.columns import PREDICTION_TIME

MANY = "requests"
MAX_ROWS = 1000
NUMBER, CATEGORY, SCALAR, DECIMAL = "number", "category", "scalar", "decimal"
# Trees read numbers of 32 bits; JSON knows no infinite ones.
_LARGEST = float(np.finfo(np.float32).max)
_Number = Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
# Up to here, each whole number is a float of its own: 7.0 is 7, as clients write it whose numbers are all floats.
_EXACT = 2**53
LONG = "long"
_TYPES: dict[str, Any] = {
    NUMBER: _Number | bool,
    CATEGORY: str | int | float | bool,
    SCALAR: str | int | float | bool,
    "string": str,
    LONG: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | float,
    "double": float,
    "boolean": bool,
    "date": date,
    "timestamp": Annotated[datetime, Meta(tz=True)],
    DECIMAL: Decimal,
    "binary": bytes,
}
_WANTED = {
    NUMBER: "a number",
    CATEGORY: "a text, a number or a boolean",
    SCALAR: "a text, a number or a boolean",
    "string": "a text",
    LONG: "a whole number of 64 bits",
    "double": "a number",
    "boolean": "a boolean",
    "date": "a day such as 2013-05-01",
    "timestamp": "a time with its offset, such as 2013-05-01T12:00:00Z",
    DECIMAL: "a number, or the text of one",
    "binary": "bytes in base64",
}
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_NAME, _ESCAPE = MANY.encode(), b"\\"  # a name may be written with escapes
_BEGINS_MANY = re.compile(rb'\s*\{\s*"requests"\s*:')
# What ends a name; in a text it has a backslash, so that as many names are there at most.
_NAMES_END = re.compile(rb'"\s*:')
_ABSENT = re.compile(r"Object missing required field `(.*)`")


@dataclass(frozen=True)
class Column:
    """A field of a request.

    Args:
        name: The column of the spine.
        kind: `number`, `category`, `scalar`, or the type of the key of a feature table that it is compared with.
        is_required: Whether it has to be there.
        takes_null: Whether it may be missing, as null.
    """

    name: str
    kind: str
    is_required: bool = True
    takes_null: bool = True

    @property
    def wanted(self) -> str:
        """What it has to be, in words."""
        return _WANTED[self.kind] + (" or null" if self.takes_null else "")

    @property
    def field(self) -> tuple[Any, ...]:
        """Its type, and its default where it has one."""
        kind = _TYPES[self.kind] | None if self.takes_null else _TYPES[self.kind]
        return (kind,) if self.is_required else (kind | msgspec.UnsetType, msgspec.UNSET)


def columns_of(card: ModelCard, key_types: Mapping[str, str]) -> tuple[Column, ...]:
    """List the fields of a request, the prediction time first.

    Args:
        card: Of the version that answers.
        key_types: For each spine column that a lookup compares, the type of the table's key.

    Raises:
        ConfigError: The version does not tell the use case's key.
    """
    if not card.key:
        raise ConfigError("the version tells no key of its use case: train again by this levelfive to serve it")
    looked_up = {name for lookup in card.lookups for name in lookup.features}
    features = [name for name in card.features if name not in looked_up]
    columns = {PREDICTION_TIME: Column(PREDICTION_TIME, "timestamp", takes_null=False)}
    for name in (*card.key, *key_types, *features, *card.slices):
        kind = SCALAR
        if name in key_types:
            kind = key_types[name]
        elif name in features:
            kind = CATEGORY if name in card.categorical else NUMBER
        is_required = name in card.key or name in key_types or name in features
        columns.setdefault(name, Column(name, kind, is_required, takes_null=name not in card.key))
    return tuple(sorted(columns.values(), key=lambda column: not column.is_required))


class _Parts(msgspec.Struct):
    """Whether a body holds many rows."""

    requests: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class RequestSchema:
    """Reads the bodies of requests: an object with the field `requests` asks for many rows, wherever it stands.

    Args:
        columns: The fields of a request; required ones come first.
        max_rows: How many rows one request may ask for.

    Raises:
        ConfigError: A column has the name that holds the rows of a request.
    """

    def __init__(self, columns: Sequence[Column], max_rows: int = MAX_ROWS) -> None:
        """Build the parsers."""
        if MANY in (column.name for column in columns):
            raise ConfigError(f"a column named {MANY!r} cannot be served: rename it")
        self.columns = tuple(columns)
        self.names = tuple(column.name for column in columns)
        self._by_name = {column.name: column for column in columns}
        fields = [(f"f{i}", *column.field) for i, column in enumerate(columns)]
        field_names = {f"f{i}": column.name for i, column in enumerate(columns)}
        self.row_type = msgspec.defstruct("Row", fields, rename=field_names, frozen=True, gc=False)
        rows = Annotated[list[self.row_type], Meta(min_length=1, max_length=max_rows)]  # type: ignore[name-defined]  # it is made above
        self.many_type = msgspec.defstruct("Rows", [(MANY, rows)], frozen=True, gc=False)
        self._one, self._many = msgspec.json.Decoder(self.row_type), msgspec.json.Decoder(self.many_type)
        self._max_rows = max_rows
        self._longs = [i for i, column in enumerate(columns) if column.kind == LONG]

    def read(self, body: bytes) -> tuple[list[tuple[Any, ...]], bool]:
        """Read one row or many.

        Returns:
            The values of each row in the order of the columns, and whether the body held a list of rows.

        Raises:
            RequestError: It is no JSON, not what the columns ask for, or names a field twice.
        """
        try:
            is_many = _is_many(body)
            decoded = getattr(self._many.decode(body), MANY) if is_many else [self._one.decode(body)]
            rows = [msgspec.structs.astuple(row) for row in decoded]
            fields = sum(len(self.names) - row.count(msgspec.UNSET) for row in rows)
            if len(_NAMES_END.findall(body)) > fields + is_many:  # a name is there twice, or is of no column
                _check_names(body)
            return [self._whole(row, f"{MANY}[{i}]." if is_many else "") for i, row in enumerate(rows)], is_many
        except msgspec.ValidationError as err:
            raise self._refusal(str(err)) from err
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
            why = str(err).removeprefix("JSON is malformed: ") if isinstance(err, msgspec.DecodeError) else "its text"
            raise RequestError(f"the body is no JSON: look at {why}", status=400) from err

    def _whole(self, row: tuple[Any, ...], place: str = "") -> tuple[Any, ...]:
        """Let whole numbers be ints, however they were written, and what is not there missing."""
        if msgspec.UNSET in row:
            row = tuple(None if value is msgspec.UNSET else value for value in row)
        for i in self._longs:
            value = row[i]
            if isinstance(value, float):
                if not (value.is_integer() and abs(value) < _EXACT):
                    column = self.columns[i]
                    raise RequestError(f"{place}{column.name}: expected {column.wanted}, got {value!r}")
                row = (*row[:i], int(value), *row[i + 1 :])
        return row

    def _refusal(self, message: str) -> RequestError:
        """Say what was wanted of the field that msgspec names."""
        match = _PLACE.search(message)
        place, message = (match[1], message[: match.start()]) if match else ("", message)
        if absent := _ABSENT.match(message):
            place = f"{place}.{absent[1]}".lstrip(".")
            return RequestError(f"{place}: the field is missing; give it {self._by_name[absent[1]].wanted}")
        if place == MANY and message.startswith("Expected `array` of length"):
            if "<=" in message:
                return RequestError(
                    f"{MANY}: a request takes at most {self._max_rows:,} rows; send several", status=413
                )
            return RequestError(f"{MANY}: a request takes at least one row, got none")
        name = max((name for name in self.names if place == name or place.endswith(f".{name}")), key=len, default="")
        whole = "a list of rows" if place == MANY else "an object of the fields"
        expectation = self._by_name[name].wanted if name else whole
        got = message.partition(", got ")[2].strip("`") or "another one, or one out of range"
        return RequestError(f"{place or 'the body'}: expected {expectation}, got {got}")


def _check_names(body: bytes) -> None:
    """Refuse an object that names a field twice: msgspec takes the last one, and others the first.

    Raises:
        RequestError: Names the field.
    """
    json.loads(body, object_pairs_hook=_once_each, parse_int=str, parse_float=str)


def _once_each(pairs: list[tuple[str, object]]) -> None:
    if twice := repeated(name for name, _ in pairs):
        raise RequestError(f"{twice[0]}: the field is there twice; give it once")


def _is_many(body: bytes) -> bool:
    """Tell whether a body asks for many rows; one parse of it is spared where its bytes tell."""
    if _BEGINS_MANY.match(body):
        return True
    if _NAME not in body and _ESCAPE not in body:
        return False
    return msgspec.json.decode(body, type=_Parts).requests is not msgspec.UNSET
