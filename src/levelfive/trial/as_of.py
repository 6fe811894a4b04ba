"""The functions of a use case, called as of several times: what they say of a time must not depend on when they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import functions as F

from levelfive.core.windows import EPOCH, Window, to_micros
from levelfive.data.known import looking_back
from levelfive.features.store import keyed_rows, primary_key
from levelfive.trial.findings import Findings
from levelfive.trial.first_rows import Compute, FirstRows
from levelfive.trial.leaks import Difference, difference_of
from levelfive.usecase.calls import feature_rows
from levelfive.usecase.columns import KNOWN_AT, PREDICTION_TIME
from levelfive.usecase.features import FeatureTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def look_for_leaks(
    first: FirstRows, table: FeatureTable, rows: DataFrame, findings: Findings, *, start: datetime
) -> None:
    """Compute the table as of an earlier time, too: what it said by then has to be what it says of then now.

    Args:
        first: What it is computed from.
        table: Which one.
        rows: What it says now.
        findings: Faults and notes are added to them.
        start: Since when the rows are computed.
    """
    cut = first.cut
    before = Window(start, cut)
    late = rows.where(F.col(KNOWN_AT) < F.lit(cut)) if table.timestamped else rows
    known_rows = first.known(table.sources, cut)
    by_dates = _difference(table, _without_later(first, known_rows), late, window=before) if table.timestamped else None
    # Where nothing rests on rows of later dates, nothing rests on what is revealed later.
    by_reveals = _difference(table, known_rows, late, window=before) if by_dates or not table.timestamped else None
    what = f"feature table {table.name!r} says "
    if by_reveals is not None and table.timestamped:
        findings.faults.append(
            f"{what}{by_reveals.between(cut, first.window().end)}: compute each row from what was known by its "
            f"{KNOWN_AT}, and from nothing that depends on where a run begins or ends."
        )
    elif by_reveals is not None:
        findings.notes.append(
            f"{what}{by_reveals.between(cut, first.window().end)}. Without times, rows to be predicted get what is "
            f"known today, in trainings too: give it {KNOWN_AT} where its values change."
        )
    elif by_dates is not None:
        findings.notes.append(
            f"{what}{by_dates.between(cut, first.window().end)}, since rows dated later are not there yet at the "
            "earlier time: compute each row from those of before, unless they are known ahead, as a schedule is."
        )


def _difference(
    table: FeatureTable, raw: Mapping[str, DataFrame], late: DataFrame, *, window: Window
) -> Difference | None:
    computed = feature_rows(table, raw, window)
    return difference_of(keyed_rows(table, computed).rows, late, primary_key(table))


def _without_later(first: FirstRows, raw: Mapping[str, DataFrame]) -> dict[str, DataFrame]:
    """Leave out rows dated after the cut of which nothing is known by then, where no `known_at` says so."""
    earlier_rows = dict(raw)
    for name, rows in raw.items():
        source = first.use_case.source(name)
        if source.event_time is None or source.known_at is not None:
            continue
        times = (source.event_time, *(reveal.known_at for reveal in source.reveals))
        is_there = reduce(or_, (F.col(time) <= F.lit(first.cut) for time in times), F.col(source.event_time).isNull())
        earlier_rows[name] = rows.where(is_there)
    return earlier_rows


def short_sight(
    first: FirstRows,
    compute: Compute,
    sources: Sequence[str],
    *,
    what: str,
    lookback: timedelta | None,
    key: Sequence[str],
    end: datetime,
) -> Iterator[str]:
    """Find rows that come out otherwise where those are not read that are dated before the lookback."""
    if lookback is None:
        return
    window = Window(first.cut, end)
    raw = first.known(sources, first.window().end)
    less = looking_back(raw, first.use_case, window.start, lookback)
    near, far = (compute(rows, window) for rows in (less, raw))
    difference = difference_of(near, far, key)
    if difference is not None:
        yield (
            f"{what} looks back further than its lookback of {lookback}: without rows dated before that, "
            f"{difference.rows:,} of {difference.of_rows:,} rows differ, such as that of {difference.row}: lengthen it."
        )


def foresight(
    first: FirstRows, compute: Compute, sources: Sequence[str], *, name: str, start: datetime, rows: pd.DataFrame
) -> Iterator[str]:
    """Find rows that say something else of the time up to a cut where more is known.

    The cut is the time of a row: whatever is revealed later than that is not known of it then. That it is there at all
    may become known a little later than it is dated.
    """
    time = PREDICTION_TIME if name == "spine" else KNOWN_AT
    cut, end = _last_time(rows[time], first.cut), first.window(first.use_case.maturity).end
    before, key = Window(start, cut + timedelta.resolution), list(first.use_case.key)
    early, late = (compute(first.known(sources, at), before) for at in (cut, end))
    unseen = late.where(F.col(time) == F.lit(cut)).join(early.select(*key), on=key, how="left_anti")
    late = late.join(unseen.select(*key), on=key, how="left_anti")
    if name == "spine":
        model = first.use_case.model
        by = (key for lookup in model.lookups for key in lookup.keys.values())
        names = dict.fromkeys((*first.use_case.key, PREDICTION_TIME, *model.spine_features, *by))
        early, late = early.select(*names), late.select(*names)
    difference = difference_of(early, late, first.use_case.key)
    if difference is not None:
        yield (
            f"`{name}` of the use case says {difference.between(cut, end)}: let it return what is known by the time "
            f"that the row is of; what is revealed later, declare as such in the source (`reveals`, `known_at`)."
        )


def _last_time(times: pd.Series, cut: datetime) -> datetime:
    """Find the last time up to a cut, which stays where there is none."""
    micros = times.dropna().astype("datetime64[us]").astype("int64")
    earlier = micros[micros <= to_micros(cut)]
    return cut if earlier.empty else EPOCH + timedelta(microseconds=int(earlier.max()))
