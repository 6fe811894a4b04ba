"""Drift from one window to the next: both from their stored profiles, without a look at a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from levelfive.core.windows import Window
from levelfive.monitoring import records
from levelfive.monitoring.comparison import Comparison
from levelfive.monitoring.drift_statistics import OUTSIDE_SHARE, column_drift
from levelfive.monitoring.profiling import Profile, baseline_of
from levelfive.monitoring.records import PROFILES
from levelfive.monitoring.verdict import Subject
from levelfive.statistics.baseline import Baseline
from levelfive.statistics.distinct_sketches import hashed_categories
from levelfive.statistics.profiles import CategoricalProfile, NumericProfile
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
    new_categories: tuple[str, ...] = ()
    vanished_categories: tuple[str, ...] = ()


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
    subject: Subject, before: ProfiledWindow, now: Mapping[str, Profile], baseline: Baseline
) -> tuple[ConsecutiveDrift, ...]:
    """Compare each column of a window with the same column of the window before.

    Args:
        subject: The version and the window.
        before: The window before.
        now: The profiles of the window's columns.
        baseline: On its bins are both.
    """
    return tuple(
        _consecutive(subject, before.window, column, (old, profile), baseline=baseline)
        for column, profile in sorted(now.items())
        if (old := before.profiles.get(column)) is not None
    )


def _consecutive(
    subject: Subject, before: Window, column: str, profiles: tuple[Profile, Profile], *, baseline: Baseline
) -> ConsecutiveDrift:
    old, new = profiles
    if isinstance(old, CategoricalProfile) and isinstance(new, CategoricalProfile):
        old = _comparable(old, new, baseline.categorical[column].frequent)
    drift = column_drift(column, Comparison(old, new))
    return ConsecutiveDrift(
        **vars(subject),
        window_cmp=before,
        column_name=column,
        count_delta=new.count - old.count,
        avg_delta=_difference(old, new),
        # What is outside of the training's range is no difference of two windows.
        statistics={name: value for name, value in drift.statistics.items() if name != OUTSIDE_SHARE},
        new_categories=drift.new,
        vanished_categories=drift.vanished_categories,
    )


def _comparable(old: CategoricalProfile, new: CategoricalProfile, always: Collection[str]) -> CategoricalProfile:
    """Put to the rest of a profile the categories that the other one may have without listing them.

    Args:
        old: Of the window before.
        new: Of the window.
        always: The categories that a profile lists whenever it has them.
    """

    def may_hide(name: str, profile: CategoricalProfile) -> bool:
        return profile.rest > 0 and name not in profile.frequent and name not in always

    frequent = {name: count for name, count in old.frequent.items() if not may_hide(name, new)}
    others = hashed_categories([name for name in new.frequent if may_hide(name, old)])
    return replace(old, frequent=frequent, rest=old.count - sum(frequent.values()), others=tuple(others.tolist()))


def write_consecutive(run: Run, subject: Subject, drifts: Sequence[ConsecutiveDrift]) -> None:
    """Put what was found in the place of that of its window."""
    records.replace_window(run, DRIFT_CONSECUTIVE, subject, drifts)


def _difference(old: Profile, new: Profile) -> float | None:
    if isinstance(old, CategoricalProfile) or isinstance(new, CategoricalProfile):
        return None
    return None if old.mean is None or new.mean is None else new.mean - old.mean


def _is_alike(row: Mapping[str, Any], window: Window) -> bool:
    of = records.window_of(row)
    return of.end <= window.start and window.length / _OTHER_LENGTH <= of.length <= window.length * _OTHER_LENGTH
