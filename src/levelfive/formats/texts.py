"""What a landing file holds, whatever its format: texts in one canonical form, and null.

Whole numbers are digits, floats the shortest text that is the same number, decimals exact, booleans `true` and
`false`, days and times ISO (a time with a zone is in UTC with a `Z`), nested values JSON.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa

from levelfive.errors import ConfigError, LandingError, translating
from levelfive.formats.leaving_out import Chooser

MALFORMED = "malformed"
"""The column of `Texts.rows` that says why a row is refused as a whole, and what came; null for the other rows."""

# Why a reader refuses a row.
WRONG_CELLS = "not as many cells as the header has"
WRONG_QUOTES = "a quote within quotes is not doubled"
WRONG_FORMAT = "a cell is not of the declared format"
WRONG_LINE = "not a JSON object"
REFUSALS = (WRONG_CELLS, WRONG_QUOTES, WRONG_FORMAT, WRONG_LINE)


# About as much of a file is held in memory at a time, in characters; a few times that, as cells.
BATCH_CHARACTERS = 1 << 24


@dataclass(frozen=True)
class Texts:
    """A header, and rows of a file or of a part of it: a column of texts for each name, then `malformed`."""

    header: tuple[str, ...]
    rows: pa.Table


class Format(Protocol):
    """How files of a source are written: an adapter for each format, all of which pass one suite."""

    @property
    def endings(self) -> tuple[str, ...]:
        """What the names of such files end with, in lower case; capitals are equal to them."""

    def batches(self, path: Path, file: BinaryIO, columns: Mapping[str, str]) -> Iterator[Texts]:
        """Read one file, a part after the other, so that no file need fit into memory.

        Where cells carry their names, each batch has a header of its own: that of the file is `header_of` all of them.

        Args:
            path: The file's place, for its ending and for messages; it is not opened.
            file: Its bytes, from the first one on; it can seek, and stays open.
            columns: The names that the source declares, with their Spark SQL types; none of them may be known.

        Returns:
            The batches in the file's order, at least one.

        Raises:
            LandingError: The bytes are not of this format, are cut off, or hold no header.
        """

    def bytes_of(self, path: Path, texts: Texts) -> bytes:
        """Write rows, the malformed ones apart, so that they are read as the same texts."""

    def without(self, path: Path, file: BinaryIO, columns: Mapping[str, str], is_chosen: Chooser) -> tuple[bytes, int]:
        """Write a file's bytes without some of its rows; all others, and the header, stay as they are.

        Args:
            path: The file's place, for its ending and for messages; it is not opened.
            file: Its bytes; it can seek, and stays open.
            columns: The names that the source declares, with their Spark SQL types.
            is_chosen: Tells of each row, malformed ones too, whether it is left out.

        Returns:
            The bytes, packed as they were, and how many rows were left out.

        Raises:
            LandingError: The bytes are not of this format, are cut off, or hold no header.
        """

    def hint(self, header: Sequence[str], columns: Sequence[str]) -> str:
        """Guess why a header is not the declared one: a sentence after a space, or nothing."""


def check_several(what: str, texts: object) -> None:
    """Refuse one text where several are asked for: `("NA")` is `"NA"`, of which each letter would be taken.

    Raises:
        ConfigError: It is a single text.
    """
    if isinstance(texts, str):
        raise ConfigError(f"{what} must be a tuple of texts, it is the text {texts!r}: write ({texts!r},)")


def is_of(file_format: Format, path: Path) -> bool:
    """Tell whether a file's name ends as the format's do."""
    return path.name.lower().endswith(file_format.endings)


def unreadable(path: Path, why: object) -> LandingError:
    """Build the error for a file that cannot be read."""
    return LandingError(f"{path} cannot be read ({why}): nothing of it was ingested; deliver it again")


def refusals_of_file(path: Path) -> translating:
    """Turn what a reader says in a block of a file that cannot be read into our error.

    Args:
        path: The file's place, for the message.

    Raises:
        LandingError: The bytes are not of the format, or are cut off.
    """
    return translating(partial(_refusal, path))


def _refusal(path: Path, err: Exception) -> LandingError | None:
    is_of_the_file = isinstance(err, OSError | EOFError | ValueError | RecursionError | zlib.error | pa.ArrowException)
    return unreadable(path, err) if is_of_the_file else None


def read_whole(file_format: Format, path: Path, file: BinaryIO, columns: Mapping[str, str]) -> Texts:
    """Read a file that fits into memory as one piece; see `Format.batches`."""
    batches = list(file_format.batches(path, file, columns))
    header = header_of([one.header for one in batches], columns)
    return Texts(header, pa.concat_tables([with_header(one, header) for one in batches]).combine_chunks())


def header_of(headers: Iterable[Sequence[str]], columns: Mapping[str, str]) -> tuple[str, ...]:
    """Tell the header of a file by those of its batches."""
    distinct = list(dict.fromkeys(map(tuple, headers)))
    if len(distinct) == 1:
        return distinct[0]
    return in_declared_order(list(dict.fromkeys(name for header in distinct for name in header)), columns)


def with_header(texts: Texts, header: tuple[str, ...]) -> pa.Table:
    """Give the rows of a batch the columns of its file's header: what the batch does not have is missing there."""
    if texts.header == header:
        return texts.rows
    nothing = pa.nulls(texts.rows.num_rows, pa.string())
    cells = [texts.rows.column(name) if name in texts.header else nothing for name in header]
    return pa.Table.from_arrays([*cells, texts.rows.column(MALFORMED)], names=[*header, MALFORMED])


def texts_of(header: Sequence[str], columns: Sequence[pa.Array], malformed_texts: pa.Array | None = None) -> Texts:
    """Put columns of texts together, by default without a malformed row."""
    rows = len(columns[0]) if columns else 0
    last = pa.nulls(rows, pa.string()) if malformed_texts is None else malformed_texts
    return Texts(tuple(header), pa.Table.from_arrays([*columns, last], names=[*header, MALFORMED]))


def in_declared_order(names: Sequence[str], columns: Mapping[str, str]) -> tuple[str, ...]:
    """Order the names of a file whose cells carry theirs: the declared ones as declared, then the others."""
    return (*(name for name in columns if name in names), *(name for name in names if name not in columns))


def iso_text(moment: datetime) -> str:
    """Write a time in the canonical form."""
    naive = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    text = naive.isoformat()
    return (text.rstrip("0") if "." in text else text) + ("" if moment.tzinfo is None else "Z")
