"""Windows whose labels were too young when they were measured last, measured again."""

from __future__ import annotations

from datetime import datetime

from levelfive.core.windows import Window
from levelfive.monitoring.alert_states import granularity
from levelfive.monitoring.measuring import measure_performance
from levelfive.monitoring.performance import BaselineOf, Performance, performance
from levelfive.monitoring.performance_records import LIVE, LastMeasurements, last_measured, write_performance
from levelfive.monitoring.real_time import performance_of_answers
from levelfive.monitoring.slice_records import write_slice_performance
from levelfive.registry.promotions import first_version, history
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.baseline import Baseline
from levelfive.storage.runs import JobContext


def measure_again(context: JobContext, registry: CentralRegistry, *, as_of: datetime) -> tuple[Performance, ...]:
    """Measure the windows again whose labels were too young when they were measured last.

    Raises:
        RegistryError: The registry did not answer.
    """
    with context.run("monitoring", as_of=as_of, parameters={"window": None}) as run:
        before = last_measured(run, registry.name, as_of, ("provisional",))
        windows = provisional_windows(before, until=as_of)
        if not windows:
            return ()
        first = first_version(history(context.tables, registry.name))
        performances = performance(
            context,
            run,
            windows,
            model_name=registry.name,
            as_of=as_of,
            first=first,
            baseline_of=baselines(registry),
            by_slice=True,
        )
        served_performances = performance_of_answers(context, run, windows, model_name=registry.name, as_of=as_of)
        task = context.use_case.model.task
        write_performance(
            run, registry.name, performances, task=task, as_of=as_of, served_performances=served_performances
        )
        write_slice_performance(run, registry.name, performances, as_of=as_of)
        measure_performance(performances)
        return performances


def baselines(registry: CentralRegistry) -> BaselineOf:
    """Tell of a version what it was trained on; None of one that is gone, or its files."""

    def baseline_of(version: str) -> Baseline | None:
        model = registry.load_if_there(version)
        return None if model is None else model.baseline

    return baseline_of


def provisional_windows(last_rows: LastMeasurements, *, until: datetime) -> list[Window]:
    """List the windows that end by a time and were measured last while some of their labels were too young."""
    live = ((window, row["provisional"]) for (window, model), row in last_rows.items() if model == LIVE)
    return sorted(window for window, young in live if young and window.end <= until)


def mature_window(last_rows: LastMeasurements, window: Window, *, old_until: datetime) -> Window | None:
    """Find the last window before one, and about as long, with rows that are all old enough; None where its own are.

    Args:
        last_rows: What was said last of each window; `scored` is read.
        window: The one that is monitored.
        old_until: Rows before that are old enough.
    """
    if window.end <= old_until:
        return None
    live = (one for (one, model), row in last_rows.items() if model == LIVE and row["scored"] and one.end <= old_until)
    alike = (one for one in live if granularity(one) == granularity(window))
    return max(alike, key=lambda one: (one.end, one.start), default=None)
