"""The features stage's job: computes every feature table for a window, and the labels that became known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.conditions import day_number, in_window
from levelfive.core.days import date_of
from levelfive.core.parallel import in_parallel
from levelfive.core.windows import EPOCH, LONGEST_GAP, Window, first_of, iso
from levelfive.data.known import read_as_known
from levelfive.data.landed import LANDING_FILES
from levelfive.data.missing import KNOWN_BY, Hole, looked_back_to
from levelfive.errors import AsOfError
from levelfive.features import watermarks
from levelfive.features.refusals import refusals_of_workers
from levelfive.features.watermarks import FEATURE_WINDOWS
from levelfive.storage.commits import Write
from levelfive.storage.keys import Keyed, explained
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.calls import feature_rows, labels_of
from levelfive.usecase.columns import KNOWN_AT, LABELLED, OUTCOME, PREDICTION_TIME
from levelfive.usecase.features import FeatureTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LABELS = "labels"
READS = ("raw_*", LANDING_FILES, *KNOWN_BY)
WRITES = ("<feature tables>", FEATURE_WINDOWS, LABELS)


@dataclass(frozen=True)
class FeaturesResult:
    """What was computed: the window, the version of each table after it, and the holes in what it looks back to."""

    run_id: str
    window: Window
    versions: dict[str, int]
    missing: tuple[Hole, ...] = ()


def run(context: JobContext, *, as_of: datetime, since: datetime | None = None) -> FeaturesResult:
    """Compute the feature tables up to `as_of` and the labels that are known by then.

    Args:
        context: Tables and use case.
        as_of: The end of the window: nothing known later is read.
        since: The window's start; by default the end of the last run's window, or the first raw data.

    Raises:
        AsOfError: There is no raw data before `as_of`.
        ConfigError: A function of the use case failed, its rows lack a column, or a table cannot hold what it is told
            to, such as a sum beyond its type.
        DataError: Two rows of a table share a key.
        TableError: A raw table is missing.
    """
    with context.run("features", as_of=as_of, parameters={"since": since}) as run:
        window = Window(since or _resume(context, run, as_of), as_of)
        jobs = [partial(_write_features, context, run, table, window) for table in context.use_case.feature_tables]
        jobs.append(partial(_write_labels, context, run, window))
        with run.timed("tables"):
            writes = in_parallel(jobs)
            # Feature tables' windows were noted by the store.
            watermarks.note(run.tables, writes[-1], window)
        use_case = context.use_case
        read = {*use_case.label_sources, *(name for table in use_case.feature_tables for name in table.sources)}
        holes = looked_back_to(run, use_case, window, as_of=as_of, sources=read)
        return FeaturesResult(run.run_id, window, {write.table: write.version for write in writes}, holes)


@dataclass(frozen=True, order=True)
class LabelledDay:
    """A use case's day: its mature labelled rows, the first prediction time, and how many are not older than asked."""

    day: date
    rows: int
    first: datetime
    newer: int


def known_labels(run: Run, as_of: datetime, *, excluded: Sequence[Window] = ()) -> DataFrame:
    """Read the rows of `labels` that have a label which is known at a time.

    Args:
        run: Notes the version of the table that is read.
        as_of: Labels known later are left out.
        excluded: Windows of prediction times whose rows are left out.

    Raises:
        TableError: No label was computed yet.
    """
    known: DataFrame = run.read(LABELS).where((F.col(KNOWN_AT) <= F.lit(as_of)) & (F.col(OUTCOME) == LABELLED))
    for window in excluded:
        known = known.where(~in_window(PREDICTION_TIME, window))
    return known


def labelled_days(
    context: JobContext,
    run: Run,
    as_of: datetime,
    *,
    excluded: Sequence[Window] = (),
    since: datetime | None = None,
) -> tuple[LabelledDay, ...]:
    """Count the labels known at a time by day, of rows that are old enough for nearly all of them to have theirs.

    Args:
        context: The use case, which says what is old enough, and when its days begin.
        run: Notes the version of the table that is read.
        as_of: Labels known later are not counted.
        excluded: Windows of prediction times whose rows are not counted.
        since: From which prediction time on a row is newer; by default, all are.

    Returns:
        The days that have such rows, oldest first.

    Raises:
        TableError: No label was computed yet.
    """
    use_case = context.use_case
    known = known_labels(run, as_of, excluded=excluded)
    mature = known.where(F.col(PREDICTION_TIME) < F.lit(as_of - use_case.maturity))
    day = day_number(PREDICTION_TIME, use_case.day_starts_at).alias("day")
    is_newer = F.lit(True) if since is None else F.col(PREDICTION_TIME) >= F.lit(since)
    counted = mature.groupBy(day).agg(
        F.count("*").alias("rows"),
        F.unix_micros(F.min(PREDICTION_TIME)).alias("first"),
        F.count_if(is_newer).alias("newer"),
    )
    return tuple(
        sorted(
            LabelledDay(
                date_of(row["day"]),
                row["rows"],
                EPOCH + timedelta(microseconds=row["first"]),
                row["newer"],
            )
            for row in counted.collect()
        )
    )


def first_times(rows: DataFrame, column: str, *, until: datetime) -> list[datetime]:
    """Find the first time in a column of each day that has rows, of those up to a time."""
    dated = rows.where(F.col(column) <= F.lit(until))
    firsts = dated.groupBy(F.date_trunc("day", column)).agg(F.unix_micros(F.min(column)).alias("first"))
    return [EPOCH + timedelta(microseconds=row["first"]) for row in firsts.collect()]


def _write_features(context: JobContext, run: Run, table: FeatureTable, window: Window) -> Write:
    raw = read_as_known(run, context.use_case, table.sources, window.end)
    with run.timed(table.name), refusals_of_workers(table.name):
        rows = feature_rows(table, raw, window)
        made_of = {name: run.versions_read[context.use_case.source(name).table] for name in table.sources}
        return run.wrote(context.features.put(table, rows, window, made_of=made_of))


def _write_labels(context: JobContext, run: Run, window: Window) -> Write:
    raw = read_as_known(run, context.use_case, context.use_case.label_sources, window.end)
    with run.timed(LABELS):
        remedy = "Nothing was written: let `labels` return each key once, when its outcome became known."
        keyed = Keyed("`labels`", context.use_case.key, labels_of(context.use_case, raw, window), remedy)
        with explained(keyed.fault):
            return run.wrote(run.tables.replace_window(LABELS, keyed.once(), KNOWN_AT, window))


def _resume(context: JobContext, run: Run, as_of: datetime) -> datetime:
    # What the tables say of themselves, not what a run said: a killed run may have written some of them.
    timed = [table.name for table in context.use_case.feature_tables if table.timestamped]
    ends = [context.features.watermark(table, before=as_of) for table in timed]
    ends.append(watermarks.watermark(context.tables, LABELS, before=as_of))
    reached = [end for end in ends if end is not None]
    return min(reached) if len(reached) == len(ends) else _first_data(context, run, as_of)


def _first_data(context: JobContext, run: Run, as_of: datetime) -> datetime:
    earliest = (row["min_event_time"] for row in run.rows(LANDING_FILES, columns=("min_event_time",)))
    first: datetime | None = min((moment for moment in earliest if moment is not None), default=None)
    if first is not None and as_of - first > LONGEST_GAP:
        first = _first_of_the_rows(context, run, as_of)
    if first is None or first >= as_of:
        came = "there is no dated data" if first is None else f"the data begins at {iso(first)}"
        raise AsOfError(f"nothing to compute before as_of {iso(as_of)}: {came}. Give a later --as-of.")
    return first


def _first_of_the_rows(context: JobContext, run: Run, as_of: datetime) -> datetime | None:
    """Find where the data begins by the days that have rows: one mistyped year would ask for states of centuries."""
    found: list[datetime] = []
    for source in context.use_case.sources:
        if source.event_time is not None and run.tables.exists(source.table):
            found += first_times(run.read(source.table), source.event_time, until=as_of)
    return first_of(found)
