"""The data stage's job: landing files become raw tables, and what breaks a contract goes to quarantine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from levelfive.core.parallel import in_parallel
from levelfive.data.batches import judge_files
from levelfive.data.changes import new_versions
from levelfive.data.freshness import check_dates
from levelfive.data.landed import LANDING_FILES, LandedFile, add_files, new_files
from levelfive.data.landing import list_files
from levelfive.data.listings import LISTINGS, note_listings
from levelfive.data.missing import SOURCE_DAYS, Hole, count_days, missing, note_holes
from levelfive.data.raw_tables import (
    QUARANTINE,
    check_corrections,
    days_of_before,
    write_accepted,
    write_quarantine,
)
from levelfive.data.staging import discard
from levelfive.storage.annotations import ANNOTATIONS
from levelfive.storage.runs import JobContext
from levelfive.telemetry.tracing import event

READS = (LANDING_FILES, LISTINGS, SOURCE_DAYS, ANNOTATIONS)
WRITES = ("raw_*", QUARANTINE, SOURCE_DAYS, LANDING_FILES, LISTINGS)


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


def run(context: JobContext, *, landing: Path, as_of: datetime) -> DataResult:
    """Ingest the landing files, and the versions of tables, that were not ingested yet.

    Those that begin after `as_of` are left to later runs. So what was missed is caught up in its order, also when newer
    files have landed meanwhile. All files of all sources are checked before anything is written, and a run that was
    killed can be repeated.

    Args:
        context: Tables and use case.
        landing: Folder with one folder a source.
        as_of: The logical now; it becomes the rows' `loaded_at`.

    Raises:
        LandingError: A file is missing, unreadable, empty, changed or delivered twice.
        ContractError: A file's header is wrong, or too many of its rows are.
        AsOfError: All rows of a source are dated after `as_of`, or correct what was ingested as of then or later.
    """
    with context.run("data", as_of=as_of, parameters={"landing": landing}) as run:
        with run.timed("judge"):
            sources = context.use_case.sources
            folder_entries = {
                source.name: list_files(landing, source) for source in sources if source.delta_table is None
            }
            files = new_files(run, folder_entries, [source for source in sources if source.name in folder_entries])
            tables = [source for source in sources if source.delta_table is not None]
            files |= {source.name: new_versions(run, landing, source, as_of=as_of) for source in tables}
            new_batches = judge_files(context, {name: new for name, new in files.items() if new}, as_of)
            check_dates(context, run, new_batches, as_of)
            batches = [one.batch for one in new_batches.values() if one.batch is not None]
            for batch in batches:
                check_corrections(run, batch, as_of)
        with run.timed("write"):
            for batch in batches:
                write_quarantine(run, batch, as_of)
            jobs = [partial(write_accepted, context, run, batch, as_of) for batch in batches]
            writes = dict(zip((batch.source.name for batch in batches), in_parallel(jobs), strict=True))
            # First what an earlier levelfive ingested: a source with any counted day is taken for counted.
            count_days(run, days_of_before(context, run, as_of), as_of)
            count_days(run, {name: one.days for name, one in writes.items()}, as_of)
            results = tuple(result for one in writes.values() for result in one.files)
            add_files(run, results)
            later_files = tuple(name for one in new_batches.values() for name in one.begins_later)
            note_listings(run, folder_entries, later_files)
            for batch in batches:
                run.tables.uncache(batch.checked_rows)
                discard(run.tables, batch.source)
        for count in ("rows_in", "accepted", "quarantined", "duplicates"):
            run.counts[count] = sum(getattr(result, count) for result in results)
        if any(batch.source.has_corrections for batch in batches):
            for count in ("corrections", "deletions"):
                run.counts[count] = sum(getattr(result, count) for result in results)
        run.counts["files_left"] = len(later_files)
        unknown = missing(run, context.use_case, as_of=as_of)
        for hole in note_holes(run, unknown.holes):
            event("rows are missing", source=hole.source, first=str(hole.first), last=str(hole.last))
        return DataResult(run.run_id, results, later_files, unknown.holes, unknown.too_few)
