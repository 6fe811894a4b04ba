"""Writes what a run of monitoring says of a window, its tables side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from levelfive.core.parallel import in_parallel
from levelfive.monitoring import performance_records, records
from levelfive.monitoring.consecutive import write_consecutive
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.estimated import trust
from levelfive.monitoring.feature_skew import write_skew
from levelfive.monitoring.freshness import write_freshness
from levelfive.monitoring.inputs import WindowInputs
from levelfive.monitoring.profiling import finish
from levelfive.monitoring.real_time import AnswersOfVersion, RealTime
from levelfive.monitoring.records import ProfiledColumn
from levelfive.monitoring.segments import SegmentRecord, write_segments
from levelfive.monitoring.slice_drift import write_slice_drift
from levelfive.monitoring.slice_records import write_slice_performance
from levelfive.monitoring.verdict import Subject
from levelfive.monitoring.versions import JudgedVersion, verdict_record
from levelfive.statistics.partials import Partial
from levelfive.storage.runs import JobContext, Run


@dataclass(frozen=True)
class WindowFound:
    """What was found of a window.

    Args:
        versions: The versions that scored rows of it, at least one, judged.
        inputs: What they were judged by.
        skew: By version, whether its rows were scored with what the batch join gives now.
        segments: What was found of them, if they were looked for.
    """

    versions: Sequence[JudgedVersion]
    inputs: WindowInputs
    skew: Mapping[str, Sequence[FeatureDay]]
    segments: Sequence[SegmentRecord] = ()

    @property
    def subject(self) -> Subject:
        """The window, and the version that was live last."""
        return self.versions[-1].subject


def write_window(context: JobContext, run: Run, found: WindowFound, *, as_of: datetime) -> None:
    """Write what was found of a window: all of its tables but `alerts`.

    Args:
        context: The use case, whose task says what its metrics are.
        run: Which run writes.
        found: What was found.
        as_of: The logical now.
    """
    task, subject, versions, inputs = context.use_case.model.task, found.subject, found.versions, found.inputs
    drifts = [(one.subject, column) for one in versions for column in one.drifts]
    broken = frozenset[tuple[date, str]]().union(*(one.faults.days for one in versions))
    seen_from = {one.subject.model_version: one.faults.seen_from for one in versions}
    verdicts = [verdict_record(task, one, inputs.now, as_of) for one in versions]
    answers = inputs.answers
    served_drifts = [(one.subject, column) for one in answers.versions for column in one.drifts]
    skew = [(one.subject, day) for one in versions for day in found.skew[one.subject.model_version]]
    jobs = [
        partial(records.write_profiles, run, _profiles(versions), broken, served_profiles=_profiles(answers.versions)),
        partial(records.write_drift, run, drifts, seen_from, served_drifts=served_drifts),
        partial(write_consistency, run, subject, answers),
        partial(write_consecutive, run, subject, [row for one in versions for row in one.consecutive]),
        partial(write_slice_drift, run, subject, [row for one in versions for row in one.slices]),
        partial(write_segments, run, found.segments),
        partial(records.write_quality, run, subject, inputs.source_counts),
        partial(write_freshness, run, subject, inputs.newest),
        partial(write_skew, run, subject, skew),
        partial(_write_performance_and_estimate, context, run, subject, inputs, as_of=as_of),
        partial(write_slice_performance, run, subject.model_name, inputs.performances, as_of=as_of),
        partial(records.write_verdicts, run, verdicts),
    ]
    in_parallel(jobs)


def write_measurements(
    context: JobContext, run: Run, model_name: str, inputs: WindowInputs, *, as_of: datetime
) -> None:
    """Write what the labels say of windows, and of answers to single requests."""
    performance_records.write_performance(
        run,
        model_name,
        inputs.performances,
        task=context.use_case.model.task,
        as_of=as_of,
        served_performances=inputs.answers.performance,
    )


def _write_performance_and_estimate(
    context: JobContext, run: Run, subject: Subject, inputs: WindowInputs, *, as_of: datetime
) -> None:
    task, name = context.use_case.model.task, subject.model_name
    write_measurements(context, run, name, inputs, as_of=as_of)
    past = performance_records.past_estimates(inputs.last_rows)
    trust_by_metric = trust(past, subject.window, context.use_case.maturity)
    performance_records.write_estimate(run, name, inputs.now, trust_by_metric, task=task, as_of=as_of)


def write_consistency(run: Run, subject: Subject, answers: RealTime) -> None:
    """Write, by feature and day, whether single requests of a window saw what the batch join gives."""
    records.write_consistency(run, subject, [(one.subject, day) for one in answers.versions for day in one.consistency])


def _profiles(versions: Sequence[JudgedVersion] | Sequence[AnswersOfVersion]) -> list[ProfiledColumn]:
    profiles: list[ProfiledColumn] = []
    for one in versions:
        columns: list[tuple[date | None, str, Partial]] = []
        columns += [(day, column, part) for (day, column), part in one.profiles.by_day.items()]
        columns += [(None, column, part) for column, part in one.profiles.whole.items()]
        profiles += [(one.subject, day, name, part, finish(part, name, one.baseline)) for day, name, part in columns]
    return profiles
