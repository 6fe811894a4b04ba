"""The table `performance_slices`: its records, which the job writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from levelfive.monitoring.performance import Performance
from levelfive.monitoring.performance_records import reliability_columns
from levelfive.monitoring.slice_performance import SliceOutcome
from levelfive.monitoring.verdict import Subject
from levelfive.storage.records import record_of
from levelfive.storage.runs import Run

PERFORMANCE_SLICES = "performance_slices"


@record_of(PERFORMANCE_SLICES)
@dataclass(frozen=True, kw_only=True)
class SlicePerformanceRecord(Subject):
    """One row of `performance_slices`: how the live predictions of a slice did, by the labels known at a time."""

    as_of: datetime
    slice_key: str
    slice_value: str
    provisional: bool
    scored: int
    mature: int
    days: int
    label_mean: float | None
    score_mean: float
    score_mean_mature: float | None
    metrics: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    reliability_score: tuple[float, ...]
    reliability_label: tuple[float, ...]
    reliability_low: tuple[float, ...]
    reliability_high: tuple[float, ...]
    reliability_rows: tuple[int, ...]
    score_drift: Mapping[str, float]
    label_drift: Mapping[str, float]


def write_slice_performance(run: Run, model_name: str, performances: Iterable[Performance], *, as_of: datetime) -> None:
    """Add what the labels known at `as_of` say of the slices of windows, as far as these were looked at."""
    records = [
        _slice_performance(Subject(model_name, ", ".join(one.versions), one.window), one, of_slice, as_of)
        for one in performances
        for of_slice in one.slices
    ]
    keys = ("model_name", "window_start", "window_end", "as_of", "slice_key", "slice_value")
    if records:
        run.wrote(run.tables.control_tables.add(PERFORMANCE_SLICES, records, keys))


def _slice_performance(
    subject: Subject, one: Performance, of_slice: SliceOutcome, as_of: datetime
) -> SlicePerformanceRecord:
    evaluation = of_slice.evaluation
    values = {} if evaluation is None else evaluation.known
    return SlicePerformanceRecord(
        **vars(subject),
        as_of=as_of,
        slice_key=of_slice.slice.key,
        slice_value=of_slice.slice.value,
        provisional=one.provisional,
        scored=of_slice.scored,
        mature=of_slice.mature,
        days=0 if evaluation is None else evaluation.days,
        label_mean=None if evaluation is None else evaluation.label_mean,
        score_mean=of_slice.score_mean,
        score_mean_mature=None if evaluation is None else evaluation.score_mean,
        metrics=values.get("values", {}),
        low=values.get("low", {}),
        high=values.get("high", {}),
        **reliability_columns(of_slice.reliability),
        score_drift=of_slice.score_drift,
        label_drift=of_slice.label_drift,
    )
