"""A live model in memory that a policy decides on, and a training that registers versions as the real one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np

from in_memory.release import LATER, PASSED, Environment, Packages
from levelfive import BINARY
from levelfive.config import Approval
from levelfive.core.days import day_of
from levelfive.core.windows import Window, iso
from levelfive.features.labels import LabelledDay
from levelfive.monitoring.records import write_verdicts
from levelfive.monitoring.verdict import VerdictRecord
from levelfive.registry import tags
from levelfive.registry.eligibility import verdict_tags
from levelfive.registry.gate import GateVerdict
from levelfive.registry.promotions import champion
from levelfive.registry.store import CentralRegistry
from levelfive.retraining import job as retraining
from levelfive.retraining.records import DecisionRecord
from levelfive.statistics.metrics import evaluate
from levelfive.storage.runs import JobContext, Run
from levelfive.training.job import TrainingResult
from levelfive.training.register import link_refit
from levelfive.usecase.policies import RetrainingPolicy

DECIDED = LATER + timedelta(days=1)
WEEK = Window(LATER - timedelta(days=7), LATER)


@dataclass
class Trainer:
    """Takes the place of `training.job.run`, which reads labels and fits in Spark; the gate says what it is told to."""

    packages: Packages
    verdict: GateVerdict = PASSED
    asked: list[dict[str, object]] = field(default_factory=list)

    def run(
        self,
        context: JobContext,
        tracking: object,
        registry: CentralRegistry,
        *,
        as_of: datetime,
        without: tuple[str, ...] = (),
        code_revision: str = "unknown",
        trained_by: str = "",
        decision: str = "",
        exclusions: tuple[Window, ...] = (),
    ) -> TrainingResult:
        self.asked.append(
            {
                "as_of": as_of,
                "decision": decision,
                "exclusions": exclusions,
                "revision": code_revision,
                "by": trained_by,
            }
        )
        measured = evaluate(BINARY, np.array([0.0, 1.0]), np.array([0.2, 0.9]), np.array([1, 2]))
        if not self.verdict.passed:
            return TrainingResult("a-run", "a-tracked-run", self.verdict, measured, None, None)
        # Not the files of the live model: a training on more labels has others.
        said = {tags.AS_OF: iso(as_of), tags.DECISION: decision}
        said |= verdict_tags(self.verdict, champion(context.tables, registry.name, as_of=as_of))
        candidate, version = self.packages.register(registry, said)
        link_refit(context, registry, candidate, version)
        return TrainingResult("a-run", "a-tracked-run", self.verdict, measured, candidate, version)


@dataclass
class Labels:
    """Takes the place of `features.labels.labelled_days`, which counts them in Spark.

    Args:
        count: The labels of forty days, as many each day.
        newest: The newest day that has some; by default, the last one that is mature.
        exclusions: What was left out each time.
    """

    count: int
    newest: datetime | None = None
    exclusions: list[tuple[Window, ...]] = field(default_factory=list)

    def counted(
        self,
        context: JobContext,
        run: Run,
        as_of: datetime,
        *,
        exclusions: Sequence[Window] = (),
        since: datetime | None = None,
    ) -> tuple[LabelledDay, ...]:
        self.exclusions.append(tuple(exclusions))
        ripe = as_of - context.use_case.maturity
        newest = day_of(min(ripe, self.newest or ripe) - timedelta(hours=1), context.use_case.day_starts_at)
        counts = [self.count // 40 + (place < self.count % 40) for place in range(40)]
        days = [newest - timedelta(days=39 - place) for place in range(40)]
        starts = [datetime.combine(day, time(), UTC) + context.use_case.day_starts_at for day in days]
        return tuple(
            LabelledDay(day, rows, start, 0 if since is not None and start < since else rows)
            for day, rows, start in zip(days, counts, starts, strict=True)
            if rows
        )


@dataclass(frozen=True)
class LiveModel:
    """An environment with a champion, whose policy asks for 2 % more labels than it was trained on."""

    production: Environment
    trainer: Trainer
    labels: Labels
    version: str

    @classmethod
    def released(cls, production: Environment, packages: Packages) -> LiveModel:
        use_case = replace(production.context.use_case, retraining=RetrainingPolicy(label_growth=0.02))
        deciding = replace(production, context=replace(production.context, use_case=use_case))
        return cls(deciding, Trainer(packages), Labels(2000), deciding.released())

    @property
    def stores(self) -> retraining.TrainingStores:
        return retraining.TrainingStores(SimpleNamespace(), self.production.registry, "a-revision", "ada@example.com")

    def retrain(self, as_of: datetime = DECIDED, approval: Approval = Approval.AUTO) -> retraining.RetrainingResult:
        return retraining.run(self.production.context, self.stores, as_of=as_of, approval=approval)

    def decide(self, as_of: datetime = DECIDED) -> DecisionRecord:
        return retraining.decide_once(self.production.context, self.production.registry, as_of=as_of)

    def act(self, record: DecisionRecord) -> retraining.RetrainingResult:
        return retraining.act(self.production.context, self.stores, record)

    def versions(self) -> int:
        return len(self.production.registry.versions())

    def seen(self, version: str, window: Window = WEEK, **found: Any) -> None:
        """Let monitoring have seen a window of a version; by default, a healthy one."""
        nothing: dict[str, Any] = dict.fromkeys(("outside", "unusual", "harmful", "broken"), ())
        measured = {"days": 7, "rows": 5000, "drifted_share": 0.0, "calibration": (-0.01, 0.01), "skill": (0.6, 0.7)}
        about = {"model_name": self.production.registry.name, "model_version": version, "window": window}
        record = VerdictRecord(**{**about, "as_of": window.end, **measured, **nothing, **found})
        write_verdicts(Run(self.production.tables, "of-monitoring"), [record])
