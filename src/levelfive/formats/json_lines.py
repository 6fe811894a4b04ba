"""JSON lines: an object a line, whose numbers and nested values keep the texts that the file has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from levelfive.core.texts import repeated
from levelfive.errors import LandingError
from levelfive.formats.json_texts import NumberText, json_text
from levelfive.formats.leaving_out import Chooser, count_of, left_over
from levelfive.formats.packing import decoded, packed, plain_path, with_packed
from levelfive.formats.texts import (
    BATCH_CHARACTERS,
    WRONG_LINE,
    Texts,
    check_several,
    in_declared_order,
    refusals_of_file,
    texts_of,
)

# Bytes that are no text stay within their line, and are refused with it.
ESCAPED = "surrogateescape"

Value = str | NumberText | bool | None | list["Value"] | dict[str, "Value"]
Row = dict[str, Value]


@dataclass(frozen=True)
class JsonLines:
    """Files with one JSON object a line, in UTF-8; a name that a line lacks is missing there.

    Args:
        endings_unpacked: What the names of files end with.
        lenient: Whether a line that is no such object is a refused row, where else its file is refused; and whether
            names that are not declared are passed over, and those that no line has are missing.
    """

    endings_unpacked: tuple[str, ...] = (".jsonl", ".ndjson", ".json")
    lenient: bool = False

    def __post_init__(self) -> None:
        """Refuse endings that are one text."""
        check_several("endings_unpacked", self.endings_unpacked)

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings, those of packed files included."""
        return with_packed(self.endings_unpacked)

    def batches(self, path: Path, file: BinaryIO, columns: Mapping[str, str]) -> Iterator[Texts]:
        """Read a file in parts; an object's names may come in any order.

        Raises:
            LandingError: A line is not an object of JSON or names a value twice, or the file is cut off or empty.
        """
        is_empty = True
        with refusals_of_file(path):
            for lines in _lines(path, file, _leniently if self.lenient else _strictly):
                is_empty = False
                rows, malformed_texts = zip(*lines, strict=True)
                present = tuple(dict.fromkeys(name for row in rows for name in row))
                names = tuple(columns) if self.lenient else in_declared_order(present, columns)
                cells = [pa.array(map(_text, [row.get(of) for row in rows]), pa.string()) for of in names]
                yield texts_of(names, cells, pa.array(malformed_texts, pa.string()))
        if is_empty:
            raise LandingError(f"{path} is empty: expected a JSON object a line; deliver it again")

    def bytes_of(self, path: Path, texts: Texts) -> bytes:
        """Write rows as objects of texts."""
        sound = texts.rows.filter(pc.is_null(texts.rows.column(len(texts.header)))).select(texts.header)
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in sound.to_pylist()]
        return packed(path, "".join(lines).encode())

    def without(self, path: Path, file: BinaryIO, columns: Mapping[str, str], is_chosen: Chooser) -> tuple[bytes, int]:
        """Leave lines out; see `Format.without`."""
        with refusals_of_file(path), decoded(path, file, encoding="utf-8", newline="\n", errors=ESCAPED) as texts:
            lines = list(texts)

        def count(part: Sequence[str]) -> int:
            content = BytesIO("".join(part).encode(errors=ESCAPED))
            return count_of(self.batches(plain_path(path), content, columns), is_chosen)

        rest = left_over(lines, count)
        return packed(path, "".join(rest).encode(errors=ESCAPED)), len(lines) - len(rest)

    def hint(self, header: Sequence[str], columns: Sequence[str]) -> str:
        """Nothing can be guessed: each cell carries its name."""
        return ""


def _lines(
    path: Path, file: BinaryIO, read: Callable[[int, str], tuple[Row, str | None]]
) -> Iterator[list[tuple[Row, str | None]]]:
    """Read rows in parts, each with why it is refused, or None."""
    rows, characters = [], 0
    # A text may hold other line ends than those of JSON lines.
    with decoded(path, file, encoding="utf-8-sig", newline="\n", errors=ESCAPED) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                rows.append(read(number, line.rstrip("\n")))
            characters += len(line)
            if characters > BATCH_CHARACTERS and rows:
                yield rows
                rows, characters = [], 0
    if rows:
        yield rows


def _strictly(number: int, line: str) -> tuple[Row, str | None]:
    return _object(number, _as_text(line)), None


def _leniently(number: int, line: str) -> tuple[Row, str | None]:
    try:
        return _strictly(number, line)
    except (ValueError, RecursionError):
        text = line.encode(errors="replace").decode()
        return {}, f"{WRONG_LINE}: {text}"


def _as_text(line: str) -> str:
    """Refuse a line with bytes that are no text."""
    return line.encode(errors=ESCAPED).decode()


def _object(number: int, line: str) -> Row:
    try:
        value = _DECODER.decode(line)
        if "\\u" in line:
            json_text(value).encode()  # half of a character may be written by an escape, and is no text
    except ValueError as err:
        raise ValueError(f"line {number}: {err}") from err
    if not isinstance(value, dict):
        raise ValueError(f"line {number}: expected a JSON object, got {line[:40]!r}")
    return value


def _once_each(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    by_name = dict(pairs)
    if len(by_name) < len(pairs):
        raise ValueError(f"an object has {repeated(name for name, _ in pairs)[0]!r} twice")
    return by_name


_DECODER = json.JSONDecoder(
    parse_int=NumberText, parse_float=NumberText, parse_constant=NumberText, object_pairs_hook=_once_each
)


def _text(value: Value) -> str | None:
    """Write a value: a text as it is, anything nested as JSON."""
    return value if value is None or isinstance(value, str) else json_text(value)
