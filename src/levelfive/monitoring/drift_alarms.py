"""Alarms of drift: which of the columns that a model rests on moved by more than by chance, and since when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from levelfive.monitoring.drift_statistics import PSI, ColumnDrift
from levelfive.monitoring.usual_drift import UsualDrift
from levelfive.statistics.baseline import is_score

TESTED_COLUMNS = 20
# An alarm is open while so many of the last windows, the newest among them, have the column.
WINDOWS, OF_THEM = 3, 2
# Where so many of the columns moved together, it is said as one thing.
COMMON_SHARE, COMMON_COLUMNS = 0.5, 4
SHOWN_COLUMNS = 3
# The alert that is raised where an alarm is open.
DRIFT_LASTS = "drift_lasts"


@dataclass(frozen=True)
class EarlierWindow:
    """What was said of the columns of an earlier window.

    Args:
        start: When it began.
        unusual: The columns that were discovered.
        open_since: The columns with an open alarm, and when the first of its windows began.
    """

    start: datetime
    unusual: frozenset[str]
    open_since: Mapping[str, datetime]


@dataclass(frozen=True)
class AlarmRule:
    """When an alarm is raised: the rate of false discoveries, and the PSI below which a change does not matter.

    `limits` are those of columns for which the use case sets another PSI.
    """

    false_discovery_rate: float
    least_psi: float
    limits: Mapping[str, float] = field(default_factory=dict)

    def matters(self, column: ColumnDrift) -> bool:
        """Tell whether a column moved by enough."""
        return column.statistics.get(PSI, 0.0) > self.limits.get(column.column, self.least_psi)


def judge_drift(
    columns: Sequence[ColumnDrift],
    usual: UsualDrift,
    rule: AlarmRule,
    *,
    importances: Mapping[str, float],
    start: datetime,
    before: Sequence[EarlierWindow],
) -> tuple[ColumnDrift, ...]:
    """Tell of each column whether it moved by more than by chance, and since when its alarm is open.

    The columns that the model rests on most are tested, by PSI alone; of the others nothing is said. In `usual` of a
    tested column is the PSI above which it was discovered: it depends on how many others were.

    Args:
        columns: Their drift in the window.
        usual: How they lie in windows of as many days without change.
        rule: From which values on something is said.
        importances: By column, how much the model rests on it; empty where that is not known: then all are tested.
        start: When the window began.
        before: What was said of the windows before it, by the same version, the newest last.

    Returns:
        The columns that the model rests on most first.
    """
    sorted_columns = sorted(columns, key=lambda one: _rank(one.column, importances))
    testable = [one for one in sorted_columns if one.column in usual.columns and PSI in one.statistics]
    tested_columns = testable[:TESTED_COLUMNS] if importances else testable
    p_values = {one.column: usual.p_value(one.column, one.statistics[PSI]) for one in tested_columns}
    cut = cut_off(p_values.values(), rule.false_discovery_rate)
    judged_columns = []
    for one in sorted_columns:
        one = replace(one, importance=importances.get(one.column))
        if one.column in p_values:
            limit = {PSI: usual.limit(one.column, cut)}
            one = replace(one, usual={**one.usual, **limit}, p_value=p_values[one.column])
        since = open_since(one.column, start, before, unusual=one.unusual)
        judged_columns.append(replace(one, alarm_since=since if rule.matters(one) else None))
    return tuple(judged_columns)


def _rank(column: str, importances: Mapping[str, float]) -> tuple[bool, float, str]:
    """Put scores first, which all features come to, then the columns that the model rests on most."""
    return (not is_score(column), -importances.get(column, 0.0), column)


def cut_off(p_values: Collection[float], rate: float) -> float:
    """Find the p-value up to which hypotheses are rejected, so that on average this share of them is true at most.

    Where none is, it is the one that a single hypothesis would have needed. Benjamini and Hochberg 1995, Controlling
    the False Discovery Rate, Journal of the Royal Statistical Society B 57(1).
    """
    sorted_values, several = np.sort(np.array([*p_values])), len(p_values)
    steps = rate * np.arange(1, several + 1) / max(several, 1)
    rejections = np.flatnonzero(sorted_values <= steps)
    return float(steps[rejections[-1] if rejections.size else 0]) if several else rate


def discoveries_in_slices(
    p_values: Mapping[str, Mapping[str, float]], test_count: int, rate: float
) -> dict[str, frozenset[str]]:
    """Find in which slices columns differ that were discovered; the rate is shared by how few columns those are.

    Benjamini and Bogomolov 2014, Selective Inference on Multiple Families of Hypotheses, Journal of the Royal
    Statistical Society B 76(1).

    Args:
        p_values: By discovered column and slice.
        test_count: Among how many columns these were discovered.
        rate: Of false discoveries, on average over the discovered columns.
    """
    share = rate * len(p_values) / max(test_count, 1)
    cuts = {column: cut_off(of_slices.values(), share) for column, of_slices in p_values.items()}
    return {
        column: frozenset(name for name, p in of_slices.items() if p <= cuts[column])
        for column, of_slices in p_values.items()
    }


def open_since(column: str, start: datetime, before: Sequence[EarlierWindow], *, unusual: bool) -> datetime | None:
    """Tell since when two of the last three windows have a column; None where they do not.

    Args:
        column: Its name.
        start: When the window began.
        before: The windows before it, of the same model version, the newest last.
        unusual: Whether the column is discovered in the window.
    """
    recent = before[-(WINDOWS - 1) :]
    having = [window.start for window in recent if column in window.unusual]
    having += [start] if unusual else []
    if len(having) < OF_THEM:
        return None
    return recent[-1].open_since.get(column, having[0])


def moved_most(columns: Sequence[ColumnDrift]) -> tuple[ColumnDrift, ...]:
    """List the columns with an open alarm, first those that most of the model's change may come from.

    That is the importance of a column times how far it moved, in units of what is usual. Scores, which change with the
    columns, come last.
    """
    return tuple(
        sorted(
            (one for one in columns if one.alarm_since is not None),
            key=lambda one: (is_score(one.column), -(one.importance or 0.0) * one.times_usual, one.column),
        )
    )


def drift_in_words(columns: Sequence[ColumnDrift]) -> str:
    """Say in one line what moved, the columns that matter most first; empty where no alarm is open."""
    drifted_columns = moved_most(columns)
    if not drifted_columns:
        return ""
    test_count = sum(one.p_value is not None for one in columns)
    since = min(one.alarm_since for one in drifted_columns if one.alarm_since is not None)
    first = ", ".join(map(_in_words, drifted_columns[:SHOWN_COLUMNS]))
    more = f" and {len(drifted_columns) - SHOWN_COLUMNS} more" if len(drifted_columns) > SHOWN_COLUMNS else ""
    what = f"{len(drifted_columns)} of the {test_count} columns that the model rests on most moved"
    if len(drifted_columns) >= max(COMMON_SHARE * test_count, COMMON_COLUMNS):
        what += " together, as in a new season"
    return f"{what}, since {since:%Y-%m-%d}: {first}{more}"


def _in_words(one: ColumnDrift) -> str:
    weight = "" if one.importance is None else f", {one.importance:.0%} of what the model rests on"
    return f"{one.column} ({one.times_usual:.1f} times its usual PSI{weight})"
