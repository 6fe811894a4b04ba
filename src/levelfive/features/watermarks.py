"""How far feature tables and labels reach: `feature_windows` has a row for each window that was written.

Delta forgets commits, and what they noted, after a month; rows of a table stay. A row follows the commit of its window:
where a run was killed between the two, the window is computed again, and replaced by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from levelfive.core.windows import END_OF_TIME, Window, iso
from levelfive.errors import AsOfError
from levelfive.storage.commits import Write
from levelfive.storage.control_tables import RECENT, Between
from levelfive.storage.records import record_of
from levelfive.storage.runs import Run
from levelfive.storage.tables import Tables
from levelfive.usecase.features import beside, own_name

FEATURE_WINDOWS = "feature_windows"


@record_of(FEATURE_WINDOWS)
@dataclass(frozen=True)
class WrittenWindow:
    """One row of `feature_windows`: a window of a table, and the table's version after it was written."""

    table_name: str
    window: Window
    version: int


def note_window(tables: Tables, write: Write, window: Window) -> None:
    """Note that a window of a table was written."""
    tables.control_tables.add(FEATURE_WINDOWS, [WrittenWindow(write.table, window, write.version)])


def watermark(tables: Tables, table: str, *, before: datetime) -> datetime | None:
    """Tell how far the windows of a table reached before they reached a time.

    Returns:
        The latest end of a window that lies before `before`, or None where there is none.
    """
    if not tables.exists(table):
        return None
    for since in (before - RECENT, None):
        if ends := [end for end in _ends(tables, table, since, before) if end < before]:
            return max(ends)
    # An earlier levelfive noted windows in the commits alone.
    return tables.watermark(table, before=before)


def common_watermark(tables: Tables, names: Collection[str], *, until: datetime) -> datetime | None:
    """Tell up to which time all of some tables were computed, as far as they are known to reach.

    Returns:
        The end of the windows of the table that is furthest behind, or None where no table tells of any.
    """
    ends = (_newest_end(tables, table, until) for table in names)
    return min((end for end in ends if end is not None), default=None)


def refuse_hole(tables: Tables, names: Collection[str], *, since: datetime) -> None:
    """Refuse to go on later than where a table ends: what lies between would never be computed, and nobody would see.

    A table that is new, among others that are not, has to begin where these do.

    Raises:
        AsOfError: A table that was computed before ends earlier than `since`, or others of a new one begin earlier.
    """
    ends = {table: _newest_end(tables, table, since) for table in names}
    end = min((end for end in ends.values() if end is not None), default=since)
    if end < since:
        raise AsOfError(
            f"features and labels reach to {iso(end)}, and since {iso(since)} would leave a hole: name that time or an "
            "earlier one, or leave it out, and the run begins where they end"
        )
    new_tables = sorted(table for table, end in ends.items() if end is None)
    begin = _first_start(tables, ends.keys()) if new_tables else None
    if begin is not None and begin < since:
        raise AsOfError(
            f"{', '.join(new_tables)} was never computed, while features and labels begin at {iso(begin)}: since "
            f"{iso(since)} would leave a hole before it. Name that time or an earlier one, or leave it out, and the "
            "run begins with the first data"
        )


def _newest_end(tables: Tables, table: str, until: datetime) -> datetime | None:
    """Find the latest end of a table's windows: one at or after `until` is found at the cost of what came since."""
    if not tables.exists(table):
        return None
    for since in (until, until - RECENT, None):
        if ends := _ends(tables, table, since, None):
            return max(ends)
    return tables.watermark(table, before=END_OF_TIME)


def _first_start(tables: Tables, names: Collection[str]) -> datetime | None:
    where = {"table_name": frozenset(names)}
    rows = tables.control_tables.rows(FEATURE_WINDOWS, columns=("window_start",), where=where)
    return min((row["window_start"] for row in rows), default=None)


def windows_of(
    run: Run, table: str, *, columns: Sequence[str] | None = None, between: Between | None = None
) -> list[dict[str, Any]]:
    """Read the rows of `feature_windows` about a table, also one of another use case; see `Run.rows`."""
    where = {"table_name": own_name(table)}
    return run.rows(beside(table, FEATURE_WINDOWS), columns=columns, where=where, between=between)


def _ends(tables: Tables, table: str, since: datetime | None, until: datetime | None) -> list[datetime]:
    between = {"window_end": (since, until)}
    columns, where = ("window_end",), {"table_name": own_name(table)}
    rows = tables.control_tables.rows(beside(table, FEATURE_WINDOWS), columns=columns, where=where, between=between)
    return [row["window_end"] for row in rows]
