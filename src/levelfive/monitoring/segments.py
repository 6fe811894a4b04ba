"""The table `worst_segments`: where a version's loss rose against the same segment's own at training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from levelfive.core.days import DAY, day_of, number_of, start_of
from levelfive.core.windows import Window
from levelfive.models.package import Model
from levelfive.monitoring.segment_sums import segment_sums
from levelfive.monitoring.verdict import Subject
from levelfive.statistics.segments import Segments, block_of
from levelfive.statistics.worst_segments import SegmentLoss, TrainingLosses, has_evidence, worst_segments
from levelfive.storage.records import record_of
from levelfive.storage.runs import JobContext, Run

WORST_SEGMENTS = "worst_segments"
ALL_ROWS = ""
# So many weeks are looked at: four that find, and four that measure.
WEEKS = 8
_KEYS = ("model_name", "model_version", "window_start", "window_end", "as_of", "segment")


@record_of(WORST_SEGMENTS)
@dataclass(frozen=True, kw_only=True)
class SegmentRecord(Subject):
    """One row of `worst_segments`: a segment whose loss was compared with its own at training, or all rows.

    Args:
        as_of: When it was said.
        weeks: The weeks that were looked at; None where none has ended yet.
        segment: Which rows, in words; empty of all rows.
        column_names: The columns that make the segment.
        rows: Rows of the odd weeks; None where nothing was compared, as are those below.
        rows_at_training: Rows of the training's odd weeks.
        loss: Mean loss in the odd weeks.
        loss_at_training: Mean loss in the training's odd weeks.
        difference: Of the two.
        low: The lower end of its interval.
        high: The upper end.
        blocks: How many blocks of days the interval rests on.
        worse: Whether the interval lies above 0.
        segments_compared: Of all rows, among how many segments was looked.
        note: Of all rows, why nothing was compared; empty where it was.
    """

    as_of: datetime
    weeks: Window | None
    segment: str
    column_names: tuple[str, ...] = ()
    rows: int | None = None
    rows_at_training: int | None = None
    loss: float | None = None
    loss_at_training: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    blocks: int | None = None
    worse: bool = False
    segments_compared: int | None = None
    note: str = ""


def look_for_segments(
    context: JobContext, run: Run, subject: Subject, model: Model, *, as_of: datetime
) -> tuple[SegmentRecord, ...]:
    """Look for the segments that a version does worst in, once for each week that has ended.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        subject: The version, and the window that is monitored.
        model: The version itself, whose baseline has losses by segment, unless an earlier levelfive trained it.
        as_of: The logical now.

    Returns:
        All rows first; nothing where it was said before, of the same weeks.

    Raises:
        TableError: Nothing was scored yet, or no label computed.
    """
    use_case, losses = context.use_case, model.baseline.losses
    old_until = min(subject.window.end, as_of - use_case.maturity)
    weeks = weeks_before(old_until, model.card.trained_until, use_case.day_starts_at)
    if _was_said(run, subject, weeks, as_of):
        return ()
    because = _nothing_to_compare(subject, losses, weeks, use_case.day_starts_at)
    if because or losses is None or weeks is None:
        return (_all_rows(subject, as_of, weeks, note=because),)
    sums = segment_sums(context, run, subject, losses.grid, weeks=weeks, as_of=as_of)
    if not has_evidence(sums.blocks):
        return (_all_rows(subject, as_of, weeks, note=_too_short(subject)),)
    worst = worst_segments(losses, sums, least_rows=use_case.monitoring.min_rows)
    whole = _record(subject, as_of, weeks, losses.grid, one=worst.whole, segments_compared=worst.segments_compared)
    return (whole, *(_record(subject, as_of, weeks, losses.grid, one=one) for one in worst.risen))


def write_segments(run: Run, rows: Sequence[SegmentRecord]) -> None:
    """Add what was found; what was said at other times stays."""
    if rows:
        run.wrote(run.tables.control_tables.add(WORST_SEGMENTS, rows, _KEYS))


def weeks_before(end: datetime, since: datetime, day_starts_at: timedelta) -> Window | None:
    """Find the last `WEEKS` weeks, from Monday on, that have ended by a time and began after another one.

    Args:
        end: When labels are old enough until.
        since: When the training ended; a week that holds it is cut.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
    """
    today = day_of(end, day_starts_at)
    monday = start_of(today - today.weekday() * DAY, day_starts_at)
    start = max(monday - WEEKS * 7 * DAY, since)
    return Window(start, monday) if start < monday else None


def _was_said(run: Run, subject: Subject, weeks: Window | None, as_of: datetime) -> bool:
    of = {"model_name": subject.model_name, "model_version": subject.model_version}
    names = ("as_of", "weeks_start", "weeks_end")
    rows = run.rows(WORST_SEGMENTS, columns=names, where=of)
    weeks_needed = (None, None) if weeks is None else (weeks.start, weeks.end)
    return any((row["weeks_start"], row["weeks_end"]) == weeks_needed and row["as_of"] <= as_of for row in rows)


def _nothing_to_compare(
    subject: Subject, losses: TrainingLosses | None, weeks: Window | None, day_starts_at: timedelta
) -> str:
    """Say why a look at the rows would be in vain; empty where it would not."""
    version = subject.model_version
    if losses is None:
        return f"version {version} knows no losses by segment, as an earlier levelfive trained it: the next one will"
    if not losses.segments:
        return f"version {version} was trained on fewer than two even and two odd weeks, or on too few rows"
    if weeks is None:
        return _too_short(subject)
    first, last = (number_of(day_of(at, day_starts_at)) for at in (weeks.start, weeks.end - timedelta(microseconds=1)))
    return "" if has_evidence(block_of(np.arange(first, last + 1))) else _too_short(subject)


def _too_short(subject: Subject) -> str:
    return (
        f"version {subject.model_version} has scored fewer than two even and two odd weeks whose labels are old enough"
    )


def _all_rows(subject: Subject, as_of: datetime, weeks: Window | None, *, note: str) -> SegmentRecord:
    return SegmentRecord(**vars(subject), as_of=as_of, weeks=weeks, segment=ALL_ROWS, note=note)


def _record(
    subject: Subject,
    as_of: datetime,
    weeks: Window,
    segments: Segments,
    *,
    one: SegmentLoss,
    segments_compared: int | None = None,
) -> SegmentRecord:
    of_columns = (segments.columns[place].name for place in segments.groups_in(one.segment))
    return SegmentRecord(
        **vars(subject),
        as_of=as_of,
        weeks=weeks,
        segment=segments.in_words(one.segment),
        column_names=tuple(of_columns),
        rows=one.rows,
        rows_at_training=one.rows_at_training,
        loss=_finite(one.loss),
        loss_at_training=_finite(one.loss_at_training),
        difference=_finite(one.difference),
        low=_finite(one.low),
        high=_finite(one.high),
        blocks=one.blocks,
        worse=one.is_worse,
        segments_compared=segments_compared,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
