"""The first rows of landing files, judged by their contract and as the raw table would hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from levelfive.core.windows import EPOCH
from levelfive.data import contract
from levelfive.data.changes import head_of_table
from levelfive.data.ingest import derived_rows, one_of_each_key, slim
from levelfive.data.landing import inspect, list_files, read_rows
from levelfive.errors import DataError, LandingError, first_line
from levelfive.usecase.columns import DELETION, LOADED_AT, ORDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from levelfive.usecase.sources import Source


@dataclass(frozen=True)
class Head:
    """The first rows of a source: how many there were, how many would not be there in the end, and the others."""

    rows_in: int
    refused_rows: int
    duplicate_rows: int
    accepted_rows: DataFrame
    deleted_rows: int = 0


def read_head(
    spark: SparkSession, source: Source, landing: Path, references: Mapping[str, DataFrame], *, limit: int
) -> Head:
    """Read, type and judge the first rows of a source.

    Args:
        spark: The session.
        source: Whose files, in the order of their names.
        landing: Folder with one folder a source.
        references: What the source's `derive` reads.
        limit: How many rows at most.

    Raises:
        ConfigError: The source's `derive` failed.
        ContractError: A header is wrong, or too many rows break the contract.
        DataError: More rows repeat a key than may break the contract.
        LandingError: A file is missing, unreadable or empty, or Spark cannot take its rows.
    """
    texts, names = _texts(spark, source, landing, limit)
    rows = contract.with_reasons(derived_rows(source, texts, references), source)
    try:
        checked_rows = at_hand(slim(rows))
    except PySparkException as err:
        raise LandingError(f"source {source.name!r}: Spark cannot take the rows of {names}: {first_line(err)}") from err
    good = checked_rows.where(F.size(contract.REASONS) == 0)
    kept_rows = at_hand(contract.accepted(one_of_each_key(good, source), source).drop(ORDER))
    accepted_rows = kept_rows.where(~F.col(DELETION)).drop(DELETION) if source.has_corrections else kept_rows
    rows_in, good_rows, unique_rows, rows_there = (
        frame.count() for frame in (checked_rows, good, kept_rows, accepted_rows)
    )
    accepted_rows = accepted_rows.withColumn(LOADED_AT, F.lit(EPOCH))
    if rows_in == 0:  # of a table; a file without rows is refused before
        raise LandingError(f"source {source.name!r}: {names} has no rows yet: try again when it has")
    head = Head(rows_in, rows_in - good_rows, good_rows - unique_rows, accepted_rows, unique_rows - rows_there)
    if head.refused_rows / rows_in > source.max_quarantined_share:
        tally = contract.tally(checked_rows.withColumn("source_file", F.lit(names)), source).collect()[0]
        what, reasons = f"first rows of {names}", tally["reasons"]
        contract.check_share(source, what, rows_in=rows_in, quarantined_rows=head.refused_rows, reasons=reasons)
    # Where rows are corrected, keys come again.
    if not source.has_corrections and head.duplicate_rows / rows_in > source.max_quarantined_share:
        raise DataError(
            f"source {source.name!r}: {head.duplicate_rows:,} of the first {rows_in:,} rows repeat a key "
            f"({', '.join(source.key)}), and only the first row of each is kept: name the columns that identify a row."
        )
    return head


def at_hand(rows: DataFrame) -> DataFrame:
    """Compute rows once: what rests on them does not compute them again."""
    return rows.sparkSession.createDataFrame(rows.toArrow(), schema=rows.schema)


def _texts(spark: SparkSession, source: Source, landing: Path, limit: int) -> tuple[DataFrame, str]:
    if source.delta_table is not None:
        rows, table = head_of_table(spark, landing, source, limit=limit)
        contract.check_header(table.header, source, source.delta_table)
        return rows, source.delta_table
    texts, names = _texts_of_files(source, landing, limit)
    return spark.createDataFrame(texts), names


def _texts_of_files(source: Source, landing: Path, limit: int) -> tuple[pa.Table, str]:
    heads: list[pa.Table] = []
    names: list[str] = []
    room = limit
    for entry in list_files(landing, source):
        file = inspect(entry.path, source=source)
        contract.check_header(file.header, source, str(entry.path))
        names.append(file.name)
        for part in read_rows(file, source):
            heads.append(part.slice(0, room))
            room -= heads[-1].num_rows
            if room <= 0:
                return pa.concat_tables(heads).combine_chunks(), ", ".join(names)
    return pa.concat_tables(heads).combine_chunks(), ", ".join(names)
