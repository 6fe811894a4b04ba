"""Which rows of a CSV are quoted so that every reader takes them alike, and which must be refused.

A cell is quoted as RFC 4180 says: the quote is its first and its last character, and one within is doubled. A reader
that meets anything else guesses where the row ends, and may put the rows that follow into one cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from typing import NamedTuple

QUOTE = '"'
# In characters: a quote that does not end within as many is never closed.
_LONGEST_ROW = 1 << 26


class OpenQuote(ValueError):
    """A quote has no end on its line: nobody can tell where the row ends."""


class Rows(NamedTuple):
    """Whole rows: those that are quoted well, those that are not, and whether the first of all is one of the latter."""

    good: str
    bad: list[str]
    begins_badly: bool


def parted(pieces: Iterable[str], separator: str) -> Iterator[Rows]:
    """Part the rows that are quoted well from those with a quote within quotes that is not doubled.

    Args:
        pieces: A text in pieces, which may end anywhere.
        separator: What stands between cells.

    Raises:
        OpenQuote: Names the line.
    """
    rest, lines = "", 0
    for piece in chain(pieces, [None]):
        text = rest + (piece or "")
        if piece is None and not text.endswith(("\n", "\r")):
            text += "\n" if text else ""
        # What comes next may belong to the same line end.
        text, tail = (text[:-1], "\r") if piece is not None and text.endswith("\r") else (text, "")
        rows, place = _whole_rows(text, separator)
        lines += _line_ends(text[:place])
        rest = text[place:] + tail
        if len(rest) > _LONGEST_ROW or (piece is None and rest):
            raise OpenQuote(f"line {lines + 1} opens a quote that does not end there, so that the rows run together")
        yield rows


def split_rows(text: str, separator: str) -> list[str]:
    """Part a text into its rows, each with its line end, well quoted or not; put together, they are the text.

    Raises:
        OpenQuote: Names the line.
    """
    whole = text if not text or text.endswith(("\n", "\r")) else f"{text}\n"
    patterns, rows, place = _patterns(separator), list[str](), 0
    while place < len(whole):
        row = patterns.well_quoted_row.match(whole, place) or patterns.badly_quoted_row.match(whole, place)
        if row is None:
            raise OpenQuote(f"line {_line_ends(whole[:place]) + 1} opens a quote that does not end there")
        rows.append(row.group())
        place = row.end()
    if len(whole) > len(text):
        rows[-1] = rows[-1][:-1]
    return rows


def _whole_rows(text: str, separator: str) -> tuple[Rows, int]:
    """Part the rows that end in a text, and tell where the last of them ends."""
    if QUOTE not in text:
        place = max(text.rfind("\n"), text.rfind("\r")) + 1
        return Rows(text[:place], [], False), place
    well_quoted, badly_quoted, _ = _patterns(separator)
    good, bad, place = [], [], 0
    while place < len(text):
        end = well_quoted.match(text, place).end()  # type: ignore[union-attr]  # it matches no row, too
        good.append(text[place:end])
        place = end
        row = badly_quoted.match(text, place) if place < len(text) else None
        if row is None:
            break
        bad.append(row.group())
        place = row.end()
    return Rows("".join(good), bad, bool(bad) and not good[0]), place


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


class _Patterns(NamedTuple):
    """What matches as many rows as are quoted well, one row that is not, and one that is."""

    well_quoted: re.Pattern[str]
    badly_quoted_row: re.Pattern[str]
    well_quoted_row: re.Pattern[str]


@cache
def _patterns(separator: str) -> _Patterns:
    mark = re.escape(separator)
    plain = rf'(?:[^"{mark}\r\n][^{mark}\r\n]*+)?'
    quoted_cell = r'"[^"]*+(?:""[^"]*+)*+"'
    on_one_line = r'"[^"\r\n]*+(?:""[^"\r\n]*+)*+"'
    cell = rf"(?:{quoted_cell}(?=[{mark}\r\n])|{plain}(?=[{mark}\r\n]))"
    loose = rf"(?:{quoted_cell}(?=[{mark}\r\n])|{on_one_line}[^{mark}\r\n]*+|{plain}(?=[{mark}\r\n]))"
    end = r"(?:\r\n|\n|\r)"
    row = rf"{cell}(?:{mark}{cell})*+{end}"
    badly_quoted_row = rf"{loose}(?:{mark}{loose})*+{end}"
    return _Patterns(*map(re.compile, (rf"(?:{row})*+", badly_quoted_row, row)))
