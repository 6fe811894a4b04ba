"""What was measured of each window: its metrics, and the numbers of its rows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from levelfive.core.windows import Window
from levelfive.monitoring import performance_records, records
from levelfive.monitoring.evidence import Delivered
from levelfive.monitoring.performance_records import ESTIMATED, LIVE, REFERENCE, SERVED
from levelfive.monitoring.records import QUALITY
from levelfive.reporting.data import Point
from levelfive.statistics.metrics import Estimate
from levelfive.statistics.tasks.task import Task
from levelfive.storage.runs import Run


@dataclass(frozen=True)
class MeasuredWindow:
    """What is known of one window at a time.

    Args:
        point: Counts, and metrics of the live and of the never retrained model.
        without_label: Number and mean score of the rows that never get a label, by outcome.
    """

    point: Point
    without_label: Mapping[str, tuple[int, float]]


def measurements(run: Run, task: Task, model_name: str, *, as_of: datetime) -> tuple[MeasuredWindow, ...]:
    """List what is known of each window that was monitored, in the order of time."""
    newest = performance_records.last_measured(run, model_name, as_of)
    counts_by_window = _delivered(run, model_name, as_of)
    live = {window: row for (window, model), row in newest.items() if model == LIVE}
    return tuple(
        _measurement(task, window, {LIVE: row} | _others(newest, window), counts_by_window[window])
        for window, row in sorted(live.items())
    )


def _others(newest: performance_records.LastMeasurements, window: Window) -> dict[str, Mapping[str, Any]]:
    return {model: newest[window, model] for model in (REFERENCE, SERVED, ESTIMATED) if (window, model) in newest}


def _measurement(
    task: Task, window: Window, rows: Mapping[str, Mapping[str, Any]], source_counts: list[Delivered]
) -> MeasuredWindow:
    live = rows[LIVE]
    estimates = estimates_of(task, rows[ESTIMATED]) if ESTIMATED in rows else {}
    without = {name: (rows, live["without_label_score"][name]) for name, rows in live["without_label"].items()}
    point = Point(
        window=window,
        live=estimates_of(task, live),
        reference=estimates_of(task, rows.get(REFERENCE, live)),
        label_rate=live["label_mean"],
        mean_score=live["score_mean"],
        scored=live["scored"],
        mature=live["mature"],
        share_known=live["known"] / live["scored"] if live["scored"] else 1.0,
        provisional=live["provisional"],
        landed=sum(one.rows_in for one in source_counts),
        accepted=sum(one.accepted for one in source_counts),
        quarantined=sum(one.quarantined for one in source_counts),
        duplicates=sum(one.duplicates for one in source_counts),
        model_version=live["model_version"],
        answer_metrics=estimates_of(task, rows[SERVED]) if SERVED in rows else {},
        answers=rows[SERVED]["scored"] if SERVED in rows else None,
        estimates={name: one for name, one in estimates.items() if math.isfinite(one.low)},
        reliability=performance_records.reliability_of(live),
        label_drift=live.get("label_drift") or {},  # rows of an earlier levelfive have none
    )
    return MeasuredWindow(point, without)


def estimates_of(task: Task, row: Mapping[str, Any]) -> dict[str, Estimate]:
    """Read the metrics of a row of `performance` or `performance_slices`, with their intervals."""
    low, high = row["low"], row["high"]
    return {
        name: Estimate(
            row["metrics"][name],
            low.get(name, math.nan),
            high.get(name, math.nan),
            days=row["days"],
            rows=row["mature"],
        )
        for name in (metric.name for metric in task.metrics)
        if name in row["metrics"]
    }


def _delivered(run: Run, model_name: str, as_of: datetime) -> Mapping[Window, list[Delivered]]:
    counts_by_window: dict[Window, list[Delivered]] = defaultdict(list)
    for row in records.of_model(run, QUALITY, model_name, as_of):
        counts = (row[name] for name in ("rows_in", "accepted", "quarantined", "duplicates"))
        counts_by_window[records.window_of(row)].append(Delivered(row["source"], *counts))
    return counts_by_window
