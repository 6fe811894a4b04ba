"""Versions of a Delta table that somebody else writes, as deliveries: only what is new since the version read last.

What is new is told by the change data feed where the table has one, otherwise by the files that were added. A table
that is read for the first time, or was made anew, is read as a whole; so is one whose feed does not tell of them all.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.window import Window as Over

from levelfive.core.conditions import quoted_name
from levelfive.core.windows import iso
from levelfive.data.corrections import as_corrected
from levelfive.data.landed import LANDING_FILES
from levelfive.data.landing import LandingFile
from levelfive.data.staging import staging_table
from levelfive.errors import LandingError
from levelfive.storage.control_tables import RECENT
from levelfive.storage.foreign_tables import CHANGE_TYPE, COMMIT_VERSION, ForeignTable, ForeignTableState, Untold, told
from levelfive.storage.runs import Run
from levelfive.storage.tables import Tables
from levelfive.usecase.columns import DELETION, ORDER, SOURCE_FILE, own
from levelfive.usecase.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

# What the feed calls rows that are there no longer, and those that are.
_BEFORE, _AFTER = ("delete", "update_preimage"), ("insert", "update_postimage")
_CHECKPOINTS = "_levelfive"
_PLACE = own("place")
_ID_CHARACTERS = 8
# Up to here, each whole number is a float of its own.
_EXACT_TO = 2**53


class Way(StrEnum):
    """How the rows of versions are read."""

    WHOLE = "whole"
    FEED = "feed"
    APPENDS = "appends"


@dataclass(frozen=True, kw_only=True)
class TableVersions(LandingFile):
    """What a table's versions brought, up to `version`: a delivery, as a file is one; its hash is the table's id."""

    table: ForeignTable
    first: int
    way: Way

    @property
    def versions(self) -> str:
        """The versions in words."""
        return f"version {self.version}" if self.first == self.version else f"versions {self.first} to {self.version}"

    @property
    def name(self) -> str:
        """The versions and whose they are, by which rows remember where they came from."""
        # Another table of the name, such as one that is made anew each night, has the same versions.
        return f"{self.versions} of {self.short_id}"

    @property
    def short_id(self) -> str:
        """The table's id, as its deliveries are named by it."""
        return self.sha256[:_ID_CHARACTERS]


def new_versions(run: Run, landing: Path, source: Source, *, as_of: datetime) -> tuple[TableVersions, ...]:
    """Find what is new of a source's table: one delivery, or none.

    Raises:
        LandingError: There is no such table, or it was set back to before what was read of it.
    """
    delivery, has_feed = _newest(run.tables.spark, landing, source)
    seen = _version_seen(run, source, delivery.sha256, as_of)
    if seen is None:
        return (delivery,)
    last_version, committed_at = seen
    _refuse_set_back(source, delivery, last_version, committed_at)
    if last_version == delivery.version:
        return ()
    return (replace(delivery, first=last_version + 1, way=Way.FEED if has_feed else Way.APPENDS),)


def whole_table(spark: SparkSession, landing: Path, source: Source) -> TableVersions:
    """Find a source's table as a whole, as if it was not read yet.

    Raises:
        LandingError: There is no such table.
    """
    return _newest(spark, landing, source)[0]


def head_of_table(spark: SparkSession, landing: Path, source: Source, *, limit: int) -> tuple[DataFrame, TableVersions]:
    """Read some rows of a source's table as texts.

    Raises:
        LandingError: There is no such table.
    """
    delivery = whole_table(spark, landing, source)
    return _texts(_whole(delivery, source).limit(limit), source, delivery), delivery


def texts_of_versions(tables: Tables, source: Source, deliveries: Sequence[LandingFile]) -> DataFrame:
    """Read a delivery's rows as texts, in the form that `levelfive.formats` give to files.

    What changed waits in a table until `staging.discard`, so that it is read once.

    Raises:
        LandingError: What changed cannot be told.
    """
    (delivery,) = deliveries
    assert isinstance(delivery, TableVersions)
    readers: dict[Way, Callable[[Tables, Source, TableVersions], DataFrame]] = {
        Way.WHOLE: lambda *_: _whole(delivery, source),
        Way.FEED: _by_feed,
        Way.APPENDS: _by_appends,
    }
    try:
        return _texts(readers[delivery.way](tables, source, delivery), source, delivery)
    except Untold:
        # The feed was switched on since, or what it tells of is gone: from here on, it tells all.
        return _whole_again(tables, source, delivery)


def _newest(spark: SparkSession, landing: Path, source: Source) -> tuple[TableVersions, bool]:
    """Find a table as a whole, and tell whether it has a feed."""
    assert source.delta_table is not None
    folder = landing / source.name
    table = ForeignTable.at(spark, source.delta_table, folder)
    state = table.state()
    delivery = TableVersions(
        path=folder,
        sha256=state.table_id,
        header=_header(source, state),
        modified_at=table.committed_at(state.version, newest=state.version),
        version=state.version,
        table=table,
        first=0,
        way=Way.WHOLE,
    )
    return delivery, state.has_feed


def _refuse_set_back(source: Source, delivery: TableVersions, last_version: int, committed_at: datetime | None) -> None:
    """Refuse a table that came back from a backup: its later rows have the numbers of versions that were read."""
    table, newest = delivery.table, delivery.version
    assert newest is not None
    if newest < last_version:
        what = f"it ends with version {newest}"
    else:
        now = table.committed_at(last_version, newest=newest)
        if now is None or committed_at is None or now == committed_at:
            return
        what = f"its version {last_version} is another one, of {iso(now)}"
    raise LandingError(
        f"source {source.name!r}: {table.place} was read up to version {last_version}, and now {what}: it was set "
        "back, and what it got since has numbers that were read. Nothing was ingested. Put the versions back that were "
        "read, or write its rows into a new table in its place (CREATE TABLE ... AS SELECT), which is read as a whole"
    )


def _version_seen(run: Run, source: Source, table_id: str, as_of: datetime) -> tuple[int, datetime | None] | None:
    """Tell up to which version a table was read, and when that was committed: by deliveries of late, or by all."""
    for since in (as_of - RECENT, None):
        rows = run.rows(
            LANDING_FILES,
            columns=("version", "modified_at"),
            where={"source": source.name, "sha256": table_id},
            between={} if since is None else {"loaded_at": (since, None)},
        )
        versions = {row["version"]: row["modified_at"] for row in rows if row["version"] is not None}
        if versions:
            return max(versions), versions[max(versions)]
    return None


def _header(source: Source, state: ForeignTableState) -> tuple[str, ...]:
    """List the declared columns that the table has; Spark tells no case apart, and others do no harm."""
    there = {name.lower() for name in state.columns}
    return tuple(name for name in source.columns if name.lower() in there)


def _whole(delivery: TableVersions, source: Source) -> DataFrame:
    """Read a version; of a key's rows, that of the file that was written last is the last one."""
    assert delivery.version is not None
    rows = delivery.table.rows(delivery.version)
    if not source.has_corrections:
        return rows
    return rows.withColumn(ORDER, F.unix_micros("_metadata.file_modification_time"))


def _whole_again(tables: Tables, source: Source, delivery: TableVersions) -> DataFrame:
    """Read a table that was read before; where there are corrections, rows that it has no longer are deletions."""
    texts = _texts(_whole(delivery, source), source, delivery)
    if not (source.has_corrections and tables.exists(source.table)):
        return texts
    # Rows of an earlier table of the name, or of files, are not what this one lost.
    of_table = F.col(SOURCE_FILE).endswith(f" of {delivery.short_id}")
    rows = as_corrected(tables.read(source.table), source).where(of_table)
    later = {name: F.lit(None).cast(kind) for name, kind in source.columns.items() if name not in rows.columns}
    # A row that the table has comes later, and counts.
    gone = _texts(rows.withColumns({**later, DELETION: F.lit(True), ORDER: F.lit(-1).cast("long")}), source, delivery)
    if not _derives_key(source):
        gone = gone.join(texts, on=list(source.key), how="left_anti").select(*gone.columns)
    return texts.withColumn(DELETION, F.lit(False)).unionByName(gone)


def _by_feed(tables: Tables, source: Source, delivery: TableVersions) -> DataFrame:
    assert delivery.version is not None
    with told():
        changes = _marked(delivery.table.changes(delivery.first, delivery.version), source)
        name = staging_table(source)
        tables.overwrite(name, changes, evolve=True)
    return tables.read(name)


def _by_appends(tables: Tables, source: Source, delivery: TableVersions) -> DataFrame:
    name = staging_table(source)
    _append(tables, source, delivery)
    rows = tables.read(name)
    if not source.has_corrections or delivery.first == delivery.version or not _may_repeat(rows, source):
        return rows
    begin = _append(tables, source, delivery, in_order=True)
    changes = ForeignTable(tables.spark, tables.name(name)).changes(begin, tables.version(name))
    return changes.withColumnRenamed(COMMIT_VERSION, ORDER)


def _may_repeat(rows: DataFrame, source: Source) -> bool:
    """Tell whether two rows may have one key, as any two may of which the key is yet to be derived."""
    key = () if _derives_key(source) else source.key
    return bool(rows.groupBy(*key).count().where("count > 1").take(1))


def _append(tables: Tables, source: Source, delivery: TableVersions, *, in_order: bool = False) -> int:
    """Write the rows of added files into the table in which they wait, and tell with which version of it they begin."""
    name, checkpoint = staging_table(source), delivery.path.parent / _CHECKPOINTS / source.name
    assert delivery.version is not None
    empty = tables.spark.createDataFrame([], delivery.table.rows(delivery.version).schema)
    begin = tables.overwrite(name, empty, evolve=True).version + 1
    try:
        delivery.table.append_to(tables.name(name), delivery.first, checkpoint=checkpoint, in_order=in_order)
    except Untold as err:
        raise LandingError(
            f"source {source.name!r}: {delivery.versions} of {delivery.table.place} did more than append rows, or are "
            f"kept no longer ({err}), and the table has no change data feed: what changed cannot be told, and nothing "
            f"was ingested. Switch it on: {delivery.table.how_to_keep_changes}. The next run reads the table as a "
            "whole, and later ones its changes."
        ) from err
    finally:
        shutil.rmtree(checkpoint, ignore_errors=True)
    return begin


def _marked(changes: DataFrame, source: Source) -> DataFrame:
    """Keep the rows that are there after a change; where there are corrections, also mark what is there no longer."""
    kind = F.col(CHANGE_TYPE)
    if not source.has_corrections:
        return changes.where(kind.isin(*_AFTER)).drop(CHANGE_TYPE, COMMIT_VERSION, "_commit_timestamp")
    is_gone = kind.isin(*_BEFORE)
    # Within a version, a row that is there counts more than one of its key that is gone.
    order = 2 * F.col(COMMIT_VERSION) + F.when(is_gone, 0).otherwise(1)
    rows = changes.withColumns({DELETION: is_gone, ORDER: order.cast("long")})
    return _net(rows, source).drop(CHANGE_TYPE, COMMIT_VERSION, "_commit_timestamp")


def _net(changes: DataFrame, source: Source) -> DataFrame:
    """Keep the last change of each key; where keys are derived, and not known yet, the contract does that.

    Rows without a key are no changes of each other: they go to quarantine, and that they are gone says nothing.
    """
    if _derives_key(source):
        return changes
    has_key = reduce(and_, (F.col(name).isNotNull() for name in source.key))
    place = F.row_number().over(Over.partitionBy(*source.key).orderBy(F.desc(ORDER)))
    counts = F.when(has_key, F.col(_PLACE) == 1).otherwise(~F.col(DELETION))
    return changes.withColumn(_PLACE, place).where(counts).drop(_PLACE)


def _derives_key(source: Source) -> bool:
    return not source.columns.keys() >= set(source.key)


def _texts(rows: DataFrame, source: Source, delivery: TableVersions) -> DataFrame:
    kinds = {field.name.lower(): field.dataType for field in rows.schema.fields}
    cells = [_text(name, kinds[name.lower()]).alias(name) for name in delivery.header]
    marks = [F.col(name) for name in (ORDER, DELETION) if name in rows.columns]
    if source.has_corrections and not marks:
        # No two rows have one key.
        marks = [F.lit(0).cast("long").alias(ORDER)]
    return rows.select(*cells, F.lit(delivery.name).alias(SOURCE_FILE), *marks)


def _text(name: str, kind: T.DataType) -> Column:
    """Write a value in the canonical form of `levelfive.formats.texts`."""
    value = F.col(quoted_name(name))
    match kind:
        case T.TimestampType():
            return F.concat(_moment(value), F.lit("Z"))
        case T.TimestampNTZType():
            return _moment(value)
        case T.FloatType() | T.DoubleType():
            text = F.regexp_replace(value.cast("string"), r"\.0(?=$|E)", "")
            is_whole = (F.rint(value) == value) & F.abs(value).between(1, _EXACT_TO)
            return F.when(is_whole, value.cast("long").cast("string")).otherwise(text)
        case T.StructType() | T.ArrayType() | T.MapType():
            return F.to_json(value, {"ignoreNullFields": "false"})
        case _:
            return value.cast("string")


def _moment(value: Column) -> Column:
    digits = F.date_format(value, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS")
    return F.regexp_replace(digits, r"\.?0*$", "")
