"""What was said of the drift of the windows before one, which an alarm needs besides the window itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from levelfive.core.windows import Window
from levelfive.monitoring import records
from levelfive.monitoring.drift_alarms import WINDOWS, EarlierWindow
from levelfive.monitoring.records import DRIFT
from levelfive.storage.runs import Run

_COLUMNS = ("model_version", "window_start", "window_end", "column_name", "unusual", "alarm_since")
# Windows of a year's quarter are no earlier ones of a week, nor days.
_OTHER_LENGTH = 2


def earlier_drift(run: Run, model_name: str, window: Window) -> dict[str, tuple[EarlierWindow, ...]]:
    """Read what was said of the windows before one that an alarm looks at, by version; those of others play no part."""
    since = window.start - WINDOWS * window.length
    rows = records.of_model(
        run, DRIFT, model_name, window.start, columns=_COLUMNS, between={"window_end": (since, window.start)}
    )
    by_version: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_version[row["model_version"]].append(row)
    return {version: windows_before(of_version, window) for version, of_version in by_version.items()}


def windows_before(rows: Iterable[Mapping[str, Any]], window: Window) -> tuple[EarlierWindow, ...]:
    """List the last windows before one that do not overlap, the newest last.

    Args:
        rows: Of the table `drift`, of one version.
        window: Its start ends what is listed; windows less than half or more than twice as long are left out.
    """
    by_window: dict[Window, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_window[records.window_of(row)].append(row)
    earlier_windows: list[EarlierWindow] = []
    next_start = window.start
    for of in sorted(by_window, key=lambda one: (one.end, one.start), reverse=True):
        if of.end <= next_start and window.length / _OTHER_LENGTH <= of.length <= window.length * _OTHER_LENGTH:
            next_start = of.start
            earlier_windows.insert(0, _said(of.start, by_window[of]))
    return tuple(earlier_windows[-(WINDOWS - 1) :])


def _said(start: datetime, rows: Iterable[Mapping[str, Any]]) -> EarlierWindow:
    of_window = list(rows)
    return EarlierWindow(
        start,
        unusual=frozenset(row["column_name"] for row in of_window if row["unusual"]),
        open_since={row["column_name"]: row["alarm_since"] for row in of_window if row["alarm_since"] is not None},
    )
