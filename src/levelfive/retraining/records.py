"""The tables of the retraining stage: each decision, and what became of each training that one asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from levelfive.core.windows import iso
from levelfive.errors import TableConflict
from levelfive.retraining.policy import Action, Decision
from levelfive.storage.records import from_row, record_of
from levelfive.storage.runs import Run
from levelfive.storage.tables import Tables

DECISIONS = "decisions"
RETRAININGS = "retrainings"


@record_of(DECISIONS)
@dataclass(frozen=True)
class DecisionRecord:
    """One row of `decisions`: what was decided at a time about the model that was live then."""

    decision_id: str
    model_name: str
    live_version: str
    as_of: datetime
    action: Action
    reasons: tuple[str, ...]
    counterfactuals: tuple[str, ...]
    run_id: str = field(default="", compare=False)

    @property
    def decision(self) -> Decision:
        """The policy's decision."""
        return Decision(self.action, self.reasons, self.counterfactuals)


@record_of(RETRAININGS)
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
    run_id: str = field(default="", compare=False)


_R = TypeVar("_R", DecisionRecord, RetrainingRecord)


def decisions(tables: Tables, model_name: str, *, until: datetime) -> tuple[DecisionRecord, ...]:
    """List the decisions about a model up to a time, oldest first."""
    return _until(tables, DECISIONS, DecisionRecord, model_name, until=until)


def retrainings(tables: Tables, model_name: str, *, until: datetime) -> tuple[RetrainingRecord, ...]:
    """List the trainings that decisions led to, up to a time, oldest first."""
    return _until(tables, RETRAININGS, RetrainingRecord, model_name, until=until)


def record_decision(run: Run, record: DecisionRecord) -> None:
    """Write a decision, as one of this run.

    Raises:
        TableConflict: Another run has taken it in the meantime.
    """
    if not _add(run, DECISIONS, record):
        raise TableConflict(
            f"the decision as of {iso(record.as_of)} about {record.model_name} was taken by another run at the same "
            "time, which acts on it; run again when that has ended"
        )


def record_retraining(run: Run, record: RetrainingRecord) -> None:
    """Write what became of a training, by this run; a second record of one decision changes nothing."""
    _add(run, RETRAININGS, record)


def _add(run: Run, table: str, record: DecisionRecord | RetrainingRecord) -> bool:
    of_run = replace(record, run_id=run.run_id)
    return run.wrote(run.tables.control_tables.add(table, [of_run], ("decision_id",))).rows != 0


def _until(tables: Tables, table: str, kind: type[_R], model_name: str, *, until: datetime) -> tuple[_R, ...]:
    rows = tables.control_tables.rows(table, where={"model_name": model_name})
    records = (from_row(kind, row) for row in rows if row["as_of"] <= until)
    return tuple(sorted(records, key=lambda record: record.as_of))
