"""Lets a version from another environment in: copied, and judged by this environment's own labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfive.core.windows import Window
from levelfive.features.job import labelled_days
from levelfive.models.package import Model
from levelfive.registry import tags
from levelfive.registry.aliases import nominate, withdraw
from levelfive.registry.copying import copy_version
from levelfive.registry.eligibility import judged, passed_verdict
from levelfive.registry.gate import GateEvidence, GateVerdict, judge_candidate, without_lost_champion
from levelfive.registry.job import champion
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.metrics import row_loss
from levelfive.storage.runs import JobContext, Run
from levelfive.training.dataset import DAY, labelled_rows, outside
from levelfive.training.split import moved_back, newest_days
from levelfive.usecase.columns import LABEL


@dataclass(frozen=True)
class Admission:
    """The copy in this environment, and what the gate says of it here."""

    run_id: str
    version: str
    verdict: GateVerdict


def admit(
    context: JobContext,
    registry: CentralRegistry,
    source: CentralRegistry,
    *,
    version: str,
    as_of: datetime,
    excluded: tuple[Window, ...] = (),
) -> Admission:
    """Copy a version of another environment's model, and judge it against this environment's champion.

    A version that was refitted on all labels is judged by its candidate, which left the newest days out; what goes
    live is the refit. A version that was admitted before is judged again, unless it is live: there may be more labels
    by now, and another champion.

    Args:
        context: Tables and use case of this environment.
        registry: This environment's model.
        source: The other environment's model.
        version: Its version.
        as_of: The logical now: labels known later are not read.
        excluded: Windows of prediction times whose rows judge nothing: their delivery was broken.

    Raises:
        ConfigError: The model asks for features that this environment does not have.
        ModelNotFound: There is no such version.
        RegistryError: The other environment's gate did not pass it, a registry refused, or files are not those that
            were registered.
        TableError: A table is missing.
    """
    parameters = {"version": version, "source_model": source.name, "source_registry": source.place}
    with context.run("admission", as_of=as_of, parameters=parameters) as run:
        passed_verdict(source.find(version))
        with run.timed("copy"):
            made = copy_version(registry, source, version)
        run.model_version = made
        live = champion(context, registry, as_of)
        if live is not None and live.version == made:
            return Admission(run.run_id, made, GateVerdict.from_json(live.verdict))
        with run.timed("judge"):
            candidate = registry.load(registry.find(made).tags.get(tags.REFIT_OF, made))
            theirs = None if live is None else registry.load_if_there(live.version)
            refit = registry.load(made)
            constant = refit.card.task.constant_of(refit.baseline.label)
            judging = _Judging(context, run, as_of, excluded)
            holdout, gate = judging.holdout(), context.use_case.gate
            verdict = judge_candidate(_evidence(judging, holdout, (candidate, theirs), constant), gate)
            verdict = replace(verdict, reasons=(*verdict.reasons, *moved_back(holdout, gate)))
            if live is not None and theirs is None:
                verdict = without_lost_champion(verdict, live.version)
        registry.tag(made, judged(verdict, live))
        if verdict.passed:
            nominate(context, registry, made)
        else:
            withdraw(registry, made)
        return Admission(run.run_id, made, verdict)


@dataclass(frozen=True, eq=False)
class _Losses:
    """A model's loss on each labelled row of a window, in one order for all models."""

    loss: NDArray[Any]
    labels: NDArray[Any]
    days: NDArray[Any]


@dataclass(frozen=True)
class _Judging:
    """By which rows models are judged: those known at a time, but for some windows."""

    context: JobContext
    run: Run
    as_of: datetime
    excluded: tuple[Window, ...]

    def holdout(self) -> Window:
        """Find the newest days that have labels."""
        use_case = self.context.use_case
        days = labelled_days(self.context, self.run, self.as_of, excluded=self.excluded)
        return newest_days(
            self.as_of,
            use_case.gate,
            maturity=use_case.maturity,
            day_starts_at=use_case.day_starts_at,
            days={day.day for day in days},
        )

    def losses(self, model: Model, window: Window | None) -> _Losses:
        """Compute a model's losses in a window."""
        if window is not None:
            rows = labelled_rows(self.context, self.run, model.card.lookups, window, as_of=self.as_of)
            rows = outside(rows, self.excluded)
            if not rows.empty:
                labels = rows[LABEL].to_numpy(np.float64)
                return _Losses(row_loss(model.card.task, labels, model.score(rows)), labels, rows[DAY].to_numpy())
        return _Losses(np.empty(0), np.empty(0), np.empty(0, np.int64))


def _evidence(
    judging: _Judging, holdout: Window, models: tuple[Model, Model | None], constant: tuple[float, ...]
) -> GateEvidence:
    candidate, theirs = models
    since = max(holdout.start, *(one.card.trained_until for one in (candidate, theirs) if one is not None))
    window = Window(since, holdout.end) if since < holdout.end else None
    ours = judging.losses(candidate, window)
    task = candidate.card.task
    return GateEvidence(
        candidate_loss=ours.loss,
        reference_loss=row_loss(task, ours.labels, task.repeated(constant, len(ours.labels))),
        days=ours.days,
        evaluated_from=since,
        candidate_trained_until=candidate.card.trained_until,
        champion_loss=None if theirs is None else judging.losses(theirs, window).loss,
        champion_trained_until=None if theirs is None else theirs.card.trained_until,
    )
