"""The tables of the monitoring stage: their records, which the job writes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, TypeAlias

from levelfive.core.windows import Window
from levelfive.monitoring.consistency import CONSISTENCY, FeatureDay
from levelfive.monitoring.daily import far_outside
from levelfive.monitoring.drift_statistics import ColumnDrift
from levelfive.monitoring.evidence import Delivered
from levelfive.monitoring.verdict import VERDICTS, Subject, VerdictRecord
from levelfive.statistics.partials import Partial
from levelfive.statistics.profiles import CategoricalProfile, NumericProfile
from levelfive.storage.control_tables import Between
from levelfive.storage.predictions import Role
from levelfive.storage.records import from_row, record_of
from levelfive.storage.runs import Run

PROFILES = "profiles"
DRIFT = "drift"
QUALITY = "quality"

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


def write_verdicts(run: Run, records: Sequence[VerdictRecord]) -> None:
    """Add what is said of windows at a time; what was said at other times stays."""
    add_new(run, VERDICTS, records, ("model_name", "model_version", "window_start", "window_end", "as_of"))


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
    *,
    columns: Sequence[str] | None = None,
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


def replace_window(run: Run, table: str, subject: Subject, records: Sequence[Subject]) -> None:
    """Put records of a window in the place of those of all versions that are there; without any, none stays."""
    _replace(run, table, records)
    of = {"model_name": subject.model_name, "window_start": subject.window.start, "window_end": subject.window.end}
    if not records and (write := run.tables.control_tables.remove(table, of)) is not None:
        run.wrote(write)


def _replace(run: Run, table: str, records: Sequence[Subject]) -> None:
    if records:
        run.wrote(run.tables.control_tables.replace(table, records, ("model_name", "window_start", "window_end")))


def add_new(run: Run, table: str, records: Sequence[Subject], keys: tuple[str, ...]) -> None:
    """Add the records whose keys are not there yet."""
    if records:
        run.wrote(run.tables.control_tables.add(table, records, keys))
