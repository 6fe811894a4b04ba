"""What was delivered: what landed of each source, which days came before a window, and which of its own lack rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from levelfive.core.days import DAY, day_of
from levelfive.core.windows import Window
from levelfive.data.landed import LANDING_FILES
from levelfive.data.missing import looked_back_to
from levelfive.data.rhythm import DaySpan
from levelfive.monitoring import records
from levelfive.monitoring.broken import OLDEST_DAYS
from levelfive.monitoring.daily import Known, days_before, days_of_training, find_missing_rows
from levelfive.monitoring.evidence import Delivered, quarantine_limit
from levelfive.monitoring.faults import Fault
from levelfive.monitoring.profiling import WindowProfiles
from levelfive.monitoring.records import PROFILES
from levelfive.statistics.baseline import Baseline
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import REQUEST_LOG
from levelfive.usecase.features import owner_of

_OF_A_DAY = (
    *("model_version", "window_start", "window_end", "day", "column_name"),
    *("count", "num_nulls", "quantiles", "most_frequent", "far_outside", "broken"),
)


def known_before(context: JobContext, run: Run, model_name: str, window: Window) -> Known:
    """List the days before a window that it is judged by, as the model's versions profiled them."""
    # The day before the window is judged anew, by what came before it.
    since = day_of(window.start, context.use_case.day_starts_at) - (OLDEST_DAYS + 1) * DAY
    days = {"day": (since, None)}
    rows = records.of_model(run, PROFILES, model_name, window.start, columns=_OF_A_DAY, between=days)
    return days_before(rows, window, context.use_case.day_starts_at)


def missing(
    context: JobContext,
    earlier: Known,
    window_profiles: Iterable[WindowProfiles],
    baseline: Baseline,
    *,
    window: Window,
) -> tuple[Fault, ...]:
    """Find the days that lack rows, of all versions together.

    Args:
        context: The use case, which says when its days begin.
        earlier: The days before.
        window_profiles: What each version scored.
        baseline: Its training's days come before all others.
        window: Prediction times.
    """
    rows: Counter[date] = Counter()
    counted_column = next(iter(baseline.scores))  # any score column will do: each row has all
    for profiles in window_profiles:
        for (day, column), part in profiles.by_day.items():
            rows[day] += part.count + part.nulls if column == counted_column else 0
    before = {**days_of_training(baseline), **earlier}
    return tuple(find_missing_rows(before, rows, window, context.use_case.day_starts_at, counted_column=counted_column))


def columns_of_sources(context: JobContext, features: Collection[str]) -> dict[str, frozenset[str]]:
    """List which of a model's features rest on each source."""
    use_case = context.use_case
    by_source: dict[str, set[str]] = defaultdict(set)
    for source in use_case.spine_sources:
        by_source[source] |= set(use_case.model.spine_features)
    for lookup in use_case.model.lookups:
        # What other use cases compute rests on sources of theirs.
        sources = () if owner_of(lookup.table) else use_case.feature_table(lookup.table).sources
        for source in sources:
            by_source[source] |= set(lookup.features)
    return {source: frozenset(columns) & frozenset(features) for source, columns in by_source.items()}


def delivered(context: JobContext, run: Run, window: Window, *, as_of: datetime) -> tuple[Delivered, ...]:
    """Count what landed of each source with its newest row in a window; say which days hold much quarantine or no rows.

    A file that knows no times, of a source without dates or without an accepted row, stands where it came. A source of
    which nothing landed is there, too, where predictions of the window look back to days on which its rows are missing.
    """
    names = ("rows_in", "accepted", "quarantined", "duplicates")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    days: dict[str, set[date]] = defaultdict(set)
    policy = context.use_case.monitoring
    # Files that came before the window say nothing of it.
    for row in run.rows(LANDING_FILES, between={"loaded_at": (window.start, None)}):
        # A file that says more than its time knows, if only by one wild date, stands where it came, too.
        came = row["loaded_at"] - timedelta.resolution
        newest = min(row["max_event_time"] or came, came)
        if window.start <= newest < window.end and row["source"] != REQUEST_LOG:
            counts[row["source"]].update({name: row[name] for name in names})
            is_much = row["quarantined"] > quarantine_limit(policy, row["source"]) * row["rows_in"]
            if is_much and row["min_event_time"] is not None:
                oldest = max(row["min_event_time"], window.start)
                first, last = (day_of(time, context.use_case.day_starts_at) for time in (oldest, newest))
                days[row["source"]] |= set(DaySpan(first, last).days())
    sources = [source.name for source in context.use_case.sources]
    missing_days: dict[str, list[date]] = defaultdict(list)
    for hole in looked_back_to(run, context.use_case, window, as_of=as_of, sources=sources):
        missing_days[hole.source] += DaySpan(hole.first, hole.last).days()
    return tuple(
        Delivered(
            source,
            rows_in=of_source["rows_in"],
            accepted=of_source["accepted"],
            quarantined=of_source["quarantined"],
            duplicates=of_source["duplicates"],
            days=tuple(sorted(days[source])),
            missing_days=tuple(missing_days[source]),
        )
        for source in sorted({*counts, *missing_days})
        for of_source in [counts[source]]
    )
