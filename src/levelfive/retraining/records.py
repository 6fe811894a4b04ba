"""The tables of the retraining room: each decision, and what became of each training that one asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import functions as F

from levelfive.errors import TableConflict
from levelfive.retraining.policy import Action, Decision
from levelfive.runs import Run
from levelfive.tables import Tables
from levelfive.windows import from_micros, iso

DECISIONS = "decisions"
RETRAININGS = "retrainings"

_DECISION = """decision_id string, model_name string, live_version string, as_of timestamp, action string,
    reasons array<string>, would_have_changed array<string>, run_id string"""
_RETRAINING = """decision_id string, model_name string, as_of timestamp, verdict string, passed boolean,
    reasons array<string>, candidate_version string, version string, labels long, run_id string"""


@dataclass(frozen=True)
class DecisionRecord:
    """One row of `decisions`: what was decided at a time about the model that was live then."""

    decision_id: str
    model_name: str
    live_version: str
    as_of: datetime
    decision: Decision


@dataclass(frozen=True)
class RetrainingRecord:
    """One row of `retrainings`: the gate's verdict, the version that may go live, if any, and the labels there were."""

    decision_id: str
    model_name: str
    as_of: datetime
    verdict: str
    passed: bool
    reasons: tuple[str, ...]
    candidate_version: str | None
    version: str | None
    labels: int


def decisions(tables: Tables, model_name: str, *, until: datetime) -> tuple[DecisionRecord, ...]:
    """List the decisions about a model up to a time, oldest first."""
    if not tables.exists(DECISIONS):
        return ()
    rows = tables.read(DECISIONS).where((F.col("model_name") == model_name) & (F.col("as_of") <= F.lit(until)))
    found = [
        DecisionRecord(
            row["decision_id"],
            row["model_name"],
            row["live_version"],
            _moment(row["at"]),
            Decision(Action(row["action"]), tuple(row["reasons"]), tuple(row["would_have_changed"])),
        )
        for row in rows.withColumn("at", F.unix_micros("as_of")).collect()
    ]
    return tuple(sorted(found, key=lambda record: record.as_of))


def retrainings(tables: Tables, model_name: str, *, until: datetime) -> tuple[RetrainingRecord, ...]:
    """List the trainings that decisions led to, up to a time, oldest first."""
    if not tables.exists(RETRAININGS):
        return ()
    rows = tables.read(RETRAININGS).where((F.col("model_name") == model_name) & (F.col("as_of") <= F.lit(until)))
    found = [
        RetrainingRecord(
            row["decision_id"],
            row["model_name"],
            _moment(row["at"]),
            row["verdict"],
            row["passed"],
            tuple(row["reasons"]),
            row["candidate_version"],
            row["version"],
            row["labels"],
        )
        for row in rows.withColumn("at", F.unix_micros("as_of")).collect()
    ]
    return tuple(sorted(found, key=lambda record: record.as_of))


def record_decision(run: Run, record: DecisionRecord) -> None:
    """Write a decision.

    Raises:
        TableConflict: Another run has taken it in the meantime.
    """
    decision = record.decision
    row = (
        record.decision_id,
        record.model_name,
        record.live_version,
        record.as_of,
        str(decision.action),
        list(decision.reasons),
        list(decision.would_have_changed),
        run.run_id,
    )
    frame = run.tables.spark.createDataFrame([row], schema=_DECISION)
    if run.wrote(run.tables.insert_new(DECISIONS, frame, ("decision_id",))).rows == 0:
        raise TableConflict(
            f"the decision as of {iso(record.as_of)} about {record.model_name} was taken by another run at the same "
            "time, which acts on it; run again when that has ended"
        )


def record_retraining(run: Run, record: RetrainingRecord) -> None:
    """Write what became of a training; a second record of one decision changes nothing."""
    row = (
        record.decision_id,
        record.model_name,
        record.as_of,
        record.verdict,
        record.passed,
        list(record.reasons),
        record.candidate_version,
        record.version,
        record.labels,
        run.run_id,
    )
    frame = run.tables.spark.createDataFrame([row], schema=_RETRAINING)
    run.wrote(run.tables.insert_new(RETRAININGS, frame, ("decision_id",)))


def _moment(micros: int) -> datetime:
    moment = from_micros(micros)
    assert moment is not None
    return moment
