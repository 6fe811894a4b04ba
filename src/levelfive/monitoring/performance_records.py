"""The table `performance`: its records, which the job writes, and what was measured last of each window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, TypeAlias

from levelfive.core.windows import Window
from levelfive.monitoring.estimated import PastWindow, Trust
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.records import add_new, of_model, window_of
from levelfive.monitoring.verdict import Subject
from levelfive.statistics.calibration import ReliabilityGroup
from levelfive.statistics.tasks.task import Task
from levelfive.storage.records import record_of
from levelfive.storage.runs import Run

PERFORMANCE = "performance"

LIVE = "live"
REFERENCE = "reference"
SERVED = "served"
"""The `model` of a row of `performance` that is about answers to single requests."""
ESTIMATED = "estimated"
"""Of one that is what the scores alone say."""

LastMeasurements: TypeAlias = Mapping[tuple[Window, str], Mapping[str, Any]]
"""By window and `model`, the row of `performance` that was written last."""


@record_of(PERFORMANCE)
@dataclass(frozen=True, kw_only=True)
class PerformanceRecord(Subject):
    """One row of `performance`: how a window's live predictions did, by the labels known at a time.

    Where `model` is `estimated`, it is what the scores alone say, and `low` and `high` are there where that is shown.
    Which of the metrics are the loss, the skill and the offset depends on the task, and is told beside them.
    """

    as_of: datetime
    model: str
    provisional: bool
    scored: int
    known: int
    mature: int
    days: int
    without_label: Mapping[str, int]
    without_label_score: Mapping[str, float]
    label_mean: float | None
    score_mean: float | None
    label_mean_known: float | None
    loss_metric: str | None
    skill_metric: str | None
    offset_metric: str | None
    metrics: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    reliability_score: tuple[float, ...] = ()
    reliability_label: tuple[float, ...] = ()
    reliability_low: tuple[float, ...] = ()
    reliability_high: tuple[float, ...] = ()
    reliability_rows: tuple[int, ...] = ()
    label_drift: Mapping[str, float] = field(default_factory=dict)


def write_performance(
    run: Run,
    model_name: str,
    performances: Iterable[Performance],
    *,
    task: Task,
    as_of: datetime,
    served_performances: Iterable[Performance] = (),
) -> None:
    """Add what the labels known at `as_of` say of live predictions, and of answers; what was said before stays."""
    records = [
        _performance(Subject(model_name, ", ".join(one.versions), one.window), one, task=task, as_of=as_of, model=model)
        for one in performances
        for model, evaluation in ((LIVE, one.evaluation), (REFERENCE, one.reference))
        if model == LIVE or evaluation is not None
    ]
    records += [
        _performance(
            Subject(model_name, ", ".join(one.versions), one.window), one, task=task, as_of=as_of, model=SERVED
        )
        for one in served_performances
    ]
    add_new(run, PERFORMANCE, records, ("model_name", "window_start", "window_end", "as_of", "model"))


def write_estimate(
    run: Run, model_name: str, one: Performance, trust_by_metric: Mapping[str, Trust], *, task: Task, as_of: datetime
) -> None:
    """Add what the scores alone say of a window, if anything, with intervals where that is to be shown."""
    if one.expected is None or not one.expected.metrics:
        return
    metrics = one.expected.metrics
    intervals = {name: trust for name, trust in trust_by_metric.items() if trust.is_shown and name in metrics}
    record = replace(
        _performance(
            Subject(model_name, ", ".join(one.versions), one.window), one, task=task, as_of=as_of, model=ESTIMATED
        ),
        label_mean=one.expected.label_mean,
        score_mean=one.expected.score_mean,
        metrics=metrics,
        low={name: metrics[name] + trust.low for name, trust in intervals.items()},
        high={name: metrics[name] + trust.high for name, trust in intervals.items()},
    )
    add_new(run, PERFORMANCE, [record], ("model_name", "window_start", "window_end", "as_of", "model"))


def last_measured(run: Run, model_name: str, as_of: datetime, columns: Sequence[str] | None = None) -> LastMeasurements:
    """Read what was said last of each window, as known at a time: all columns, or some and what identifies a row."""
    record_columns = None if columns is None else ("model", "window_start", "window_end", "as_of", *columns)
    rows = of_model(run, PERFORMANCE, model_name, as_of, columns=record_columns)
    return {(window_of(row), row["model"]): row for row in rows}


def past_estimates(last_rows: LastMeasurements) -> list[PastWindow]:
    """List of which windows it was said what would come, and what came."""
    return [
        PastWindow(window, last_rows.get((window, ESTIMATED), {}).get("metrics", {}), row["metrics"])
        for (window, model), row in last_rows.items()
        if model == LIVE and row["mature"] and not row["provisional"]
    ]


def _performance(subject: Subject, one: Performance, *, task: Task, as_of: datetime, model: str) -> PerformanceRecord:
    evaluation = {REFERENCE: one.reference, ESTIMATED: None}.get(model, one.evaluation)
    values = {} if evaluation is None else evaluation.known
    return PerformanceRecord(
        **vars(subject),
        as_of=as_of,
        model=model,
        provisional=one.provisional,
        scored=one.scored,
        known=one.known,
        mature=one.mature,
        days=0 if evaluation is None else evaluation.days,
        without_label={name: rows for name, (rows, _) in one.without_label.items()},
        without_label_score={name: score for name, (_, score) in one.without_label.items()},
        label_mean=None if evaluation is None else evaluation.label_mean,
        score_mean=None if evaluation is None else evaluation.score_mean,
        label_mean_known=one.label_mean_known,
        loss_metric=task.loss_metric,
        skill_metric=task.skill,
        offset_metric=task.offset,
        metrics=values.get("values", {}),
        low=values.get("low", {}),
        high=values.get("high", {}),
        **reliability_columns(one.reliability if model in (LIVE, SERVED) else ()),
        label_drift=one.label_drift if model == LIVE else {},
    )


def reliability_columns(groups: Sequence[ReliabilityGroup]) -> dict[str, Any]:
    """Write the groups as columns of a row, each with a value a group."""
    names = (of.name for of in fields(ReliabilityGroup))
    return {f"reliability_{name}": tuple(getattr(group, name) for group in groups) for name in names}


def reliability_of(row: Mapping[str, Any]) -> tuple[ReliabilityGroup, ...]:
    """Read the groups of a row of `performance`; none where an earlier levelfive wrote it."""
    names = [of.name for of in fields(ReliabilityGroup)]
    parts = [row.get(f"reliability_{name}") or () for name in names]
    return tuple(ReliabilityGroup(**dict(zip(names, group, strict=True))) for group in zip(*parts, strict=True))
