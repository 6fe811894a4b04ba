"""What a landing file holds, whatever its format: texts in one canonical form, and null.

Whole numbers are digits, floats the shortest text that is the same number, decimals exact, booleans `true` and
`false`, days and times ISO (a time with a zone is in UTC with a `Z`), nested values JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from levelfive.errors import LandingError

MALFORMED = "malformed"
"""The column of `Texts.rows` that says why a row is refused as a whole, and what came; null for the other rows."""

# Why a reader refuses a row.
WRONG_CELLS = "not as many cells as the header has"
WRONG_QUOTES = "a quote within quotes is not doubled"
WRONG_FORMAT = "a cell is not of the declared format"
REFUSALS = (WRONG_CELLS, WRONG_QUOTES, WRONG_FORMAT)


@dataclass(frozen=True)
class Texts:
    """The header of one file, and its rows: a column of texts for each name of the header, then `malformed`."""

    header: tuple[str, ...]
    rows: pa.Table


class Format(Protocol):
    """How files of a source are written: an adapter for each format, all of which pass one suite."""

    @property
    def endings(self) -> tuple[str, ...]:
        """What the names of such files end with, in lower case; capitals are equal to them."""

    def read(self, path: Path, content: bytes, columns: Mapping[str, str]) -> Texts:
        """Read the bytes of one file.

        Args:
            path: The file's place, for its ending and for messages; it is not opened.
            content: The bytes.
            columns: The names that the source declares, with their Spark SQL types; none of them may be known.

        Raises:
            LandingError: The bytes are not of this format, are cut off, or hold no header.
        """

    def bytes_of(self, path: Path, texts: Texts) -> bytes:
        """Write rows, the malformed ones apart, so that they are read as the same texts."""

    def hint(self, header: Sequence[str], columns: Sequence[str]) -> str:
        """Guess why a header is not the declared one: a sentence after a space, or nothing."""


def is_of(file_format: Format, path: Path) -> bool:
    """Tell whether a file's name ends as the format's do."""
    return path.name.lower().endswith(file_format.endings)


def unreadable(path: Path, why: object) -> LandingError:
    """Build the error for a file that cannot be read."""
    return LandingError(f"{path} cannot be read ({why}): nothing of it was ingested; deliver it again")


def texts_of(header: Sequence[str], columns: Sequence[pa.Array], malformed: pa.Array | None = None) -> Texts:
    """Put columns of texts together, by default without a malformed row."""
    rows = len(columns[0]) if columns else 0
    last = pa.nulls(rows, pa.string()) if malformed is None else malformed
    return Texts(tuple(header), pa.Table.from_arrays([*columns, last], names=[*header, MALFORMED]))


def in_declared_order(names: Sequence[str], columns: Mapping[str, str]) -> tuple[str, ...]:
    """Order the names of a file whose cells carry theirs: the declared ones as declared, then the others."""
    return (*(name for name in columns if name in names), *(name for name in names if name not in columns))


def iso_text(moment: datetime) -> str:
    """Write a time in the canonical form."""
    naive = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    text = naive.isoformat()
    return (text.rstrip("0") if "." in text else text) + ("" if moment.tzinfo is None else "Z")
