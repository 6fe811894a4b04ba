"""Labels that are known at a time: the table `labels`, and how many of its rows are old enough, by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from levelfive.core.conditions import day_number, in_window
from levelfive.core.days import date_of
from levelfive.core.windows import EPOCH, Window
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import KNOWN_AT, LABELLED, OUTCOME, PREDICTION_TIME, own
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LABELS = "labels"
_PLACE = own("place")


@dataclass(frozen=True, order=True)
class LabelledDay:
    """A use case's day: its mature labelled rows, the first prediction time, and how many are not older than asked."""

    day: date
    rows: int
    first: datetime
    newer: int


def outcomes_as_known(run: Run, use_case: UseCase, as_of: datetime) -> DataFrame:
    """Read the rows of `labels` as they were known at a time, each key once: what was corrected since is not there yet.

    Raises:
        TableError: No label was computed yet.
    """
    rows: DataFrame = run.read(LABELS).where(F.col(KNOWN_AT) <= F.lit(as_of))
    return newest_of_each_key(rows, use_case) if use_case.has_corrected_labels else rows


def newest_of_each_key(labels: DataFrame, use_case: UseCase) -> DataFrame:
    """Keep what became known last of each key."""
    place = F.row_number().over(Over.partitionBy(*use_case.key).orderBy(F.desc(KNOWN_AT)))
    return labels.withColumn(_PLACE, place).where(F.col(_PLACE) == 1).drop(_PLACE)


def of_window(labels: DataFrame, use_case: UseCase, window: Window) -> DataFrame:
    """Keep the labels that rows which were predicted in a window may have.

    Where labels are corrected all are kept: a row may be dated otherwise by now than when it was predicted.
    """
    return labels if use_case.has_corrected_labels else labels.where(in_window(PREDICTION_TIME, window))


def known_labels(run: Run, use_case: UseCase, as_of: datetime, *, exclusions: Sequence[Window] = ()) -> DataFrame:
    """Read the rows of `labels` that have a label which is known at a time.

    Args:
        run: Notes the version of the table that is read.
        use_case: Its key identifies a row.
        as_of: Labels known later are left out.
        exclusions: Windows of prediction times whose rows are left out.

    Raises:
        TableError: No label was computed yet.
    """
    labels = outcomes_as_known(run, use_case, as_of).where(F.col(OUTCOME) == LABELLED)
    for window in exclusions:
        labels = labels.where(~in_window(PREDICTION_TIME, window))
    return labels


def labelled_days(
    context: JobContext,
    run: Run,
    as_of: datetime,
    *,
    exclusions: Sequence[Window] = (),
    since: datetime | None = None,
) -> tuple[LabelledDay, ...]:
    """Count the labels known at a time by day, of rows that are old enough for nearly all of them to have theirs.

    Args:
        context: The use case, which says what is old enough, and when its days begin.
        run: Notes the version of the table that is read.
        as_of: Labels known later are not counted.
        exclusions: Windows of prediction times whose rows are not counted.
        since: From which prediction time on a row is newer; by default, all are.

    Returns:
        The days that have such rows, oldest first.

    Raises:
        TableError: No label was computed yet.
    """
    use_case = context.use_case
    labels = known_labels(run, use_case, as_of, exclusions=exclusions)
    mature = labels.where(F.col(PREDICTION_TIME) < F.lit(as_of - use_case.maturity))
    day = day_number(PREDICTION_TIME, use_case.day_starts_at).alias("day")
    is_newer = F.lit(True) if since is None else F.col(PREDICTION_TIME) >= F.lit(since)
    by_day = mature.groupBy(day).agg(
        F.count("*").alias("rows"),
        F.unix_micros(F.min(PREDICTION_TIME)).alias("first"),
        F.count_if(is_newer).alias("newer"),
    )
    return tuple(
        sorted(
            LabelledDay(
                date_of(row["day"]),
                row["rows"],
                EPOCH + timedelta(microseconds=row["first"]),
                row["newer"],
            )
            for row in by_day.collect()
        )
    )
