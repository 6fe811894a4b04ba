"""Windows in which there is nothing to monitor: scoring looked for rows and found none, or none has landed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from levelfive.core.days import day_of
from levelfive.core.windows import Window
from levelfive.data.missing import SOURCE_DAYS
from levelfive.storage.runs import RUNS, JobContext, Run


def nothing_in(context: JobContext, run: Run, window: Window, *, as_of: datetime) -> str:
    """Say why a window without live predictions has nothing to monitor; empty where there may be rows to be scored.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        window: Prediction times.
        as_of: The logical now: what ran or landed later is not known.
    """
    if _holds(_looked_at(run, window, as_of), window):
        return f"no live prediction in {window}: scoring found no row there"
    use_case = context.use_case
    dated_sources = sorted(name for name in use_case.spine_sources if use_case.source(name).event_time is not None)
    first, last = (
        day_of(moment, use_case.day_starts_at) for moment in (window.start, window.end - timedelta.resolution)
    )
    days = [
        row["day"]
        for row in run.rows(SOURCE_DAYS, columns=("day", "accepted", "loaded_at"), where={"source": dated_sources})
        if row["accepted"] and row["loaded_at"] <= as_of
    ]
    if not days or any(first <= day <= last for day in days):
        return ""
    return f"no live prediction in {window}: no row of {', '.join(dated_sources)} has landed of its days"


def _looked_at(run: Run, window: Window, as_of: datetime) -> Iterable[Window]:
    """List the windows that scoring has worked on since one began."""
    filters, since = {"stage": "scoring", "status": "succeeded"}, {"as_of": (window.start, as_of)}
    for row in run.tables.control_tables.rows(RUNS, columns=("parameters",), where=filters, between=since):
        parameters = row["parameters"]
        # With a version of its own, it may have been a backfill, which says nothing of live predictions.
        if "window" in parameters and parameters.get("version") in (None, str(None)):
            yield Window.of_text(parameters["window"])


def _holds(windows: Iterable[Window], whole: Window) -> bool:
    """Tell whether windows cover another one without a gap."""
    covered_until = whole.start
    for window in sorted(windows):
        if window.start <= covered_until:
            covered_until = max(covered_until, window.end)
    return covered_until >= whole.end
