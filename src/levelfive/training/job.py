"""The training stage's job: fits a candidate, lets the gate judge it, and refits what passes on all labels."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levelfive.core.windows import Window, iso
from levelfive.errors import EvidenceError
from levelfive.features.labels import LABELS, labelled_days
from levelfive.models.card import SliceMetrics
from levelfive.models.package import Model
from levelfive.registry.eligibility import verdict_tags
from levelfive.registry.gate import GateVerdict
from levelfive.registry.promotions import PROMOTIONS, champion
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.metrics import Evaluation
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import JobContext
from levelfive.training.code import code_of
from levelfive.training.contest import Contest, Losses, losses
from levelfive.training.dataset import (
    Snapshot,
    Wanted,
    inside,
    lies_in,
    training_rows,
    with_features_of,
    write_snapshot,
)
from levelfive.training.evidence import split_of_days
from levelfive.training.fit import fit, with_baseline
from levelfive.training.out_of_fold import out_of_fold
from levelfive.training.recording import record_evaluation
from levelfive.training.register import register
from levelfive.training.reuse import TRAINING_SET, training_set_of, versions_that_saw
from levelfive.training.session import Session
from levelfive.training.split import Split
from levelfive.training.tracking import Tracking
from levelfive.usecase.columns import LABEL

READS = ("raw_*", "<feature tables>", LABELS, PROMOTIONS, PREDICTIONS)
WRITES: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainingResult:
    """What a training led to: `version` is the refitted model to promote, or None if the gate refused."""

    run_id: str
    tracking_run_id: str
    verdict: GateVerdict
    evaluation: Evaluation
    candidate_version: str | None
    version: str | None


def run(
    context: JobContext,
    tracking: Tracking,
    registry: CentralRegistry,
    *,
    as_of: datetime,
    without: tuple[str, ...] = (),
    code_revision: str = "unknown",
    trained_by: str = "",
    decision: str = "",
    exclusions: tuple[Window, ...] = (),
) -> TrainingResult:
    """Train a candidate on what was known at `as_of` and let the gate judge it on the newest days.

    A repeated training by the same code that leads to the same model, against the same champion, finds the versions
    that are registered, unless their files are damaged or gone.

    Args:
        context: Tables and use case.
        tracking: The tracking store.
        registry: The central registry, which gets the candidate and the refitted model if the gate passes it.
        as_of: The logical now.
        without: Feature groups to leave out.
        code_revision: Which code trains, for the record.
        trained_by: Who started the training, as the platform knows them; empty where it does not.
        decision: The decision that asked for it, if one did; the registered versions carry it.
        exclusions: Windows of prediction times whose rows are left out.

    Raises:
        DataError: Two rows share a key, or a label is none of the task's.
        EvidenceError: There are too few days or labels, or a classifier would see one label alone.
        RegistryError: The registry refused, or did not answer, or a model cannot repeat its own scores.
        TableError: A table is missing.
    """
    spec = context.use_case.model.without(*without)
    parameters = {
        "without": ",".join(without),
        "code_revision": code_revision,
        "trained_by": trained_by,
        "decision": decision,
        "excluded": ", ".join(map(str, exclusions)),
    }
    with context.run("training", as_of=as_of, parameters=parameters) as run, tempfile.TemporaryDirectory() as scratch:
        about = {"as_of": iso(as_of), "use_case": context.use_case.name, "run_id": run.run_id, **parameters}
        with tracking.run(f"{context.use_case.name} {iso(as_of)}", about) as tracked_run:
            run.mlflow_run_id = tracked_run.run_id
            folder, code = Path(scratch), code_of(context.use_case)
            session = Session(context, run, tracked_run, spec, as_of, code, code_revision, trained_by, decision)
            split = _split(session, exclusions)
            with run.timed("training_set"):
                live = champion(context.tables, registry.name, as_of=as_of)
                rival = None if live is None else registry.load_if_there(live.version)
                earlier = None if rival is None else training_set_of(tracking, rival, folder)
                snapshot = _training_set(
                    session, registry, earlier, window=split.whole, exclusions=exclusions, folder=folder
                )
                rows = snapshot.rows
            with run.timed("fit"):
                candidate = fit(session, snapshot, split.train)
            with run.timed("judge"):
                held_out, labels = inside(rows, split.holdout), inside(rows, split.train)[LABEL].to_numpy(np.float64)
                scores = candidate.score(held_out)
                contest = Contest(candidate, live, rival, split.holdout)
                verdict = _judge(session, contest, held_out, scores, constant=spec.task.constant(labels))
            evaluation, by_slice = record_evaluation(session, candidate, held_out, scores, verdict=verdict)
            if not verdict.passed:
                return TrainingResult(run.run_id, tracked_run.run_id, verdict, evaluation, None, None)
            refit = _refit(session, snapshot, scores, window=split.whole, holdout=by_slice)
            with run.timed("register"):
                tags = verdict_tags(verdict, live)
                versions = register(session, registry, (candidate, refit), rows, verdict=tags, folder=folder)
            run.model_version = versions[1]
            return TrainingResult(run.run_id, tracked_run.run_id, verdict, evaluation, *versions)


def _split(session: Session, exclusions: tuple[Window, ...]) -> Split:
    days = labelled_days(session.context, session.run, session.as_of, exclusions=exclusions)
    if not days:
        raise EvidenceError(
            f"no mature label is known by {iso(session.as_of)}: ingest data and compute features up to then first"
        )
    return split_of_days(session.context.use_case, days, as_of=session.as_of)


def _training_set(
    session: Session,
    registry: CentralRegistry,
    earlier: pd.DataFrame | None,
    *,
    window: Window,
    exclusions: tuple[Window, ...],
    folder: Path,
) -> Snapshot:
    context, run, as_of, features = session.context, session.run, session.as_of, session.spec.features
    request = Wanted(
        features=features,
        lookups=session.spec.lookups,
        model_name=registry.name,
        earlier=earlier,
        served_by=versions_that_saw(context, registry, features, as_of),
        exclusions=exclusions,
    )
    snapshot = write_snapshot(training_rows(context, run, request, window, as_of=as_of), folder)
    session.tracked_run.log_file(snapshot.path, TRAINING_SET)
    run.counts["training_rows"] = len(snapshot.rows)
    return snapshot


def _judge(
    session: Session, contest: Contest, held_out: pd.DataFrame, scores: NDArray[Any], *, constant: tuple[float, ...]
) -> GateVerdict:
    unseen = lies_in(held_out, contest.unseen)
    ours = losses(contest.candidate, held_out[unseen], scores[unseen])
    rival = None if contest.champion is None else _losses_of(session, contest.champion, held_out[unseen])
    return contest.judge(ours, rival, session.context.use_case.gate, constant=constant)


def _losses_of(session: Session, champion: Model, rows: pd.DataFrame) -> Losses:
    return losses(champion, with_features_of(session.context, session.run, rows, champion.card, as_of=session.as_of))


def _refit(
    session: Session, snapshot: Snapshot, scores: NDArray[Any], *, window: Window, holdout: tuple[SliceMetrics, ...]
) -> Model:
    use_case = session.context.use_case
    with session.run.timed("refit"):
        model = fit(session, snapshot, window)
    with session.run.timed("out_of_fold"):
        unseen = out_of_fold(session.spec, snapshot.rows, scores, day_starts_at=use_case.day_starts_at)
        return with_baseline(model, snapshot.rows, unseen, holdout, least_rows=use_case.monitoring.min_rows)
