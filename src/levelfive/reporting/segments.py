"""The report's worst segments: what was found last."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from levelfive.monitoring import records
from levelfive.monitoring.segments import ALL_ROWS, WORST_SEGMENTS, SegmentRecord
from levelfive.reporting.data import SegmentLine, SegmentsFound
from levelfive.statistics.metrics import Estimate
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


def _when(row: Mapping[str, Any]) -> tuple[datetime, datetime, int, str]:
    version = row["model_version"]
    return (row["as_of"], row["window_end"], len(version), version)


def _line(one: SegmentRecord) -> SegmentLine:
    value, low, high = (math.nan if of is None else of for of in (one.difference, one.low, one.high))
    rows = one.rows or 0
    difference = Estimate(value, low, high, days=one.blocks or 0, rows=rows)
    return SegmentLine(one.segment, rows, one.loss_at_training, one.loss, difference, one.worse)
