"""Lets a version from another environment in: copied, and judged by this environment's own labels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from levelfive.core.windows import Window
from levelfive.features.labels import labelled_days
from levelfive.models.package import Model
from levelfive.registry import tags
from levelfive.registry.aliases import nominate, withdraw
from levelfive.registry.copying import copy_version
from levelfive.registry.eligibility import passed_verdict, verdict_tags
from levelfive.registry.gate import GateVerdict
from levelfive.registry.promotions import champion
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext, Run
from levelfive.training.contest import Contest, Losses, losses
from levelfive.training.dataset import labelled_rows, outside
from levelfive.training.split import newest_days


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
    exclusions: tuple[Window, ...] = (),
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
        exclusions: Windows of prediction times whose rows judge nothing: their delivery was broken.

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
            copy = copy_version(registry, source, version)
        run.model_version = copy
        live = champion(context.tables, registry.name, as_of=as_of)
        if live is not None and live.version == copy:
            return Admission(run.run_id, copy, GateVerdict.from_json(live.verdict))
        with run.timed("judge"):
            candidate = registry.load(registry.find(copy).tags.get(tags.REFIT_OF, copy))
            rival = None if live is None else registry.load_if_there(live.version)
            judging = _Judging(context, run, as_of, exclusions)
            contest = Contest(candidate, live, rival, judging.holdout())
            ours = judging.losses(candidate, contest.unseen)
            theirs = None if rival is None else judging.losses(rival, contest.unseen)
            refit = registry.load(copy)
            constant = refit.card.task.constant_of(refit.baseline.label)
            verdict = contest.judge(ours, theirs, context.use_case.gate, constant=constant)
        registry.tag(copy, verdict_tags(verdict, live))
        if verdict.passed:
            nominate(context, registry, copy)
        else:
            withdraw(registry, copy)
        return Admission(run.run_id, copy, verdict)


@dataclass(frozen=True)
class _Judging:
    """By which rows models are judged: those known at a time, but for some windows."""

    context: JobContext
    run: Run
    as_of: datetime
    exclusions: tuple[Window, ...]

    def holdout(self) -> Window:
        """Find the newest days that have labels."""
        use_case = self.context.use_case
        days = labelled_days(self.context, self.run, self.as_of, exclusions=self.exclusions)
        return newest_days(
            self.as_of,
            use_case.gate,
            maturity=use_case.maturity,
            day_starts_at=use_case.day_starts_at,
            days={day.day for day in days},
        )

    def losses(self, model: Model, window: Window | None) -> Losses:
        """Compute a model's losses in a window."""
        if window is None:
            return losses(model, None)
        rows = labelled_rows(self.context, self.run, model.card.lookups, window, as_of=self.as_of)
        return losses(model, outside(rows, self.exclusions))
