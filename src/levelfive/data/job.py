"""The data stage's job: landing files become raw tables, and what breaks a contract goes to quarantine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.parallel import in_parallel
from levelfive.core.telemetry import event
from levelfive.core.windows import Window, from_micros, iso
from levelfive.data.contract import text_literal
from levelfive.data.ingest import Batch, apply_contract, as_date, day_of
from levelfive.data.landed import LANDING_FILES, LandedFile, dated_files, new_files, newest_times
from levelfive.data.landing import LandingFile
from levelfive.data.missing import SOURCE_DAYS, FileDays, Hole, count_days, counted, missing, note
from levelfive.errors import AsOfError, LandingError
from levelfive.storage.annotations import ANNOTATIONS
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import LOADED_AT
from levelfive.usecase.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

QUARANTINE = "quarantine"
READS = (LANDING_FILES, SOURCE_DAYS, ANNOTATIONS)
WRITES = ("raw_*", QUARANTINE, SOURCE_DAYS, LANDING_FILES)


@dataclass(frozen=True)
class DataResult:
    """What a run of the data stage ingested: no files when it had seen all of them before.

    `left` are files that begin after `as_of`: a later run takes them. `missing` are days without rows before the newest
    ones, also where nothing was ingested; of the sources in `too_few_days`, too few have rows to say so.
    """

    run_id: str
    files: tuple[LandedFile, ...]
    left: tuple[str, ...] = ()
    missing: tuple[Hole, ...] = ()
    too_few_days: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Written:
    """What became of the new files of a source, and the days of the accepted rows."""

    files: tuple[LandedFile, ...]
    days: FileDays


@dataclass(frozen=True)
class _Judged:
    """The new files of a source: those that are due by `as_of`, and when each of the others begins."""

    batch: Batch | None
    left: Mapping[str, datetime]


def run(context: JobContext, *, landing: Path, as_of: datetime) -> DataResult:
    """Ingest the landing files that were not ingested yet; those that begin after `as_of` are left to later runs.

    So what was missed is caught up in its order, also when newer files have landed meanwhile. All files of all sources
    are checked before anything is written, and a run that was killed can be repeated.

    Args:
        context: Tables and use case.
        landing: Folder with one folder a source.
        as_of: The logical now; it becomes the rows' `loaded_at`.

    Raises:
        LandingError: A file is missing, unreadable, empty, changed or delivered twice.
        ContractError: A file's header is wrong, or too many of its rows are.
        AsOfError: All rows of a source are dated after `as_of`.
    """
    with context.run("data", as_of=as_of, parameters={"landing": landing}) as run:
        with run.timed("judge"):
            files = new_files(run, landing, context.use_case.sources)
            judged = _judge_all(context, files, as_of)
            _check_dates(context, run, judged, as_of)
            batches = [one.batch for one in judged.values() if one.batch is not None]
        with run.timed("write"):
            for batch in batches:
                _write_quarantine(run, batch, as_of)
            jobs = [partial(_write_accepted, context, run, batch, as_of) for batch in batches]
            written = dict(zip((batch.source.name for batch in batches), in_parallel(jobs), strict=True))
            results = tuple(result for one in written.values() for result in one.files)
            count_days(run, _days_of_before(context, run, as_of) | _days(written), as_of)
            if results:
                run.wrote(run.tables.control_tables.add(LANDING_FILES, results))
            for batch in batches:
                run.tables.uncache(batch.judged)
        for what in ("rows_in", "accepted", "quarantined", "duplicates"):
            run.counts[what] = sum(getattr(result, what) for result in results)
        left = tuple(name for one in judged.values() for name in one.left)
        run.counts["files_left"] = len(left)
        found = missing(run, context.use_case, as_of=as_of)
        for hole in note(run, found.holes):
            event("rows are missing", source=hole.source, first=str(hole.first), last=str(hole.last))
        return DataResult(run.run_id, results, left, found.holes, found.too_few)


def _judge_all(
    context: JobContext, files: Mapping[str, tuple[LandingFile, ...]], as_of: datetime
) -> dict[str, _Judged]:
    """Judge the new files of all sources, by the source's name and in the use case's order."""
    judged: dict[str, _Judged] = {}
    waiting = [source for source in context.use_case.sources if source.name in files]
    while waiting:
        # Side by side, once what a source refers to was judged: `use_case` puts references first.
        blocked = {source.name for source in waiting}
        ready = [source for source in waiting if not blocked & set(source.references)]
        jobs = [partial(_judge_one, context, judged, source, files[source.name], as_of) for source in ready]
        judged |= zip((source.name for source in ready), in_parallel(jobs), strict=True)
        waiting = [source for source in waiting if source not in ready]
    return {source.name: judged[source.name] for source in context.use_case.sources if source.name in judged}


def _judge_one(
    context: JobContext, judged: Mapping[str, _Judged], source: Source, files: tuple[LandingFile, ...], as_of: datetime
) -> _Judged:
    references = {name: _reference(context, judged, name) for name in source.references}
    judge_files = partial(apply_contract, context.tables, source, day_starts_at=context.use_case.day_starts_at)
    batch = judge_files(files=files, references=references)
    begins = {name: counts.min_event_time for name, counts in batch.counts.items()}
    left = {name: begin for name, begin in begins.items() if begin is not None and begin > as_of}
    if not left:
        return _Judged(batch, left)
    context.tables.uncache(batch.judged)
    due = tuple(file for file in files if file.name not in left)
    return _Judged(judge_files(files=due, references=references) if due else None, left)


def _reference(context: JobContext, judged: Mapping[str, _Judged], name: str) -> DataFrame:
    table = context.use_case.source(name).table
    batch = judged[name].batch if name in judged else None
    fresh = None if batch is None else batch.accepted
    if not context.tables.exists(table) and fresh is not None:
        return fresh
    stored = context.tables.read(table)
    return stored if fresh is None else stored.unionByName(fresh, allowMissingColumns=True)


def _check_dates(context: JobContext, run: Run, judged: Mapping[str, _Judged], as_of: datetime) -> None:
    waits = [source for source in context.use_case.sources if source.freshness is not None]
    alone = any(one.left for one in judged.values())
    if waits and not alone:
        # What is fresh is found among the newest files; only before a refusal, the whole past is asked.
        recent = _newest(run, judged, since=min(as_of - _freshness(source) for source in waits))
        waits = [
            source
            for source in waits
            if not any(as_of - _freshness(source) <= time <= as_of for time in recent[source.name])
        ]
    if not (waits or alone):
        return
    newest = _newest(run, judged)
    for name, one in judged.items():
        if one.left and not newest[name]:
            file, begin = min(one.left.items(), key=lambda left: left[1])
            raise AsOfError(
                f"{file}: its earliest row is of {iso(begin)}, after as_of {iso(as_of)}, and there is nothing of "
                f"{name!r} from before; nothing was ingested. Give a later --as-of."
            )
    for source in waits:
        _check_freshness(context, source, newest[source.name], judged.get(source.name), as_of)


def _newest(run: Run, judged: Mapping[str, _Judged], *, since: datetime | None = None) -> dict[str, list[datetime]]:
    """List the times of the newest rows by source, of files that were ingested and of those about to be."""
    newest = newest_times(run, since=since)
    for name, one in judged.items():
        found = () if one.batch is None else one.batch.counts.values()
        newest[name] += [counts.max_event_time for counts in found if counts.max_event_time is not None]
    return newest


def _freshness(source: Source) -> timedelta:
    assert source.freshness is not None
    return source.freshness


def _check_freshness(
    context: JobContext, source: Source, newest: Sequence[datetime], judged: _Judged | None, as_of: datetime
) -> None:
    if not newest:
        return
    latest = max((time for time in newest if time <= as_of), default=None)
    if latest is None or (as_of - latest > _freshness(source) and max(newest) > as_of):
        # A file that reaches beyond as_of, if only by one wild date, may hold newer rows from before it.
        latest = _newest_row(context, source, judged, as_of) or latest
    if latest is not None and as_of - latest > _freshness(source):
        raise LandingError(
            f"source {source.name!r}: the newest row is of {iso(latest)}, more than {source.freshness} before "
            f"as_of {iso(as_of)}: a landing file is missing. Nothing was ingested; deliver the file."
        )


def _newest_row(context: JobContext, source: Source, judged: _Judged | None, as_of: datetime) -> datetime | None:
    """Find the time of the newest row at or before `as_of`, of those ingested and those about to be."""
    assert source.event_time is not None
    frames = [context.tables.read(source.table)] if context.tables.exists(source.table) else []
    frames += [] if judged is None or judged.batch is None else [judged.batch.good]
    if not frames:
        return None
    times = [frame.select(F.col(source.event_time).alias("at")) for frame in frames]
    until = reduce(lambda one, other: one.unionByName(other), times).where(F.col("at") <= F.lit(as_of))
    return from_micros(until.agg(F.unix_micros(F.max("at"))).collect()[0][0])


def _write_quarantine(run: Run, batch: Batch, as_of: datetime) -> None:
    if any(counts.quarantined for counts in batch.counts.values()):
        names = ", ".join(text_literal(file.name) for file in batch.files)
        condition = f"source = {text_literal(batch.source.name)} AND source_file IN ({names})"
        rows = batch.quarantined.withColumn(LOADED_AT, F.lit(as_of))
        run.wrote(run.tables.replace_where(QUARANTINE, rows, condition))


def _write_accepted(context: JobContext, run: Run, batch: Batch, as_of: datetime) -> _Written:
    tables, source = run.tables, batch.source
    rows = batch.accepted.withColumn(LOADED_AT, F.lit(as_of))
    write = run.wrote(tables.insert_new(source.table, rows, source.key, within=_within(batch)))
    accepted = {name: counts.candidates for name, counts in batch.counts.items()}
    days: FileDays = {name: counts.by_day for name, counts in batch.counts.items()}
    if write.rows != sum(accepted.values()):
        accepted, days = _count_accepted(context, source, [file.name for file in batch.files])
    results = (_landed(batch, file, accepted.get(file.name, 0), as_of) for file in batch.files)
    return _Written(tuple(results), days)


def _days(written: Mapping[str, _Written]) -> dict[str, FileDays]:
    return {name: one.days for name, one in written.items()}


def _days_of_before(context: JobContext, run: Run, as_of: datetime) -> dict[str, FileDays]:
    """Count the files of sources whose days nobody counted yet: those that an earlier levelfive ingested."""
    dated = (source for source in context.use_case.sources if source.event_time is not None)
    there = {source.name for source in dated if context.tables.exists(source.table)}
    left = there - counted(run, there, as_of=as_of)
    files = dated_files(run, left) if left else {}
    sources = [source for source in context.use_case.sources if source.name in files]
    return {source.name: _count_accepted(context, source, files[source.name])[1] for source in sources}


def _within(batch: Batch) -> tuple[str, Window] | None:
    """Spare the insertion a look at the rows of other times, where the key tells the time."""
    source = batch.source
    lows = [counts.min_event_time for counts in batch.counts.values() if counts.min_event_time is not None]
    highs = [counts.max_event_time for counts in batch.counts.values() if counts.max_event_time is not None]
    if source.event_time is None or source.key_within is None or not lows:
        return None
    return source.event_time, Window(
        min(lows) - source.key_within, max(highs) + source.key_within + timedelta(microseconds=1)
    )


def _count_accepted(
    context: JobContext, source: Source, files: Sequence[str]
) -> tuple[dict[str, int], dict[str, dict[date, int]]]:
    # Some keys were there already: duplicates of other files, or a run that was killed after this write.
    rows = context.tables.read(source.table).where(F.col("source_file").isin(list(files)))
    accepted: dict[str, int] = defaultdict(int)
    days: dict[str, dict[date, int]] = defaultdict(dict)
    day = day_of(source, context.use_case.day_starts_at).alias("day")
    for row in rows.groupBy("source_file", day).count().collect():
        accepted[row["source_file"]] += row["count"]
        if row["day"] is not None:
            days[row["source_file"]][as_date(row["day"])] = row["count"]
    return accepted, days


def _landed(batch: Batch, file: LandingFile, accepted: int, as_of: datetime) -> LandedFile:
    counts = batch.counts[file.name]
    return LandedFile(
        source=batch.source.name,
        source_file=file.name,
        sha256=file.sha256,
        rows_in=counts.rows_in,
        accepted=accepted,
        quarantined=counts.quarantined,
        duplicates=counts.rows_in - counts.quarantined - accepted,
        min_event_time=counts.min_event_time,
        max_event_time=counts.max_event_time,
        loaded_at=as_of,
    )
