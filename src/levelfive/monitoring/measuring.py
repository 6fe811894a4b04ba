"""What monitoring found of a window, as measurements that operators look at."""

from __future__ import annotations

from collections.abc import Sequence

from levelfive.core.windows import Window, iso
from levelfive.monitoring.drift_statistics import PSI
from levelfive.monitoring.evidence import BROKEN, HARMFUL, OUTSIDE, UNUSUAL
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.versions import JudgedVersion
from levelfive.telemetry.names import DRIFT, PERFORMANCE, STATEMENTS
from levelfive.telemetry.tracing import measure


def measure_versions(versions: Sequence[JudgedVersion]) -> None:
    """Measure, of each version, the PSI of its columns, and how much is said of its window by kind of statement."""
    for one in versions:
        about = {"model_version": one.subject.model_version, **_within(one.subject.window)}
        for column in one.drifts:
            if PSI in column.statistics:
                of_column = {"column": column.column, "statistic": PSI, "unusual": column.unusual}
                measure(DRIFT, column.statistics[PSI], **of_column, **about)
        for statement in (OUTSIDE, UNUSUAL, HARMFUL, BROKEN):
            measure(STATEMENTS, len(getattr(one.verdict, statement.name)), statement=statement.name, **about)


def measure_performance(performances: Sequence[Performance]) -> None:
    """Measure the metrics of windows, where labels are known."""
    for one in performances:
        about = {"model_version": ", ".join(one.versions), "provisional": one.provisional, **_within(one.window)}
        estimates = {} if one.evaluation is None else one.evaluation.estimates
        for name, estimate in estimates.items():
            measure(PERFORMANCE, estimate.value, metric=name, **about)


def _within(window: Window) -> dict[str, str]:
    return {"window_start": iso(window.start), "window_end": iso(window.end)}
