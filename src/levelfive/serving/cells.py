"""How one value becomes the feature, or the key, that the batch makes of it.

The cell of a number is a float, an int, a boolean or None; that of a category its text or None: what `feature_frame`
makes of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np

from levelfive.core.windows import EPOCH, to_micros
from levelfive.errors import ConfigError, RequestError
from levelfive.online.store import Value
from levelfive.serving.requests import Column
from levelfive.statistics.categories import category_text

Cell: TypeAlias = str | int | float | bool | None
"""The value of a feature: see above."""
Convert: TypeAlias = Callable[[Any, int], Cell]
"""From a value, and the prediction time in microseconds, to a cell."""

_SECOND = 1_000_000
_SECONDS_PER_MINUTE = 60.0
_DIGITS = 38  # Spark's
_NUMBERS = frozenset({"double", "float", "bigint", "int", "smallint", "tinyint", "boolean"})


def of_request(column: Column, is_category: bool) -> Convert | None:
    """Choose how a field becomes a feature; None where it is one.

    Raises:
        ConfigError: It is no number, and the model takes it as one.
    """
    if is_category:
        return None if column.kind == "string" else _category
    if column.kind in ("number", "long", "double", "boolean"):
        return None
    if column.kind == "decimal":
        return _float
    raise ConfigError(
        f"{column.name} is compared as {column.kind}, and the model takes it as a number: name a category"
    )


def of_table(feature: str, kind: str, is_category: bool) -> Convert | None:
    """Choose how a value of a table becomes a feature; None where it is one. Of a time it is minutes before.

    Args:
        feature: Its name.
        kind: The simple type of the table's column.
        is_category: Whether the model takes it as a category.

    Raises:
        ConfigError: It is no number, and the model takes it as one.
    """
    if kind == "timestamp":
        return _minutes_text if is_category else _minutes
    if is_category:
        convert: Convert = _CATEGORIES.get(kind, _category)
        return convert
    if kind in _NUMBERS:
        return None
    if kind in ("decimal", "string"):
        return _float
    raise ConfigError(f"the feature {feature} is of type {kind}, and the model takes it as a number: name a category")


def _category(value: Any, _: int) -> Cell:
    return None if value is None or value != value else category_text(value)  # NaN is missing


def _float(value: Any, _: int) -> Cell:
    try:
        return None if value is None else float(value)
    except ValueError as err:
        raise RequestError(
            f"{str(value)[:40]!r} is looked up where the model takes a number: compute the feature table anew, and "
            "publish it"
        ) from err


def _minutes(value: int, at: int) -> float:
    return (at // _SECOND - value // _SECOND) / _SECONDS_PER_MINUTE


def _minutes_text(value: int, at: int) -> Cell:
    return category_text(_minutes(value, at))


def _text(value: str, _: int) -> Cell:
    return value


def _narrow(value: float, at: int) -> Cell:
    return _category(np.float32(value), at)


def _decimal(value: str, _: int) -> Cell:
    return category_text(Decimal(value))


def _day(value: int, _: int) -> Cell:
    return category_text(EPOCH.date() + timedelta(days=value))


_CATEGORIES: Mapping[str, Convert] = {
    "string": _text,
    "float": _narrow,
    "decimal": _decimal,
    "date": _day,
}


def _key_of_date(value: date) -> Value:
    return (value - EPOCH.date()).days


def _key_of_decimal(value: Decimal) -> Value:
    if not value.is_finite() or len(value.as_tuple().digits) > _DIGITS or abs(value.adjusted()) > _DIGITS:
        raise RequestError(f"expected a number of at most {_DIGITS} digits, got {str(value)[:40]!r}")
    return str(value)


KEYS: Mapping[str, Callable[[Any], Value]] = {
    "date": _key_of_date,
    "timestamp": to_micros,
    "decimal": _key_of_decimal,
}
"""How a field becomes a part of a key, by the key's type; all other types are taken as they are."""


def of_key(column: str, kind: str) -> Callable[[Any], Value] | None:
    """Choose how a field becomes a part of a key; None where it is one. What is refused is told with the field."""
    write = KEYS.get(kind)
    if write is None:
        return None

    def written(value: Any) -> Value:
        try:
            return write(value)
        except RequestError as err:
            raise RequestError(f"{column}: {err}") from err

    return written
