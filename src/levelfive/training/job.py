"""The training stage's job: fits a candidate, lets the gate judge it, and refits what passes on all labels."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levelfive.core.windows import Window, iso
from levelfive.errors import EvidenceError
from levelfive.features.job import LABELS, labelled_days
from levelfive.models.package import Model, ModelCard, UseCaseCode, check_repeats, feature_frame, save
from levelfive.registry import tags
from levelfive.registry.aliases import nominate
from levelfive.registry.eligibility import judged
from levelfive.registry.gate import GateEvidence, GateVerdict, judge_candidate, without_lost_champion
from levelfive.registry.job import champion
from levelfive.registry.promotions import PROMOTIONS, history
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.baseline import profile_baseline
from levelfive.statistics.metrics import Evaluation, evaluate, evaluate_slices, row_loss
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import JobContext, Run
from levelfive.training.code import code_of
from levelfive.training.dataset import (
    DAY,
    SLICE,
    SNAPSHOT,
    Snapshot,
    Wanted,
    labelled_rows,
    training_rows,
    write_snapshot,
)
from levelfive.training.evidence import split_of_days
from levelfive.training.out_of_fold import OutOfFold, out_of_fold
from levelfive.training.plots import importance_plot
from levelfive.training.split import Split, moved_back
from levelfive.training.tracking import TrackedRun, Tracking, slice_name
from levelfive.usecase.columns import LABEL, PREDICTION_TIME
from levelfive.usecase.model import OWN_PARAMETERS, ModelSpec

READS = ("raw_*", "<feature tables>", LABELS, PROMOTIONS, PREDICTIONS)
WRITES: tuple[str, ...] = ()

TRAINING_SET = "training_set"


@dataclass(frozen=True)
class TrainingResult:
    """What a training led to: `version` is the refitted model to promote, or None if the gate refused."""

    run_id: str
    tracking_run_id: str
    verdict: GateVerdict
    evaluation: Evaluation
    candidate_version: str | None
    version: str | None


@dataclass(frozen=True)
class _Task:
    context: JobContext
    run: Run
    tracked: TrackedRun
    spec: ModelSpec
    as_of: datetime
    code_revision: str
    trained_by: str
    decision: str
    code: UseCaseCode


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
    excluded: tuple[Window, ...] = (),
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
        excluded: Windows of prediction times whose rows are left out.

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
        "excluded": ", ".join(map(str, excluded)),
    }
    with (
        context.run("training", as_of=as_of, parameters=parameters) as run,
        tempfile.TemporaryDirectory() as folder,
    ):
        about = {"as_of": iso(as_of), "use_case": context.use_case.name, "run_id": run.run_id, **parameters}
        with tracking.run(f"{context.use_case.name} {iso(as_of)}", about) as tracked:
            code = code_of(context.use_case)
            task = _Task(context, run, tracked, spec, as_of, code_revision, trained_by, decision, code)
            split = _split(task, excluded)
            with run.timed("training_set"):
                live = champion(context, registry, as_of)
                theirs = None if live is None else registry.load_if_there(live.version)
                wanted = Wanted(
                    features=spec.features,
                    lookups=spec.lookups,
                    model_name=registry.name,
                    earlier=None if theirs is None else _training_set_of(tracking, theirs, Path(folder)),
                    served_by=_that_saw(context, registry, spec.features, as_of),
                    excluded=excluded,
                )
                rows = training_rows(context, run, wanted, _whole(split), as_of=as_of)
                snapshot = write_snapshot(rows, Path(folder))
                tracked.log_file(snapshot.path, TRAINING_SET)
            with run.timed("fit"):
                candidate = _fit(task, snapshot, split.train)
            held_out = _between(rows, split.holdout)
            with run.timed("judge"):
                scores = candidate.score(held_out)
                verdict = _judge(task, theirs, split, snapshot, scores)
                if live is not None and theirs is None:
                    verdict = without_lost_champion(verdict, live.version)
                back = moved_back(split.holdout, context.use_case.gate)
                verdict = replace(verdict, reasons=(*verdict.reasons, *back))
            evaluation = _record(task, candidate, split, snapshot, scores, verdict)
            if not verdict.passed:
                return TrainingResult(run.run_id, tracked.run_id, verdict, evaluation, None, None)
            with run.timed("refit"):
                refitted = _fit(task, snapshot, _whole(split))
            with run.timed("out_of_fold"):
                starts = context.use_case.day_starts_at
                unseen = out_of_fold(spec, snapshot.rows, scores, day_starts_at=starts)
                skill = evaluation.estimates[spec.task.skill].value
                refitted = _with_baseline(task, refitted, snapshot.rows, unseen, skill)
            with run.timed("register"):
                said = judged(verdict, live)
                versions = _register(task, registry, (candidate, refitted), rows, said, Path(folder))
            run.model_version = versions[1]
            return TrainingResult(run.run_id, tracked.run_id, verdict, evaluation, *versions)


def link_refit(context: JobContext, registry: CentralRegistry, candidate: str, version: str) -> None:
    """Link a candidate with the version that it was refitted as, and nominate that one.

    Raises:
        RegistryError: The registry refused, or did not answer.
    """
    registry.tag(candidate, {tags.REFITTED_AS: version})
    nominate(context, registry, version)


def _training_set_of(tracking: Tracking, model: Model, folder: Path) -> pd.DataFrame | None:
    path = tracking.download(model.card.run_id, f"{TRAINING_SET}/{SNAPSHOT}", folder)
    if path is None:
        return None
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return pd.read_parquet(path) if sha256 == model.card.training_set_sha256 else None


def _that_saw(
    context: JobContext, registry: CentralRegistry, features: tuple[str, ...], as_of: datetime
) -> tuple[str, ...]:
    """List the champions so far that scored with all of these features; one that is gone, or its files, is left out."""
    found = []
    for version in dict.fromkeys(one.version for one in history(context.tables, registry.name)):
        model = registry.load_if_there(version)
        if model is not None and model.card.as_of < as_of and set(features) <= set(model.card.features):
            found.append(version)
    return tuple(found)


def _split(task: _Task, excluded: tuple[Window, ...]) -> Split:
    days = labelled_days(task.context, task.run, task.as_of, excluded=excluded)
    if not days:
        raise EvidenceError(
            f"no mature label is known by {iso(task.as_of)}: ingest data and compute features up to then first"
        )
    return split_of_days(task.context.use_case, days, as_of=task.as_of)


def _whole(split: Split) -> Window:
    return Window(split.train.start, split.holdout.end)


def _between(rows: pd.DataFrame, window: Window) -> pd.DataFrame:
    start, end = (np.datetime64(edge.replace(tzinfo=None)) for edge in (window.start, window.end))
    times = rows[PREDICTION_TIME].to_numpy()
    return rows[(times >= start) & (times < end)]


def _fit(task: _Task, snapshot: Snapshot, window: Window) -> Model:
    spec, rows = task.spec, _between(snapshot.rows, window)
    if rows.empty:
        raise EvidenceError(f"no labelled row has a prediction time in {window}")
    features = feature_frame(rows, spec.features, spec.categorical)
    labels = rows[LABEL].to_numpy(np.float64)
    if alike := spec.task.cannot_be_learned(labels):
        raise EvidenceError(f"in {window}, {alike}: train on a longer time, or look at `labels` of the use case")
    estimator = spec.estimator()
    estimator.fit(features, labels)
    card = ModelCard(
        use_case=task.context.use_case.name,
        task=spec.task,
        features=spec.features,
        categorical=spec.categorical,
        lookups=spec.lookups,
        trained_from=window.start,
        trained_until=window.end,
        as_of=task.as_of,
        training_rows=len(rows),
        training_set_sha256=snapshot.sha256,
        table_versions=dict(task.run.versions_read),
        parameters=dict(spec.parameters),
        seed=spec.seed,
        run_id=task.tracked.run_id,
        code_revision=task.code_revision,
        baseline="",
        code=task.code,
    )
    return Model(estimator, card)


def _with_baseline(task: _Task, model: Model, rows: pd.DataFrame, unseen: OutOfFold, skill: float) -> Model:
    """Note what a model that may go live will be compared with: its training set, unseen scores, and holdout skill."""
    spec = task.spec
    baseline = profile_baseline(
        feature_frame(rows, spec.features, spec.categorical),
        spec.categorical,
        label=rows[LABEL].to_numpy(np.float64),
        score=unseen.scores,
        days=rows[DAY].to_numpy(),
        score_days=unseen.days,
        score_columns=spec.task.score_columns,
    )
    noted = replace(model.card, baseline=baseline.to_json(), score_baseline=unseen.made, holdout_skill=skill)
    return Model(model.estimator, noted)


def _judge(task: _Task, theirs: Model | None, split: Split, snapshot: Snapshot, scores: NDArray[Any]) -> GateVerdict:
    use_case = task.context.use_case
    rows = _between(snapshot.rows, split.holdout)
    since = split.holdout.start if theirs is None else max(split.holdout.start, theirs.card.trained_until)
    fair = Window(since, split.holdout.end) if since < split.holdout.end else None
    unseen = np.isin(rows.index, _between(rows, fair).index) if fair else np.zeros(len(rows), bool)
    labels = rows[LABEL].to_numpy(np.float64)
    trained_on = _between(snapshot.rows, split.train)[LABEL].to_numpy(np.float64)
    constant = task.spec.task.repeated(task.spec.task.constant(trained_on), len(rows))
    loss = row_loss(task.spec.task, labels, scores)
    evidence = GateEvidence(
        candidate_loss=loss[unseen],
        reference_loss=row_loss(task.spec.task, labels, constant)[unseen],
        days=rows[DAY].to_numpy()[unseen],
        evaluated_from=since,
        candidate_trained_until=split.train.end,
        champion_loss=None if theirs is None else _champion_loss(task, theirs, rows[unseen]),
        champion_trained_until=None if theirs is None else theirs.card.trained_until,
    )
    return judge_candidate(evidence, use_case.gate)


def _champion_loss(task: _Task, theirs: Model, rows: pd.DataFrame) -> NDArray[Any]:
    if rows.empty:
        return np.empty(0)
    if not set(theirs.card.features) <= set(rows.columns):
        times = rows[PREDICTION_TIME]
        window = Window(
            *(t.to_pydatetime().replace(tzinfo=UTC) for t in (times.min(), times.max() + pd.Timedelta("1us")))
        )
        own = labelled_rows(task.context, task.run, theirs.card.lookups, window, as_of=task.as_of)
        key = list(task.context.use_case.key)
        rows = rows[key].merge(own, on=key, how="left", validate="one_to_one")
    return row_loss(task.spec.task, rows[LABEL].to_numpy(np.float64), theirs.score(rows))


def _record(
    task: _Task, candidate: Model, split: Split, snapshot: Snapshot, scores: NDArray[Any], verdict: GateVerdict
) -> Evaluation:
    tracked, use_case = task.tracked, task.context.use_case
    rows = _between(snapshot.rows, split.holdout)
    labels, days = rows[LABEL].to_numpy(np.float64), rows[DAY].to_numpy()
    evaluation = evaluate(task.spec.task, labels, scores, days)
    ours = {f"{OWN_PARAMETERS}seed": task.spec.seed, f"{OWN_PARAMETERS}features": len(task.spec.features)}
    tracked.log_parameters({**task.spec.parameters, **ours})
    tracked.log_evaluation("holdout", evaluation, task.as_of)
    for column in use_case.slices:
        values = rows[f"{SLICE}{column}"].to_numpy()
        for value, part in evaluate_slices(task.spec.task, labels, scores, days, values=values).items():
            tracked.log_evaluation(slice_name("holdout", column, value), part, task.as_of)
    for name, figure in task.spec.task.plots(labels, scores).items():
        tracked.log_figure(figure, f"plots/{name}.png")
    importances = importance_plot(candidate.estimator, task.spec.features)
    if importances is not None:
        tracked.log_figure(importances, "plots/importance.png")
    versions = task.run.versions_read
    tracked.log_tables({table: task.context.tables.name(table) for table in versions}, versions)
    tracked.log_text(candidate.card.to_json(), "card.json")
    tracked.log_text(verdict.to_json(), "verdict.json")
    tracked.set_tags({"verdict": str(verdict.kind), "training_set.sha256": snapshot.sha256})
    task.run.counts["training_rows"] = len(snapshot.rows)
    return evaluation


def _register(
    task: _Task,
    registry: CentralRegistry,
    models: tuple[Model, Model],
    rows: pd.DataFrame,
    said: Mapping[str, str],
    folder: Path,
) -> tuple[str, str]:
    candidate, refitted = models
    for model, name in ((candidate, "candidate"), (refitted, "model")):
        save(model, rows.tail(100), folder / name)
        check_repeats(folder / name)
    task.tracked.log_folder(folder / "model", "model")
    shared = {
        tags.AS_OF: iso(task.as_of),
        tags.TRACKING_RUN: task.tracked.run_id,
        tags.CODE_REVISION: task.code_revision,
        tags.CODE_SHA256: task.code.sha256,
        tags.CODE_DISTRIBUTION: f"{task.code.distribution} {task.code.version}".strip(),
        tags.TRAINED_BY: task.trained_by,
        tags.DECISION: task.decision,
        tags.TRAINING_SET_SHA256: candidate.card.training_set_sha256,
    }
    of_refit = {**shared, tags.ROLE: tags.REFIT, tags.SAME_MODEL: refitted.card.identity, **said}
    telling = {name: of_refit[name] for name in (tags.SAME_MODEL, tags.DECISION, tags.JUDGED_AGAINST)}
    found = registry.tagged(telling)
    if found is None or not registry.is_whole(found):
        first = registry.register(folder / "candidate", {**shared, tags.ROLE: tags.CANDIDATE})
        second = registry.register(folder / "model", {**of_refit, tags.REFIT_OF: first})
    else:
        first, second = found.tags[tags.REFIT_OF], found.version
    link_refit(task.context, registry, first, second)
    task.tracked.set_tags({"candidate_version": first, "version": second})
    return first, second
