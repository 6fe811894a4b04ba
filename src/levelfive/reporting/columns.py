"""The report's columns: how far each moved in each window, by the numbers of the table `drift`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np

from levelfive.core.windows import Window
from levelfive.monitoring import records
from levelfive.monitoring.alert_states import granularity
from levelfive.monitoring.drift_statistics import OUTSIDE_SHARE, PSI
from levelfive.monitoring.records import DRIFT, PROFILES
from levelfive.monitoring.usual_drift import UsualPsi, usual_drift
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.registry.store import CentralRegistry
from levelfive.reporting.data import ColumnWindow
from levelfive.storage.runs import Run

_OF_DRIFT = ("model_version", "window_start", "window_end", "column_name", "statistics", "unusual", "alarm_since")
_OF_PROFILES = ("model_version", "window_start", "window_end", "day", "column_name", "count", "num_nulls", "sums")


def column_windows(
    run: Run, registry: CentralRegistry, as_of: datetime, verdicts: Sequence[KnownVerdict]
) -> tuple[ColumnWindow, ...]:
    """Read how far columns moved in windows of one length.

    Where several versions scored a window, a column is told of the one that the dashboard shows.
    """
    rows = _of_one_length(records.of_model(run, DRIFT, registry.name, as_of, columns=_OF_DRIFT))
    chosen: dict[tuple[str, Window], Mapping[str, Any]] = {}
    for row in rows:
        of = row["column_name"], records.window_of(row)
        chosen[of] = min(chosen.get(of, row), row, key=_rank)
    profiles, days = _profiles(run, registry.name, as_of)
    outside = {(one.model_version, one.window, column) for one in verdicts for column in one.outside}
    usual = _Usual(registry)
    columns = []
    for (column, window), row in sorted(chosen.items()):
        version, statistics = row["model_version"], row["statistics"]
        profile = profiles.get((version, window, column))
        psi = statistics.get(PSI)
        distances = usual.of(version, len(days[version, window])).get(column) if psi is not None else None
        columns.append(
            ColumnWindow(
                column=column,
                window=window,
                psi=psi,
                mean=_mean(profile),
                null_share=_null_share(profile),
                outside_share=statistics.get(OUTSIDE_SHARE),
                deviations=None if distances is None or psi is None else distances.deviations(psi),
                is_outside=(version, window, column) in outside,
            )
        )
    return tuple(columns)


class _Usual:
    """How columns lie without a change, by version and days of the window, as monitoring compares them."""

    def __init__(self, registry: CentralRegistry) -> None:
        self._registry = registry
        self._found: dict[tuple[str, int], Mapping[str, UsualPsi]] = {}

    def of(self, version: str, days: int) -> Mapping[str, UsualPsi]:
        if (version, days) not in self._found:
            model = self._registry.load_if_there(version) if days else None
            self._found[version, days] = {} if model is None else usual_drift(model.baseline.daily, days).columns
        return self._found[version, days]


def _of_one_length(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Choose the rows of the length that most windows have: where a year ends, its last week may be two days."""
    windows: dict[str, set[Window]] = defaultdict(set)
    for row in rows:
        windows[_length(row)].add(records.window_of(row))
    most = max(windows, key=lambda name: (len(windows[name]), max(of.end for of in windows[name])), default=None)
    return [row for row in rows if _length(row) == most]


def _length(row: Mapping[str, Any]) -> str:
    return granularity(records.window_of(row))


def _rank(row: Mapping[str, Any]) -> tuple[bool, bool, float, str]:
    psi = row["statistics"].get(PSI, -math.inf)
    return row["alarm_since"] is None, not row["unusual"], -psi, row["model_version"]


def _profiles(
    run: Run, model_name: str, as_of: datetime
) -> tuple[dict[tuple[str, Window, str], Mapping[str, Any]], dict[tuple[str, Window], set[date]]]:
    """Read the profiles of whole windows, by version, window and column, and the days of each window."""
    whole: dict[tuple[str, Window, str], Mapping[str, Any]] = {}
    days: dict[tuple[str, Window], set[date]] = defaultdict(set)
    for row in records.of_model(run, PROFILES, model_name, as_of, columns=_OF_PROFILES):
        version, window = row["model_version"], records.window_of(row)
        if row["day"] is None:
            whole[version, window, row["column_name"]] = row
        else:
            days[version, window].add(row["day"])
    return whole, days


def _mean(profile: Mapping[str, Any] | None) -> float | None:
    if profile is None or not profile["count"] or not len(profile["sums"]):
        return None
    return float(np.sum(profile["sums"])) / float(profile["count"])


def _null_share(profile: Mapping[str, Any] | None) -> float | None:
    rows = 0 if profile is None else profile["count"] + profile["num_nulls"]
    return None if profile is None or not rows else profile["num_nulls"] / rows
