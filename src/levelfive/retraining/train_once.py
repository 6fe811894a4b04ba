"""Trains once what a decision asks for: a training that was registered, or recorded, is not repeated."""

from __future__ import annotations

from dataclasses import dataclass

from levelfive.core.windows import Window
from levelfive.features.labels import labelled_days
from levelfive.monitoring.acknowledged import not_learned_from
from levelfive.registry import tags
from levelfive.registry.eligibility import passed_verdict
from levelfive.registry.gate import GateVerdict
from levelfive.registry.store import CentralRegistry
from levelfive.retraining.records import DecisionRecord, RetrainingRecord, record_retraining, retrainings
from levelfive.storage.runs import JobContext, Run
from levelfive.training import job as training
from levelfive.training.register import link_refit
from levelfive.training.tracking import Tracking


@dataclass(frozen=True)
class TrainingStores:
    """The two MLflow stores, which code trains, and who started it."""

    tracking: Tracking
    registry: CentralRegistry
    code_revision: str = "unknown"
    trained_by: str = ""


def train_once(context: JobContext, run: Run, stores: TrainingStores, decision: DecisionRecord) -> RetrainingRecord:
    """Train what a decision asks for, unless that was done; what a killed run had registered is finished.

    Raises:
        RegistryError: The registry refused, or did not answer.
        EvidenceError: There are too few days or labels to train on.
    """
    earlier = retrainings(context.tables, decision.model_name, until=decision.as_of)
    record = next((one for one in earlier if one.decision_id == decision.decision_id), None)
    if record is None:
        exclusions = not_learned_from(context, decision.model_name, as_of=decision.as_of, run=run)
        labels = sum(day.rows for day in labelled_days(context, run, decision.as_of, exclusions=exclusions))
        record = _registered(context, stores.registry, decision, labels)
        record = record or _train(context, stores, decision, labels, exclusions=exclusions)
        record_retraining(run, record)
    return record


def _registered(
    context: JobContext, registry: CentralRegistry, decision: DecisionRecord, labels: int
) -> RetrainingRecord | None:
    """Find what a run that was killed had registered for this decision, and finish its registration."""
    refit = registry.tagged({tags.DECISION: decision.decision_id, tags.ROLE: tags.REFIT})
    if refit is None or not registry.is_whole(refit):
        return None
    candidate, verdict = refit.tags[tags.REFIT_OF], passed_verdict(refit)
    link_refit(context, registry, candidate, refit.version)
    return _record(decision, verdict, (candidate, refit.version), labels)


def _train(
    context: JobContext,
    stores: TrainingStores,
    decision: DecisionRecord,
    labels: int,
    *,
    exclusions: tuple[Window, ...],
) -> RetrainingRecord:
    result = training.run(
        context,
        stores.tracking,
        stores.registry,
        as_of=decision.as_of,
        code_revision=stores.code_revision,
        trained_by=stores.trained_by,
        decision=decision.decision_id,
        exclusions=exclusions,
    )
    return _record(decision, result.verdict, (result.candidate_version, result.version), labels)


def _record(
    decision: DecisionRecord, verdict: GateVerdict, versions: tuple[str | None, str | None], labels: int
) -> RetrainingRecord:
    return RetrainingRecord(
        decision_id=decision.decision_id,
        model_name=decision.model_name,
        as_of=decision.as_of,
        verdict=str(verdict.kind),
        passed=verdict.passed,
        reasons=verdict.reasons,
        candidate_version=versions[0],
        version=versions[1],
        labels=labels,
    )
