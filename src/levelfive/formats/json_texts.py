"""Nested values as texts of JSON: the same text, whichever format they came in."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time
from decimal import Decimal

from levelfive.formats.texts import iso_text


class NumberText(str):
    """The text of a number: as a float, it would be rounded."""

    __slots__ = ()


def json_text(value: object) -> str:
    """Write a nested value as compactly as can be.

    Raises:
        ValueError: A value of a type without a text lies within it.
    """
    match value:
        case list():
            return f"[{','.join(map(json_text, value))}]"
        case dict():
            return "{" + ",".join(f"{_name(name)}:{json_text(one)}" for name, one in value.items()) + "}"
        case datetime():
            return json.dumps(iso_text(value))
        case date() | time():
            return json.dumps(value.isoformat())
        case bytes():
            return json.dumps(value.decode(), ensure_ascii=False)
        case Decimal():
            return f"{value:f}"
        case NumberText():
            return str(value)
        case float() if not math.isfinite(value):
            return json.dumps(str(value))
        case None | bool() | int() | float() | str():
            return json.dumps(value, ensure_ascii=False)
    raise ValueError(f"a value of {type(value).__name__} lies within another one: write it as a number or a text")


def _name(key: object) -> str:
    text = json_text(key)
    return text if isinstance(key, str) or text.startswith('"') else json.dumps(text)
