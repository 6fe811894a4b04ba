"""The report's worst segments: what was found last, and how the slices did that the use case names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from levelfive.monitoring import records
from levelfive.monitoring.drift_statistics import PSI
from levelfive.monitoring.segments import ALL_ROWS, WORST_SEGMENTS, SegmentRecord
from levelfive.monitoring.slice_records import PERFORMANCE_SLICES, SlicePerformanceRecord
from levelfive.reporting.measurements import estimates_of
from levelfive.reporting.segment_lines import SegmentLine, SegmentsFound, SliceLine, SlicesMeasured
from levelfive.statistics.metrics import Estimate
from levelfive.statistics.sliced_counts import Slice
from levelfive.statistics.tasks.task import Task
from levelfive.storage.records import from_row
from levelfive.storage.runs import Run


def latest_segments(run: Run, model_name: str, *, as_of: datetime) -> SegmentsFound | None:
    """Read what was found last by a time; None where nobody looked yet."""
    rows = records.of_model(run, WORST_SEGMENTS, model_name, as_of)
    last = max(map(_when, rows), default=None)
    segment_records = [from_row(SegmentRecord, row) for row in rows if _when(row) == last]
    whole = next((one for one in segment_records if one.segment == ALL_ROWS), None)
    if whole is None:
        return None
    lines = () if whole.note else tuple(map(_line, segment_records))
    return SegmentsFound(whole.model_version, whole.weeks, whole.note, whole.segments_compared or 0, lines)


def latest_slices(run: Run, task: Task, model_name: str, *, as_of: datetime) -> SlicesMeasured | None:
    """Read how slices did in the latest window whose labels are known; where none is, in the latest one.

    Each window is told of as it was measured last. None where no slice was measured.
    """
    rows = records.of_model(run, PERFORMANCE_SLICES, model_name, as_of)
    newest = {records.window_of(row): row["as_of"] for row in rows}  # what was said later comes later
    measured = [from_row(SlicePerformanceRecord, row) for row in rows if row["as_of"] == newest[records.window_of(row)]]
    latest = max(measured, key=lambda one: (not one.provisional, one.window.end, one.window.start), default=None)
    if latest is None:
        return None
    lines = tuple(_slice(task, one) for one in measured if one.window == latest.window)
    return SlicesMeasured(latest.window, latest.provisional, lines)


def _when(row: Mapping[str, Any]) -> tuple[datetime, datetime, int, str]:
    version = row["model_version"]
    return (row["as_of"], row["window_end"], len(version), version)


def _line(one: SegmentRecord) -> SegmentLine:
    value, low, high = (math.nan if of is None else of for of in (one.difference, one.low, one.high))
    rows = one.rows or 0
    difference = Estimate(value, low, high, days=one.blocks or 0, rows=rows)
    return SegmentLine(one.segment, rows, one.loss_at_training, one.loss, difference, one.worse)


def _slice(task: Task, one: SlicePerformanceRecord) -> SliceLine:
    return SliceLine(
        slice=str(Slice(one.slice_key, one.slice_value)),
        scored=one.scored,
        mature=one.mature,
        metrics=estimates_of(task, vars(one)),
        label_mean=one.label_mean,
        score_mean=one.score_mean,
        score_psi=one.score_drift.get(PSI),
        label_psi=one.label_drift.get(PSI),
    )
