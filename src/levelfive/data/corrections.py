"""Sources with corrections: each row that says something new of its key is kept, and counts from its run on.

Of a key, the first row has no time of its own: as with other sources, its columns say when it became known. A later
row became known when it was ingested. So as of any time the rows of then are read, and what was computed then stays.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from levelfive.core.windows import from_micros
from levelfive.usecase.columns import CHANGE, DELETION, LOADED_AT, SOURCE_FILE, own
from levelfive.usecase.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_PLACE, _OLD, _IS_GONE, _FILE, _AT = map(own, ("place", "old", "is_gone", "file", "at"))


class Change(StrEnum):
    """What a row is to those of its key that were there before."""

    FIRST = "first"
    CORRECTION = "correction"
    DELETION = "deletion"


@dataclass(frozen=True)
class Corrected:
    """What a file corrected: its rows that are corrections or deletions, and the earliest time of what they touch."""

    corrections: int = 0
    deletions: int = 0
    since: datetime | None = None


def as_corrected(rows: DataFrame, source: Source, as_of: datetime | None = None) -> DataFrame:
    """Keep the row of each key that counted at a time, by default that which counts now; what was deleted is left out.

    Rows of a source without corrections stay as they are.
    """
    if not source.has_corrections:
        return rows
    last = _last(rows, source, as_of)
    return last.where(F.col(CHANGE) != Change.DELETION).drop(CHANGE)


def news(rows: DataFrame, raw_table: DataFrame | None, source: Source) -> DataFrame:
    """Choose the rows that say something new of their key, and tell what they are.

    Args:
        rows: One row a key, marked where they delete.
        raw_table: The raw table, or None where there is none yet.
        source: Its declared columns are compared.
    """
    columns = [F.col(name) for name in source.columns if name != source.deletion]
    if raw_table is None:
        return rows.where(~F.col(DELETION)).drop(DELETION).withColumn(CHANGE, F.lit(str(Change.FIRST)))
    was = F.struct(*(_of(raw_table, name, kind) for name, kind in source.columns.items() if name != source.deletion))
    last_rows = _last(raw_table, source, None).select(
        *source.key, was.alias(_OLD), (F.col(CHANGE) == Change.DELETION).alias(_IS_GONE)
    )
    candidates = rows.join(last_rows, on=list(source.key), how="left")
    is_new, deletes, is_gone = F.col(_OLD).isNull(), F.col(DELETION), F.col(_IS_GONE)
    is_other = is_gone | ~F.col(_OLD).eqNullSafe(F.struct(*columns))
    change = (
        F.when(is_new & ~deletes, str(Change.FIRST))
        .when(~is_new & deletes & ~is_gone, str(Change.DELETION))
        .when(~is_new & ~deletes & is_other, str(Change.CORRECTION))
    )
    changes = candidates.withColumn(CHANGE, change).where(F.col(CHANGE).isNotNull())
    return changes.select(*(name for name in rows.columns if name != DELETION), CHANGE)


def corrected_by(raw: DataFrame, source: Source, files: Collection[str]) -> dict[str, Corrected]:
    """Count by file what it corrected, and find the earliest time of the rows that it touches, old and new."""
    change = _change(raw)
    later = raw.where(F.col(SOURCE_FILE).isin(list(files)) & (change != Change.FIRST))
    by = later.select(*source.key, F.col(SOURCE_FILE).alias(_FILE), change.alias(_OLD))
    by_file = by.groupBy(_FILE).agg(
        F.count_if(F.col(_OLD) == Change.CORRECTION).alias("corrections"),
        F.count_if(F.col(_OLD) == Change.DELETION).alias("deletions"),
    )
    counts = {row[_FILE]: (row["corrections"], row["deletions"]) for row in by_file.collect()}
    times = _times(source) if counts else []
    if not times:
        return {file: Corrected(*of) for file, of in counts.items()}
    at = F.unix_micros(F.least(*times) if len(times) > 1 else times[0])
    row_versions = raw.select(*source.key, at.alias(_AT)).join(
        by.select(*source.key, _FILE), on=list(source.key), how="inner"
    )
    since = {row[_FILE]: row["since"] for row in row_versions.groupBy(_FILE).agg(F.min(_AT).alias("since")).collect()}
    return {file: Corrected(*of, from_micros(since.get(file))) for file, of in counts.items()}


def is_first(rows: DataFrame) -> Column:
    """Tell whether a row of a raw table is the first one of its key."""
    return _change(rows) == Change.FIRST


def _last(rows: DataFrame, source: Source, as_of: datetime | None) -> DataFrame:
    """Keep the last row of each key, as known at a time.

    Only later rows are put in order: they are few, and the others are passed over by their keys.
    """
    rows = rows.withColumn(CHANGE, _change(rows))
    later = rows.where(F.col(CHANGE) != Change.FIRST)
    later = later if as_of is None else later.where(F.col(LOADED_AT) <= F.lit(as_of))
    place = F.row_number().over(Over.partitionBy(*source.key).orderBy(F.desc(LOADED_AT)))
    last = later.withColumn(_PLACE, place).where(F.col(_PLACE) == 1).drop(_PLACE)
    first = rows.where(F.col(CHANGE) == Change.FIRST)
    other_rows = first.join(last.select(*source.key), on=list(source.key), how="left_anti")
    return other_rows.select(*rows.columns).unionByName(last.select(*rows.columns))


def _change(rows: DataFrame) -> Column:
    """Tell what a row is; rows from before a source had corrections are first ones."""
    return F.coalesce(F.col(CHANGE), F.lit(str(Change.FIRST))) if CHANGE in rows.columns else F.lit(str(Change.FIRST))


def _of(rows: DataFrame, name: str, kind: str) -> Column:
    """Choose a column, which an earlier declaration of the source may have lacked."""
    return F.col(name) if name in rows.columns else F.lit(None).cast(kind).alias(name)


def _times(source: Source) -> list[Column]:
    names = (source.event_time, source.known_at, *(reveal.known_at for reveal in source.reveals))
    return [F.col(name) for name in dict.fromkeys(names) if name is not None]
