"""The types that a source's columns may have: those of Spark's SQL that a text can be cast to, and Delta can hold."""

from __future__ import annotations

import re
from decimal import Decimal

MAX_DIGITS = 38
FRACTIONS = ("float", "double", "real")
_LEAST_PLAIN, _LEAST_WITH_EXPONENT = 1e-3, 1e7
_NUMBERS = "byte|tinyint|short|smallint|int|integer|long|bigint|float|real|double"
_PLAIN = f"string|boolean|{_NUMBERS}|date|timestamp|timestamp_ntz|timestamp_ltz|binary"
_COLLATED = r"string\s+collate\s+\w+"
_OF_LENGTH = r"(char|character|varchar)\s*\(\s*[1-9]\d*\s*\)"
_TYPE = re.compile(rf"\s*({_PLAIN}|{_COLLATED}|{_OF_LENGTH})\s*", re.IGNORECASE)
_DECIMAL = re.compile(r"\s*(decimal|dec|numeric)\s*(\(\s*(\d+)\s*(,\s*(\d+)\s*)?\))?\s*", re.IGNORECASE)


def can_be_declared(kind: object) -> bool:
    """Tell whether a column of a source may have a type, without Spark, which would parse it only where files are read.

    >>> [can_be_declared(kind) for kind in ("string", "DECIMAL(10, 2)", "strng", "array<int>")]
    [True, True, False, False]
    """
    if not isinstance(kind, str):
        return False
    if digits := digits_of(kind):
        return digits[1] <= digits[0] <= MAX_DIGITS
    return _TYPE.fullmatch(kind) is not None


def digits_of(kind: str) -> tuple[int, int] | None:
    """Tell how many digits a decimal has, and how many of them after the point; None for other types.

    >>> digits_of("DECIMAL(10, 2)"), digits_of("numeric"), digits_of("double")
    ((10, 2), (10, 0), None)
    """
    decimal = _DECIMAL.fullmatch(kind)
    return None if decimal is None else (int(decimal[3] or 10), int(decimal[5] or 0))


def text_of(value: str, kind: str) -> str | None:
    """Write a value as the text that Spark casts it to from a column of a type; None if the column cannot hold it.

    >>> [text_of("3", kind) for kind in ("double", "decimal(6,2)", "int", "string")], text_of("x", "int")
    (['3.0', '3.00', '3', '3'], None)
    """
    plain = kind.strip().lower()
    if plain == "boolean":
        return value.lower() if value.lower() in ("true", "false") else None
    if not is_number(kind):
        return value
    try:
        return _number_text(Decimal(value), plain)
    except ArithmeticError:  # it is no number, or has more digits than can be reckoned with
        return None


def _number_text(number: Decimal, kind: str) -> str | None:
    if not number.is_finite():
        return None
    if kind in FRACTIONS:
        return _fraction_text(float(number))
    _, places = digits_of(kind) or (MAX_DIGITS, 0)
    return f"{number:.{places}f}" if number == round(number, places) else None


def _fraction_text(number: float) -> str:
    """Write a fraction as Java does: from 10 million on, and below a thousandth, with an exponent.

    >>> [_fraction_text(number) for number in (0.0, 12.5, 1e7, -1.25e-4)]
    ['0.0', '12.5', '1.0E7', '-1.25E-4']
    """
    if number == 0 or _LEAST_PLAIN <= abs(number) < _LEAST_WITH_EXPONENT:
        return repr(number)
    mantissa, _, exponent = f"{Decimal(repr(number)).normalize():E}".partition("E")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def is_number(kind: str) -> bool:
    """Tell whether values of a type are numbers.

    >>> [is_number(kind) for kind in (" INT ", "decimal(10,2)", "string")]
    [True, True, False]
    """
    return re.fullmatch(rf"\s*({_NUMBERS})\s*", kind, re.IGNORECASE) is not None or digits_of(kind) is not None
