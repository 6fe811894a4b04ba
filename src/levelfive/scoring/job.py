"""The scoring stage's job: the champion scores the rows of a window, each as of its own prediction time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import functions as F

from levelfive.core.windows import Window, iso
from levelfive.data.missing import KNOWN_BY, Hole, looked_back_to
from levelfive.errors import AsOfError
from levelfive.registry.promotions import PROMOTIONS, champion_as_of, history
from levelfive.registry.store import CentralRegistry
from levelfive.scoring.batch import batch_id
from levelfive.scoring.choosing import check_watermarks, choose_version, reference_of, sources_of
from levelfive.scoring.rebuilding import BATCHES, batch_record, note_batch, rebuild_runs
from levelfive.scoring.scored_rows import scored_rows
from levelfive.storage.keys import explained
from levelfive.storage.predictions import PREDICTIONS, Role
from levelfive.storage.runs import JobContext
from levelfive.usecase.columns import PREDICTION_TIME

READS = ("raw_*", "<feature tables>", PROMOTIONS, *KNOWN_BY)
WRITES = (PREDICTIONS, BATCHES)


@dataclass(frozen=True)
class ScoringResult:
    """What was scored: `rows` is how many predictions this run added, `missing` the holes in what they look back to."""

    run_id: str
    batch_id: str
    window: Window
    model_name: str
    model_version: str
    role: Role
    rows: int
    missing: tuple[Hole, ...] = ()


def run(
    context: JobContext,
    registry: CentralRegistry,
    *,
    window: Window,
    as_of: datetime,
    version: str | None = None,
) -> ScoringResult:
    """Score the rows whose prediction time lies in a window.

    The batch is one commit of `predictions`. A prediction that is there is never changed: scoring a window twice,
    or again after a kill, leaves the table of one clean run, and adds only rows that landed in between.

    Args:
        context: Tables and use case.
        registry: The central registry.
        window: Prediction times; it may not reach beyond `as_of`.
        as_of: The logical now: the champion of then scores.
        version: Another version than the champion; its rows are marked as backfill.

    Raises:
        AsOfError: The window reaches beyond `as_of`, or beyond what the features were computed for.
        ConfigError: The use case's `spine` failed, or its rows lack a column.
        DataError: Two rows to be scored share a key, or a score is not sound; nothing was written.
        RegistryError: There was no champion, or a version cannot be loaded.
        TableError: A table is missing.
    """
    parameters: dict[str, object] = {"window": window, "version": version}
    with context.run("scoring", as_of=as_of, parameters=parameters) as run:
        if window.end > as_of:
            raise AsOfError(
                f"the window {window} reaches beyond as_of {iso(as_of)}; end it there or give a later --as-of"
            )
        promotions = history(context.tables, registry.name)
        model_version, role = choose_version(champion_as_of(promotions, as_of), version, as_of)
        run.model_version = model_version
        batch = batch_id(context.use_case.name, window, registry.name, model_version, role=role)
        run.batch_id = batch
        rebuild_runs(context, batch)
        model, reference = registry.load(model_version), reference_of(promotions, registry, model_version)
        check_watermarks(context, model.card, window)
        rests_on = sources_of(context.use_case, model.card)
        holes = looked_back_to(run, context.use_case, window, as_of=as_of, sources=rests_on)
        with run.timed("score"):
            scores = scored_rows(context, run, window, model=model, reference=reference, as_of=as_of)
            predictions = scores.rows.select(
                "*",
                F.lit(registry.name).alias("model_name"),
                F.lit(model_version).alias("model_version"),
                F.lit(str(role)).alias("role"),
                F.lit(batch).alias("batch_id"),
                F.lit(as_of).alias("scored_as_of"),
            )
            keys = (*context.use_case.key, "model_name", "model_version", "role")
            record = batch_record(context, run, batch, parameters | run.notes, role=role, as_of=as_of)
            within = (PREDICTION_TIME, window)
            note_batch(run, record, window)
            with explained(*scores.faults):
                write = context.tables.insert_new(
                    PREDICTIONS, predictions, keys, within=within, record=record, evolve=True
                )
            run.wrote(write)
        run.counts["scored"] = write.rows or 0
        return ScoringResult(run.run_id, batch, window, registry.name, model_version, role, write.rows or 0, holes)
