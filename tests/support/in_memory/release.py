"""An environment in memory that a model is released to, and the development whose gate passed the model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from in_memory.registry import MemoryBackend
from in_memory.tables import MemoryTables
from levelfive import BINARY
from levelfive.config import Approval
from levelfive.core.windows import Window, iso, utc
from levelfive.features.labels import LabelledDay
from levelfive.features.store import LocalFeatureStore
from levelfive.models.card import ModelCard
from levelfive.models.package import Model, save
from levelfive.registry import job as registry_job
from levelfive.registry import tags
from levelfive.registry.approval import approve
from levelfive.registry.eligibility import passed_verdict, verdict_tags
from levelfive.registry.gate import GateVerdict, VerdictKind
from levelfive.registry.go_live import RegistryResult
from levelfive.registry.promotions import Promotion, champion_as_of, history
from levelfive.registry.rollback import rollback
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.baseline import profile_baseline
from levelfive.storage.runs import RUNS, JobContext
from levelfive.training.admission import Admission, admit
from levelfive.training.dataset import DAY_NUMBER, outside
from levelfive.usecase.columns import LABEL, PREDICTION_TIME
from levelfive.usecase.policies import GatePolicy
from levelfive.usecase.use_case import UseCase, load_use_case

AS_OF, LATER = utc(2013, 2, 15, 6), utc(2013, 2, 18, 6)
HOUR = timedelta(hours=1)
PASSED = GateVerdict(VerdictKind.BETTER, True, ("no champion to compare with",))


def flights(window: Window) -> pd.DataFrame:
    """Flights of a window, every ten minutes, with the outcomes that a model can learn from their distance."""
    times = pd.date_range(window.start, window.end, freq="10min", inclusive="left").tz_localize(None)
    distance = np.arange(len(times)) % 40.0
    days = (times - pd.Timedelta(hours=6)).to_numpy().astype("datetime64[D]").astype(np.int64)
    return pd.DataFrame({PREDICTION_TIME: times, "distance": distance, LABEL: 1.0 * (distance > 20), DAY_NUMBER: days})


def labelled_rows(context: JobContext, run: object, lookups: object, window: Window, *, as_of: datetime) -> Any:
    """Take the place of `training.dataset.labelled_rows`, which joins the rows in Spark."""
    return flights(window)


def labelled_days(
    context: JobContext,
    run: object,
    as_of: datetime,
    *,
    exclusions: Sequence[Window] = (),
    since: datetime | None = None,
) -> tuple[LabelledDay, ...]:
    """Take the place of `features.labels.labelled_days`, which counts in Spark: flights of sixty days have labels."""
    ripe = as_of - context.use_case.maturity
    rows = outside(flights(Window(ripe - timedelta(days=60), ripe)), exclusions)
    return tuple(
        LabelledDay(
            date(1970, 1, 1) + timedelta(days=int(day)),
            len(of_day),
            of_day[PREDICTION_TIME].min().to_pydatetime().replace(tzinfo=UTC),
            len(of_day) if since is None else int((of_day[PREDICTION_TIME] >= since.replace(tzinfo=None)).sum()),
        )
        for day, of_day in rows.groupby(DAY_NUMBER)
    )


def a_model(trained_until: datetime, **card: Any) -> Model:
    """Fit a small model on the flights of a week."""
    rows = flights(Window(trained_until - timedelta(days=7), trained_until))
    features = rows[["distance"]]
    estimator = LogisticRegression().fit(features, rows[LABEL])
    about = ModelCard(
        use_case="flight_delay",
        task=BINARY,
        features=("distance",),
        categorical=(),
        lookups=(),
        trained_from=trained_until - timedelta(days=7),
        trained_until=trained_until,
        as_of=AS_OF,
        training_rows=len(rows),
        training_set_sha256="of-the-training-set",
        table_versions={},
        parameters={},
        seed=2013,
        run_id="a-run",
        code_revision="a-revision",
        baseline="",
        holdout_skill=0.5,
    )
    model = Model(estimator, replace(about, **card))
    baseline = profile_baseline(
        features,
        (),
        label=rows[LABEL].to_numpy(),
        score=model.score(features),
        days=rows[DAY_NUMBER].to_numpy(),
        score_columns=model.card.task.score_columns,
    )
    return Model(estimator, replace(model.card, baseline=baseline.to_json()))


@dataclass(frozen=True)
class Packages:
    """A candidate, which left the newest days out, and what it was refitted as."""

    candidate: Path
    refit: Path

    @classmethod
    def saved(cls, folder: Path, **card: Any) -> Packages:
        for name, trained_until in (("candidate", AS_OF - timedelta(days=14)), ("refit", AS_OF)):
            model = a_model(trained_until, **card)
            save(model, flights(Window(AS_OF, LATER)).head(40), folder / name)
        return cls(folder / "candidate", folder / "refit")

    def register(self, registry: CentralRegistry, said: dict[str, str]) -> tuple[str, str]:
        """Register both as `training` does, the refit with a verdict and other tags."""
        shared = {
            tags.AS_OF: iso(AS_OF),
            tags.TRACKING_RUN: "a-run",
            tags.CODE_REVISION: "a-revision",
            tags.TRAINING_SET_SHA256: "of-the-training-set",
        }
        candidate = registry.register(self.candidate, {**shared, tags.ROLE: tags.CANDIDATE})
        refit = {**shared, tags.ROLE: tags.REFIT, tags.REFIT_OF: candidate, **said}
        return candidate, registry.register(self.refit, refit)


def a_use_case(**changes: Any) -> UseCase:
    """Flights, with a gate that answers to three days."""
    return replace(load_use_case("flight_delay"), gate=GatePolicy(min_days=2, min_rows=100, margin=1.0), **changes)


def a_context(tables: MemoryTables, use_case: UseCase | None = None) -> JobContext:
    return JobContext(tables, use_case or a_use_case(), LocalFeatureStore(tables))


def runs(tables: MemoryTables) -> list[dict[str, Any]]:
    return sorted(tables.control_tables.rows(RUNS), key=lambda row: row["started_at"])


@dataclass(frozen=True)
class Environment:
    """A production where promotion is manual and no model was ever live, and a development with one to release."""

    context: JobContext
    backend: MemoryBackend
    registry: CentralRegistry
    development_backend: MemoryBackend
    development: CentralRegistry
    version: str

    @classmethod
    def new(cls, packages: Packages, use_case: UseCase | None = None) -> Environment:
        ours, theirs = MemoryBackend(), MemoryBackend()
        development = theirs.opened("levelfive.dev.flight_delay")
        _, version = packages.register(development, verdict_tags(PASSED, None))
        registry = ours.opened("levelfive.prod.flight_delay")
        return cls(a_context(MemoryTables(), use_case), ours, registry, theirs, development, version)

    @property
    def tables(self) -> MemoryTables:
        return self.context.tables

    def admit(self, as_of: datetime = LATER, exclusions: tuple[Window, ...] = ()) -> Admission:
        how = {"version": self.version, "as_of": as_of, "exclusions": exclusions}
        return admit(self.context, self.registry, self.development, **how)

    def approve(self, version: str, as_of: datetime = LATER) -> bool:
        how = {"as_of": as_of, "by": "grace", "reason": "calibrated"}
        return approve(self.context, self.registry, version=version, **how)

    def promote(self, version: str, as_of: datetime = LATER, approval: Approval = Approval.MANUAL) -> RegistryResult:
        how = {"as_of": as_of, "by": "release", "approval": approval}
        return registry_job.run(self.context, self.registry, version=version, **how)

    def rollback(self, as_of: datetime, **only: str | datetime) -> RegistryResult:
        how = {"as_of": as_of, "by": "ada", "reason": "complaints"}
        return rollback(self.context, self.registry, **how, **only)

    def reopened(self) -> Environment:
        """The same environment as another process finds it: no model is loaded."""
        return replace(self, registry=self.backend.opened(self.registry.name))

    def newer(self) -> Environment:
        """Development makes another version, of the same files."""
        return replace(self, version=self._again(self.development, self.version))

    def released(self) -> str:
        version = self.admit().version
        self.approve(version)
        self.promote(version)
        return version

    def another(self, like: str) -> str:
        """Register a second version, judged against the present champion and approved: the files of one there is."""
        live = champion_as_of(self.made(), datetime.max.replace(tzinfo=UTC))
        version = self._again(self.registry, like, verdict_tags(passed_verdict(self.registry.find(like)), live))
        self.approve(version)
        return version

    def made(self) -> tuple[Promotion, ...]:
        return history(self.tables, self.registry.name)

    def trail(self) -> list[tuple[str, str, str]]:
        return [(row["stage"], row["status"], row["model_version"] or "") for row in runs(self.tables)]

    @staticmethod
    def _again(registry: CentralRegistry, version: str, said: dict[str, str] | None = None) -> str:
        with tempfile.TemporaryDirectory() as folder:
            package = registry.download(version, Path(folder))
            return registry.register(package, registry.find(version).tags if said is None else said)
