"""Keys and rows as bytes, and back, without a loss: a store holds them in whatever engine.

A row is a bitmap of the nulls, then eight bytes a column, or one for a boolean, then what has no fixed length; of that
the eight bytes are the length. All numbers are little-endian. `NaN` and `-0.0` stay what they are.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache
from typing import Any

from levelfive.errors import ConfigError
from levelfive.online.store import OnlineTable, Value

_WHOLE = frozenset({"bigint", "int", "smallint", "tinyint", "date", "timestamp"})
_VARYING = frozenset({"string", "decimal", "binary"})
# More digits than Spark's 38: none is rounded away.
_DECIMALS = Context(prec=80, traps=[InvalidOperation, Inexact])
_JSON = json.JSONEncoder(separators=(",", ":"))
SHOWN = 80
_FORMATS = {**dict.fromkeys(_WHOLE, "q"), "double": "d", "float": "d", "boolean": "?"}


def key_text(key: Sequence[Value], types: Sequence[str]) -> str:
    """Write a key so that two are the same text exactly if Spark's join takes them for the same key.

    Args:
        key: No value is None.
        types: The table's `key_types`.

    Returns:
        Printable ASCII.

    Raises:
        ConfigError: A value is of another type than its column, or their number is another.
    """
    if len(key) != len(types):
        raise ConfigError(f"a key takes {len(types)} values, got {len(key)}; name each of the table's keys")
    return _JSON.encode([_part(value, kind) for value, kind in zip(key, types, strict=True)])


def _part(value: Value, kind: str) -> object:
    match kind, value:
        case "boolean", bool():
            return value
        case (("long" | "date" | "timestamp"), int()) if _is_whole(value):
            return value
        # Spark takes -0.0 for 0.0, and NaN for NaN.
        case "double", int() if _is_whole(value):
            return float(value)
        case "double", float():
            return value + 0.0
        case "string", str():
            return value
        case "decimal", str():
            return _decimal_text(value)
        case "binary", bytes() | bytearray():
            return value.hex()
    raise _misfit(value, kind)


def _is_whole(value: int) -> bool:
    """Tell whether a value is a whole number of 64 bits; a boolean is none."""
    return not isinstance(value, bool) and -(2**63) <= value < 2**63


def _decimal_text(value: str) -> str:
    try:
        return str(_DECIMALS.add(_DECIMALS.normalize(Decimal(value)), 0))
    except ArithmeticError as err:
        raise _misfit(value, "decimal") from err


def _misfit(value: object, kind: str) -> ConfigError:
    return ConfigError(f"expected a value of type {kind}, got {str(value)[:SHOWN]!r}; correct the value, or its type")


def is_held(kind: str) -> bool:
    """Tell whether values of one of Spark's types can be stored."""
    plain = _plain(kind)
    return plain in _FORMATS or plain in _VARYING


def plain_type(kind: str) -> str:
    """Shorten Spark's simple name of a type to that by which it is stored: decimal(10,2) is decimal.

    Raises:
        ConfigError: Values of this type cannot be stored.
    """
    if not is_held(kind):
        raise ConfigError(
            f"the online store holds no values of type {kind}; let the feature table hold numbers or texts"
        )
    return _plain(kind)


def _plain(kind: str) -> str:
    return kind.partition("(")[0]


def key_type(kind: str) -> str:
    """Tell by which type keys of one of Spark's types are compared: integers of all lengths are one, and fractions.

    Raises:
        ConfigError: It is no type of a key.
    """
    plain = plain_type(kind)
    if plain in ("bigint", "int", "smallint", "tinyint"):
        return "long"
    return "double" if plain == "float" else plain


class RowCodec:
    """Turns the values of a table's rows into bytes, and back.

    Args:
        types: Of each column, Spark's simple name.

    Raises:
        ConfigError: Values of a type cannot be stored.
    """

    def __init__(self, types: Sequence[str]) -> None:
        """Lay out a row."""
        self._types = [plain_type(kind) for kind in types]
        self._blanks = [False if kind == "boolean" else 0 for kind in self._types]
        self._varying = [(i, kind == "binary") for i, kind in enumerate(self._types) if kind not in _FORMATS]
        self._mask_bytes = (len(self._types) + 7) // 8
        self._layout = struct.Struct("<" + "".join(_FORMATS.get(kind, "q") for kind in self._types))

    def encode(self, values: Sequence[Value]) -> bytes:
        """Turn values in the order of the columns into bytes.

        Raises:
            ConfigError: A value does not fit its column.
        """
        mask, tails = 0, []
        cells = [_cell(value, kind) for value, kind in zip(values, self._types, strict=True)]
        for i, cell in enumerate(cells):
            if cell is None:
                mask |= 1 << i
                cells[i] = self._blanks[i]
            elif isinstance(cell, bytes):
                cells[i] = len(cell)
                tails.append(cell)
        return b"".join((mask.to_bytes(self._mask_bytes, "little"), self._layout.pack(*cells), *tails))

    def decode(self, data: bytes) -> tuple[Value, ...]:
        """Turn bytes that `encode` made into the values."""
        mask = int.from_bytes(data[: self._mask_bytes], "little")
        cells = self._layout.unpack_from(data, self._mask_bytes)
        if not mask and not self._varying:
            return cells
        values = list(cells)
        at = self._mask_bytes + self._layout.size
        for i, is_binary in self._varying:
            tail = data[at : at + values[i]]
            at += len(tail)
            values[i] = tail if is_binary else tail.decode()
        while mask:
            lowest = mask & -mask
            values[lowest.bit_length() - 1] = None
            mask ^= lowest
        return tuple(values)


def _cell(value: Value, kind: str) -> bool | int | float | bytes | None:
    """Check a value, and turn one without a fixed length into bytes."""
    match kind, value:
        case _, None:
            return None
        case "boolean", bool():
            return value
        case (("double" | "float"), float()):
            return value
        case (("string" | "decimal"), str()):
            return value.encode()
        case "binary", bytes() | bytearray():
            return bytes(value)
        case _, int() if kind in _WHOLE and _is_whole(value):
            return value
    raise _misfit(value, kind)


@lru_cache(maxsize=1024)
def codec(types: tuple[str, ...]) -> RowCodec:
    """Make the codec of columns of some types, once.

    Raises:
        ConfigError: Values of a type cannot be stored.
    """
    return RowCodec(types)


def table_text(table: OnlineTable) -> str:
    """Write what a table is as JSON."""
    return json.dumps(asdict(table), sort_keys=True)


@lru_cache(maxsize=1024)
def table_of(text: str) -> OnlineTable:
    """Read what `table_text` wrote."""
    record: dict[str, Any] = json.loads(text)
    for name in ("keys", "key_types", "columns", "types"):
        record[name] = tuple(record[name])
    return OnlineTable(**record)
