"""Which rows of a CSV are quoted so that every reader takes them alike, and which must be refused.

A cell is quoted as RFC 4180 says: the quote is its first and its last character, and one within is doubled. A reader
that meets anything else guesses where the row ends, and may put the rows that follow into one cell.
"""

from __future__ import annotations

import re
from functools import cache

QUOTE = '"'


class OpenQuote(ValueError):
    """A quote has no end on its line: nobody can tell where the row ends."""


def parted(text: str, separator: str) -> tuple[str, list[str]]:
    """Part the rows that are quoted well from those with a quote within quotes that is not doubled.

    Raises:
        OpenQuote: Names the line.
    """
    if QUOTE not in text:
        return text, []
    well_quoted, badly_quoted = _patterns(separator)
    text += "" if text.endswith(("\n", "\r")) else "\n"
    good, bad, place = [], [], 0
    while place < len(text):
        end = well_quoted.match(text, place).end()  # type: ignore[union-attr]  # it matches no row, too
        good.append(text[place:end])
        place = end
        if place < len(text):
            row = badly_quoted.match(text, place)
            if row is None:
                line = len(re.findall(r"\r\n?|\n", text[:place])) + 1
                raise OpenQuote(f"line {line} opens a quote that does not end there, so that the rows run together")
            bad.append(row.group())
            place = row.end()
    return "".join(good), bad


@cache
def _patterns(separator: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Compile what matches as many rows as are quoted well, and what matches one row that is not."""
    mark = re.escape(separator)
    plain = rf'(?:[^"{mark}\r\n][^{mark}\r\n]*+)?'
    quoted = r'"[^"]*+(?:""[^"]*+)*+"'
    on_one_line = r'"[^"\r\n]*+(?:""[^"\r\n]*+)*+"'
    cell = rf"(?:{quoted}(?=[{mark}\r\n])|{plain}(?=[{mark}\r\n]))"
    loose = rf"(?:{quoted}(?=[{mark}\r\n])|{on_one_line}[^{mark}\r\n]*+|{plain}(?=[{mark}\r\n]))"
    end = r"(?:\r\n|\n|\r)"
    rows = re.compile(rf"(?:{cell}(?:{mark}{cell})*+{end})*+")
    return rows, re.compile(rf"{loose}(?:{mark}{loose})*+{end}")
