"""The report's performance by window, and labels beside those of the training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from levelfive.monitoring.drift_statistics import PSI
from levelfive.monitoring.estimated import CONFIDENCE
from levelfive.reporting.data import Point, ReportData
from levelfive.reporting.table import Table
from levelfive.reporting.words import estimate, metric_name, metric_unit, number, share, window_name
from levelfive.statistics.metrics import Estimate


def estimates_note(data: ReportData) -> str:
    """Say what estimated metrics assume; empty without any."""
    if not data.has_estimates:
        return ""
    return (
        "What is estimated from the scores alone assumes that scores come true as often as they did in training: it "
        "sees features that move, and not what they mean. Its band is no interval by days: "
        f"{CONFIDENCE:.0%} of such estimates' errors in earlier windows lay within."
    )


def by_window(data: ReportData) -> Table:
    """List the metrics that are drawn, by window."""
    titles = [metric_name(data.task, name) for name in data.chart_metrics]
    heads = [f"{title}, {who}" for title in titles for who in ("live", "never retrained")]
    return Table(
        "Performance by window, with intervals by days",
        ("Window", "Model version", *heads, "Labels known"),
        [
            (window_name(p.window), p.model_version, *_estimates(p, data.chart_metrics), _known(p))
            for p in data.points_in_time
        ],
    )


def _estimates(point: Point, names: Iterable[str]) -> list[str]:
    return [estimate(side.get(name)) for name in names for side in (point.live, point.reference)]


def _known(point: Point) -> str:
    return f"{share(point.share_known)}{', provisional' if point.provisional else ''}"


def latest(data: ReportData) -> Table | None:
    """List all metrics of the latest window whose labels are known; None where there is none."""
    point = data.latest_mature
    if point is None:
        return None
    return Table(
        f"All metrics of {window_name(point.window)}, the latest window whose labels are known",
        ("Metric", "Live", "Never retrained", "Unit", "Days"),
        [
            (metric_name(data.task, name), *_estimates(point, [name]), metric_unit(data.task, name), f"{value.days:,}")
            for name, value in point.live.items()
        ],
    )


def rates(data: ReportData) -> Table | None:
    """List mean labels and scores by window; None where none is known."""
    points, is_share = data.points_with_rates, data.task.labels_are_shares
    if not points:
        return None
    write: Callable[[float | None], str] = share if is_share else number
    return Table(
        "By window" if is_share else "By window, in the label's unit",
        ("Window", f"Observed {data.task.label_mean}", "Mean score", "At training", "Labels' PSI", "Labels known"),
        [
            (
                window_name(p.window),
                write(p.label_rate),
                write(p.mean_score),
                _with_ends(p.usual_label_mean, write),
                number(p.label_drift.get(PSI)),
                _known(p),
            )
            for p in points
        ],
    )


def _with_ends(value: Estimate | None, write: Callable[[float | None], str]) -> str:
    if value is None or not math.isfinite(value.low):
        return write(None if value is None else value.value)
    return f"{write(value.value)} ({write(value.low)} to {write(value.high)})"
