"""Reads a batch back and compares it with what was to be scored: the check that a release and every job end with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyspark.sql import functions as F

from levelfive.core.conditions import in_window
from levelfive.core.windows import iso
from levelfive.data.known import read_as_known
from levelfive.errors import DataError
from levelfive.scoring.job import ScoringResult
from levelfive.storage.predictions import PREDICTIONS, are_sound, scored_by
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.calls import spine_of
from levelfive.usecase.columns import PREDICTION_TIME, own

READS = ("raw_*", PREDICTIONS)
WRITES: tuple[str, ...] = ()

_TIMES, _UNSOUND, _LOWEST, _HIGHEST = map(own, ("times", "unsound", "lowest", "highest"))

MISSING, REPEATED, UNSOUND = "without a prediction", "with several predictions", "with a score that is not sound"


@dataclass(frozen=True)
class Checked:
    """What was found: each of `rows` rows that were to be scored has one sound prediction of the version."""

    run_id: str
    rows: int
    lowest: float | None
    highest: float | None


def run(context: JobContext, result: ScoringResult, *, as_of: datetime, min_rows: int = 0) -> Checked:
    """Check that every row of a scored window has one prediction of the version that scored it, and a sound score.

    A score is sound if it is a finite number within the range of the task's scores. Nothing is changed.

    Args:
        context: Tables and use case.
        result: What the scoring stage said.
        as_of: The logical now of the scoring.
        min_rows: How many rows there have to be; a release that scored nothing has shown nothing.

    Raises:
        DataError: A row has no prediction or several, a score is not sound, or there are too few rows.
        TableError: A table is missing.
    """
    parameters: dict[str, object] = {"window": result.window, "batch_id": result.batch_id, "min_rows": min_rows}
    with context.run("check", as_of=as_of, parameters=parameters) as run:
        run.model_version, run.batch_id = result.model_version, result.batch_id
        counts = _count(context, run, result, as_of)
        rows = run.counts["checked"] = int(counts["rows"])
        if wrong := [f"{counts[name]:,} {name}" for name in (MISSING, REPEATED, UNSOUND) if counts[name]]:
            raise DataError(
                f"of {rows:,} rows of {result.window} that version {result.model_version} was to score, there are "
                f"{', '.join(wrong)}: see batch {result.batch_id} in {context.tables.name(PREDICTIONS)}"
            )
        if rows < min_rows:
            raise DataError(
                f"{rows:,} rows of {result.window} were there to be scored as of {iso(as_of)}, and at least "
                f"{min_rows:,} were expected: has their data landed?"
            )
        return Checked(run.run_id, rows, counts["lowest"], counts["highest"])


def _count(context: JobContext, run: Run, result: ScoringResult, as_of: datetime) -> dict[str, Any]:
    """Count the rows that were to be scored, and those of them with which something is wrong."""
    use_case, key = context.use_case, list(context.use_case.key)
    raw = read_as_known(run, use_case, use_case.spine_sources, as_of)
    of_version = scored_by(result.model_name, role=result.role, version=result.model_version)
    scores = [F.col(name) for name in use_case.model.task.score_columns]
    by_row = (
        run.read(PREDICTIONS)
        .where(in_window(PREDICTION_TIME, result.window) & of_version)
        .groupBy(*key)
        .agg(
            F.count(F.lit(1)).alias(_TIMES),
            F.count(F.when(~are_sound(scores, use_case.model.task), 1)).alias(_UNSOUND),
            F.min(F.array_min(F.array(*scores))).alias(_LOWEST),
            F.max(F.array_max(F.array(*scores))).alias(_HIGHEST),
        )
    )
    spine = spine_of(use_case, raw, result.window).select(*key)
    counts = spine.join(by_row, on=key, how="left").agg(
        F.count(F.lit(1)).alias("rows"),
        F.count(F.when(F.col(_TIMES).isNull(), 1)).alias(MISSING),
        F.count(F.when(F.col(_TIMES) > 1, 1)).alias(REPEATED),
        F.count(F.when(F.col(_UNSOUND) > 0, 1)).alias(UNSOUND),
        F.min(_LOWEST).alias("lowest"),
        F.max(_HIGHEST).alias("highest"),
    )
    totals: dict[str, Any] = counts.collect()[0].asDict()
    return totals
