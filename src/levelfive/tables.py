"""The lakehouse's tables by logical name: the only module that writes Delta.

A logical name such as `predictions` is bound to a catalog and schema here and nowhere else. Every write
is one Delta commit and can be repeated: keys are merged, windows replaced.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from delta.exceptions import (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentTransactionException,
    ConcurrentWriteException,
    DeltaConcurrentModificationException,
    MetadataChangedException,
    ProtocolChangedException,
)
from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import functions as F

from levelfive.errors import TableError
from levelfive.windows import Window

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
CONFLICTS = (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentTransactionException,
    ConcurrentWriteException,
    DeltaConcurrentModificationException,
    MetadataChangedException,
    ProtocolChangedException,
)
AUTO_MERGE = "spark.databricks.delta.schema.autoMerge.enabled"


@dataclass(frozen=True)
class Write:
    """What a write did: the table's version after it, and the rows it put in (None where unknown)."""

    table: str
    version: int
    rows: int | None = None


@dataclass(frozen=True)
class Commit:
    """One commit of a table and the record that its writer left in it."""

    version: int
    record: Mapping[str, object]


class Tables:
    """Reads and writes the tables of one schema.

    Args:
        spark: The session.
        schema: The schema's name, with its catalog where there is one: `main.flight_delay`.
        warehouse: The folder of the managed tables where no metastore remembers them between
            sessions (a laptop), or None.
        can_keep: Whether frames can be kept in memory; serverless compute refuses to.
    """

    def __init__(
        self, spark: SparkSession, *, schema: str, warehouse: Path | None = None, can_keep: bool = True
    ) -> None:
        """Create the schema if it is not there."""
        self.spark = spark
        self.schema = schema
        self._warehouse = warehouse
        self._can_keep = can_keep
        self._known: set[str] = set()
        self._lock = threading.RLock()
        place = "" if warehouse is None else f" LOCATION '{self._folder('').as_posix()}'"
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}{place}")

    def name(self, table: str) -> str:
        """Bind a logical name to the schema."""
        return f"{self.schema}.{table}"

    def exists(self, table: str) -> bool:
        """Tell whether the table is there."""
        with self._lock:
            if table in self._known:
                return True
            self._remember_from_disk(table)
            if self.spark.catalog.tableExists(self.name(table)):
                self._known.add(table)
            return table in self._known

    def names(self) -> tuple[str, ...]:
        """List the tables of the schema."""
        if self._warehouse is not None:
            for log in sorted(self._folder("").glob("*/_delta_log")):
                self.exists(log.parent.name)
        return tuple(sorted(table.name for table in self.spark.catalog.listTables(self.schema)))

    def read(self, table: str, *, version: int | None = None) -> DataFrame:
        """Read a table, or one version of it.

        Raises:
            TableError: The table is not there.
        """
        if not self.exists(table):
            raise TableError(f"table {self.name(table)} does not exist yet: run the room that writes it first")
        if version is None:
            return self.spark.read.table(self.name(table))
        return self.spark.read.option("versionAsOf", version).table(self.name(table))

    def version(self, table: str) -> int:
        """Tell the newest version of a table.

        Raises:
            TableError: The table is not there.
        """
        return self.history(table, limit=1)[0].version

    def history(self, table: str, *, limit: int | None = None) -> tuple[Commit, ...]:
        """List the newest commits, newest first, with the records in their metadata."""
        if not self.exists(table):
            raise TableError(f"table {self.name(table)} does not exist yet: run the room that writes it first")
        history = DeltaTable.forName(self.spark, self.name(table))
        rows = (history.history(limit) if limit else history.history()).select("version", "userMetadata").collect()
        return tuple(Commit(row["version"], json.loads(row["userMetadata"] or "{}")) for row in rows)

    def keep(self, rows: DataFrame) -> DataFrame:
        """Keep a frame that is read more than once, where the engine allows it; `unpersist` lets it go."""
        return rows.persist() if self._can_keep else rows

    def append(self, table: str, rows: DataFrame, *, evolve: bool = False) -> Write:
        """Append rows; the table is made from the first ones.

        Args:
            table: The logical name.
            rows: What to add.
            evolve: Allow columns that the table does not have yet.

        Raises:
            TableError: The rows do not fit the table.
        """
        return self._append(table, rows, {"mergeSchema": "true"} if evolve else {})

    def merge_new(
        self,
        table: str,
        rows: DataFrame,
        keys: Sequence[str],
        *,
        within: str = "true",
        record: Mapping[str, object] | None = None,
        evolve: bool = False,
    ) -> Write:
        """Add the rows whose key is not in the table; rows that are there stay as they are.

        Args:
            table: The logical name.
            rows: Rows with unique keys.
            keys: The key columns.
            within: A condition on the table (alias `old`) that all rows with these keys satisfy: it spares reading
                the rest.
            record: Kept in the metadata of the commit.
            evolve: Allow columns that the table does not have yet.

        Raises:
            TableError: The rows do not fit the table, or another writer was first.
        """
        self._create_like(table, rows)
        same = " AND ".join(f"old.`{key}` <=> new.`{key}`" for key in keys)
        with self._settings(record, evolve), _refusals(table):
            target = DeltaTable.forName(self.spark, self.name(table))
            merge = target.alias("old").merge(rows.alias("new"), f"({within}) AND {same}").whenNotMatchedInsertAll()
            metrics = merge.execute()
        return Write(table, self.version(table), metrics.collect()[0]["num_inserted_rows"])

    def replace_window(self, table: str, rows: DataFrame, column: str, window: Window) -> Write:
        """Put rows in the place of all those whose time in `column` lies in the window.

        Raises:
            TableError: The rows do not fit the table or lie outside the window.
        """
        return self.replace_where(table, rows, sql_window(f"`{column}`", window))

    def replace_where(self, table: str, rows: DataFrame, condition: str) -> Write:
        """Put rows in the place of all those that satisfy a condition.

        Raises:
            TableError: The rows do not fit the table or the condition.
        """
        if not self.exists(table):
            return self._append(table, rows, {})
        version = self.version(table)
        if self.read(table).where(condition).limit(1).count():
            return self._write(table, rows, "overwrite", {"replaceWhere": condition})
        # Nothing to replace: an append is several times cheaper, and the transaction id makes Delta refuse
        # a second writer that saw the same empty window.
        return self._append(table, rows, {"txnAppId": condition, "txnVersion": str(version)})

    def overwrite(self, table: str, rows: DataFrame) -> Write:
        """Replace the whole table, in one commit."""
        return self._write(table, rows, "overwrite", {})

    def _append(self, table: str, rows: DataFrame, options: Mapping[str, str]) -> Write:
        return self._write(table, rows, "append", options)

    def _write(self, table: str, rows: DataFrame, mode: str, options: Mapping[str, str]) -> Write:
        self.exists(table)
        with _refusals(table):
            rows.write.format("delta").mode(mode).options(**options).saveAsTable(self.name(table))
        self._known.add(table)
        return Write(table, self.version(table))

    def _create_like(self, table: str, rows: DataFrame) -> None:
        if not self.exists(table):
            builder = DeltaTable.createIfNotExists(self.spark).tableName(self.name(table))
            builder.addColumns(rows.schema).execute()
            self._known.add(table)

    def _folder(self, table: str) -> Path:
        assert self._warehouse is not None
        return self._warehouse / f"{self.schema.split('.')[-1]}.db" / table

    def _remember_from_disk(self, table: str) -> None:
        if self._warehouse is not None and (self._folder(table) / "_delta_log").is_dir():
            location = str(self._folder(table))
            self.spark.sql(f"CREATE TABLE IF NOT EXISTS {self.name(table)} USING delta LOCATION '{location}'")

    def _settings(self, record: Mapping[str, object] | None, evolve: bool) -> _SessionSettings:
        settings = {AUTO_MERGE: "true"} if evolve else {}
        if record is not None:
            settings[USER_METADATA] = json.dumps(record, sort_keys=True)
        return _SessionSettings(self.spark, settings, self._lock)


class _SessionSettings:
    """Sets some of the session's settings for the time of one commit; two such commits wait for each other."""

    def __init__(self, spark: SparkSession, settings: Mapping[str, str], lock: threading.RLock) -> None:
        self._spark = spark
        self._settings = settings
        self._lock = lock

    def __enter__(self) -> None:
        if self._settings:
            self._lock.acquire()
        for key, value in self._settings.items():
            self._spark.conf.set(key, value)

    def __exit__(self, *_: object) -> None:
        for key in self._settings:
            self._spark.conf.unset(key)
        if self._settings:
            self._lock.release()


class _refusals:
    """Turns Delta's refusals into our error."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, err: BaseException | None, __: object) -> None:
        if isinstance(err, CONFLICTS):
            raise TableError(f"table {self._table!r}: another writer committed first; run the step again") from err
        if isinstance(err, AnalysisException):
            raise TableError(f"table {self._table!r} refused the rows: {str(err).splitlines()[0]}") from err


def in_window(column: str, window: Window) -> Column:
    """Select the rows whose time in `column` lies in the window."""
    return (F.col(column) >= F.lit(window.start)) & (F.col(column) < F.lit(window.end))


def sql_window(column: str, window: Window) -> str:
    """Write the same condition in SQL."""
    start, end = (f"timestamp'{edge:%Y-%m-%d %H:%M:%S.%f}'" for edge in (window.start, window.end))
    return f"{column} >= {start} AND {column} < {end}"
