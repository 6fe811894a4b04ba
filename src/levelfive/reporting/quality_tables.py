"""The report's quality of data: rows by window, sources that are late, and features that were rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from levelfive.core.texts import counted
from levelfive.monitoring.consistency import FeatureDay, worst_first
from levelfive.monitoring.evidence import Newest
from levelfive.reporting.data import ReportData
from levelfive.reporting.table import Table
from levelfive.reporting.words import NOT_KNOWN, day_name, listed, number, share, window_name

SHOWN_SOURCES = 12
SHOWN_FEATURES = 10


def freshness_note(data: ReportData) -> str:
    """Say how old the newest rows of sources are, and which source is late."""
    freshness = data.freshness
    if freshness is None:
        return "How old the newest rows of sources are was not measured yet."
    known = sorted((one for one in freshness.sources if one.behind is not None), key=lambda one: one.source)
    ages = listed([f"{one.source} {_hours(one.behind)}" for one in known], limit=SHOWN_SOURCES)
    late_sources = [one.source for one in known if one.is_late]
    what = f"Late: {listed(late_sources)}" if late_sources else "No source is late"
    of = window_name(freshness.window)
    return f"{what}. Age of the newest row at the end of {of}: {ages or 'not known of any source'}."


def late(data: ReportData) -> Table | None:
    """List the sources that are late, the one that is most overdue first; None where none is."""
    late_sources = [one for one in (data.freshness.sources if data.freshness else ()) if one.is_late]
    if not late_sources:
        return None
    return Table(
        "Sources whose newest row is older than it may be",
        ("Source", "Newest row", "Age", "May be"),
        [
            (one.source, f"{one.at:%Y-%m-%d %H:%M}", _hours(one.behind), _hours(one.limit))
            for one in sorted(late_sources, key=lambda one: (-_overdue(one), one.source))
        ],
    )


def skew_note(data: ReportData) -> str:
    """Say whether features are what rows were scored with."""
    value_count, different = sum(one.answers for one in data.skew), sum(one.different for one in data.skew)
    wrong = sum(one.different for one in data.skew if one.is_wrong)
    if not value_count:
        return "No value was looked up again, to compare it with what rows were scored with."
    if not different:
        return f"Rows were scored with what features are now: of {value_count:,} values looked up again, none differs."
    why = ", as rows were corrected since"
    if wrong:
        of_these = "" if wrong == different else f" of {wrong:,}"
        why = f"; no correction is why{of_these}, and a training would learn what the model did not see"
    return f"Of {value_count:,} values looked up again, {different:,} are not what rows were scored with{why}."


def skew(data: ReportData) -> Table | None:
    """List the features that differ without a correction, the worst first; None where none does."""
    days_by_feature: dict[str, list[FeatureDay]] = {}
    for one in worst_first(one for one in data.skew if one.is_wrong):
        days_by_feature.setdefault(one.feature, []).append(one)
    if not days_by_feature:
        return None
    return Table(
        f"Features that are not what rows were scored with, worst first ({counted(len(days_by_feature), 'feature')})",
        ("Feature", "First day", "Last day", "Days", "Rows", "Other value", "Missing", "Extra", "Greatest difference"),
        [_rewritten(feature, days) for feature, days in list(days_by_feature.items())[:SHOWN_FEATURES]],
    )


def _rewritten(feature: str, days: Sequence[FeatureDay]) -> tuple[str, ...]:
    first, last = (day_name(end(one.day for one in days)) for end in (min, max))
    counts = ((one.answers, one.mismatches, one.missing, one.extra) for one in days)
    differences = [one.max_difference for one in days if one.max_difference is not None]
    return (
        *(feature, first, last, f"{len({one.day for one in days}):,}"),
        *(f"{sum(of):,}" for of in zip(*counts, strict=True)),
        number(max(differences, default=None)),
    )


def _overdue(one: Newest) -> timedelta:
    return (one.behind or timedelta(0)) - (one.limit or timedelta(0))


def _hours(length: timedelta | None) -> str:
    return NOT_KNOWN if length is None else f"{length / timedelta(hours=1):,.1f} h"


def rows(data: ReportData) -> Table | None:
    """List numbers of rows by window; None where nothing was measured."""
    points = data.points_in_time
    if not points:
        return None
    counts = [(p.landed, p.accepted, p.quarantined, p.duplicates, p.scored, p.mature) for p in points]
    overlap = any(one.window.end > after.window.start for one, after in pairwise(points))
    totals = () if overlap else ("All windows", *_counts([sum(of) for of in zip(*counts, strict=True)]))
    return Table(
        "Numbers of rows; quarantined also as a share of those that landed",
        ("Window", "Landed", "Accepted", "Quarantined", "Duplicates", "Scored", "Labels known"),
        [(window_name(point.window), *_counts(of)) for point, of in zip(points, counts, strict=True)],
        total=totals,
    )


def _counts(counts: Sequence[int]) -> list[str]:
    landed_rows, accepted_rows, quarantined_rows, *others = counts
    of_landed = f" ({share(quarantined_rows / landed_rows)})" if landed_rows else ""
    return [
        f"{landed_rows:,}",
        f"{accepted_rows:,}",
        f"{quarantined_rows:,}{of_landed}",
        *(f"{count:,}" for count in others),
    ]
