"""The report's quality of data: what is missing or late, and whether features are what rows were scored with."""

from __future__ import annotations

from datetime import date, datetime

from levelfive.data.missing import missing
from levelfive.monitoring import records
from levelfive.monitoring.consistency import CONSISTENCY, FeatureDay
from levelfive.monitoring.feature_skew import FEATURE_SKEW, SkewRecord
from levelfive.monitoring.freshness import FRESHNESS, FreshnessRecord
from levelfive.monitoring.records import ConsistencyRecord
from levelfive.reporting.data import MissingLine
from levelfive.reporting.quality_lines import Freshness
from levelfive.storage.records import from_row
from levelfive.storage.runs import JobContext, Run


def missing_lines(context: JobContext, run: Run, as_of: datetime) -> tuple[MissingLine, ...]:
    """List the days of sources that lack rows, as known at a time."""
    holes = missing(run, context.use_case, as_of=as_of).holes
    return tuple(MissingLine(one.source, one.first, one.last) for one in holes)


def latest_freshness(run: Run, model_name: str, *, as_of: datetime) -> Freshness | None:
    """Read how new the rows of sources were at the end of the latest window; None where that was not measured."""
    rows = [from_row(FreshnessRecord, row) for row in records.of_model(run, FRESHNESS, model_name, as_of)]
    latest = max((one.window for one in rows), key=lambda window: (window.end, window.start), default=None)
    if latest is None:
        return None
    return Freshness(latest, tuple(one.told() for one in rows if one.window == latest))


def feature_days(
    run: Run, record: type[ConsistencyRecord | SkewRecord], model_name: str, *, as_of: datetime
) -> tuple[FeatureDay, ...]:
    """Read what was found of features by day; of windows that overlap, what is told of most rows counts.

    Args:
        run: Notes the version of the table that is read.
        record: Of answers to single requests, or of rows that batches scored.
        model_name: Whose.
        as_of: What was found of later windows is left out.
    """
    table = CONSISTENCY if record is ConsistencyRecord else FEATURE_SKEW
    largest: dict[tuple[date, str, str], FeatureDay] = {}
    for row in records.of_model(run, table, model_name, as_of):
        one = from_row(record, row)
        of, feature_day = (one.day, one.feature, one.model_version), one.told()
        if of not in largest or feature_day.answers > largest[of].answers:
            largest[of] = feature_day
    return tuple(largest.values())
