"""The scoring stage's job: the champion scores the rows of a window, each as of its own prediction time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.telemetry import event
from levelfive.core.windows import Window, iso
from levelfive.data.known import read_as_known
from levelfive.data.missing import KNOWN_BY, Hole, looked_back_to
from levelfive.errors import AsOfError, DataError, LevelfiveError, RegistryError
from levelfive.models.package import Model
from levelfive.registry.promotions import PROMOTIONS, Promotion, champion_as_of, history
from levelfive.registry.store import CentralRegistry
from levelfive.scoring.batch import batch_id
from levelfive.scoring.rebuilding import BATCHES, note_batch, rebuild_runs
from levelfive.statistics.tasks.task import Task
from levelfive.storage.keys import Keyed, explained
from levelfive.storage.predictions import (
    FEATURES,
    PREDICTIONS,
    SLICES,
    Role,
    are_sound,
    scores_of,
    slices_of,
)
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.calls import spine_of
from levelfive.usecase.columns import KNOWN_AT, PREDICTION_TIME, own
from levelfive.usecase.features import Lookup
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

READS = ("raw_*", "<feature tables>", PROMOTIONS, *KNOWN_BY)
WRITES = (PREDICTIONS, BATCHES)

_SCORES = own("scores")


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
        made = history(context.tables, registry.name)
        live = champion_as_of(made, as_of)
        chosen, role = _choose(live, version, as_of)
        run.model_version = chosen
        batch = batch_id(context.use_case.name, window, registry.name, chosen, role)
        rebuild_runs(context, batch)
        model, reference = registry.load(chosen), _reference(made, registry, chosen)
        _check_reach(context, model, window)
        rests_on = _sources(context.use_case, model)
        holes = looked_back_to(run, context.use_case, window, as_of=as_of, sources=rests_on)
        with run.timed("score"):
            scored = _scored(context, run, (model, reference), window, as_of)
            stamped = scored.rows.select(
                "*",
                F.lit(registry.name).alias("model_name"),
                F.lit(chosen).alias("model_version"),
                F.lit(str(role)).alias("role"),
                F.lit(batch).alias("batch_id"),
                F.lit(as_of).alias("scored_as_of"),
            )
            keys = (*context.use_case.key, "model_name", "model_version", "role")
            record = _record(run, batch, context, as_of, parameters | run.notes, role)
            of = (PREDICTION_TIME, window)
            note_batch(run, record, window)
            with explained(*scored.faults):
                write = context.tables.insert_new(PREDICTIONS, stamped, keys, within=of, record=record, evolve=True)
            run.wrote(write)
        run.counts["scored"] = write.rows or 0
        return ScoringResult(run.run_id, batch, window, registry.name, chosen, role, write.rows or 0, holes)


def _choose(live: Promotion | None, version: str | None, as_of: datetime) -> tuple[str, Role]:
    if version is not None and (live is None or version != live.version):
        return version, Role.BACKFILL
    if live is None:
        raise RegistryError(
            f"no champion as of {iso(as_of)}: run `levelfive training`, then `levelfive registry promote`, or name a "
            "version with --version"
        )
    return live.version, Role.CHAMPION


def _reference(made: Sequence[Promotion], registry: CentralRegistry, chosen: str) -> Model | None:
    """Load the first champion, to see what it would have said; None where it is the one that scores, or is gone."""
    if not made or made[0].version == chosen:
        return None
    try:
        return registry.load(made[0].version)
    except RegistryError as err:
        event("nothing to compare with", reason=str(err))
        return None


def _check_reach(context: JobContext, model: Model, window: Window) -> None:
    """Refuse to score by what was not computed yet: a prediction that is there is never changed."""
    timed = {table.name for table in context.use_case.feature_tables if table.timestamped}
    tables = sorted({lookup.table for lookup in model.card.lookups} & timed)
    end = context.features.common_watermark(tables, until=window.end) if tables else None
    if end is not None and end < window.end:
        raise AsOfError(
            f"features reach to {iso(end)}, and the window {window} beyond that: run `levelfive features` up to its "
            "end first, or end the window there"
        )


def _sources(use_case: UseCase, model: Model) -> set[str]:
    """List the sources that a model's predictions rest on."""
    looked_up = {lookup.table for lookup in model.card.lookups}
    tables = (table for table in use_case.feature_tables if table.name in looked_up)
    return {*use_case.spine_sources, *(name for table in tables for name in table.sources)}


@dataclass(frozen=True)
class _Scored:
    """Rows with their scores, whose computation fails where one is not to be written, and looks for the reason."""

    rows: DataFrame
    faults: tuple[Callable[[], LevelfiveError | None], ...]


def _scored(
    context: JobContext, run: Run, models: tuple[Model, Model | None], window: Window, as_of: datetime
) -> _Scored:
    use_case, (model, reference) = context.use_case, models
    raw = read_as_known(run, use_case, use_case.spine_sources, as_of)
    card = model.card
    looked_up = {name for lookup in card.lookups for name in lookup.features}
    own_features = [name for name in card.features if name not in looked_up]
    spine = spine_of(use_case, raw, window, features=own_features, lookups=card.lookups)
    remedy = "Nothing was scored: let `spine` return each row once."
    keyed = Keyed("`spine`", use_case.key, spine, remedy)
    rows = replace(keyed, rows=context.features.assemble(spine, card.lookups, run.read, window)).once()
    scored = rows.withColumn(_SCORES, scores_of(model, reference, rows))
    scores = {name: F.col(f"{_SCORES}.{name}") for name in card.task.score_columns}
    sound = are_sound(tuple(scores.values()), card.task)
    failing = F.raise_error(F.lit("a score that is not sound")).cast("double")
    stored = scored.select(
        *use_case.key,
        PREDICTION_TIME,
        *(F.when(sound, score).otherwise(failing).alias(name) for name, score in scores.items()),
        *(F.col(f"{_SCORES}.{name}") for name in card.task.reference_columns),
        slices_of(use_case.slices).alias(SLICES),
        F.struct(*card.features).alias(FEATURES),
    )
    looked_in = (partial(_fault_of_table, run, lookup) for lookup in card.lookups)
    unsound = partial(_unsound, scored.select(*scores.values()), card.task, window)
    return _Scored(stored, (keyed.fault, *looked_in, unsound))


def _fault_of_table(run: Run, lookup: Lookup) -> DataError | None:
    rows = run.read(lookup.table)
    keys = (*lookup.keys, *(name for name in (KNOWN_AT,) if name in rows.columns))
    remedy = "Nothing was scored: compute the table anew, with `compute` returning each key once."
    return Keyed(f"feature table {lookup.table!r}", keys, rows, remedy).fault()


def _unsound(scores: DataFrame, task: Task, window: Window) -> DataError | None:
    columns = [F.col(name) for name in task.score_columns]
    counted = scores.agg(F.count(F.lit(1)), F.count_if(~are_sound(columns, task))).collect()[0]
    rows, wrong = counted[0], counted[1]
    if not wrong:
        return None
    return DataError(
        f"{wrong:,} of {rows:,} rows of {window} have a score that is not {task.wanted_scores}: nothing was written. "
        "Look at the features of these rows and at what the model does with them, or score with another version"
    )


def _record(
    run: Run, batch: str, context: JobContext, as_of: datetime, parameters: Mapping[str, object], role: Role
) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "batch_id": batch,
        "use_case": context.use_case.name,
        "as_of": iso(as_of),
        "parameters": {key: str(value) for key, value in parameters.items()},
        "role": str(role),
        "model_version": run.model_version,
        "versions_read": run.versions_read,
    }
