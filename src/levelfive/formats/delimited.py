"""CSV: cells between separators, a row a line, as RFC 4180, spreadsheets, R and pandas write it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from levelfive.errors import ConfigError, LandingError
from levelfive.formats.leaving_out import Chooser, count_of, left_over
from levelfive.formats.packing import decoded, packed, plain_path, with_packed
from levelfive.formats.quoting import QUOTE, Rows, parted, split_rows
from levelfive.formats.rewriting import rewrite_for, rewritten, tells_a_day
from levelfive.formats.texts import (
    BATCH_CHARACTERS,
    WRONG_CELLS,
    WRONG_FORMAT,
    WRONG_QUOTES,
    Texts,
    check_several,
    refusals_of_file,
    texts_of,
    unreadable,
)

# More than any header takes; what follows it is not read to find the names.
_HEADER_CHARACTERS = 1 << 18
_BLOCK_BYTES = 1 << 30
_BLANK_LINES = re.compile(r"\A(?: *(?:\r\n|\n|\r))+")


@dataclass(frozen=True)
class Csv:
    """Files of separated cells.

    Args:
        separator: One character between cells.
        encoding: How the bytes are texts, by a name that Python knows; a byte order mark is passed over.
        null_texts: What stands for a missing value where it is not quoted. If the empty text is one of them, a quoted
            empty cell is missing too, as for pandas and R's readr: who quotes all cells has no other way to say so.
        quoted_nulls: Whether the other `null_texts` are missing values where they are quoted, too.
        header: Whether the first row holds the names; otherwise the cells are the source's columns in their order.
        decimal: The decimal mark of columns of floats and decimals.
        date_format: How the days of `date` columns are written, for `strptime`; empty for ISO.
        timestamp_format: The same for `timestamp` columns.
        endings_unpacked: What the names end with; those of files packed by gzip end with `.gz` besides.
    """

    separator: str = ","
    encoding: str = "utf-8"
    null_texts: tuple[str, ...] = ("NA", "")
    quoted_nulls: bool = False
    header: bool = True
    decimal: str = "."
    date_format: str = ""
    timestamp_format: str = ""
    endings_unpacked: tuple[str, ...] = (".csv",)

    def __post_init__(self) -> None:
        """Refuse what no file can be read by."""
        if len(self.separator) != 1 or not self.separator.isascii() or self.separator in '"\r\n\0':
            raise ConfigError(f"separator {self.separator!r}: expected one ASCII character, no quote and no line end")
        if len(self.decimal) != 1 or self.decimal.isalnum():
            raise ConfigError(f"decimal {self.decimal!r}: expected one mark, such as a point or a comma")
        check_several("null_texts", self.null_texts)
        check_several("endings_unpacked", self.endings_unpacked)
        for name, pattern in (("date_format", self.date_format), ("timestamp_format", self.timestamp_format)):
            if pattern and not tells_a_day(pattern):
                raise ConfigError(
                    f"{name} {pattern!r} does not tell which day, or which half of it: expected directives of strptime "
                    "for year, month and day, such as %d.%m.%Y"
                )
        try:
            "a".encode(self.encoding)
        except LookupError as err:
            raise ConfigError(
                f"encoding {self.encoding!r} is none that Python knows: expected, for example, utf-8 or latin-1"
            ) from err

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings, those of packed files included."""
        return with_packed(self.endings_unpacked)

    def batches(self, path: Path, file: BinaryIO, columns: Mapping[str, str]) -> Iterator[Texts]:
        """Read a file in parts; rows with too many or too few cells, or wrong quotes, come as malformed ones.

        Raises:
            LandingError: It is cut off, empty, not text of this encoding, or a quote is never closed.
            ConfigError: It has no header, and no columns are declared.
        """
        names = () if self.header else tuple(columns)
        is_empty = True
        with refusals_of_file(path), decoded(path, file, encoding=self.encoding, newline="") as texts:
            for rows in parted(self._pieces(path, texts), self.separator):
                # Of a header that is longer than a piece, nothing is there yet.
                if not (rows.good.strip(" \r\n") or rows.bad):
                    continue
                known_names = None if self.header and is_empty else names
                if known_names is None:
                    if rows.begins_badly:
                        raise unreadable(path, f"in the header {WRONG_QUOTES}")
                    names = self._names(rows.good)
                if not names:
                    raise ConfigError(f"{path} has no header: expected the columns of its source")
                is_empty = False
                yield self._texts(rows, known_names, names, columns)
        if is_empty:
            raise LandingError(f"{path} is empty: expected a header line and rows; deliver it again")

    def bytes_of(self, path: Path, texts: Texts) -> bytes:
        """Write rows under their header, in which only cells that need quotes have them."""
        sound = texts.rows.filter(pc.is_null(texts.rows.column(len(texts.header)))).combine_chunks()
        names = self._quoted(pa.array(texts.header, pa.string()))
        lines = [self.separator.join(names.to_pylist())] if self.header else []
        cells = [self._quoted(column.combine_chunks()) for column in sound.columns[:-1]]
        # An empty line would be no row.
        lines += [line or QUOTE * 2 for line in pc.binary_join_element_wise(*cells, self.separator).to_pylist()]
        return packed(path, "".join(f"{line}\n" for line in lines).encode(self.encoding))

    def without(self, path: Path, file: BinaryIO, columns: Mapping[str, str], is_chosen: Chooser) -> tuple[bytes, int]:
        """Leave rows out, which may be of several lines; see `Format.without`."""
        with refusals_of_file(path), decoded(path, file, encoding=self.encoding, newline="") as texts:
            rows = split_rows(texts.read(), self.separator)
        blank = sum(1 for _ in takewhile(lambda row: not row.strip("\ufeff \r\n"), rows))
        head = rows[: blank + self.header]

        def count(part: Sequence[str]) -> int:
            content = BytesIO("".join([*head, *part]).encode(self.encoding))
            return count_of(self.batches(plain_path(path), content, columns), is_chosen)

        body = rows[len(head) :]
        rest = left_over(body, count)
        return packed(path, "".join([*head, *rest]).encode(self.encoding)), len(body) - len(rest)

    def hint(self, header: Sequence[str], columns: Sequence[str]) -> str:
        """Recognize another separator, and a file without a header."""
        if mark := next((mark for mark in ",;\t|" if len(header) == 1 and mark in header[0]), None):
            return (
                f" It looks delimited by {mark!r}; the delimiter must be {self.separator!r}, "
                "or be named in the source's format."
            )
        if not set(header) & set(columns) and any(re.fullmatch(r"NA|[+-]?\d[\d.:TZ -]*", name) for name in header):
            return " It looks like a row of data; the first line must be the header, unless the format says otherwise."
        return ""

    def _pieces(self, path: Path, texts: TextIO) -> Iterator[str]:
        """Read a text in pieces, without its byte order mark and the blank lines that it begins with."""
        begins = True
        try:
            while piece := texts.read(BATCH_CHARACTERS):
                piece = _BLANK_LINES.sub("", piece.removeprefix("\ufeff")) if begins else piece
                begins = begins and not piece
                yield piece
        except UnicodeError as err:
            raise unreadable(path, f"{err}; another encoding is to be named in the source's format") from err

    def _texts(
        self, rows: Rows, known_names: Sequence[str] | None, names: Sequence[str], columns: Mapping[str, str]
    ) -> Texts:
        """Part rows into cells; the first one holds the names where none are given."""
        table, wrong = self._parse(rows.good, known_names, names)
        malformed_rows = self._malformed(names, {WRONG_CELLS: [row for row, _ in wrong], WRONG_QUOTES: rows.bad})
        good = self._canonical(names, table.columns, columns)
        return Texts(tuple(names), pa.concat_tables([good.rows, malformed_rows]).combine_chunks())

    def _names(self, text: str) -> tuple[str, ...]:
        table, _ = self._parse(text[:_HEADER_CHARACTERS], None, ())
        return tuple(table.column_names)

    def _parse(
        self, text: str, names: Sequence[str] | None, texts: Sequence[str]
    ) -> tuple[pa.Table, list[tuple[str, int]]]:
        """Part rows into cells: those of the right number as a table, the others as they came, with their number.

        Args:
            text: The rows, with the header where no names are given.
            names: The names of the cells, or None for "those in the first row".
            texts: Names of the columns whose types are not guessed.
        """
        wrong: list[tuple[str, int]] = []

        def refuse(row: pa_csv.InvalidRow) -> str:
            # A line of spaces is no row, as an empty line is none.
            if row.text.strip(" "):
                wrong.append((row.text, row.actual_columns))
            return "skip"

        content = (text if text.endswith(("\n", "\r")) else text + "\n").encode()
        # A row of white space, such as one of tabs alone, is a row.
        if names is not None and not text.strip("\r\n"):
            return pa.table({str(place): pa.array([], pa.string()) for place in range(len(names))}), []
        table = pa_csv.read_csv(
            pa.BufferReader(content),
            read_options=pa_csv.ReadOptions(column_names=names, block_size=min(len(content) + 1, _BLOCK_BYTES)),
            parse_options=pa_csv.ParseOptions(
                delimiter=self.separator, newlines_in_values=True, invalid_row_handler=refuse
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(texts, pa.string()),
                null_values=list(self.null_texts),
                strings_can_be_null=True,
                quoted_strings_can_be_null=self.quoted_nulls,
            ),
        )
        return table, wrong

    def _malformed(self, names: Sequence[str], rows_by_reason: Mapping[str, Sequence[str]]) -> pa.Table:
        """Part malformed rows into cells, as far as the header goes; they are given by why they are refused."""
        rows = [(why, row.rstrip("\r\n")) for why, lines in rows_by_reason.items() for row in lines]
        width = len(names)
        # Those that are not wrong by their number of cells have as many as the header.
        counts = dict(self._parse("\n".join(row for _, row in rows), _places(width), _places(width))[1])
        cells: list[list[str | None]] = [[] for _ in rows]
        by_count: dict[int, list[int]] = {}
        for place, (_, row) in enumerate(rows):
            by_count.setdefault(counts.get(row, width), []).append(place)
        for count, places in by_count.items():
            text = "\n".join(rows[place][1] for place in places)
            table, _ = self._parse(text, _places(count), _places(count))
            for place, lines in zip(
                places, zip(*(column.to_pylist() for column in table.columns), strict=True), strict=True
            ):
                cells[place] = [*lines, *[None] * width][:width]
        columns = [pa.array([row[place] for row in cells], pa.string()) for place in range(width)]
        return texts_of(names, columns, pa.array([f"{why}: {row}" for why, row in rows], pa.string())).rows

    def _canonical(self, names: Sequence[str], came: Sequence[pa.ChunkedArray], columns: Mapping[str, str]) -> Texts:
        """Rewrite what the format writes in its own way; a cell that is written otherwise makes its row malformed."""
        texts = [column.combine_chunks() for column in came]
        if "" in self.null_texts:
            texts = [pc.if_else(pc.equal(column, ""), None, column) for column in texts]
        reasons = pa.nulls(len(texts[0]), pa.string())
        for place, name in enumerate(names):
            rewrite = rewrite_for(
                columns.get(name, ""),
                decimal=self.decimal,
                date_format=self.date_format,
                timestamp_format=self.timestamp_format,
            )
            if rewrite is not None:
                texts[place], is_refused = rewritten(texts[place], rewrite)
                messages = pc.binary_join_element_wise(f"{WRONG_FORMAT}: {name}", texts[place], " ")
                reasons = pc.if_else(is_refused, pc.coalesce(reasons, messages), reasons)
        return texts_of(names, texts, reasons)

    def _quoted(self, texts: pa.Array) -> pa.Array:
        special = "[" + "".join(f"\\x{ord(mark):02x}" for mark in (self.separator, QUOTE, "\r", "\n")) + "]"
        needs_quotes = pc.or_(
            pc.match_substring_regex(texts, special), pc.is_in(texts, pa.array(self.null_texts, pa.string()))
        )
        quoted_texts = pc.binary_join_element_wise(QUOTE, pc.replace_substring(texts, QUOTE, QUOTE * 2), QUOTE, "")
        return pc.fill_null(
            pc.if_else(needs_quotes, quoted_texts, texts), self.null_texts[0] if self.null_texts else ""
        )


def _places(count: int) -> list[str]:
    return [str(place) for place in range(count)]
