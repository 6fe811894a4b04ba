"""Who is affected by alerts: rows of the window, in all and by slice, counted in one pass of Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.conditions import day_number, in_window
from levelfive.core.days import number_of
from levelfive.monitoring.raised import Raised
from levelfive.monitoring.verdict import Subject
from levelfive.storage.predictions import FEATURES, PREDICTIONS, SLICES, scored_by
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import PREDICTION_TIME, own

if TYPE_CHECKING:
    from pyspark.sql import Column

SHOWN_SLICES = 10


@dataclass(frozen=True)
class Affected:
    """How many rows of a window are affected, and how many of each slice, those with most rows first."""

    rows: int
    slices: Mapping[str, int]


def count_affected(context: JobContext, run: Run, subject: Subject, alerts: Sequence[Raised]) -> Mapping[str, Affected]:
    """Count the live predictions of a window that alerts are about, by the alerts' ids.

    Those are the rows of the alert's days and slice, and of a column without values those that lack one.

    Raises:
        TableError: Nothing was scored yet.
    """
    if not alerts:
        return {}
    live = run.read(PREDICTIONS).where(in_window(PREDICTION_TIME, subject.window) & scored_by(subject.model_name))
    names = [own(f"alert_{place}") for place in range(len(alerts))]
    flags = [_is_affected(context, one).alias(name) for name, one in zip(names, alerts, strict=True)]
    whole = F.create_map(F.lit(""), F.lit(""))
    rows = live.select(F.explode(F.map_concat(whole, SLICES)), *flags)
    sums = [F.sum(F.col(name).cast("long")).alias(name) for name in names]
    counts = [row.asDict() for row in rows.groupBy("key", "value").agg(*sums).collect()]
    return {one.alert_id: _affected(counts, name) for name, one in zip(names, alerts, strict=True)}


def _is_affected(context: JobContext, alert: Raised) -> Column:
    finding, conditions = alert.finding, [F.lit(True)]
    if finding.days:
        day = day_number(PREDICTION_TIME, context.use_case.day_starts_at)
        conditions.append(day.isin([number_of(one) for one in finding.days]))
    if finding.slice:
        name, _, value = finding.slice.partition("=")
        conditions.append(F.coalesce(F.try_element_at(SLICES, F.lit(name)) == value, F.lit(False)))
    if finding.lacks_values:
        conditions.append(F.col(f"{FEATURES}.{finding.column}").isNull())
    return reduce(and_, conditions)


def _affected(counts: Sequence[Mapping[str, object]], name: str) -> Affected:
    by_slice = {_slice(row): int(str(row[name])) for row in counts if row[name]}
    rows = by_slice.pop("", 0)
    most = sorted(by_slice, key=lambda one: (-by_slice[one], one))[:SHOWN_SLICES]
    return Affected(rows, {one: by_slice[one] for one in most})


def _slice(row: Mapping[str, object]) -> str:
    value = "null" if row["value"] is None else row["value"]
    return f"{row['key']}={value}" if row["key"] else ""
