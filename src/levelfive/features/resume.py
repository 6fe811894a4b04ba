"""Where a run of the features stage begins: where the tables end, or with the first raw data."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.windows import EPOCH, LONGEST_GAP, Window, first_of, iso
from levelfive.data.landed import LANDING_FILES, corrections
from levelfive.errors import AsOfError
from levelfive.features.labels import LABELS
from levelfive.features.watermarks import FEATURE_WINDOWS, watermark
from levelfive.storage.runs import JobContext, Run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def resume(context: JobContext, run: Run, as_of: datetime) -> datetime:
    """Find where the table that is furthest behind ends; where one is new, or tells nothing, the first raw data.

    Raises:
        AsOfError: There is no raw data before `as_of`.
        TableError: A raw table is missing.
    """
    # What the tables say of themselves, not what a run said: a killed run may have written some of them.
    tables_with_times = [table.name for table in context.use_case.feature_tables if table.timestamped]
    ends = [watermark(context.tables, table, before=as_of) for table in (*tables_with_times, LABELS)]
    watermarks = [end for end in ends if end is not None]
    return min(watermarks) if len(watermarks) == len(ends) else _first_data(context, run, as_of)


def labels_window(context: JobContext, window: Window) -> Window:
    """Let labels that may change go on where they end, however far behind a feature table is.

    Those that are there stay as they were known; what they turned out to be since is kept beside them.
    """
    end = watermark(context.tables, LABELS, before=window.end) if context.use_case.has_corrected_labels else None
    return window if end is None else Window(end, window.end)


def corrected_since(context: JobContext, run: Run, window: Window) -> datetime | None:
    """Find the earliest time before a window that is touched by what was corrected within it.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        window: What was ingested after its start, up to its end, was not computed with yet.

    Returns:
        The time, not before the first one that was ever computed; None where nothing before the window is touched.
    """
    sources = {source.name for source in context.use_case.sources if source.has_corrections}
    files = corrections(run, sources, after=window.start, until=window.end)
    correction_times = [file.corrects_since for file in files if file.corrects_since is not None]
    if not correction_times or min(correction_times) >= window.start:
        return None
    starts = [row["window_start"] for row in run.rows(FEATURE_WINDOWS, columns=("window_start",))]
    # One mistyped year would ask for states of centuries.
    earliest = max(min(correction_times), min(starts, default=window.start))
    return earliest if earliest < window.start else None


def _first_data(context: JobContext, run: Run, as_of: datetime) -> datetime:
    earliest = (row["min_event_time"] for row in run.rows(LANDING_FILES, columns=("min_event_time",)))
    first: datetime | None = min((moment for moment in earliest if moment is not None), default=None)
    if first is not None and as_of - first > LONGEST_GAP:
        first = _first_of_the_rows(context, run, as_of)
    if first is None or first >= as_of:
        why = "there is no dated data. Run the data stage first."
        if first is not None:
            why = f"the data begins at {iso(first)}. Give a later --as-of."
        raise AsOfError(f"nothing to compute before as_of {iso(as_of)}: {why}")
    return first


def _first_of_the_rows(context: JobContext, run: Run, as_of: datetime) -> datetime | None:
    """Find where the data begins by the days that have rows: one mistyped year would ask for states of centuries."""
    times: list[datetime] = []
    for source in context.use_case.sources:
        if source.event_time is not None and run.tables.exists(source.table):
            times += first_times(run.read(source.table), source.event_time, until=as_of)
    return first_of(times)


def first_times(rows: DataFrame, column: str, *, until: datetime) -> list[datetime]:
    """Find the first time in a column of each day that has rows, of those up to a time."""
    past_rows = rows.where(F.col(column) <= F.lit(until))
    firsts = past_rows.groupBy(F.date_trunc("day", column)).agg(F.unix_micros(F.min(column)).alias("first"))
    return [EPOCH + timedelta(microseconds=row["first"]) for row in firsts.collect()]
