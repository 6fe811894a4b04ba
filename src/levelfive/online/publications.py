"""Publications of the past, as their runs noted them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from levelfive.core.windows import Window
from levelfive.online.staleness import Behind, Published
from levelfive.storage.control_tables import RECENT
from levelfive.storage.runs import RUNS, Run

STAGE = "online"
"""The stage of a publication in `runs`."""
REACHES_TO = "reaches_to"
"""The parameter of a run that says where the table ends that is furthest behind after it."""


def publications(run: Run, window: Window) -> list[Published]:
    """List the publications within a window, and the last ones before it; none where nothing is published."""
    for since in (window.start - RECENT, None):
        rows = _between(run, since, window.end)
        if any(one.as_of <= window.start for one in rows):
            break
    return rows


def behind(run: Run, as_of: datetime) -> Behind | None:
    """Tell how far behind the store is at a time; None where nothing was published by then."""
    newest = publications(run, Window(as_of - RECENT, as_of))
    return Behind(as_of, max(one.reaches_to for one in newest)) if newest else None


def _between(run: Run, since: datetime | None, until: datetime) -> list[Published]:
    rows: list[dict[str, Any]] = run.rows(
        RUNS,
        columns=("as_of", "parameters"),
        where={"stage": STAGE, "status": "succeeded"},
        between={"as_of": (since, until)},
    )
    ends = ((row["as_of"], row["parameters"].get(REACHES_TO)) for row in rows)
    return [Published(as_of, datetime.fromisoformat(end)) for as_of, end in ends if end is not None]
