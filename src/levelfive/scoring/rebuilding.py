"""Writes the `runs` rows of scorings that were killed after their commit.

A scoring announces itself in `batches`, commits, and writes its row of `runs`. Whatever it announced and did not write
down is looked for in the commits since: few, where a kill is repaired by the next run. Delta forgets commits after a
month; then the predictions themselves tell whether they were written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import functions as F

from levelfive.core.conditions import in_window
from levelfive.core.windows import Window, iso
from levelfive.storage.commits import Commit
from levelfive.storage.predictions import PREDICTIONS, Role
from levelfive.storage.records import record_of
from levelfive.storage.runs import RUNS, JobContext, Run, RunRecord
from levelfive.storage.tables import OTHERS_MEANWHILE
from levelfive.usecase.columns import PREDICTION_TIME

BATCHES = "batches"


@record_of(BATCHES)
@dataclass(frozen=True)
class AnnouncedBatch:
    """One row of `batches`: what a scoring is about to commit, and the version of `predictions` that it saw."""

    batch_id: str
    run_id: str
    use_case: str
    as_of: datetime
    role: str
    model_version: str
    parameters: Mapping[str, str]
    versions_read: Mapping[str, int]
    window: Window
    seen: int


def batch_record(
    context: JobContext, run: Run, batch: str, parameters: Mapping[str, object], *, role: Role, as_of: datetime
) -> dict[str, object]:
    """Say of a scoring, in its commit and in `batches`, all that its row of `runs` is rebuilt from."""
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


def note_batch(run: Run, record: Mapping[str, Any], window: Window) -> None:
    """Write down what a scoring is about to commit, and the version of `predictions` that it saw."""
    tables = run.tables
    version = tables.version(PREDICTIONS) if tables.exists(PREDICTIONS) else -1
    batch = AnnouncedBatch(**{**record, "as_of": _time_of(record)}, window=window, seen=version)
    run.wrote(tables.control_tables.add(BATCHES, [batch]))


def rebuild_runs(context: JobContext, batch: str) -> int:
    """Write the `runs` rows of a batch whose runs were killed after their commit.

    Returns:
        How many rows were missing.
    """
    if not context.tables.exists(PREDICTIONS):
        return 0
    announcements = context.tables.control_tables.rows(BATCHES, where={"batch_id": batch})
    runs = _runs(context, announcements)
    open_ones = [row for row in announcements if row["run_id"] not in {one["run_id"] for one in runs}]
    if announcements and not open_ones:
        return 0
    commits = _commits_since(context, open_ones)
    mine = [commit for commit in commits if commit.record.get("batch_id") == batch]
    commit_records = [({**commit.record, "as_of": _time_of(commit.record)}, commit.version) for commit in mine]
    runs += _runs(context, [record for record, _ in commit_records])
    run_ids = {row["run_id"] for row in runs}
    missing: list[tuple[Mapping[str, Any], int | None]] = [
        one for one in commit_records if one[0]["run_id"] not in run_ids
    ]
    forgotten = [row for row in open_ones if _is_forgotten(context, row, commits)]
    missing += [(row, None) for row in _one_run_each(context, forgotten, runs)]
    for record, version in missing:
        _write_row(context, record, version)
    return len(missing)


def _runs(context: JobContext, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read the rows of `runs` of some runs, which lie where their logical times say."""
    if not records:
        return []
    times, ids = [row["as_of"] for row in records], {row["run_id"] for row in records}
    columns, between = ("run_id", "as_of", "status"), {"as_of": (min(times), max(times))}
    return context.tables.control_tables.rows(RUNS, columns=columns, where={"run_id": ids}, between=between)


def _commits_since(context: JobContext, announcements: Sequence[Mapping[str, Any]]) -> tuple[Commit, ...]:
    if not announcements:
        # An earlier levelfive announced nothing: what it left by a kill is among the newest.
        return context.tables.history(PREDICTIONS, limit=OTHERS_MEANWHILE)
    return context.tables.commits_after(PREDICTIONS, min(row["seen"] for row in announcements))


def _is_forgotten(context: JobContext, row: Mapping[str, Any], commits: Sequence[Commit]) -> bool:
    """Tell whether Delta has forgotten what was committed after a scoring announced itself."""
    first = min((commit.version for commit in commits), default=context.tables.version(PREDICTIONS) + 1)
    is_in_log = any(commit.record.get("run_id") == row["run_id"] for commit in commits)
    return not is_in_log and first > row["seen"] + 1


def _one_run_each(
    context: JobContext, announcements: Sequence[Mapping[str, Any]], runs: Collection[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Choose, of each logical time that no run says to have written, one run of those whose predictions are there."""
    success_times = {row["as_of"] for row in runs if row["status"] == "succeeded"}
    by_time = {row["as_of"]: row for row in announcements if row["as_of"] not in success_times}
    return [row for row in by_time.values() if _has_predictions(context, row)]


def _has_predictions(context: JobContext, row: Mapping[str, Any]) -> bool:
    window = Window(row["window_start"], row["window_end"])
    of_run = (F.col("batch_id") == row["batch_id"]) & (F.col("scored_as_of") == F.lit(row["as_of"]))
    return not context.tables.read(PREDICTIONS).where(in_window(PREDICTION_TIME, window) & of_run).isEmpty()


def _time_of(record: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(record["as_of"])).astimezone(UTC)


def _write_row(context: JobContext, record: Mapping[str, Any], version: int | None) -> None:
    context.add_run(
        RunRecord(
            run_id=record["run_id"],
            stage="scoring",
            use_case=record["use_case"],
            as_of=record["as_of"],
            status="succeeded",
            parameters=record["parameters"],
            counts={},
            seconds={},
            versions_read=record["versions_read"],
            versions_written={} if version is None else {PREDICTIONS: version},
            model_version=record["model_version"],
            error=None,
            started_at=None,
            ended_at=None,
            rebuilt=True,
        )
    )
