"""The types that a source's columns may have: those of Spark's SQL that a text can be cast to, and Delta can hold."""

from __future__ import annotations

import re

MAX_DIGITS = 38
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


def is_number(kind: str) -> bool:
    """Tell whether values of a type are numbers.

    >>> [is_number(kind) for kind in (" INT ", "decimal(10,2)", "string")]
    [True, True, False]
    """
    return re.fullmatch(rf"\s*({_NUMBERS})\s*", kind, re.IGNORECASE) is not None or digits_of(kind) is not None
