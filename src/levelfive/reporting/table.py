"""A table of a page: cells of text, of which numbers stand to the right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"-?<?\d|\W?$")  # a number, with or without its unit, or the dash of one that is not known

Cell = str | Sequence[str]
"""A text, or texts that are listed one below the other."""


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Args:
        caption: What it shows.
        heads: Of the columns.
        rows: Cells; a row's first one is its head.
        total: A last row, set apart; empty where there is none.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[str] = ()

    @property
    def sides(self) -> list[str]:
        """By column, whether it is one of numbers, which stand to the right, or of text."""
        return ["number" if all(map(_is_number, column)) else "text" for column in zip(*self.rows, strict=True)]


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, str) and _NUMBER.match(cell) is not None
