"""The tables of the retraining stage: each decision, and what became of each training that one asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from levelfive.core.windows import iso
from levelfive.errors import TableConflict
from levelfive.retraining.policy import Action, Decision
from levelfive.storage.runs import Run
from levelfive.storage.tables import Tables

DECISIONS = "decisions"
RETRAININGS = "retrainings"

_DECISION = """decision_id string, model_name string, live_version string, as_of timestamp, action string,
    reasons array<string>, counterfactuals array<string>, run_id string"""
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
    return tuple(
        DecisionRecord(
            row["decision_id"],
            row["model_name"],
            row["live_version"],
            row["as_of"],
            Decision(Action(row["action"]), tuple(row["reasons"]), tuple(row["counterfactuals"])),
        )
        for row in _until(tables, DECISIONS, model_name, until)
    )


def retrainings(tables: Tables, model_name: str, *, until: datetime) -> tuple[RetrainingRecord, ...]:
    """List the trainings that decisions led to, up to a time, oldest first."""
    return tuple(
        RetrainingRecord(
            row["decision_id"],
            row["model_name"],
            row["as_of"],
            row["verdict"],
            row["passed"],
            tuple(row["reasons"]),
            row["candidate_version"],
            row["version"],
            row["labels"],
        )
        for row in _until(tables, RETRAININGS, model_name, until)
    )


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
        list(decision.counterfactuals),
        run.run_id,
    )
    if run.wrote(run.tables.control_tables.add(DECISIONS, _DECISION, [row], ("decision_id",))).rows == 0:
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
    run.wrote(run.tables.control_tables.add(RETRAININGS, _RETRAINING, [row], ("decision_id",)))


def _until(tables: Tables, table: str, model_name: str, until: datetime) -> list[dict[str, Any]]:
    rows = tables.control_tables.rows(table, where={"model_name": model_name})
    return sorted((row for row in rows if row["as_of"] <= until), key=lambda row: row["as_of"])
