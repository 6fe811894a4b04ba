"""Rows of new files as one frame: few are handed to Spark at once, many wait in a table instead of in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from levelfive.storage.tables import Tables
from levelfive.usecase.columns import STAGING_TABLES
from levelfive.usecase.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# So much of Arrow's memory is handed to Spark at a time.
PIECE_BYTES = 1 << 26


def staging_table(source: Source) -> str:
    """Name the table in which many rows of a source wait."""
    return f"{STAGING_TABLES}{source.name}"


def frame_of(tables: Tables, source: Source, parts: Iterable[pa.Table]) -> DataFrame:
    """Hand rows to Spark.

    Args:
        tables: Where many rows wait, until `discard`.
        source: Whose rows.
        parts: The rows, all parts of the same columns; at least one.
    """
    pieces = _pieces(parts)
    first, second = next(pieces), next(pieces, None)
    if second is None:
        return tables.spark.createDataFrame(first)
    name = staging_table(source)
    tables.overwrite(name, tables.spark.createDataFrame(first), evolve=True)
    tables.append(name, tables.spark.createDataFrame(second))
    for piece in pieces:
        tables.append(name, tables.spark.createDataFrame(piece))
    return tables.read(name)


def discard(tables: Tables, source: Source) -> None:
    """Remove the rows that wait, if there are any."""
    tables.drop(staging_table(source))


def _pieces(parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    for part in parts:
        waiting.append(part)
        if sum(one.nbytes for one in waiting) >= PIECE_BYTES:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[pa.Table]) -> pa.Table:
    # In one piece: each would be a partition of its own.
    return pa.concat_tables(parts).combine_chunks()
