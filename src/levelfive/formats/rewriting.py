"""Cells of a CSV that are written by the customs of a country: decimal marks, days and times become canonical."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from levelfive.formats.texts import iso_text

Rewrite = Callable[[str], str | None]
"""From a text to its canonical form; None for a text that is not as the format says."""

_FLOATS = ("float", "double", "real", "decimal", "dec", "numeric")
_TIMES = ("timestamp", "timestamp_ntz", "timestamp_ltz")
_AFTERNOON = datetime(2001, 2, 3, 16, 5, 6, tzinfo=UTC)


def rewrite_for(kind: str, *, decimal: str, date_format: str, timestamp_format: str) -> Rewrite | None:
    """Choose how the cells of a column of some Spark SQL type are rewritten; None for "as they came"."""
    name = _type_name(kind)
    if name in _FLOATS and decimal != ".":
        return _number(decimal)
    if name == "date" and date_format:
        return _moment(date_format, lambda moment: moment.date().isoformat())
    if name in _TIMES and timestamp_format:
        return _moment(timestamp_format, iso_text)
    return None


def may_have_a_fraction(kind: str) -> bool:
    """Tell whether values of some Spark SQL type may be numbers with a fraction."""
    return _type_name(kind) in _FLOATS


def _type_name(kind: str) -> str:
    return re.split(r"\W", kind.strip().lower())[0]


def tells_a_day(pattern: str) -> bool:
    """Tell whether a format says which day is meant, and of a time in which half of the day it lies."""
    try:
        moment = datetime.strptime(_AFTERNOON.strftime(pattern), pattern)
    except ValueError:
        return False
    return moment.date() == _AFTERNOON.date() and moment.hour in (0, _AFTERNOON.hour)


def rewritten(texts: pa.Array, rewrite: Rewrite) -> tuple[pa.Array, pa.Array]:
    """Rewrite a column, each distinct text once.

    Returns:
        The column, in which texts that are not as the format says stay as they came, and whether each is such a one.
    """
    dictionary_array = texts.dictionary_encode()
    came = dictionary_array.dictionary.to_pylist()
    results = [rewrite(text) for text in came]
    is_refused = pa.array([one is None for one in results], pa.bool_())
    array = pa.array([text if one is None else one for text, one in zip(came, results, strict=True)], pa.string())
    return array.take(dictionary_array.indices), pc.fill_null(is_refused.take(dictionary_array.indices), False)


def _number(decimal: str) -> Rewrite:
    mark = re.escape(decimal)
    # A point in such a file parts thousands, or is a mistake: it must not be taken for the decimal mark.
    pattern = re.compile(rf"\s*[+-]?(\d+({mark}\d*)?|{mark}\d+)([eE][+-]?\d+)?\s*", re.ASCII)
    return lambda text: text.replace(decimal, ".") if pattern.fullmatch(text) else None


def _moment(pattern: str, canonical: Callable[[datetime], str]) -> Rewrite:
    def rewrite(text: str) -> str | None:
        try:
            return canonical(datetime.strptime(text, pattern))
        except (ValueError, OverflowError):
            return None

    return rewrite
