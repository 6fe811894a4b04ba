"""Whether the features that batches were scored with are still what the batch join gives: the table `feature_skew`.

A training takes features of rows from the tables, where they were not scored: what differs is what it would learn
otherwise than the model saw it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime

from pyspark.sql import functions as F

from levelfive.core.conditions import in_window
from levelfive.core.days import DAY, start_of
from levelfive.data.landed import LandedFile, corrections
from levelfive.models.card import ModelCard
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.consistency_anew import told_anew
from levelfive.monitoring.consistency_join import compare_rows, looked_up
from levelfive.monitoring.records import replace_window
from levelfive.monitoring.verdict import Subject
from levelfive.storage.predictions import LOOKUP_KEYS, PREDICTIONS, scored_by
from levelfive.storage.records import record_of
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import PREDICTION_TIME
from levelfive.usecase.features import Lookup, owner_of

FEATURE_SKEW = "feature_skew"
SAMPLED_ROWS = 5_000
"""About so many rows of a window are computed again; the same ones each time."""

_BUCKETS = 10_000


@record_of(FEATURE_SKEW)
@dataclass(frozen=True, kw_only=True)
class SkewRecord(Subject):
    """One row of `feature_skew`: a feature of the rows that a batch scored on a day, beside what the join gives now."""

    day: date
    feature: str
    rows: int
    matches: int
    mismatches: int
    missing: int
    extra: int
    max_difference: float | None
    mean_difference: float | None
    first_scored_at: datetime
    computed_anew: bool

    def told(self) -> FeatureDay:
        """Tell it as it was found."""
        same = {name: getattr(self, name) for name in _SAME}
        return FeatureDay(**same, answers=self.rows, behind=0, first_served_at=self.first_scored_at)


_SAME = tuple({of.name for of in fields(SkewRecord)} & {of.name for of in fields(FeatureDay)})


def compare_scored(
    context: JobContext, run: Run, subject: Subject, card: ModelCard, *, rows: int, as_of: datetime
) -> tuple[FeatureDay, ...]:
    """Compare the features that a version scored with, of some rows of a window, with what the batch join gives now.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        subject: The version and the window.
        card: The version's.
        rows: How many live predictions the window has.
        as_of: Corrections that became known later are not looked at.

    Returns:
        Each feature that is looked up, on each day; none of rows that an earlier levelfive scored.

    Raises:
        ConfigError: A table lacks a column.
        TableError: A table is missing.
    """
    if not looked_up(card):
        return ()
    predictions = run.read(PREDICTIONS)
    if LOOKUP_KEYS not in predictions.columns:
        return ()
    live = predictions.where(
        in_window(PREDICTION_TIME, subject.window) & scored_by(subject.model_name, version=subject.model_version)
    )
    place = F.pmod(F.xxhash64(*context.use_case.key), F.lit(_BUCKETS))
    sample = live.where(F.col(LOOKUP_KEYS).isNotNull() & (place < share_of(rows)))
    days = compare_rows(context, run, card, sample, subject.window)
    return explained(context, run, card.lookups, days, as_of=as_of)


def share_of(rows: int) -> int:
    """Tell how many of `_BUCKETS` parts of a window's rows are looked at."""
    return min(_BUCKETS, math.ceil(_BUCKETS * SAMPLED_ROWS / max(rows, 1)))


def explained(
    context: JobContext, run: Run, lookups: Sequence[Lookup], days: Sequence[FeatureDay], *, as_of: datetime
) -> tuple[FeatureDay, ...]:
    """Say of each feature and day that differs whether its table honestly was computed anew since.

    A table with times is, where a source that it is made of was corrected, for times that may look back to it; one
    without times, whenever it is made of newer rows.
    """
    starts, of_feature = context.use_case.day_starts_at, {name: of for of in lookups for name in of.features}
    if not any(one.different for one in days):
        return tuple(days)
    first = min(one.first_served_at for one in days)
    files = {of.table: corrections(run, _sources(context, of), after=first, until=as_of) for of in lookups}
    anew = {(one.day, one.feature): one.computed_anew for one in told_anew(run, lookups, days, starts)}

    def is_honest(one: FeatureDay) -> bool:
        lookup = of_feature[one.feature]
        has_times = lookup.grid is not None or lookup.max_age is not None
        is_corrected = any(_may_change(file, one, start_of(one.day, starts) + DAY) for file in files[lookup.table])
        return is_corrected or (not has_times and anew[one.day, one.feature])

    return tuple(replace(one, computed_anew=one.different > 0 and is_honest(one)) for one in days)


def write_skew(run: Run, subject: Subject, rows: Iterable[tuple[Subject, FeatureDay]]) -> None:
    """Put what was compared in the place of that of the same window."""
    records = [
        SkewRecord(
            **vars(of),
            **{name: getattr(one, name) for name in _SAME},
            rows=one.answers,
            matches=one.matches,
            first_scored_at=one.first_served_at,
        )
        for of, one in rows
    ]
    replace_window(run, FEATURE_SKEW, subject, records)


def _sources(context: JobContext, lookup: Lookup) -> tuple[str, ...]:
    # What other use cases compute rests on sources of theirs.
    return () if owner_of(lookup.table) else tuple(context.use_case.feature_table(lookup.table).sources)


def _may_change(file: LandedFile, one: FeatureDay, end: datetime) -> bool:
    """Tell whether a file that corrects rows may change features of a day that were looked up before it came."""
    is_later = file.loaded_at > one.first_served_at
    return is_later and (file.corrects_since is None or file.corrects_since < end)
