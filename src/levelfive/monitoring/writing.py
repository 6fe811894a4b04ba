"""Writes what a run of monitoring says of a window, its tables side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

from levelfive.core.parallel import in_parallel
from levelfive.monitoring import records
from levelfive.monitoring.consecutive import write_consecutive
from levelfive.monitoring.evidence import Delivered
from levelfive.monitoring.performance import Performance
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


def write_window(
    context: JobContext,
    run: Run,
    versions: Sequence[JudgedVersion],
    source_counts: Sequence[Delivered],
    performances: Sequence[Performance],
    as_of: datetime,
    *,
    answers: RealTime,
    segments: Sequence[SegmentRecord] = (),
) -> None:
    """Write the profiles, drift, quality, performance, consistency, segments and verdicts of a window.

    Args:
        context: The use case, whose task says what its metrics are.
        run: Which run writes.
        versions: The versions that scored rows of the window, at least one.
        source_counts: What landed of each source.
        performances: What the labels say, of earlier windows too; the window's own is the last.
        as_of: The logical now.
        answers: What is known of answers to single requests.
        segments: What was found of them, if they were looked for.
    """
    task, subject = context.use_case.model.task, versions[-1].subject
    drifts = [(one.subject, column) for one in versions for column in one.drifts]
    broken = frozenset[tuple[date, str]]().union(*(one.faults.days for one in versions))
    seen_from = {one.subject.model_version: one.faults.seen_from for one in versions}
    verdicts = [verdict_record(task, one, performances[-1], as_of) for one in versions]
    served_drifts = [(one.subject, column) for one in answers.versions for column in one.drifts]
    jobs = [
        partial(records.write_profiles, run, _profiles(versions), broken, served_profiles=_profiles(answers.versions)),
        partial(records.write_drift, run, drifts, seen_from, served_drifts=served_drifts),
        partial(write_consistency, run, subject, answers),
        partial(write_consecutive, run, subject, [row for one in versions for row in one.consecutive]),
        partial(write_slice_drift, run, subject, [row for one in versions for row in one.slices]),
        partial(write_segments, run, segments),
        partial(records.write_quality, run, subject, source_counts),
        partial(
            records.write_performance,
            run,
            subject.model_name,
            performances,
            task=task,
            as_of=as_of,
            served_performances=answers.performance,
        ),
        partial(write_slice_performance, run, subject.model_name, performances, as_of=as_of),
        partial(records.write_verdicts, run, verdicts),
    ]
    in_parallel(jobs)


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
