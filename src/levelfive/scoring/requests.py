"""Answers of the service as rows of `predictions`: files of the request log are ingested like those of any source.

A file is read once, by the ways of the data stage: `landing_files` knows what was seen, lines that cannot be read go to
`quarantine`. The rows are one commit, chosen by their request ids, so that a run that was killed doubles nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.days import DAY
from levelfive.core.texts import counted
from levelfive.core.windows import Window
from levelfive.data.ingest import Batch, apply_contract
from levelfive.data.landed import LANDING_FILES, LandedFile, add_files, new_files
from levelfive.data.landing import LandingFile, has_nothing, list_files, read_rows
from levelfive.data.listings import LISTINGS, note_listings
from levelfive.data.raw_tables import QUARANTINE, landed_file, window_of_batch, write_quarantine
from levelfive.data.staging import discard
from levelfive.formats import JsonLines
from levelfive.registry.store import CentralRegistry
from levelfive.scoring.answers import COLUMNS, REQUIRED, derive_rows, feature_kinds, prediction_rows, with_features
from levelfive.scoring.scored_rows import scored_rows
from levelfive.storage.predictions import PREDICTIONS, Role
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import PREDICTION_TIME, REQUEST_LOG
from levelfive.usecase.sources import Source, not_null

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

READS = (LANDING_FILES, LISTINGS, PREDICTIONS)
WRITES = (PREDICTIONS, QUARANTINE, LANDING_FILES, LISTINGS)
STAGE = "requests"
LOG = Source(
    REQUEST_LOG,
    COLUMNS,
    ("request_id",),
    expectations=not_null(*REQUIRED),
    event_time=PREDICTION_TIME,
    key_within=timedelta(0),
    max_quarantined_share=1.0,
    format=JsonLines((".jsonl",), lenient=True),
)


@dataclass(frozen=True)
class RequestsResult:
    """What became of the new files of the request log; `left` are those that a later run takes."""

    run_id: str
    files: tuple[LandedFile, ...]
    left: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """Say it to a person."""
        names = ("accepted", "quarantined", "duplicates")
        rows, bad, twice = (sum(getattr(file, name) for file in self.files) for name in names)
        later = f"; {counted(len(self.left), 'file')} left to later runs" if self.left else ""
        files = counted(len(self.files), "new file")
        return f"{rows:,} answers of {files} became predictions, {bad:,} quarantined, {twice:,} there before{later}"


def run(context: JobContext, registry: CentralRegistry, *, landing: Path, as_of: datetime) -> RequestsResult | None:
    """Make rows of `predictions` of the request log's files that were not read yet.

    Files whose first prediction time lies after `as_of` are left to later runs; so are all, as long as neither
    `predictions` nor a version that answered tells of what type the features are.

    Args:
        context: Tables and use case.
        registry: The central registry, which has the versions that answered.
        landing: Folder with one folder a source; the request log is in `request_log`.
        as_of: The logical now.

    Returns:
        What was read; None where no file is there.

    Raises:
        LandingError: A file cannot be read, is empty, or was changed after it was read.
    """
    if has_nothing(landing, [LOG]):
        return None
    with context.run(STAGE, as_of=as_of, parameters={"landing": landing}) as run:
        folder_entries = {LOG.name: list_files(landing, LOG)}
        files = new_files(run, folder_entries, [LOG]).get(LOG.name, ())
        schema = _schema(context, run, registry, files, as_of=as_of) if files else None
        if schema is None:
            later_files = tuple(file.name for file in files)
            note_listings(run, folder_entries, later_files)
            return RequestsResult(run.run_id, (), later_files)
        batch, later_files = _due(context, files, schema, as_of)
        landed_files = () if batch is None else _write(context, run, batch, schema, as_of=as_of)
        note_listings(run, folder_entries, later_files)
        discard(context.tables, LOG)
        for count in ("rows_in", "accepted", "quarantined", "duplicates"):
            run.counts[count] = sum(getattr(file, count) for file in landed_files)
        run.counts["files_left"] = len(later_files)
        return RequestsResult(run.run_id, landed_files, later_files)


def _schema(
    context: JobContext, run: Run, registry: CentralRegistry, files: Sequence[LandingFile], *, as_of: datetime
) -> StructType | None:
    """Tell of what types `predictions` is, with the features of all versions that answered; None if nothing tells."""
    schema = run.read(PREDICTIONS).schema if context.tables.exists(PREDICTIONS) else None
    for version in _versions(files):
        model = registry.load_if_there(version)
        if model is None or (schema is not None and set(model.card.features) <= feature_kinds(schema).keys()):
            continue
        # Of the types that a batch of this version will have: what it writes must fit what is here by then.
        window = Window(as_of - DAY, as_of)
        version_schema = scored_rows(context, run, window, model=model, reference=None, as_of=as_of).rows.schema
        schema = version_schema if schema is None else with_features(schema, version_schema)
    return schema


def _versions(files: Sequence[LandingFile]) -> list[str]:
    parts = (part for file in files for part in read_rows(file, LOG))
    texts = {text for part in parts for text in part.column("version").unique().to_pylist()}
    return sorted(text for text in texts if text is not None and text.isdecimal())


def _due(
    context: JobContext, files: Sequence[LandingFile], schema: StructType, as_of: datetime
) -> tuple[Batch | None, tuple[str, ...]]:
    """Judge the files that begin by `as_of`, and name the others."""
    source = derive_rows(LOG, schema, context.use_case)
    batch = apply_contract(context.tables, source, files, {})
    begins = {name: counts.min_event_time for name, counts in batch.counts.items()}
    later_files = tuple(name for name, begin in begins.items() if begin is not None and begin > as_of)
    if not later_files:
        return batch, ()
    context.tables.uncache(batch.checked_rows)
    due = [file for file in files if file.name not in later_files]
    return (apply_contract(context.tables, source, due, {}) if due else None), later_files


def _write(
    context: JobContext, run: Run, batch: Batch, schema: StructType, *, as_of: datetime
) -> tuple[LandedFile, ...]:
    write_quarantine(run, batch, as_of)
    rows = prediction_rows(batch.accepted, schema, context.use_case)
    accepted_counts: Mapping[str, int] = {name: counts.candidates for name, counts in batch.counts.items()}
    if any(accepted_counts.values()):
        insert = context.tables.insert_new
        write = run.wrote(insert(PREDICTIONS, rows, ("request_id",), within=window_of_batch(batch), evolve=True))
        if write.rows != sum(accepted_counts.values()):
            # Some were there: ids that come again, or a run that was killed after this write.
            accepted_counts = _there(run.tables.read(PREDICTIONS), list(accepted_counts))
    landed_files = tuple(
        landed_file(batch, file, accepted_counts.get(file.name, 0), as_of=as_of) for file in batch.files
    )
    add_files(run, landed_files)
    context.tables.uncache(batch.checked_rows)
    return landed_files


def _there(predictions: DataFrame, names: Sequence[str]) -> dict[str, int]:
    served_rows = predictions.where((F.col("role") == str(Role.SERVED)) & F.col("batch_id").isin(list(names)))
    return {row["batch_id"]: row["count"] for row in served_rows.groupBy("batch_id").count().collect()}
