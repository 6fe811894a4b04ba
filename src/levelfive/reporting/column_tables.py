"""The report's columns: which moved, by window and by statistic."""

from __future__ import annotations

import math
from collections.abc import Sequence

from levelfive.core.texts import counted
from levelfive.monitoring.drift_statistics import DRIFT_STATISTICS, PSI, DriftStatistic
from levelfive.reporting.alarmed import SHOWN_ALARMS
from levelfive.reporting.data import ColumnWindow, DriftLine, ReportData
from levelfive.reporting.heatmap import SHOWN_COLUMNS, furthest, greatest_psi
from levelfive.reporting.table import Table
from levelfive.reporting.words import day_name, listed, number, share, window_name


def moved_note(data: ReportData) -> str:
    """Say what the charts of columns with an open alarm show; empty without any."""
    if not data.drifted_columns:
        return ""
    rest = len(data.drifted_columns) - SHOWN_ALARMS
    return "Shares of the values by bin: bars are the latest window, the dashed line is the training. " + (
        f"{counted(rest, 'column')} that the model rests on less not drawn: see the table below." if rest > 0 else ""
    )


def moved_slices(data: ReportData) -> list[str]:
    """Say at which slices columns with an open alarm moved most."""
    return [f"{one.column} moved most at {listed(one.slices)}" for one in data.drifted_columns if one.slices]


def columns(data: ReportData) -> Table | None:
    """List each column in its latest window; None without any."""
    greatest, moves = greatest_psi(data), furthest(data)
    latest: dict[str, ColumnWindow] = {cell.column: cell for cell in sorted(data.columns, key=lambda cell: cell.window)}
    if not latest:
        return None
    return Table(
        f"{counted(len(greatest), 'column')}, each in its latest window; means in the column's own unit",
        (
            "Column",
            "Window",
            "PSI",
            "Own units",
            "Greatest PSI",
            "Mean",
            "Nulls",
            "Outside the training's range",
        ),
        [
            (
                name,
                window_name(cell.window),
                number(cell.psi),
                number(cell.deviations),
                number(greatest[name]),
                number(cell.mean),
                share(cell.null_share),
                share(cell.outside_share),
            )
            for name in moves
            for cell in (latest[name],)
        ],
    )


def columns_note(data: ReportData) -> str:
    """Say what the chart of columns by window shows."""
    rest = len({cell.column for cell in data.columns}) - SHOWN_COLUMNS
    return (
        "How far a column's PSI against the training's data lies above that of as many days without a change: in "
        "standard deviations of its logarithm, by windows drawn from the training's days. The PSI is that of the table "
        "`drift`, and of the dashboard. Hatched is what is outside the training's range beyond what is usual. A "
        "season moves columns as well: a dark cell is a reason to look at the performance, not an alarm. "
        + (f"{counted(rest, 'column')} that moved less not drawn." if rest > 0 else "All columns are drawn.")
    )


def drift_statistics(lines: Sequence[DriftLine]) -> list[DriftStatistic]:
    """List the statistics that are known of some column, in the order in which they are shown."""
    names = {name for line in lines for name in line.statistics}
    return [statistic for statistic in DRIFT_STATISTICS.values() if statistic.name in names]


def drift(lines: Sequence[DriftLine]) -> Table | None:
    """List the drift statistics of a window by column; None without any."""
    if not lines:
        return None
    statistics = drift_statistics(lines)
    return Table(
        f"Drift statistics of {window_name(lines[0].window)}, against the training data",
        ("Column", "Model version", "Rests on it", "Alarm since", "Usual PSI", *(of.title for of in statistics)),
        [
            (
                line.column,
                line.model_version,
                share(line.importance),
                "none" if line.alarm_since is None else day_name(line.alarm_since),
                number(line.usual.get(PSI)),
                *(number(line.statistics.get(one.name)) for one in statistics),
            )
            for line in sorted(lines, key=_by_importance)
        ],
    )


def _by_importance(line: DriftLine) -> tuple[bool, float, float, str]:
    return (line.alarm_since is None, -(line.importance or 0.0), -line.statistics.get(PSI, -math.inf), line.column)
