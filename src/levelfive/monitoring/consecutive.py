"""Drift from one window to the next: both from their stored profiles, without a look at a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from levelfive.core.windows import Window
from levelfive.monitoring import records
from levelfive.monitoring.drift_statistics import Comparison, column_drift
from levelfive.monitoring.profiling import Profile, baseline_of
from levelfive.monitoring.records import PROFILES
from levelfive.monitoring.verdict import Subject
from levelfive.statistics.baseline import Baseline
from levelfive.statistics.partials import CategoricalProfile, NumericProfile
from levelfive.storage.records import record_of
from levelfive.storage.runs import Run

DRIFT_CONSECUTIVE = "drift_consecutive"
# A day is no window before a week.
_OTHER_LENGTH = 2


@record_of(DRIFT_CONSECUTIVE)
@dataclass(frozen=True, kw_only=True)
class ConsecutiveDrift(Subject):
    """One row of `drift_consecutive`: how a column differs from what the same version saw in the window before.

    Names are those of the drift table of Databricks' data profiling, where that has the thing too.
    """

    window_cmp: Window
    column_name: str
    count_delta: int
    avg_delta: float | None
    statistics: Mapping[str, float]


@dataclass(frozen=True)
class ProfiledWindow:
    """A window, and the profiles of its columns by name, on the bins of one baseline."""

    window: Window
    profiles: Mapping[str, Profile]


def profiles_before(run: Run, subject: Subject, baseline: Baseline) -> ProfiledWindow | None:
    """Read the stored profiles of the last window before one that the same version scored; None where there is none.

    Windows less than half or more than twice as long, or further away than twice the window's length, are none.
    """
    window = subject.window
    reach = {"window_end": (window.start - _OTHER_LENGTH * window.length, window.start)}
    rows = [
        row
        for row in records.of_model(run, PROFILES, subject.model_name, window.start, between=reach)
        if row["day"] is None and row["model_version"] == subject.model_version and _is_alike(row, window)
    ]
    if not rows:
        return None
    last = max((records.window_of(row) for row in rows), key=lambda one: (one.end, one.start))
    profiles = {row["column_name"]: profile_of(row, baseline) for row in rows if records.window_of(row) == last}
    return ProfiledWindow(last, profiles)


def profile_of(row: Mapping[str, Any], baseline: Baseline) -> Profile:
    """Read a profile from a row of `profiles`, on the bins of the baseline that it was made with."""
    column, counts = row["column_name"], (row["count"], row["num_nulls"])
    if column in baseline.categorical:
        return CategoricalProfile(
            *counts,
            distinct=row["distinct_count"],
            frequent=dict(row["frequent_items"]),
            rest=row["rest"],
            others=(),
            once=0,
            outside=row["outside"],
        )
    return NumericProfile(
        *counts,
        mean=row["avg"],
        std=row["stddev"],
        min=row["min"],
        max=row["max"],
        quantiles=dict(row["quantiles"]),
        histogram=replace(
            baseline_of(column, baseline).histogram, counts=tuple(row["counts"]), sums=tuple(row["sums"])
        ),
        distinct=row["distinct_count"],
    )


def consecutive_drift(
    subject: Subject, before: ProfiledWindow, now: Mapping[str, Profile]
) -> tuple[ConsecutiveDrift, ...]:
    """Compare each column of a window with the same column of the window before."""
    return tuple(
        ConsecutiveDrift(
            **vars(subject),
            window_cmp=before.window,
            column_name=column,
            count_delta=profile.count - old.count,
            avg_delta=_difference(old, profile),
            statistics=column_drift(column, Comparison(old, profile)).statistics,
        )
        for column, profile in sorted(now.items())
        if (old := before.profiles.get(column)) is not None
    )


def write_consecutive(run: Run, drifts: Sequence[ConsecutiveDrift]) -> None:
    """Put what was found in the place of that of its windows."""
    if drifts:
        run.wrote(
            run.tables.control_tables.replace(DRIFT_CONSECUTIVE, drifts, ("model_name", "window_start", "window_end"))
        )


def _difference(old: Profile, new: Profile) -> float | None:
    if isinstance(old, CategoricalProfile) or isinstance(new, CategoricalProfile):
        return None
    return None if old.mean is None or new.mean is None else new.mean - old.mean


def _is_alike(row: Mapping[str, Any], window: Window) -> bool:
    of = records.window_of(row)
    return of.end <= window.start and window.length / _OTHER_LENGTH <= of.length <= window.length * _OTHER_LENGTH
