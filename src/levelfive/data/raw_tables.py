"""Writes batches: good rows into raw tables, refused ones into quarantine; and counts what became of each file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.conditions import text_literal
from levelfive.core.days import date_of
from levelfive.core.windows import Window, iso, sql_literal
from levelfive.data.corrections import Change, Corrected, corrected_by, is_first, news
from levelfive.data.ingest import Batch, day_of_row
from levelfive.data.landed import LandedFile, dated_files
from levelfive.data.landing import LandingFile
from levelfive.data.missing import FileDays, sources_with_days
from levelfive.errors import AsOfError
from levelfive.storage.runs import RUNS, JobContext, Run
from levelfive.usecase.columns import CHANGE, LOADED_AT
from levelfive.usecase.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

QUARANTINE = "quarantine"
NOTHING_CORRECTED = Corrected()


@dataclass(frozen=True)
class Written:
    """What became of the new files of a source, and the days of the accepted rows."""

    files: tuple[LandedFile, ...]
    days: FileDays


def check_corrections(run: Run, batch: Batch, as_of: datetime) -> None:
    """Refuse to correct what is known as of a time that was ingested already: what rests on it would be another.

    Raises:
        AsOfError: Rows correct others, and `as_of` is not later than the last ingestion.
    """
    source = batch.source
    if not source.has_corrections or not run.tables.exists(source.table):
        return
    raw_table = run.read(source.table)
    if not _is_ingested(run, raw_table, as_of):
        return
    if news(batch.marked, raw_table, source).where(F.col(CHANGE) != Change.FIRST).take(1):
        files = ", ".join(file.name for file in batch.files)
        raise AsOfError(
            f"source {source.name!r}: {files} corrects rows as of {iso(as_of)}, and an earlier run ingested as of then "
            "or later; nothing was ingested. Give a later --as-of."
        )


def _is_ingested(run: Run, raw_table: DataFrame, as_of: datetime) -> bool:
    """Tell whether a run has ended that ingested as of a time or later, or one was killed after it wrote rows."""
    ended = run.rows(
        RUNS, columns=("as_of",), where={"stage": "data", "status": "succeeded"}, between={"as_of": (as_of, None)}
    )
    return bool(ended) or bool(raw_table.where(F.col(LOADED_AT) >= F.lit(as_of)).take(1))


def write_quarantine(run: Run, batch: Batch, as_of: datetime) -> None:
    """Put the refused rows of a batch in the place of those of its files."""
    if any(counts.quarantined for counts in batch.counts.values()):
        names = ", ".join(text_literal(file.name) for file in batch.files)
        condition = f"source = {text_literal(batch.source.name)} AND source_file IN ({names})"
        rows = batch.quarantined.withColumn(LOADED_AT, F.lit(as_of))
        run.wrote(run.tables.replace_where(QUARANTINE, rows, condition))


def write_accepted(context: JobContext, run: Run, batch: Batch, as_of: datetime) -> Written:
    """Add the good rows of a batch whose keys are not in the raw table yet, and corrections beside what is there."""
    if batch.source.has_corrections:
        return _write_corrections(context, run, batch, as_of)
    tables, source = run.tables, batch.source
    rows = batch.accepted.withColumn(LOADED_AT, F.lit(as_of))
    write = run.wrote(tables.insert_new(source.table, rows, source.key, within=window_of_batch(batch)))
    accepted_counts = {name: counts.candidates for name, counts in batch.counts.items()}
    days: FileDays = {name: counts.by_day for name, counts in batch.counts.items()}
    if write.rows != sum(accepted_counts.values()):
        accepted_counts, days = _count_accepted(context, source, [file.name for file in batch.files])
    results = (landed_file(batch, file, accepted_counts.get(file.name, 0), as_of=as_of) for file in batch.files)
    return Written(tuple(results), days)


def _write_corrections(context: JobContext, run: Run, batch: Batch, as_of: datetime) -> Written:
    tables, source, files = run.tables, batch.source, [file.name for file in batch.files]
    raw_table = tables.read(source.table) if tables.exists(source.table) else None
    rows = news(batch.marked, raw_table, source).withColumn(LOADED_AT, F.lit(as_of))
    among = f"{LOADED_AT} = {sql_literal(as_of)}"
    run.wrote(tables.insert_new(source.table, rows, (*source.key, LOADED_AT), among=among, evolve=True))
    # What is there by now: a run that was killed may have written some of it.
    accepted_counts, days = _count_accepted(context, source, files)
    corrections = corrected_by(tables.read(source.table), source, files)
    landed_files = (
        landed_file(
            batch,
            file,
            accepted_counts.get(file.name, 0),
            as_of=as_of,
            correction=corrections.get(file.name, NOTHING_CORRECTED),
        )
        for file in batch.files
    )
    return Written(tuple(landed_files), days)


def days_of_before(context: JobContext, run: Run, as_of: datetime) -> dict[str, FileDays]:
    """Count the files of sources whose days nobody counted yet: those that an earlier levelfive ingested."""
    dated_sources = (source for source in context.use_case.sources if source.event_time is not None)
    there = {source.name for source in dated_sources if context.tables.exists(source.table)}
    rest = there - sources_with_days(run, there, as_of=as_of)
    files = dated_files(run, rest) if rest else {}
    sources = [source for source in context.use_case.sources if source.name in files]
    return {source.name: _count_accepted(context, source, files[source.name])[1] for source in sources}


def window_of_batch(batch: Batch) -> tuple[str, Window] | None:
    """Spare the insertion a look at the rows of other times, where the key tells the time.

    Returns:
        The time column, and a window that holds all rows with the batch's keys; None where that cannot be told.
    """
    source = batch.source
    lows = [counts.min_event_time for counts in batch.counts.values() if counts.min_event_time is not None]
    highs = [counts.max_event_time for counts in batch.counts.values() if counts.max_event_time is not None]
    if source.event_time is None or source.key_within is None or not lows:
        return None
    return source.event_time, Window(
        min(lows) - source.key_within, max(highs) + source.key_within + timedelta.resolution
    )


def _count_accepted(
    context: JobContext, source: Source, files: Sequence[str]
) -> tuple[dict[str, int], dict[str, dict[date, int]]]:
    # Some keys were there already: duplicates of other files, or a run that was killed after this write.
    rows = context.tables.read(source.table).where(F.col("source_file").isin(list(files)))
    accepted_counts: dict[str, int] = defaultdict(int)
    days: dict[str, dict[date, int]] = defaultdict(dict)
    day = day_of_row(source, context.use_case.day_starts_at)
    if source.has_corrections:
        # A correction is no row more of its day.
        day = F.when(is_first(rows), day)
    for row in rows.groupBy("source_file", day.alias("day")).count().collect():
        accepted_counts[row["source_file"]] += row["count"]
        if row["day"] is not None:
            days[row["source_file"]][date_of(row["day"])] = row["count"]
    return accepted_counts, days


def landed_file(
    batch: Batch, file: LandingFile, accepted_rows: int, *, as_of: datetime, correction: Corrected = NOTHING_CORRECTED
) -> LandedFile:
    """Say what became of a file of a batch, of whose rows so many were accepted."""
    counts = batch.counts[file.name]
    return LandedFile(
        source=batch.source.name,
        source_file=file.name,
        sha256=file.sha256,
        rows_in=counts.rows_in,
        accepted=accepted_rows,
        quarantined=counts.quarantined,
        duplicates=counts.rows_in - counts.quarantined - accepted_rows,
        min_event_time=counts.min_event_time,
        max_event_time=counts.max_event_time,
        loaded_at=as_of,
        size=file.size,
        modified_at=file.modified_at,
        version=file.version,
        corrections=correction.corrections,
        deletions=correction.deletions,
        corrects_since=correction.since,
    )
