"""The tables of the monitoring stage: their records, which the job writes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any, TypeAlias

from levelfive.core.windows import Window
from levelfive.monitoring.consistency import CONSISTENCY, FeatureDay
from levelfive.monitoring.daily import far_outside
from levelfive.monitoring.drift_statistics import ColumnDrift
from levelfive.monitoring.estimated import PastWindow, Trust
from levelfive.monitoring.evidence import Delivered
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.verdict import VERDICTS, Subject, VerdictRecord
from levelfive.statistics.calibration import ReliabilityGroup
from levelfive.statistics.partials import Partial
from levelfive.statistics.profiles import CategoricalProfile, NumericProfile
from levelfive.statistics.tasks.task import Task
from levelfive.storage.control_tables import Between
from levelfive.storage.predictions import Role
from levelfive.storage.records import from_row, record_of
from levelfive.storage.runs import Run

PROFILES = "profiles"
DRIFT = "drift"
PERFORMANCE = "performance"
QUALITY = "quality"

LIVE = "live"
REFERENCE = "reference"
SERVED = "served"
"""The `model` of a row of `performance` that is about answers to single requests."""
ESTIMATED = "estimated"
"""Of one that is what the scores alone say."""

LastMeasurements: TypeAlias = Mapping[tuple[Window, str], Mapping[str, Any]]
"""By window and `model`, the row of `performance` that was written last."""

ProfiledColumn: TypeAlias = tuple[Subject, date | None, str, Partial, NumericProfile | CategoricalProfile]
"""A column of rows that a version scored, on a day or, without one, in the whole window."""


@record_of(PROFILES)
@dataclass(frozen=True, kw_only=True)
class ProfileRecord(Subject):
    """One row of `profiles`: a column of the scored rows, on a day or, without one, in the whole window.

    Names are those of the profile table of Databricks' data profiling, where that has the number too.
    """

    role: str = Role.CHAMPION
    day: date | None
    column_name: str
    count: int
    num_nulls: int
    distinct_count: int
    avg: float | None = None
    stddev: float | None = None
    min: float | None = None
    max: float | None = None
    quantiles: Mapping[str, float] = field(default_factory=dict)
    counts: tuple[int, ...] = ()
    sums: tuple[float, ...] = ()
    frequent_items: Mapping[str, int] = field(default_factory=dict)
    rest: int | None = None
    outside: int | None = None
    most_frequent: int
    far_outside: int | None
    broken: bool | None


@record_of(DRIFT)
@dataclass(frozen=True, kw_only=True)
class DriftRecord(Subject):
    """One row of `drift`: how a column of the window differs from the baseline, and what can be seen of it."""

    role: str = Role.CHAMPION
    column_name: str
    statistics: Mapping[str, float]
    usual: Mapping[str, float]
    unusual: bool
    seen_from: Mapping[str, float]
    importance: float | None = None
    p_value: float | None = None
    alarm_since: datetime | None = None
    new_categories: tuple[str, ...] = ()
    vanished_categories: tuple[str, ...] = ()


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


@record_of(CONSISTENCY)
@dataclass(frozen=True, kw_only=True)
class ConsistencyRecord(Subject):
    """One row of `consistency`: a feature in the answers of a day, beside the batch's; see `FeatureDay`."""

    day: date
    feature: str
    answers: int
    matches: int
    mismatches: int
    missing: int
    extra: int
    behind: int
    max_difference: float | None
    mean_difference: float | None
    first_served_at: datetime
    computed_anew: bool

    def told(self) -> FeatureDay:
        """Tell it as it was found."""
        return FeatureDay(**{field.name: getattr(self, field.name) for field in fields(FeatureDay)})


@record_of(QUALITY)
@dataclass(frozen=True, kw_only=True)
class QualityRecord(Subject):
    """One row of `quality`: what landed of a source in the window, and the days on which its rows are missing."""

    source: str
    rows_in: int
    accepted: int
    quarantined: int
    duplicates: int
    missing_days: tuple[date, ...] = ()


def write_profiles(
    run: Run,
    rows: Iterable[ProfiledColumn],
    broken: frozenset[tuple[date, str]] = frozenset(),
    *,
    served_profiles: Iterable[ProfiledColumn] = (),
) -> None:
    """Put profiles in the place of those of their windows.

    Args:
        run: Which run writes.
        rows: Of live predictions.
        broken: The days and columns that were called so.
        served_profiles: Of answers to single requests.
    """
    records = [
        ProfileRecord(
            **vars(subject),
            role=role,
            day=day,
            column_name=column,
            **_profile(partial, profile),
            broken=None if day is None else role == Role.CHAMPION and (day, column) in broken,
        )
        for role, of_role in ((Role.CHAMPION, rows), (Role.SERVED, served_profiles))
        for subject, day, column, partial, profile in of_role
    ]
    _replace(run, PROFILES, records)


def write_drift(
    run: Run,
    distances: Iterable[tuple[Subject, ColumnDrift]],
    seen_from: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
    *,
    served_drifts: Iterable[tuple[Subject, ColumnDrift]] = (),
) -> None:
    """Put the distances from the baseline in the place of those of their windows.

    Args:
        run: Which run writes.
        distances: The distances.
        seen_from: By version, column and kind, the smallest change that is called broken.
        served_drifts: The distances of answers to single requests.
    """
    records = []
    for subject, column in distances:
        least_changes = (seen_from or {}).get(subject.model_version, {}).get(column.column, {})
        least = {kind: value for kind, value in least_changes.items() if math.isfinite(value)}
        records.append(_drift(subject, column, Role.CHAMPION, least))
    records += [_drift(subject, column, Role.SERVED, {}) for subject, column in served_drifts]
    _replace(run, DRIFT, records)


def write_consistency(run: Run, subject: Subject, rows: Iterable[tuple[Subject, FeatureDay]]) -> None:
    """Put what was compared in the place of that of the same window."""
    records = [ConsistencyRecord(**vars(of), **vars(one), matches=one.matches) for of, one in rows]
    replace_window(run, CONSISTENCY, subject, records)


def write_quality(run: Run, subject: Subject, source_counts: Iterable[Delivered]) -> None:
    """Put the counts of what landed in the place of those of their window."""
    names = ("source", "rows_in", "accepted", "quarantined", "duplicates", "missing_days")
    records = [
        QualityRecord(**vars(subject), **{name: getattr(of_source, name) for name in names})
        for of_source in source_counts
    ]
    replace_window(run, QUALITY, subject, records)


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
    _add(run, PERFORMANCE, records, ("model_name", "window_start", "window_end", "as_of", "model"))


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
    _add(run, PERFORMANCE, [record], ("model_name", "window_start", "window_end", "as_of", "model"))


def last_measured(run: Run, model_name: str, as_of: datetime, columns: Sequence[str] | None = None) -> LastMeasurements:
    """Read what was said last of each window, as known at a time: all columns, or some and what identifies a row."""
    record_columns = None if columns is None else ("model", "window_start", "window_end", "as_of", *columns)
    rows = of_model(run, PERFORMANCE, model_name, as_of, record_columns)
    return {(window_of(row), row["model"]): row for row in rows}


def past_estimates(last_rows: LastMeasurements) -> list[PastWindow]:
    """List of which windows it was said what would come, and what came."""
    return [
        PastWindow(window, last_rows.get((window, ESTIMATED), {}).get("metrics", {}), row["metrics"])
        for (window, model), row in last_rows.items()
        if model == LIVE and row["mature"] and not row["provisional"]
    ]


def write_verdicts(run: Run, records: Sequence[VerdictRecord]) -> None:
    """Add what is said of windows at a time; what was said at other times stays."""
    _add(run, VERDICTS, records, ("model_name", "model_version", "window_start", "window_end", "as_of"))


def verdicts(run: Run, model_name: str, *, as_of: datetime) -> tuple[VerdictRecord, ...]:
    """List the verdicts on a model's windows as they were known at a time, by the windows' end."""
    records = (from_row(VerdictRecord, row) for row in of_model(run, VERDICTS, model_name, as_of))
    newest = {(record.model_version, record.window): record for record in records}
    return tuple(sorted(newest.values(), key=lambda record: record.window.end))


def of_model(
    run: Run,
    table: str,
    model_name: str,
    as_of: datetime,
    columns: Sequence[str] | None = None,
    *,
    between: Between | None = None,
    role: Role | None = Role.CHAMPION,
) -> list[dict[str, Any]]:
    """Read a table's rows about a model that were known at a time, what was said first before what was said later.

    Where a table tells roles apart, only the rows of one are read, or those of all where it is None.
    """
    if table in (PROFILES, DRIFT) and columns is not None:
        columns = (*columns, "role")
    rows = run.rows(table, columns=columns, where={"model_name": model_name}, between=between)
    # Rows of an earlier levelfive have none.
    rows = [row for row in rows if role is None or (row.get("role") or Role.CHAMPION) == role]
    rows_of_then = (row for row in rows if row["window_end"] <= as_of and row.get("as_of", as_of) <= as_of)
    return sorted(rows_of_then, key=lambda row: row.get("as_of", as_of))


def window_of(row: Mapping[str, Any]) -> Window:
    """Read a row's window."""
    return Window(row["window_start"], row["window_end"])


def _drift(subject: Subject, column: ColumnDrift, role: Role, seen_from: Mapping[str, float]) -> DriftRecord:
    return DriftRecord(
        **vars(subject),
        role=role,
        column_name=column.column,
        statistics=column.statistics,
        usual=column.usual,
        unusual=column.unusual,
        importance=column.importance,
        p_value=column.p_value,
        alarm_since=column.alarm_since,
        new_categories=column.new,
        vanished_categories=column.vanished_categories,
        seen_from=seen_from,
    )


def _profile(partial: Partial, profile: NumericProfile | CategoricalProfile) -> dict[str, Any]:
    if isinstance(profile, CategoricalProfile):
        of_kind = {"frequent_items": profile.frequent, "rest": profile.rest, "outside": profile.outside}
    else:
        of_kind = {
            "avg": profile.mean,
            "stddev": profile.std,
            "min": profile.min,
            "max": profile.max,
            "quantiles": profile.quantiles,
        }
        of_kind |= {"counts": partial.counts, "sums": partial.sums}
    return {
        "count": profile.count,
        "num_nulls": profile.nulls,
        "distinct_count": profile.distinct,
        "most_frequent": partial.most_frequent,
        "far_outside": far_outside(partial, profile),
        **of_kind,
    }


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


def replace_window(run: Run, table: str, subject: Subject, records: Sequence[Subject]) -> None:
    """Put records of a window in the place of those of all versions that are there; without any, none stays."""
    _replace(run, table, records)
    of = {"model_name": subject.model_name, "window_start": subject.window.start, "window_end": subject.window.end}
    if not records and (write := run.tables.control_tables.remove(table, of)) is not None:
        run.wrote(write)


def _replace(run: Run, table: str, records: Sequence[Subject]) -> None:
    if records:
        run.wrote(run.tables.control_tables.replace(table, records, ("model_name", "window_start", "window_end")))


def _add(run: Run, table: str, records: Sequence[Subject], keys: tuple[str, ...]) -> None:
    if records:
        run.wrote(run.tables.control_tables.add(table, records, keys))
