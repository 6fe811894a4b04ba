"""Whether the newest rows of a source are as new as they have to be: if not, a landing file is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce

from pyspark.sql import functions as F

from levelfive.core.windows import from_micros, iso
from levelfive.data.batches import NewFiles
from levelfive.data.landed import newest_times
from levelfive.errors import AsOfError, LandingError
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.sources import Source


def check_dates(context: JobContext, run: Run, files: Mapping[str, NewFiles], as_of: datetime) -> None:
    """Refuse what is not fresh, and files that begin after `as_of` of sources that have nothing from before.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        files: The new files, by the source's name.
        as_of: The logical now.

    Raises:
        AsOfError: All rows of a source are dated after `as_of`.
        LandingError: The newest row of a source is older than its freshness allows.
    """
    fresh_by = {source.name: source.freshness for source in context.use_case.sources if source.freshness is not None}
    begins_later = any(one.begins_later for one in files.values())
    if fresh_by and not begins_later:
        # What is fresh is found among the newest files; only before a refusal, the whole past is asked.
        recent = _newest_times(run, files, since=as_of - max(fresh_by.values()))
        fresh_by = {name: limit for name, limit in fresh_by.items() if not is_fresh(recent[name], limit, as_of)}
    if not (fresh_by or begins_later):
        return
    newest = _newest_times(run, files)
    for name, one in files.items():
        if one.begins_later and not newest[name]:
            file, begin = min(one.begins_later.items(), key=lambda entry: entry[1])
            raise AsOfError(
                f"{file}: its earliest row is of {iso(begin)}, after as_of {iso(as_of)}, and there is nothing of "
                f"{name!r} from before; nothing was ingested. Give a later --as-of."
            )
    for name, limit in fresh_by.items():
        _check_freshness(context, context.use_case.source(name), newest[name], files.get(name), due=(as_of, limit))


def is_fresh(times: Sequence[datetime], limit: timedelta, as_of: datetime) -> bool:
    """Tell whether one of some times lies at or before `as_of`, and not further back than a limit."""
    return any(as_of - limit <= time <= as_of for time in times)


def _newest_times(
    run: Run, files: Mapping[str, NewFiles], *, since: datetime | None = None
) -> dict[str, list[datetime]]:
    """List the times of the newest rows by source, of files that were ingested and of those about to be."""
    newest = newest_times(run, since=since)
    for name, one in files.items():
        newest[name] += one.newest_times
    return newest


def _check_freshness(
    context: JobContext,
    source: Source,
    newest: Sequence[datetime],
    files: NewFiles | None,
    *,
    due: tuple[datetime, timedelta],
) -> None:
    as_of, limit = due
    if not newest:
        return
    latest = max((time for time in newest if time <= as_of), default=None)
    if latest is None or (as_of - latest > limit and max(newest) > as_of):
        # A file that reaches beyond as_of, if only by one wild date, may hold newer rows from before it.
        latest = _newest_row(context, source, files, as_of) or latest
    if latest is not None and as_of - latest > limit:
        raise LandingError(
            f"source {source.name!r}: the newest row is of {iso(latest)}, more than {source.freshness} before "
            f"as_of {iso(as_of)}: a landing file is missing. Nothing was ingested; deliver the file."
        )


def _newest_row(context: JobContext, source: Source, files: NewFiles | None, as_of: datetime) -> datetime | None:
    """Find the time of the newest row at or before `as_of`, of those ingested and those about to be."""
    assert source.event_time is not None
    frames = [context.tables.read(source.table)] if context.tables.exists(source.table) else []
    frames += [] if files is None or files.batch is None else [files.batch.good]
    if not frames:
        return None
    times = [frame.select(F.col(source.event_time).alias("at")) for frame in frames]
    until = reduce(lambda one, other: one.unionByName(other), times).where(F.col("at") <= F.lit(as_of))
    return from_micros(until.agg(F.unix_micros(F.max("at"))).collect()[0][0])
