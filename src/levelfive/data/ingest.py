"""Reads the new files of one source into rows with their verdicts; nothing is written here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from levelfive.core.conditions import day_number
from levelfive.core.days import date_of
from levelfive.core.windows import from_micros
from levelfive.data import contract
from levelfive.data.changes import texts_of_versions
from levelfive.data.landing import LandingFile, read_rows
from levelfive.data.staging import frame_of
from levelfive.errors import LandingError, first_line
from levelfive.storage.tables import Tables
from levelfive.usecase.calls import derived
from levelfive.usecase.columns import DELETION, ORDER, own
from levelfive.usecase.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

PLACE = own("place")


@dataclass(frozen=True)
class FileCounts:
    """What a file holds: its rows, those to be quarantined, those left after repeated keys are taken out.

    `by_day` are the last by the use case's days, but for rows without a date.
    """

    rows_in: int
    quarantined: int
    candidates: int
    min_event_time: datetime | None
    max_event_time: datetime | None
    by_day: Mapping[date, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """New files of one source: their rows with `reasons`, the good ones of distinct keys, the counts by file name."""

    source: Source
    files: tuple[LandingFile, ...]
    checked_rows: DataFrame
    good: DataFrame
    counts: Mapping[str, FileCounts]

    @property
    def accepted(self) -> DataFrame:
        """Rows to be put into the raw table: of a repeated key, one row; see `one_of_each_key`."""
        return self.marked.drop(DELETION)

    @property
    def marked(self) -> DataFrame:
        """The same rows; of a source with corrections, marked where they delete."""
        return contract.accepted(self.good, self.source).drop(ORDER)

    @property
    def quarantined(self) -> DataFrame:
        """Rows that break the contract, with the reasons."""
        return contract.quarantined(self.checked_rows, self.source)


def apply_contract(
    tables: Tables,
    source: Source,
    files: Sequence[LandingFile],
    references: Mapping[str, DataFrame],
    *,
    day_starts_at: timedelta = timedelta(0),
) -> Batch:
    """Read files, type and judge their rows, and count them, also by days that begin so long after midnight.

    Raises:
        ContractError: A header is wrong, or too many rows of a file break the contract.
        LandingError: A file has no rows or was changed meanwhile, or Spark cannot take its rows.
    """
    rows = typed_rows(tables, source, files, references)
    # Read twice, to be counted and to be written: kept where the engine allows it.
    checked_rows = tables.cache(slim(contract.with_reasons(rows, source)))
    good = checked_rows.where(F.size(contract.REASONS) == 0)
    try:
        has_duplicates = bool(good.groupBy(*source.key).count().where("count > 1").take(1))
        good = one_of_each_key(good, source) if has_duplicates else good
        counts = _count(checked_rows, good, source, day_starts_at)
    except PySparkException as err:
        names = ", ".join(file.name for file in files)
        raise LandingError(f"source {source.name!r}: Spark cannot take the rows of {names}: {first_line(err)}") from err
    # Versions of a table may hold no rows: somebody cared for its files.
    counts = {file.name: FileCounts(0, 0, 0, None, None) for file in files} | counts
    for file in files:
        _check(checked_rows, source, file, counts)
    return Batch(source, tuple(files), checked_rows, good, counts)


def typed_rows(
    tables: Tables, source: Source, files: Sequence[LandingFile], references: Mapping[str, DataFrame]
) -> DataFrame:
    """Read files into typed rows with the source's derived columns, good and bad ones alike.

    Many rows wait in a table until `staging.discard`.

    Raises:
        ConfigError: The source's `derive` failed.
        ContractError: A header is wrong.
        LandingError: A file cannot be read, or has no rows.
    """
    for file in files:
        contract.check_header(file.header, source, str(file.path))
    return derived_rows(source, _texts(tables, source, files), references)


def _texts(tables: Tables, source: Source, files: Sequence[LandingFile]) -> DataFrame:
    if source.delta_table is not None:
        return texts_of_versions(tables, source, files)
    return frame_of(tables, source, (part for file in files for part in read_rows(file, source)))


def derived_rows(source: Source, texts: DataFrame, references: Mapping[str, DataFrame]) -> DataFrame:
    """Type the texts of rows, and add the source's derived columns, to good and bad rows alike.

    Raises:
        ConfigError: The source's `derive` failed.
    """
    rows = derived(source, contract.typed(texts, source), references)
    if not source.has_corrections:
        return rows
    # Rows of a change feed are marked already, and may say besides that they are deleted.
    marks = (F.coalesce(name, F.lit(False)) for name in (DELETION, source.deletion) if name in rows.columns)
    return rows.withColumn(DELETION, reduce(or_, marks, F.lit(False)))


def _check(checked_rows: DataFrame, source: Source, file: LandingFile, counts: Mapping[str, FileCounts]) -> None:
    of_file = counts[file.name]
    if of_file.rows_in and of_file.quarantined / of_file.rows_in > source.max_quarantined_share:
        # Counting by reason is slow, and only a refusal needs it.
        tally = contract.tally(checked_rows.where(F.col("source_file") == file.name), source).collect()[0]
        contract.check_share(
            source,
            str(file.path),
            rows_in=of_file.rows_in,
            quarantined_rows=of_file.quarantined,
            reasons=tally["reasons"],
        )


def slim(checked_rows: DataFrame) -> DataFrame:
    """Keep the original texts of refused rows only; of the good ones what puts equal keys in order, or their hash."""
    raw_texts = F.when(F.size(contract.REASONS) > 0, F.col(contract.RAW))
    order = {} if ORDER in checked_rows.columns else {ORDER: F.xxhash64(contract.RAW)}
    return checked_rows.withColumns({**order, contract.RAW: raw_texts})


def one_of_each_key(good: DataFrame, source: Source) -> DataFrame:
    """Keep one row of each key: the first by file and content.

    Of a source with corrections, it is the last by file and place.
    """
    order = [F.col("source_file"), F.col(ORDER)]
    over = Over.partitionBy(*source.key).orderBy(*(of.desc() if source.has_corrections else of for of in order))
    return good.withColumn(PLACE, F.row_number().over(over)).where(F.col(PLACE) == 1).drop(PLACE)


def day_of_row(source: Source, day_starts_at: timedelta) -> Column:
    """Tell the number of a row's day; null for one without a date."""
    return F.lit(None).cast("int") if source.event_time is None else day_number(source.event_time, day_starts_at)


def _count(checked_rows: DataFrame, good: DataFrame, source: Source, day_starts_at: timedelta) -> dict[str, FileCounts]:
    event_time = F.col(source.event_time) if source.event_time else F.lit(None).cast("timestamp")
    all_rows = checked_rows.groupBy("source_file").agg(
        F.count(F.lit(1)).alias("rows_in"), F.count_if(F.size(contract.REASONS) > 0).alias("quarantined")
    )
    good_rows = good.groupBy("source_file", day_of_row(source, day_starts_at).alias("day")).agg(
        F.count(F.lit(1)).alias("candidates"),
        F.unix_micros(F.min(event_time)).alias("low"),
        F.unix_micros(F.max(event_time)).alias("high"),
    )
    by_file: dict[str, list[Row]] = defaultdict(list)
    for row in all_rows.join(good_rows, on="source_file", how="left").fillna(0, subset="candidates").collect():
        by_file[row["source_file"]].append(row)
    return {
        name: FileCounts(
            days[0]["rows_in"],
            days[0]["quarantined"],
            sum(row["candidates"] for row in days),
            from_micros(min((row["low"] for row in days if row["low"] is not None), default=None)),
            from_micros(max((row["high"] for row in days if row["high"] is not None), default=None)),
            {date_of(row["day"]): row["candidates"] for row in days if row["day"] is not None},
        )
        for name, days in by_file.items()
    }
