"""The report's worst segments: those that were looked for, and the slices that the use case names."""

from __future__ import annotations

import math

from levelfive.core.texts import counted
from levelfive.monitoring.drift_statistics import PSI
from levelfive.reporting.data import Point, ReportData
from levelfive.reporting.segment_lines import SegmentLine, SliceLine
from levelfive.reporting.table import Table
from levelfive.reporting.words import estimate, metric_name, number, share, window_name
from levelfive.statistics.worst_segments import FALSE_FINDINGS


def segments(data: ReportData) -> Table | None:
    """List the segments whose loss rose; None where none did."""
    if data.segments is None or data.segments.whole is None or not data.segments.worse:
        return None
    return Table(
        f"Segments of version {data.segments.version} whose loss rose against their own at training, the worst first",
        ("Segment", "Rows", "Loss at training", "Loss now", "Difference"),
        [_segment(line) for line in data.segments.worse],
        total=_segment(data.segments.whole),
    )


def _segment(line: SegmentLine) -> tuple[str, ...]:
    losses = (number(line.loss_at_training), number(line.loss))
    return (line.segment or "all rows", f"{line.rows:,}", *losses, estimate(line.difference))


def segments_note(data: ReportData) -> str:
    """Say what was found among how many segments."""
    segments = data.segments
    if segments is None:
        return "Nothing measured yet."
    if segments.note or segments.weeks is None:
        return f"Nothing is compared yet: {segments.note}."
    weeks, compared = window_name(segments.weeks), counted(segments.segments_compared, "segment")
    if not segments.segments_compared:
        return f"Nothing is compared yet: no segment has rows enough in the weeks of {weeks}."
    if segments.worse:
        return (
            f"Of {compared}, these rose in the even weeks of {weeks}, and in the odd ones too, of which the numbers "
            f"are. Their intervals, of 90 %, hold together, and are by blocks of days. {FALSE_FINDINGS}"
        )
    return (
        f"No segment does worse than at training by more than by chance: of {compared}, {len(segments.risen)} rose in "
        f"the even weeks of {weeks}, and none of them in the odd ones."
    )


def slices(data: ReportData) -> Table | None:
    """List the slices that the use case names, the least skilled first, and all rows; None where none was measured."""
    measured, task = data.slices, data.task
    if measured is None:
        return None
    titles = (metric_name(task, name) for name in data.chart_metrics)
    means = (f"Observed {task.label_mean}", "Mean score")
    provisional = ", provisional" if measured.provisional else ""
    return Table(
        f"Slices of {window_name(measured.window)}{provisional}, the least skilled first, with intervals by days; PSI "
        "is against the same slice at training",
        ("Slice", "Rows", "Labels known", *titles, *means, "Labels' PSI", "Scores' PSI"),
        [_slice(data, line) for line in sorted(measured.lines, key=lambda line: (_skill(data, line), line.slice))],
        total=next((_slice(data, _whole(one)) for one in data.points if one.window == measured.window), ()),
    )


def _slice(data: ReportData, line: SliceLine) -> tuple[str, ...]:
    write = share if data.task.labels_are_shares else number
    return (
        *(line.slice or "all rows", f"{line.scored:,}", f"{line.mature:,}"),
        *(estimate(line.metrics.get(name)) for name in data.chart_metrics),
        *(write(line.label_mean), write(line.score_mean), number(line.label_psi), number(line.score_psi)),
    )


def _skill(data: ReportData, line: SliceLine) -> float:
    skill = line.metrics.get(data.task.skill)
    return math.inf if skill is None or math.isnan(skill.value) else skill.value


def _whole(point: Point) -> SliceLine:
    return SliceLine(
        slice="",
        scored=point.scored,
        mature=point.mature,
        metrics=point.live,
        label_mean=point.label_rate,
        score_mean=point.mean_score,
        label_psi=point.label_drift.get(PSI),
        score_psi=None,
    )
