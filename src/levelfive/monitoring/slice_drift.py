"""Drift by slice: in which slices a column moved whose alarm is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from levelfive.monitoring.drift import population_stability
from levelfive.monitoring.drift_alarms import discoveries_in_slices
from levelfive.monitoring.drift_statistics import ColumnDrift
from levelfive.monitoring.profiling import WindowProfiles
from levelfive.monitoring.records import replace_window
from levelfive.monitoring.usual_drift import UsualDrift, usual_drift
from levelfive.monitoring.verdict import Subject
from levelfive.statistics.baseline import DailyCounts
from levelfive.statistics.sliced_counts import Counts, Slice, SlicedCounts, by_slice
from levelfive.storage.records import record_of
from levelfive.storage.runs import Run

DRIFT_SLICES = "drift_slices"


@record_of(DRIFT_SLICES)
@dataclass(frozen=True, kw_only=True)
class SliceDrift(Subject):
    """One row of `drift_slices`: a column whose alarm is open, in one slice, beside the same slice at training.

    Names are those of the tables of Databricks' data profiling, where these have the thing too.

    Args:
        column_name: The column.
        slice_key: The column that the slice is of.
        slice_value: Its value, as text.
        count: Values in the window.
        population_stability_index: Of groups of values; see `SegmentColumn`.
        p_value: How often the slice lies as far out without a change.
        unusual: Whether it moved by more than by chance, beside the other slices.
    """

    column_name: str
    slice_key: str
    slice_value: str
    count: int
    population_stability_index: float
    p_value: float
    unusual: bool = False


def drift_in_slices(
    subject: Subject,
    slice_counts: SlicedCounts | None,
    profiles: WindowProfiles,
    drifts: Sequence[ColumnDrift],
    *,
    rate: float,
    least_rows: int,
) -> tuple[SliceDrift, ...]:
    """Look in which slices the columns moved whose alarm is open.

    Args:
        subject: The version and the window.
        slice_counts: The training's counts; None of a version of an earlier levelfive.
        profiles: The window's.
        drifts: All columns, some of them with an open alarm.
        rate: Of false discoveries, on average over these columns.
        least_rows: Slices with fewer values in the window are passed over.

    Returns:
        The columns in their order, of each the slices that moved furthest first.
    """
    columns = [one.column for one in drifts if one.alarm_since is not None]
    if slice_counts is None or not profiles.slice_counts or not columns:
        return ()
    now, before = by_slice([*profiles.slice_counts.values()], slice_counts.counter), slice_counts.counts.sum(axis=1)
    usual = usual_drift(_daily(slice_counts, columns), profiles.days)
    slices = [
        _compared(subject, column, one, before=before[place, groups], now=now[place, groups], usual=usual)
        for column in columns
        if (groups := slice_counts.counter.place(column)) is not None
        for place, one in enumerate(slice_counts.slices)
        if _name(column, one) in usual.columns and now[place, groups].sum() >= max(least_rows, 1)
    ]
    return _judged(slices, hypotheses=sum(one.p_value is not None for one in drifts), rate=rate)


def write_slice_drift(run: Run, subject: Subject, rows: Sequence[SliceDrift]) -> None:
    """Put what was found in the place of that of its window."""
    replace_window(run, DRIFT_SLICES, subject, rows)


def _name(column: str, one: Slice) -> str:
    return f"{column} at {one}"


def _daily(slice_counts: SlicedCounts, columns: Sequence[str]) -> dict[str, DailyCounts]:
    return {
        _name(column, one): tuple(map(tuple, slice_counts.counts[place][:, groups].tolist()))
        for column in columns
        if (groups := slice_counts.counter.place(column)) is not None
        for place, one in enumerate(slice_counts.slices)
    }


def _compared(
    subject: Subject, column: str, one: Slice, *, before: Counts, now: Counts, usual: UsualDrift
) -> SliceDrift:
    psi = float(population_stability(before.astype(np.float64), now.astype(np.float64)))
    return SliceDrift(
        **vars(subject),
        column_name=column,
        slice_key=one.key,
        slice_value=one.value,
        count=int(now.sum()),
        population_stability_index=psi,
        p_value=usual.p_value(_name(column, one), psi),
    )


def _judged(slices: Sequence[SliceDrift], *, hypotheses: int, rate: float) -> tuple[SliceDrift, ...]:
    p_values: dict[str, dict[str, float]] = {}
    for one in slices:
        p_values.setdefault(one.column_name, {})[str(Slice(one.slice_key, one.slice_value))] = one.p_value
    unusual = discoveries_in_slices(p_values, hypotheses, rate)
    result = [
        replace(one, unusual=str(Slice(one.slice_key, one.slice_value)) in unusual[one.column_name]) for one in slices
    ]
    return tuple(sorted(result, key=lambda one: ([*p_values].index(one.column_name), -one.population_stability_index)))
