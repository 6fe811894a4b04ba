"""The retraining stage's job: the policy decides on the live model; what it asks for is trained and promoted once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from levelfive.config import Approval
from levelfive.features.labels import LABELS
from levelfive.monitoring.performance_records import PERFORMANCE
from levelfive.monitoring.verdict import VERDICTS
from levelfive.registry import job as registry_job
from levelfive.registry.promotions import PROMOTIONS, Promotion, history
from levelfive.registry.store import CentralRegistry
from levelfive.retraining.deciding import take_decision
from levelfive.retraining.policy import Action, Decision
from levelfive.retraining.records import (
    DECISIONS,
    RETRAININGS,
    DecisionRecord,
    RetrainingRecord,
    decisions,
    record_decision,
)
from levelfive.retraining.train_once import TrainingStores, train_once
from levelfive.storage.annotations import ANNOTATIONS
from levelfive.storage.runs import JobContext

READS = (VERDICTS, PERFORMANCE, ANNOTATIONS, LABELS, PROMOTIONS, DECISIONS, RETRAININGS)
WRITES = (DECISIONS, RETRAININGS)

BY = "retraining policy"


@dataclass(frozen=True)
class RetrainingResult:
    """What was decided, and, where it was to retrain, what the gate said and which promotion followed."""

    run_id: str
    decision: Decision
    retraining: RetrainingRecord | None
    promotion: Promotion | None


def run(
    context: JobContext, stores: TrainingStores, *, as_of: datetime, approval: Approval = Approval.AUTO
) -> RetrainingResult:
    """Decide once on the live model as of a time, and act on it.

    Args:
        context: Tables and use case.
        stores: The MLflow stores.
        as_of: The logical now.
        approval: Whether what passes the gate goes live, or waits for `levelfive registry promote`.

    Raises:
        RegistryError: There is no live model, or the registry refused.
        TableConflict: Another run decides at the same time.
        EvidenceError: There are too few days or labels to train on.
    """
    record = decide_once(context, stores.registry, as_of=as_of)
    return act(context, stores, record, approval=approval)


def decide_once(context: JobContext, registry: CentralRegistry, *, as_of: datetime) -> DecisionRecord:
    """Decide on the live model as of a time, or find the decision that was taken then.

    Raises:
        RegistryError: There is no live model.
        TableConflict: Another run decides at the same time.
    """
    with context.run("decision", as_of=as_of, parameters={}) as run:
        earlier = decisions(context.tables, registry.name, until=as_of)
        record = next((one for one in earlier if one.as_of == as_of), None)
        if record is None:
            record = take_decision(context, run, registry, earlier, as_of=as_of)
            record_decision(run, record)
        run.model_version = record.live_version
        return record


def act(
    context: JobContext, stores: TrainingStores, record: DecisionRecord, *, approval: Approval = Approval.AUTO
) -> RetrainingResult:
    """Do what a decision asks for, once: a second run, or one after a kill, finishes what is left to do.

    A training that was registered is not repeated. Of two runs at the same time, the second waits for the first and
    finds its work done; on a workspace, where runs share no disk, the job runs one at a time.

    Raises:
        RegistryError: The registry refused.
        EvidenceError: There are too few days or labels to train on.
    """
    with (
        context.run("retraining", as_of=record.as_of, parameters={"approval": approval}) as run,
        context.tables.lock(f"retraining {record.decision_id}"),
    ):
        run.model_version = record.live_version
        if record.action is not Action.RETRAIN:
            return RetrainingResult(run.run_id, record.decision, None, None)
        with run.timed("training"):
            training = train_once(context, run, stores, record)
        promotion = _promote(context, stores.registry, training) if approval is Approval.AUTO else None
        return RetrainingResult(run.run_id, record.decision, training, promotion)


def _promote(context: JobContext, registry: CentralRegistry, training: RetrainingRecord) -> Promotion | None:
    if training.version is None:
        return None
    promotions = history(context.tables, registry.name)
    earlier = next((one for one in promotions if one.version == training.version), None)
    if earlier is not None:
        return earlier
    return registry_job.run(context, registry, version=training.version, as_of=training.as_of, by=BY).promotion
