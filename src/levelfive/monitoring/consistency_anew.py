"""Feature tables that were computed anew after an answer was given: then a difference may be honest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from levelfive.core.days import DAY, start_of
from levelfive.core.windows import Window
from levelfive.features.watermarks import WrittenWindow, windows_of
from levelfive.monitoring.consistency import FeatureDay
from levelfive.storage.control_tables import RECENT
from levelfive.storage.records import from_row
from levelfive.storage.runs import RUNS, Run
from levelfive.usecase.features import Lookup, beside, own_name

STAGE = "features"


@dataclass(frozen=True)
class TableHistory:
    """What is known of a feature table's past.

    Args:
        windows: Those that were written, in any order; none of a table without times.
        versions: The runs of the features stage: the logical time of each, and the table's version after it.
        has_times: Whether rows have times; else each version replaces the whole table.
    """

    windows: Sequence[WrittenWindow]
    versions: Sequence[tuple[datetime, int]]
    has_times: bool

    def was_computed_anew(self, span: Window, since: datetime) -> bool:
        """Tell whether what was known of a span of times was computed anew after a time.

        A window that is written for the first time is none: until then it was not known.
        """
        last_version = max((version for at, version in self.versions if at <= since), default=-1)
        if not self.has_times:
            return last_version >= 0 and any(version > last_version for _, version in self.versions)
        within = sorted((one for one in self.windows if _overlap(one.window, span)), key=lambda one: one.version)
        return any(
            later.version > last_version and any(_overlap(later.window, one.window) for one in within[:i])
            for i, later in enumerate(within)
        )


def told_anew(
    run: Run, lookups: Sequence[Lookup], days: Sequence[FeatureDay], day_starts_at: timedelta
) -> tuple[FeatureDay, ...]:
    """Say of each feature and day that differs whether its table was computed anew since the first of the answers."""
    if not any(one.different for one in days):
        return tuple(days)
    of_feature = {name: lookup for lookup in lookups for name in lookup.features}
    histories = {lookup.table: _history(run, lookup, days, day_starts_at) for lookup in lookups}
    return tuple(
        replace(one, computed_anew=histories[lookup.table].was_computed_anew(span, one.first_served_at))
        if one.different
        else one
        for one in days
        for lookup in (of_feature[one.feature],)
        for span in (_looked_at(lookup, one, day_starts_at),)
    )


def _history(run: Run, lookup: Lookup, days: Iterable[FeatureDay], day_starts_at: timedelta) -> TableHistory:
    begin = min(_looked_at(lookup, one, day_starts_at).start for one in days)
    first_answer = min(one.first_served_at for one in days)
    rows = windows_of(run, lookup.table, between={"window_end": (begin, None)})
    runs = run.rows(
        beside(lookup.table, RUNS),
        columns=("as_of", "versions_written"),
        where={"stage": STAGE, "status": "succeeded"},
        between={"as_of": (first_answer - RECENT, None)},
    )
    versions = ((row["as_of"], dict(row["versions_written"]).get(own_name(lookup.table))) for row in runs)
    return TableHistory(
        [from_row(WrittenWindow, row) for row in rows],
        [(as_of, version) for as_of, version in versions if version is not None],
        has_times=lookup.grid is not None or lookup.max_age is not None,
    )


def _looked_at(lookup: Lookup, one: FeatureDay, day_starts_at: timedelta) -> Window:
    start = start_of(one.day, day_starts_at)
    return Window(start - (lookup.grid or lookup.max_age or timedelta(0)), start + DAY)


def _overlap(one: Window, other: Window) -> bool:
    return one.start < other.end and other.start < one.end
