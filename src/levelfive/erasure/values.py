"""Texts of values in one form a type, by which a cell of a file and a cell of a table are known to be the same."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

from levelfive.core.windows import iso

_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_FRACTION = re.compile(r"\s*[+-]?[\d.]+([eE][+-]?\d+)?\s*")
_DAY = re.compile(r"\s*(\d{4})-(\d\d?)-(\d\d?)\s*")
_MOMENT = re.compile(
    r"\s*(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d?)(?::(\d\d?)(?:\.(\d+))?)?)?"
    r"\s*(?:(Z|UTC)|([+-])(\d\d?):?(\d\d)?)?\s*"
)
_DECIMAL = re.compile(r"(?:decimal|dec|numeric)(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?")
_YES, _NO = frozenset({"t", "true", "y", "yes", "1"}), frozenset({"f", "false", "n", "no", "0"})
_WHOLE_KINDS = frozenset({"long", "bigint", "int", "integer", "short", "smallint", "byte", "tinyint"})
# More digits than Spark's 38.
_DECIMALS = Context(prec=80, rounding=ROUND_HALF_UP)


def canonical(text: str | None, kind: str) -> str | None:
    """Write a value in the one form of its type: `007` of a long is `7`, a time is in UTC.

    Args:
        text: The value, as a file or a person writes it.
        kind: The type, by a name of Spark's SQL; a type that has no form of its own is compared as text.

    Returns:
        None where nothing is given, or it is no value of the type.
    """
    if text is None:
        return None
    name = kind.lower().strip()
    with suppress(ValueError, OverflowError, InvalidOperation):
        if (match := _DECIMAL.fullmatch(name)) is not None:
            return _decimal(text, int(match[2] or 0))
        return _READERS.get(name, str)(text)
    return None


def _whole(text: str) -> str | None:
    return str(int(text)) if _WHOLE.fullmatch(text) else None


def _double(text: str) -> str | None:
    return repr(float(text) + 0.0) if _FRACTION.fullmatch(text) else None


def _float(text: str) -> str | None:
    return repr(struct.unpack("f", struct.pack("f", float(text)))[0] + 0.0) if _FRACTION.fullmatch(text) else None


def _decimal(text: str, scale: int) -> str | None:
    if not _FRACTION.fullmatch(text):
        return None
    return f"{_DECIMALS.plus(Decimal(text.strip()).quantize(Decimal(1).scaleb(-scale), context=_DECIMALS)):f}"


def _boolean(text: str) -> str | None:
    word = text.strip().lower()
    return "true" if word in _YES else "false" if word in _NO else None


def _day(text: str) -> str | None:
    match = _DAY.fullmatch(text)
    return None if match is None else date(*map(int, match.groups())).isoformat()


def _moment(text: str) -> str | None:
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, _, sign, hours, minutes = match.groups()
    micros = int((fraction or "0").ljust(6, "0")[:6])
    local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros, UTC)
    ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return iso(local + ahead if sign == "-" else local - ahead)


_READERS: dict[str, Callable[[str], str | None]] = {
    **dict.fromkeys(_WHOLE_KINDS, _whole),
    "double": _double,
    **dict.fromkeys(("float", "real"), _float),
    "boolean": _boolean,
    "date": _day,
    **dict.fromkeys(("timestamp", "timestamp_ntz"), _moment),
}
