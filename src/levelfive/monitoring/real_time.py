"""Answers to single requests, monitored by the code that monitors batches, and compared with the batch join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from levelfive.core.windows import Window
from levelfive.data.landed import LANDING_FILES
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.consistency_join import ServedBy, compare_served
from levelfive.monitoring.drift_statistics import ColumnDrift
from levelfive.monitoring.performance import Performance, performance
from levelfive.monitoring.profiling import WindowProfiles
from levelfive.monitoring.scored_versions import profile_version
from levelfive.monitoring.verdict import Subject
from levelfive.monitoring.versions import drifts_of
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.baseline import Baseline
from levelfive.storage.predictions import Role
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import REQUEST_LOG


@dataclass(frozen=True)
class AnswersOfVersion:
    """What a version answered in a window: profiled, compared with its baseline and with the batch join."""

    subject: Subject
    baseline: Baseline
    profiles: WindowProfiles
    drifts: tuple[ColumnDrift, ...]
    consistency: tuple[FeatureDay, ...]


@dataclass(frozen=True)
class RealTime:
    """What is known of answers to single requests.

    Args:
        performance: What the labels say of them, by window; of windows without answers, nothing.
        versions: What each version answered in the window that is monitored.
        log_counts: How many rows of the request log were read in that window, and how many of them could not be.
    """

    performance: tuple[Performance, ...] = ()
    versions: tuple[AnswersOfVersion, ...] = ()
    log_counts: tuple[int, int] = (0, 0)

    @property
    def consistency(self) -> tuple[FeatureDay, ...]:
        """By feature and day, whether requests saw what the batch join gives."""
        return tuple(one for version in self.versions for one in version.consistency)


def real_time(
    context: JobContext, run: Run, registry: CentralRegistry, windows: Sequence[Window], *, as_of: datetime
) -> RealTime:
    """Look at the answers of windows, of which the last is the one that is monitored.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        registry: The central registry: baselines come with the models.
        windows: Prediction times.
        as_of: The logical now: labels known later are not read.

    Raises:
        ConfigError: A feature table lacks a column.
        RegistryError: The registry did not answer.
        TableError: A feature table is missing.
    """
    window, name = windows[-1], registry.name
    performances = performance_of_answers(context, run, windows, model_name=name, as_of=as_of)
    versions = []
    for now in (one for one in performances if one.window == window):
        run.counts["served"] = now.scored
        versions += [_served(context, run, registry, Subject(name, version, window)) for version in now.versions]
    return RealTime(performances, tuple(one for one in versions if one is not None), _logged(run, window))


def performance_of_answers(
    context: JobContext, run: Run, windows: Sequence[Window], *, model_name: str, as_of: datetime
) -> tuple[Performance, ...]:
    """Compare answers with the labels known at `as_of`, by window; windows without answers are left out."""
    columns, of_log = ("min_event_time", "max_event_time"), {"source": REQUEST_LOG}
    first_start, last_end = min(one.start for one in windows), max(one.end for one in windows)
    within = {"min_event_time": (None, last_end), "max_event_time": (first_start, None)}
    rows = run.rows(LANDING_FILES, columns=columns, where=of_log, between=within)
    spans = [(row["min_event_time"], row["max_event_time"]) for row in rows]
    answer_windows = [one for one in windows if any(first < one.end and one.start <= last for first, last in spans)]
    if not answer_windows:
        return ()
    performances = performance(context, run, answer_windows, model_name=model_name, as_of=as_of, role=Role.SERVED)
    return tuple(one for one in performances if one.scored)


def _served(context: JobContext, run: Run, registry: CentralRegistry, subject: Subject) -> AnswersOfVersion | None:
    """Look at what a version answered; None where it is gone, or its files."""
    model = registry.load_if_there(subject.model_version)
    if model is None:
        return None
    profiles = profile_version(context, run, subject, model, role=Role.SERVED)
    drifts = drifts_of(context.use_case, model, profiles, subject.window)
    days = compare_served(context, run, ServedBy(subject.model_name, subject.model_version, model.card, subject.window))
    return AnswersOfVersion(subject, model.baseline, profiles, drifts, days)


def _logged(run: Run, window: Window) -> tuple[int, int]:
    """Count the rows of the request log that were read in a window, and those of them that could not be."""
    columns, of_log = ("loaded_at", "rows_in", "quarantined"), {"source": REQUEST_LOG}
    within = {"loaded_at": (window.start, window.end)}
    rows = run.rows(LANDING_FILES, columns=columns, where=of_log, between=within)
    read = [row for row in rows if row["loaded_at"] > window.start]
    return sum(row["rows_in"] for row in read), sum(row["quarantined"] for row in read)
