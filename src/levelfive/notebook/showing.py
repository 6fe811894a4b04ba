"""Results as tables of texts, which a workspace can display and a terminal print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime

import pandas as pd

from levelfive.core.windows import iso


def table(result: object) -> pd.DataFrame:
    """Make a table of texts: of a dataclass its fields, of a list of them a row each, of a mapping a row an entry."""
    match result:
        case pd.DataFrame():
            return result
        case Mapping():
            return pd.DataFrame([{"name": str(name), **_cells(value)} for name, value in result.items()])
        case list() | tuple():
            return pd.DataFrame([_cells(one) for one in result])
        case _:
            return pd.DataFrame(list(_cells(result).items()), columns=["name", "value"])


def _cells(one: object) -> dict[str, str]:
    if not is_dataclass(one):
        return {"value": _text(one)}
    return {field.name: _text(getattr(one, field.name)) for field in fields(one)}


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return iso(value)
        case float():
            return f"{value:.4f}"
        case Mapping():
            return "; ".join(f"{name}: {_text(part)}" for name, part in value.items())
        case list() | tuple():
            return "; ".join(map(_text, value))
        case _:
            return str(value)
