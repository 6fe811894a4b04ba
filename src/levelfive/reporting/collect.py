"""Collects what the report shows from the tables of monitoring, retraining and registry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from levelfive.core.days import DAY
from levelfive.monitoring import records
from levelfive.monitoring.acknowledged import acknowledgements, known_verdicts
from levelfive.monitoring.feature_skew import SkewRecord
from levelfive.monitoring.noted import notes
from levelfive.monitoring.profiling import baseline_of
from levelfive.monitoring.records import DRIFT, PROFILES, ConsistencyRecord
from levelfive.monitoring.slice_drift import DRIFT_SLICES
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.registry.promotions import champion_as_of, history
from levelfive.registry.store import CentralRegistry
from levelfive.reporting.columns import column_windows
from levelfive.reporting.data import (
    DecisionLine,
    DriftLine,
    FailureLine,
    GateLine,
    Moved,
    NoteLine,
    Point,
    PromotionLine,
    Reliability,
    ReportData,
)
from levelfive.reporting.label_rates import usual_label_mean
from levelfive.reporting.measurements import MeasuredWindow, measurements
from levelfive.reporting.models import champions, live_model
from levelfive.reporting.quality import feature_days, latest_freshness, missing_lines
from levelfive.reporting.segments import latest_segments, latest_slices
from levelfive.reporting.status import alert_lines
from levelfive.retraining.records import decisions, retrainings
from levelfive.statistics.baseline import Baseline
from levelfive.statistics.sliced_counts import Slice
from levelfive.storage.control_tables import Between
from levelfive.storage.predictions import Role
from levelfive.storage.runs import JobContext, Run, failures

_OF_A_DAY = (
    *("model_version", "window_end", "day", "column_name", "count", "num_nulls"),
    *("counts", "sums", "frequent_items", "outside"),
)
_OF_DRIFT = ("model_version", "window_end", "column_name", "statistics", "usual", "importance", "alarm_since")


def collect(context: JobContext, registry: CentralRegistry, *, as_of: datetime) -> ReportData:
    """Collect the report as of a time.

    Raises:
        RegistryError: A version's baseline cannot be loaded.
    """
    run, tables, name = Run(context.tables, "report"), context.tables, registry.name
    promotions = tuple(one for one in history(tables, name) if one.promoted_at <= as_of)
    # A promotion of as_of itself counts here: the report says who is live from then on.
    live = champion_as_of(promotions, as_of + timedelta(microseconds=1))
    verdicts = known_verdicts(records.verdicts(run, name, as_of=as_of), acknowledgements(run, name, as_of=as_of))
    drift = _latest_drift(run, name, as_of, verdicts)
    points = _with_usual_labels(measurements(run, context.use_case.model.task, name, as_of=as_of), registry)
    return ReportData(
        use_case=context.use_case.name,
        as_of=as_of,
        task=context.use_case.model.task,
        champion=None if live is None else live.version,
        champion_since=None if live is None else live.promoted_at,
        points=points,
        verdicts=verdicts,
        columns=column_windows(run, registry, as_of, verdicts),
        reliability=_reliability(points, registry),
        drifted_columns=_moved(run, registry, as_of, drift[Role.CHAMPION]),
        drift=drift[Role.CHAMPION],
        served_drift=drift[Role.SERVED],
        consistency=feature_days(run, ConsistencyRecord, name, as_of=as_of),
        skew=feature_days(run, SkewRecord, name, as_of=as_of),
        freshness=latest_freshness(run, name, as_of=as_of),
        segments=latest_segments(run, name, as_of=as_of),
        slices=latest_slices(run, context.use_case.model.task, name, as_of=as_of),
        champions=champions(registry, promotions),
        live_model=live_model(registry, None if live is None else live.version),
        decisions=tuple(
            DecisionLine(one.as_of, str(one.action), one.reasons, one.counterfactuals)
            for one in decisions(tables, name, until=as_of)
        ),
        promotions=tuple(
            PromotionLine(p.promoted_at, p.version, p.previous_version, p.kind, p.promoted_by, p.reason)
            for p in promotions
        ),
        gates=tuple(
            GateLine(one.as_of, one.verdict, one.passed, one.reasons) for one in retrainings(tables, name, until=as_of)
        ),
        failures=tuple(FailureLine(at, stage, error) for at, stage, error in failures(tables, until=as_of)),
        missing=missing_lines(context, run, as_of),
        alerts=alert_lines(run, name, as_of=as_of),
        notes=tuple(NoteLine(one.window, one.reason, one.by) for one in notes(run, name, as_of=as_of)),
    )


def _with_usual_labels(measured: Sequence[MeasuredWindow], registry: CentralRegistry) -> tuple[Point, ...]:
    """Put to each point what its labels would be without a change from the training of the version that was live."""
    points = []
    for one in measured:
        version = one.point.model_version.split(", ")[-1]
        model = registry.load_if_there(version) if version else None
        days = -(-one.point.window.length // DAY)
        usual = None if model is None else usual_label_mean(model.baseline, days)
        points.append(replace(one.point, usual_label_mean=usual))
    return tuple(points)


def _reliability(points: Sequence[Point], registry: CentralRegistry) -> Reliability | None:
    """Say how often the scores of the latest window with mature labels came true, and what training had said."""
    mature = [point for point in points if point.reliability and not point.provisional]
    if not mature:
        return None
    latest = max(mature, key=lambda point: point.window)
    model = registry.load_if_there(latest.model_version.split(", ")[-1])
    return Reliability(latest.window, latest.reliability, None if model is None else model.card.calibration)


def _latest_drift(
    run: Run, model_name: str, as_of: datetime, verdicts: Sequence[KnownVerdict]
) -> Mapping[Role, tuple[DriftLine, ...]]:
    """Read the drift of the latest window that was judged, and of no other, by role."""
    lines: dict[Role, list[DriftLine]] = {Role.CHAMPION: [], Role.SERVED: []}
    latest = max((one.window for one in verdicts), key=lambda window: (window.end, window.start), default=None)
    if latest is not None:
        of_it = {"window_start": (latest.start, latest.start), "window_end": (latest.end, latest.end)}
        for row in records.of_model(run, DRIFT, model_name, as_of, columns=_OF_DRIFT, between=of_it, role=None):
            line = DriftLine(
                latest,
                row["model_version"],
                row["column_name"],
                row["statistics"],
                row["usual"],
                importance=row["importance"],
                alarm_since=row["alarm_since"],
            )
            lines[Role(row["role"] or Role.CHAMPION)].append(line)
    return {role: tuple(of_role) for role, of_role in lines.items()}


def _moved(run: Run, registry: CentralRegistry, as_of: datetime, drift: Sequence[DriftLine]) -> tuple[Moved, ...]:
    """Read the distributions of the columns whose alarm is open, and those of the training."""
    alarms = sorted((-(line.importance or 0.0), line.column, line) for line in drift if line.alarm_since is not None)
    if not alarms:
        return ()
    window = alarms[0][2].window
    of_it = {"window_start": (window.start, window.start), "window_end": (window.end, window.end)}
    profiles = {
        (row["column_name"], row["model_version"]): row
        for row in records.of_model(run, PROFILES, registry.name, as_of, columns=_OF_A_DAY, between=of_it)
        if row["day"] is None
    }
    in_slices = _moved_in_slices(run, registry.name, as_of, of_it)
    columns = []
    for _, column, line in alarms:
        row, model = profiles.get((column, line.model_version)), registry.load_if_there(line.model_version)
        if row is not None and model is not None and line.alarm_since is not None:
            beside = _beside(column, [row], model.baseline)
            slices = in_slices.get((column, line.model_version), ())
            columns.append(Moved(column, line.alarm_since, *beside, tuple(slices)))
    return tuple(columns)


def _moved_in_slices(run: Run, model_name: str, as_of: datetime, window: Between) -> dict[tuple[str, str], list[str]]:
    """List in which slices columns moved in a window, by column and version, furthest first."""
    rows = records.of_model(run, DRIFT_SLICES, model_name, as_of, between=window)
    slices: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in sorted(rows, key=lambda one: -one["population_stability_index"]):
        if row["unusual"]:
            of = Slice(row["slice_key"], row["slice_value"])
            slices[row["column_name"], row["model_version"]].append(str(of))
    return slices


def _beside(
    column: str, rows: list[dict[str, Any]], baseline: Baseline
) -> tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]:
    """Count the values of a column by bin, at training and in rows of `profiles`: the bins' names, before and now."""
    if column not in baseline.categorical:
        histogram = baseline_of(column, baseline).histogram
        edges = ["nothing" if edge is None else _edge(edge) for edge in histogram.edges]
        between = [f"{low} to {high}" for low, high in pairwise(edges)]
        now = tuple(np.sum([row["counts"] for row in rows], axis=0).tolist())
        return (f"below {edges[0]}", *between, f"above {edges[-1]}"), histogram.counts, now
    profile = baseline.categorical[column]
    counts = [sum(row["frequent_items"].get(name, 0) for row in rows) for name in profile.frequent]
    others = sum(row["count"] for row in rows) - sum(counts)
    return (*profile.frequent, "others"), (*profile.frequent.values(), profile.rest), (*counts, others)


def _edge(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
