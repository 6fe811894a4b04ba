"""The retraining stage's job: the policy decides on the live model; what it asks for is trained and promoted once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from levelfive.config import Approval
from levelfive.core.windows import Window, iso
from levelfive.errors import RegistryError
from levelfive.features.job import LABELS, labelled_days
from levelfive.monitoring.acknowledged import (
    Known,
    acknowledgements,
    covering,
    excluded,
    in_words,
    not_learned_from,
)
from levelfive.monitoring.records import VERDICTS, VerdictRecord, verdicts
from levelfive.registry import job as registry_job
from levelfive.registry import tags
from levelfive.registry.eligibility import passed_verdict
from levelfive.registry.gate import GateVerdict
from levelfive.registry.promotions import PROMOTIONS, Promotion, history
from levelfive.registry.store import CentralRegistry
from levelfive.retraining.policy import Action, Decision, Situation, WindowEvidence, decide
from levelfive.retraining.records import (
    DECISIONS,
    RETRAININGS,
    DecisionRecord,
    RetrainingRecord,
    decisions,
    record_decision,
    record_retraining,
    retrainings,
)
from levelfive.retraining.tried import foreseen, tried
from levelfive.storage.annotations import ANNOTATIONS
from levelfive.storage.runs import JobContext, Run
from levelfive.training import job as training
from levelfive.training.tracking import Tracking

READS = (VERDICTS, ANNOTATIONS, LABELS, PROMOTIONS, DECISIONS, RETRAININGS)
WRITES = (DECISIONS, RETRAININGS)

BY = "retraining policy"


@dataclass(frozen=True)
class RetrainingResult:
    """What was decided, and, where it was to retrain, what the gate said and which promotion followed."""

    run_id: str
    decision: Decision
    retraining: RetrainingRecord | None
    promotion: Promotion | None


@dataclass(frozen=True)
class Stores:
    """The two MLflow stores, which code trains, and who started it."""

    tracking: Tracking
    registry: CentralRegistry
    code_revision: str = "unknown"
    trained_by: str = ""


def run(
    context: JobContext, stores: Stores, *, as_of: datetime, approval: Approval = Approval.AUTO
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
        made = decisions(context.tables, registry.name, until=as_of)
        record = next((one for one in made if one.as_of == as_of), None)
        if record is None:
            record = _decide(context, run, registry, as_of, made)
            record_decision(run, record)
        run.model_version = record.live_version
        return record


def act(
    context: JobContext, stores: Stores, record: DecisionRecord, *, approval: Approval = Approval.AUTO
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
            trained = _trained(context, run, stores, record)
        promotion = _promote(context, stores.registry, trained) if approval is Approval.AUTO else None
        return RetrainingResult(run.run_id, record.decision, trained, promotion)


def decision_id(model_name: str, as_of: datetime) -> str:
    """Derive the id of the decision about a model at a time: 16 hexadecimal digits."""
    return hashlib.sha256(f"{model_name}|{iso(as_of)}".encode()).hexdigest()[:16]


def _decide(
    context: JobContext, run: Run, registry: CentralRegistry, as_of: datetime, made: Sequence[DecisionRecord]
) -> DecisionRecord:
    live = registry_job.champion(context, registry, as_of)
    if live is None:
        raise RegistryError(
            f"no champion of {registry.name} as of {iso(as_of)}, so there is nothing to retrain: run "
            "`levelfive training`"
        )
    card, use_case = registry.load(live.version).card, context.use_case
    told = verdicts(run, registry.name, as_of=as_of)
    known = acknowledgements(run, registry.name, as_of=as_of)
    out = excluded(told, known, day_starts_at=use_case.day_starts_at)
    days = labelled_days(context, run, as_of, excluded=out, since=card.trained_until)
    # A training that the gate refused has seen its labels too: the next one waits for more.
    done = retrainings(context.tables, registry.name, until=as_of)
    settled = tried(use_case, days, made, done, live_version=live.version)
    situation = Situation(
        as_of=as_of,
        windows=tuple(_evidence(one, known) for one in told if one.model_version == live.version),
        skill_at_training=card.holdout_skill,
        labels_at_training=max([card.training_rows, *settled.labels]),
        labels_now=sum(day.rows for day in days),
        trained_at=card.as_of,
        task=use_case.model.task,
        last_retraining=max(settled.asked, default=None),
        foreseen=foreseen(use_case, days, as_of=as_of, unsettled=settled.unsettled),
    )
    decision = decide(situation, context.use_case.retraining)
    return DecisionRecord(decision_id(registry.name, as_of), registry.name, live.version, as_of, **vars(decision))


def _evidence(record: VerdictRecord, known: Known) -> WindowEvidence:
    acknowledged, calls = covering(known, record), "; ".join((*record.harmful, *record.broken))
    return WindowEvidence(
        window=record.window,
        days=record.days,
        rows=record.rows,
        drifted_share=record.drifted_share,
        calibration=record.calibration,
        skill=record.skill,
        harmful=() if acknowledged else record.harmful,
        broken=() if acknowledged else record.broken,
        acknowledged=f"{in_words(acknowledged)} ({calls})" if acknowledged else "",
    )


def _trained(context: JobContext, run: Run, stores: Stores, record: DecisionRecord) -> RetrainingRecord:
    done = retrainings(context.tables, record.model_name, until=record.as_of)
    found = next((one for one in done if one.decision_id == record.decision_id), None)
    if found is None:
        broken = not_learned_from(context, record.model_name, as_of=record.as_of, run=run)
        labels = sum(day.rows for day in labelled_days(context, run, record.as_of, excluded=broken))
        found = _registered(context, stores.registry, record, labels) or _train(
            context, stores, record, (labels, broken)
        )
        record_retraining(run, found)
    return found


def _registered(
    context: JobContext, registry: CentralRegistry, record: DecisionRecord, labels: int
) -> RetrainingRecord | None:
    """Find what a run that was killed had registered for this decision, and finish its registration."""
    found = registry.tagged({tags.DECISION: record.decision_id, tags.ROLE: tags.REFIT})
    if found is None or not registry.is_whole(found):
        return None
    candidate, verdict = found.tags[tags.REFIT_OF], passed_verdict(found)
    training.link_refit(context, registry, candidate, found.version)
    return _outcome(record, verdict, (candidate, found.version), labels)


def _train(
    context: JobContext, stores: Stores, record: DecisionRecord, learned: tuple[int, tuple[Window, ...]]
) -> RetrainingRecord:
    labels, broken = learned
    result = training.run(
        context,
        stores.tracking,
        stores.registry,
        as_of=record.as_of,
        code_revision=stores.code_revision,
        trained_by=stores.trained_by,
        decision=record.decision_id,
        excluded=broken,
    )
    return _outcome(record, result.verdict, (result.candidate_version, result.version), labels)


def _outcome(
    record: DecisionRecord, verdict: GateVerdict, versions: tuple[str | None, str | None], labels: int
) -> RetrainingRecord:
    return RetrainingRecord(
        decision_id=record.decision_id,
        model_name=record.model_name,
        as_of=record.as_of,
        verdict=str(verdict.kind),
        passed=verdict.passed,
        reasons=verdict.reasons,
        candidate_version=versions[0],
        version=versions[1],
        labels=labels,
    )


def _promote(context: JobContext, registry: CentralRegistry, trained: RetrainingRecord) -> Promotion | None:
    if trained.version is None:
        return None
    made = history(context.tables, registry.name)
    before = next((one for one in made if one.version == trained.version), None)
    if before is not None:
        return before
    return registry_job.run(context, registry, version=trained.version, as_of=trained.as_of, by=BY).promotion
