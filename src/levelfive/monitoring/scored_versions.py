"""The versions that scored rows of a window, with the profiles of these rows."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from levelfive.core.conditions import in_window
from levelfive.core.windows import Window
from levelfive.models.package import Model
from levelfive.monitoring.consecutive import ProfiledWindow, profiles_before
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.profiling import WindowProfiles, profile_days
from levelfive.monitoring.verdict import Subject
from levelfive.registry.promotions import Promotion
from levelfive.registry.store import CentralRegistry
from levelfive.storage.predictions import PREDICTIONS, Role, scored_by
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import PREDICTION_TIME


@dataclass(frozen=True)
class ScoredVersion:
    """A version that scored rows of a window, the profiles of these rows, and those of the window before it."""

    subject: Subject
    model: Model
    profiles: WindowProfiles
    before: ProfiledWindow | None = None


def profile_version(
    context: JobContext, run: Run, subject: Subject, model: Model, *, role: Role = Role.CHAMPION
) -> WindowProfiles:
    """Profile the rows of a window that a version scored live, or in another role.

    Raises:
        TableError: Nothing was scored yet.
    """
    of_version = scored_by(subject.model_name, role=role, version=subject.model_version)
    rows = run.read(PREDICTIONS).where(in_window(PREDICTION_TIME, subject.window) & of_version)
    return profile_days(rows, model.baseline, context.use_case.day_starts_at)


def profile_ahead(
    beside: ThreadPoolExecutor,
    context: JobContext,
    run: Run,
    registry: CentralRegistry,
    *,
    live: Promotion | None,
    window: Window,
) -> dict[str, Future[WindowProfiles]]:
    """Begin to profile what the champion scored, which is most likely all, while the rest is looked up."""
    model = None if live is None else registry.load_if_there(live.version)
    if live is None or model is None:
        return {}
    subject = Subject(registry.name, live.version, window)
    return {live.version: beside.submit(profile_version, context, run, subject, model)}


def profile_versions(
    context: JobContext,
    run: Run,
    registry: CentralRegistry,
    performance: Performance,
    *,
    ahead: Mapping[str, Future[WindowProfiles]],
) -> list[ScoredVersion]:
    """Profile what each version scored; one that is gone, or its files, is left out."""
    versions = []
    for version in performance.versions:
        subject, model = Subject(registry.name, version, performance.window), registry.load_if_there(version)
        if model is not None:
            ready = ahead.get(version)
            profiles = profile_version(context, run, subject, model) if ready is None else ready.result()
            versions.append(ScoredVersion(subject, model, profiles, profiles_before(run, subject, model.baseline)))
    return versions
