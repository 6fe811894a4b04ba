"""The lakehouse's tables by logical name: the only module that writes Delta.

A logical name such as `predictions` is bound to a catalog and schema here and nowhere else. Every write
is one Delta commit and can be repeated: keys are merged, windows replaced.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from levelfive.core.windows import Window, iso, sql_literal
from levelfive.errors import TableConflict, TableError
from levelfive.storage.commits import APPENDS, Commit, Write, commit_of, commits_on_disk, is_committed, newest_version
from levelfive.storage.conflicts import overtaken, refusals
from levelfive.storage.control_tables import Ledgers, SparkLedgers

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
# What a commit's record holds: who wrote it, for tables of consecutive windows up to where they reach, for others what
# they were made of.
TOKEN = "write"
REACHES = "reaches"
MADE_OF = "made_of"
OTHERS_MEANWHILE = 20
# Where a laptop's writers lock tables: a folder beside them.
LOCKS = "_locks"
ATTEMPTS = 5


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
        self.ledgers = _ledgers(self, self._folder if warehouse else None)
        place = "" if warehouse is None else f" LOCATION '{self._folder('').as_posix()}'"
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}{place}")

    def name(self, table: str) -> str:
        """Bind a logical name to the schema."""
        return f"{self.schema}.{table}"

    def exists(self, table: str) -> bool:
        """Tell whether the table is there."""
        if self._warehouse is not None:
            return is_committed(self._folder(table))
        return self._is_known(table)

    def _is_known(self, table: str) -> bool:
        """Tell whether Spark's catalog knows the table, once it was told of what lies on the disk."""
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
                self._is_known(log.parent.name)
        return tuple(sorted(table.name for table in self.spark.catalog.listTables(self.schema)))

    def read(self, table: str, *, version: int | None = None) -> DataFrame:
        """Read a table, or one version of it.

        Raises:
            TableError: The table is not there.
        """
        if not self._is_known(table):
            raise TableError(f"table {self.name(table)} does not exist yet: run the room that writes it first")
        if version is None:
            return self.spark.read.table(self.name(table))
        return self.spark.read.option("versionAsOf", version).table(self.name(table))

    def version(self, table: str) -> int:
        """Tell the newest version of a table.

        Raises:
            TableError: The table is not there.
        """
        if self._warehouse is not None and self.exists(table):
            return newest_version(self._folder(table))
        return self.history(table, limit=1)[0].version

    def history(self, table: str, *, limit: int | None = None) -> tuple[Commit, ...]:
        """List the newest commits, newest first, with the records in their metadata.

        Raises:
            TableError: The table is not there.
        """
        if not self.exists(table):
            raise TableError(f"table {self.name(table)} does not exist yet: run the room that writes it first")
        if self._warehouse is not None:
            return commits_on_disk(self._folder(table), limit)
        newest = f" LIMIT {limit}" if limit else ""
        commits = self.spark.sql(f"DESCRIBE HISTORY {self.name(table)}{newest}")
        found = commits.select("version", "userMetadata", "operationMetrics", "operation").collect()
        return tuple(commit_of(*row) for row in found)

    def commits_after(self, table: str, version: int) -> tuple[Commit, ...]:
        """List the commits after a version, newest first, as far as Delta remembers them: for a month, by default.

        Raises:
            TableError: The table is not there.
        """
        newest = self.version(table)
        found = self.history(table, limit=newest - version) if newest > version else ()
        return tuple(commit for commit in found if commit.version > version)

    def _newest(self, table: str) -> Commit | None:
        """Read the newest commit; None where there is no table, or one that its first writer has but made.

        Above upkeep, such as a workspace's own, it has the record of the commit that rows last came with.
        """
        if not self.exists(table):
            return None
        newest = self.history(table, limit=1)[0]
        if newest.version == 0 and newest.rows == 0 and TOKEN not in newest.record:
            return None
        if newest.is_upkeep:
            commits = self.history(table, limit=OTHERS_MEANWHILE)
            newest = replace(newest, record=next((one.record for one in commits if not one.is_upkeep), {}))
        return newest

    def reach(self, table: str, *, before: datetime) -> datetime | None:
        """Tell how far the windows of a table reached, as its commits note it, before they reached a time.

        Returns:
            The latest end of a window that lies before `before`, or None where there is none.
        """
        if not self.exists(table):
            return None
        ends = (_reach_of(commit) for commit in self.history(table))
        return max((end for end in ends if end is not None and end < before), default=None)

    def keep(self, rows: DataFrame) -> DataFrame:
        """Keep a frame that is read more than once, where the engine allows it; `let_go` ends that."""
        return rows.persist() if self._can_keep else rows

    def let_go(self, rows: DataFrame) -> None:
        """Keep a frame no longer."""
        if self._can_keep:
            rows.unpersist()

    def append(self, table: str, rows: DataFrame, *, evolve: bool = False) -> Write:
        """Append rows; the table is made from the first ones.

        Args:
            table: The logical name.
            rows: What to add.
            evolve: Allow columns that the table does not have yet.

        Raises:
            TableError: The rows do not fit the table.
        """
        return self._write(table, rows, "append", {"mergeSchema": "true"} if evolve else {})

    def insert_new(
        self,
        table: str,
        rows: DataFrame,
        keys: Sequence[str],
        *,
        within: tuple[str, Window] | None = None,
        among: str | None = None,
        record: Mapping[str, object] | None = None,
        evolve: bool = False,
    ) -> Write:
        """Add the rows whose key is not in the table; rows that are there stay as they are.

        Of two writers at the same time, one looks again at what is there by then. Each commit notes how far the table
        reaches, where `within` tells: of a window beyond all that was written, no key can be there.

        Args:
            table: The logical name.
            rows: Rows with unique keys; they are computed anew where another writer was first.
            keys: The key columns.
            within: A time column, always the same one, and a window that holds all rows with these keys: it spares
                reading the rest.
            among: A condition that all rows with these keys satisfy, in SQL: it spares reading the rest, too.
            record: Kept in the metadata of the commit.
            evolve: Allow columns that the table does not have yet.

        Raises:
            TableConflict: Others were first again and again.
            TableError: The rows do not fit the table.
        """
        options = {"mergeSchema": "true"} if evolve else {}
        same = F.expr(" AND ".join(f"old.`{key}` <=> new.`{key}`" for key in keys))
        for _ in range(ATTEMPTS):
            newest = self._newest(table)
            noted = {**(record or {}), **_reaching(newest, within)}
            fresh = rows
            if newest is not None and (within is None or not _is_beyond(newest, within[1])):
                there = self.read(table) if within is None else self.read(table).where(sql_window(*within))
                there = there if among is None else there.where(among)
                fresh = rows.alias("new").join(there.select(*keys).alias("old"), on=same, how="left_anti")
            with suppress(TableConflict):
                if newest is None:
                    return self._write_first(table, rows, options, noted)
                return self._append_unless_overtaken(table, fresh, newest.version, options, noted)
        raise overtaken(table)

    def replace_window(self, table: str, rows: DataFrame, column: str, window: Window) -> Write:
        """Put rows in the place of all those whose time in `column` lies in the window.

        The table is one of consecutive windows: each commit notes how far it reaches, so that a window beyond all
        that was written is known to be empty without a look at the rows.

        Raises:
            TableConflict: Another writer was first.
            TableError: The rows do not fit the table or lie outside the window.
        """
        condition = sql_window(f"`{column}`", window)
        newest = self._newest(table)
        record = _reaching(newest, (column, window))
        if newest is None:
            return self._write_first(table, rows.where(condition), {}, record)
        if _is_beyond(newest, window):
            # Nothing to replace: an append is several times cheaper.
            return self._append_unless_overtaken(table, rows.where(condition), newest.version, {}, record)
        return self._write(table, rows, "overwrite", {"replaceWhere": condition}, record)

    def replace_where(self, table: str, rows: DataFrame, condition: str) -> Write:
        """Put rows in the place of all those that satisfy a condition.

        Raises:
            TableError: The rows do not fit the table or the condition.
        """
        if not self.exists(table):
            return self._write(table, rows, "append", {})
        return self._write(table, rows, "overwrite", {"replaceWhere": condition})

    def overwrite(self, table: str, rows: DataFrame) -> Write:
        """Replace the whole table, in one commit."""
        return self._write(table, rows, "overwrite", {})

    def rebuild(self, table: str, rows: DataFrame, made_of: Mapping[str, int]) -> Write:
        """Replace the whole table, unless it was made of these versions of its sources already."""
        newest = self._newest(table)
        if newest is not None and newest.record.get(MADE_OF) == made_of:
            return Write(table, newest.version, 0)
        return self._write(table, rows, "overwrite", {}, {MADE_OF: made_of})

    def _write_first(
        self, table: str, rows: DataFrame, options: Mapping[str, str], record: Mapping[str, object]
    ) -> Write:
        """Write the first rows of a table, unless another writer was first."""
        if self._warehouse is None:
            return self._append_unless_overtaken(table, rows, 0, options, record)
        with self.alone(table):
            if self._newest(table) is not None:
                raise overtaken(table)
            return self._save(table, rows, "error", {}, record)

    def _append_unless_overtaken(
        self,
        table: str,
        rows: DataFrame,
        seen: int,
        options: Mapping[str, str],
        record: Mapping[str, object] | None,
    ) -> Write:
        """Append rows that were chosen by a look at version `seen`, unless another writer was first."""
        with self.alone(table):
            if self._warehouse is None:
                # Delta takes one transaction of each number.
                options = {**options, "txnAppId": APPENDS, "txnVersion": str(seen + 1)}
            elif self.version(table) > seen:
                raise overtaken(table)
            write = self._save(table, rows, "append", options, record)
        if write.version <= seen:
            raise overtaken(table)
        return write

    def _write(
        self,
        table: str,
        rows: DataFrame,
        mode: str,
        options: Mapping[str, str],
        record: Mapping[str, object] | None = None,
    ) -> Write:
        with self.alone(table):
            return self._save(table, rows, mode, options, record)

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Keep others of a laptop, in other processes too, from a table or a piece of work; workspaces do it otherwise.

        Looks and writes of a table then need no numbers of transactions, for which Delta rebuilds its state each time.
        """
        if self._warehouse is None:
            yield
            return
        locks = self._folder(LOCKS)
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / what).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _save(
        self,
        table: str,
        rows: DataFrame,
        mode: str,
        options: Mapping[str, str],
        record: Mapping[str, object] | None = None,
    ) -> Write:
        token = uuid4().hex
        noted = json.dumps({**(record or {}), TOKEN: token}, sort_keys=True)
        session: AbstractContextManager[None] = nullcontext()
        if not self._is_known(table):
            # A commit that makes a table takes its record from the session, not from the write's own options.
            if self._warehouse is None:
                self._make_empty(table, rows)
            else:
                self._clear_unfinished(table)
                session = self._noting(noted)
        writer = rows.write.format("delta").mode(mode).options(**options, userMetadata=noted)
        with session, refusals(table):
            writer.saveAsTable(self.name(table))
        self._known.add(table)
        commits = self.history(table, limit=OTHERS_MEANWHILE)
        ours = next((commit for commit in commits if commit.record.get(TOKEN) == token), None)
        # A transaction that Delta passed over, as its number was taken, left no commit.
        return Write(table, -1, 0) if ours is None else Write(table, ours.version, ours.rows)

    def _make_empty(self, table: str, rows: DataFrame) -> None:
        """Make a table that is not there, so that its first rows come with a record: serverless takes few settings."""
        with self._lock:
            if self._is_known(table):
                return
            try:
                with refusals(table):
                    rows.limit(0).write.format("delta").mode("ignore").saveAsTable(self.name(table))
            except TableError:
                # Another writer may have made it meanwhile.
                if not self._is_known(table):
                    raise

    @contextmanager
    def _noting(self, record: str) -> Iterator[None]:
        """Set the session's record for the time of one commit; two such commits wait for each other."""
        with self._lock:
            self.spark.conf.set(USER_METADATA, record)
            try:
                yield
            finally:
                self.spark.conf.unset(USER_METADATA)

    def _folder(self, table: str) -> Path:
        assert self._warehouse is not None
        return self._warehouse / f"{self.schema.split('.')[-1]}.db" / table

    def _remember_from_disk(self, table: str) -> None:
        if self._warehouse is not None and is_committed(self._folder(table)):
            location = str(self._folder(table))
            self.spark.sql(f"CREATE TABLE IF NOT EXISTS {self.name(table)} USING delta LOCATION '{location}'")

    def _clear_unfinished(self, table: str) -> None:
        """Remove what a killed first write left: Delta makes no table where files lie that no commit names."""
        if self._warehouse is not None and not is_committed(self._folder(table)):
            shutil.rmtree(self._folder(table), ignore_errors=True)


def _ledgers(tables: Tables, folder: Callable[[str], Path] | None) -> Ledgers:
    if folder is None:
        return SparkLedgers(tables)
    # Only a laptop has this engine.
    from levelfive.storage.delta_rs_control_tables import LocalLedgers

    return LocalLedgers(folder, _arrow_schema)


def _arrow_schema(schema: str) -> pa.Schema:
    parsed = StructType.fromDDL(schema)
    assert isinstance(parsed, StructType)
    return to_arrow_schema(parsed, timestamp_utc=True)


def _reaching(newest: Commit | None, within: tuple[str, Window] | None) -> dict[str, object]:
    """Note how far a table reaches after a write; nothing where that is not known."""
    if within is None or (newest is not None and REACHES not in newest.record):
        return {}
    end = within[1].end
    return {REACHES: iso(end if newest is None else max(_reach_of(newest) or end, end))}


def _is_beyond(newest: Commit, window: Window) -> bool:
    """Tell whether a window lies beyond all that a table holds, as its newest commit notes it."""
    reach = _reach_of(newest)
    return reach is not None and reach <= window.start


def _reach_of(commit: Commit) -> datetime | None:
    end = commit.record.get(REACHES)
    return None if end is None else datetime.fromisoformat(str(end))


def in_window(column: str, window: Window) -> Column:
    """Select the rows whose time in `column` lies in the window."""
    return (F.col(column) >= F.lit(window.start)) & (F.col(column) < F.lit(window.end))


def sql_window(column: str, window: Window) -> str:
    """Write the same condition in SQL."""
    return f"{column} >= {sql_literal(window.start)} AND {column} < {sql_literal(window.end)}"
