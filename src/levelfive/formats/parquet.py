"""Parquet: typed columns, which become the texts that a CSV would hold, without rounding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from levelfive.errors import LandingError
from levelfive.formats.json_texts import json_text
from levelfive.formats.leaving_out import Chooser
from levelfive.formats.texts import Texts, check_several, in_declared_order, refusals_of_file, texts_of

_BATCH_ROWS = 1 << 16
# From the first on Arrow writes whole numbers with an exponent; up to the second, each is a float of its own.
_DIGITS_TO, _EXACT_TO = 1e15, 2.0**53


@dataclass(frozen=True)
class Parquet:
    """Parquet files; a column may stand at any place."""

    endings: tuple[str, ...] = (".parquet",)

    def __post_init__(self) -> None:
        """Refuse endings that are one text."""
        check_several("endings", self.endings)

    def batches(self, path: Path, file: BinaryIO, columns: Mapping[str, str]) -> Iterator[Texts]:
        """Read a file in parts; columns are found by their names.

        Raises:
            LandingError: It is not a whole file of Parquet, or a column holds bytes that are no text, or lengths of
                time, whose unit no text would tell.
        """
        if not file.read(1):
            raise LandingError(f"{path} is empty: expected a file of Parquet; deliver it again")
        file.seek(0)
        with refusals_of_file(path):
            parquet = pq.ParquetFile(file, pre_buffer=False)
            if not parquet.metadata.num_rows:
                yield _texts_of(parquet.schema_arrow.empty_table(), columns)
            # Threads of Arrow that read by a file of Python's may outlive the interpreter.
            for batch in parquet.iter_batches(_BATCH_ROWS, use_threads=False):
                yield _texts_of(pa.Table.from_batches([batch]), columns)

    def bytes_of(self, path: Path, texts: Texts) -> bytes:
        """Write rows as columns of texts."""
        sound = texts.rows.filter(pc.is_null(texts.rows.column(len(texts.header))))
        target = pa.BufferOutputStream()
        pq.write_table(sound.select(range(len(texts.header))), target)
        content: bytes = target.getvalue().to_pybytes()
        return content

    def without(self, path: Path, file: BinaryIO, columns: Mapping[str, str], is_chosen: Chooser) -> tuple[bytes, int]:
        """Leave rows out; columns keep their types, and the file what it says of them. See `Format.without`."""
        target, count = pa.BufferOutputStream(), 0
        with refusals_of_file(path):
            parquet = pq.ParquetFile(file, pre_buffer=False)
            with pq.ParquetWriter(target, parquet.schema_arrow) as writer:
                for batch in parquet.iter_batches(_BATCH_ROWS, use_threads=False):
                    rows = pa.Table.from_batches([batch])
                    mask = list(is_chosen(_texts_of(rows, columns).rows))
                    count += sum(mask)
                    if not all(mask):
                        writer.write_table(rows.filter(pc.invert(pa.array(mask, pa.bool_()))))
        return target.getvalue().to_pybytes(), count

    def hint(self, header: Sequence[str], columns: Sequence[str]) -> str:
        """Nothing can be guessed: each column carries its name."""
        return ""


def _texts_of(rows: pa.Table, columns: Mapping[str, str]) -> Texts:
    if len(set(rows.column_names)) < len(rows.column_names):
        return texts_of(rows.column_names, [_texts(column) for column in rows.columns])
    names = in_declared_order(rows.column_names, columns)
    return texts_of(names, [_texts(rows.column(name)) for name in names])


def _texts(column: pa.ChunkedArray) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        return _moments(column.combine_chunks())
    if pa.types.is_time(kind):
        return _without_zeros(column.combine_chunks().cast(pa.string()))
    if pa.types.is_nested(kind):
        values = column.to_pylist(maps_as_pydicts="strict")
        return pa.array([None if value is None else json_text(value) for value in values], pa.string())
    if pa.types.is_duration(kind):
        raise ValueError(f"a column is of type {kind}: write lengths of time as numbers, such as seconds")
    if pa.types.is_float16(kind):
        column = column.cast(pa.float32())
    if pa.types.is_date64(kind):
        column = column.cast(pa.date32())
    texts = column.combine_chunks().cast(pa.string())
    return _with_digits(column.combine_chunks(), texts) if pa.types.is_float64(kind) else texts


def _with_digits(numbers: pa.Array, texts: pa.Array) -> pa.Array:
    """Write whole numbers by their digits as far as floats tell them apart: pandas makes floats of keys with nulls."""
    size = pc.abs(numbers)
    has_exponent = pc.and_(pc.greater_equal(size, _DIGITS_TO), pc.less_equal(size, _EXACT_TO))
    digits = pc.if_else(has_exponent, numbers, None).cast(pa.int64(), safe=False).cast(pa.string())
    return pc.if_else(pc.fill_null(has_exponent, False), digits, texts)


def _moments(moments: pa.Array) -> pa.Array:
    # Arrow keeps a time with a zone as that of UTC: as a time without one, it is written as such.
    of_utc = moments.view(pa.int64()).view(pa.timestamp(moments.type.unit))
    texts = _without_zeros(pc.replace_substring(of_utc.cast(pa.string()), " ", "T"))
    return texts if moments.type.tz is None else pc.binary_join_element_wise(texts, "Z", "")


def _without_zeros(texts: pa.Array) -> pa.Array:
    """Leave out the zeros at the end of a fraction of a second."""
    return pc.replace_substring_regex(pc.replace_substring_regex(texts, r"(\.\d*?)0+$", r"\1"), r"\.$", "")
