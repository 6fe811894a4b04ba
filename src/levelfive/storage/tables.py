"""The lakehouse's tables by logical name, whose rows Spark reads and writes.

A logical name such as `predictions` is bound to a catalog and schema here and nowhere else. Every write
is one Delta commit and can be repeated: keys are merged, windows replaced.
"""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from pyspark.sql import functions as F

from levelfive.core.conditions import in_window, quoted_name, sql_window, text_literal
from levelfive.core.windows import Window, iso
from levelfive.errors import TableConflict, TableError
from levelfive.storage.commits import Commit, Write
from levelfive.storage.conflicts import overtaken, refusals
from levelfive.storage.control_tables import ControlTables

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

# What a commit's record holds: who wrote it, for tables of consecutive windows up to where they reach, for others what
# they were made of.
TOKEN = "write"
WATERMARK = "watermark"
MADE_OF = "made_of"
OTHERS_MEANWHILE = 20
ATTEMPTS = 5


class Tables(ABC):
    """Reads and writes the tables of one schema.

    Args:
        spark: The session.
        schema: The schema's name, with its catalog where there is one: `main.flight_delay`.
        can_cache: Whether frames can be kept in memory; serverless compute refuses to.
        schema_of: From the name of another use case, the schema of its tables; by default a schema of that name beside
            this one.

    Attributes:
        control_tables: Reads and writes the small tables among them.
    """

    control_tables: ControlTables

    def __init__(
        self,
        spark: SparkSession,
        *,
        schema: str,
        can_cache: bool = True,
        schema_of: Callable[[str], str] | None = None,
    ) -> None:
        """Work on a schema."""
        self.spark = spark
        self.schema = schema
        self._can_cache = can_cache
        self._schema_of = schema_of or self._neighbour
        self._known_tables: set[str] = set()
        self._lock = threading.RLock()

    @abstractmethod
    def exists(self, table: str) -> bool:
        """Tell whether the table is there."""

    @abstractmethod
    def version(self, table: str) -> int:
        """Tell the newest version of a table.

        Raises:
            TableError: The table is not there.
        """

    @abstractmethod
    def lock(self, what: str) -> AbstractContextManager[None]:
        """Keep others from a table or a piece of work, where that can be done; see the class."""

    @abstractmethod
    def discard_versions(self, table: str) -> None:
        """Remove the files of a table that its newest version does not need: no earlier one can be read any more.

        Nobody else may read or write the table meanwhile.

        Raises:
            TableError: The table is not there, or refused.
        """

    @abstractmethod
    def vacuum(self, table: str) -> None:
        """Remove the files of a table that only versions need which are older than what its properties keep.

        Raises:
            TableError: The table is not there, or refused.
        """

    @abstractmethod
    def own_tables(self, *, among: Collection[str]) -> tuple[str, ...]:
        """List the tables of the schema that levelfive writes, without views and what others keep there.

        Args:
            among: Tables that are levelfive's whoever wrote to them last.
        """

    @abstractmethod
    def _commits(self, table: str, limit: int | None) -> tuple[Commit, ...]:
        """List the newest commits of a table that is there, newest first."""

    @abstractmethod
    def _write_first(
        self, table: str, rows: DataFrame, options: Mapping[str, str], record: Mapping[str, object]
    ) -> Write:
        """Write the first rows of a table, unless another writer was first."""

    @abstractmethod
    def _claim(self, table: str, version: int) -> Mapping[str, str]:
        """Claim the commit after a `version`, which another writer may have made since.

        Returns:
            Options of the write that makes it.

        Raises:
            TableConflict: Another writer was first.
        """

    @abstractmethod
    def _first_commit(self, table: str, rows: DataFrame, record: str) -> AbstractContextManager[None]:
        """Prepare the write that makes a table: its record has to come another way than the write's own options."""

    def name(self, table: str) -> str:
        """Bind a logical name to the schema; `<use case>.<table>` to the schema of another use case."""
        owner, _, own_name = table.rpartition(".")
        return f"{self._schema_of(owner) if owner else self.schema}.{own_name}"

    def _neighbour(self, use_case: str) -> str:
        catalog, dot, _ = self.schema.rpartition(".")
        return f"{catalog}{dot}{use_case}"

    def _is_known(self, table: str) -> bool:
        """Tell whether Spark's catalog knows the table."""
        with self._lock:
            if table in self._known_tables:
                return True
            if self.spark.catalog.tableExists(self.name(table)):
                self._known_tables.add(table)
            return table in self._known_tables

    def names(self) -> tuple[str, ...]:
        """List the tables of the schema, views among them."""
        return tuple(sorted(table.name for table in self.spark.catalog.listTables(self.schema)))

    def read(self, table: str, *, version: int | None = None) -> DataFrame:
        """Read a table, or one version of it.

        Raises:
            TableError: The table is not there.
        """
        if not self._is_known(table):
            raise TableError(f"table {self.name(table)} does not exist yet: run the stage that writes it first")
        if version is None:
            return self.spark.read.table(self.name(table))
        return self.spark.read.option("versionAsOf", version).table(self.name(table))

    def history(self, table: str, *, limit: int | None = None) -> tuple[Commit, ...]:
        """List the newest commits, newest first, with the records in their metadata.

        Raises:
            TableError: The table is not there.
        """
        if not self.exists(table):
            raise TableError(f"table {self.name(table)} does not exist yet: run the stage that writes it first")
        return self._commits(table, limit)

    def commits_after(self, table: str, version: int) -> tuple[Commit, ...]:
        """List the commits after a version, newest first, as far as Delta remembers them: for a month, by default.

        Raises:
            TableError: The table is not there.
        """
        newest = self.version(table)
        newer = self.history(table, limit=newest - version) if newest > version else ()
        return tuple(commit for commit in newer if commit.version > version)

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
            newest = replace(newest, record=self._last_record(table))
        return newest

    def _last_record(self, table: str) -> Mapping[str, object]:
        """Find the record of the commit that rows last came with, among the newest commits or else among all."""
        for limit in (OTHERS_MEANWHILE, None):
            for commit in self.history(table, limit=limit):
                if not commit.is_upkeep:
                    return commit.record
        return {}

    def watermark(self, table: str, *, before: datetime) -> datetime | None:
        """Tell how far the windows of a table reached, as its commits note it, before they reached a time.

        Returns:
            The latest end of a window that lies before `before`, or None where there is none.
        """
        if not self.exists(table):
            return None
        ends = (_watermark_of(commit) for commit in self.history(table))
        return max((end for end in ends if end is not None and end < before), default=None)

    def cache(self, rows: DataFrame) -> DataFrame:
        """Keep a frame that is read more than once, where the engine allows it; `uncache` ends that."""
        return rows.persist() if self._can_cache else rows

    def uncache(self, rows: DataFrame) -> None:
        """Keep a frame no longer."""
        if self._can_cache:
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
        same = F.expr(" AND ".join(f"old.{name} <=> new.{name}" for name in map(quoted_name, keys)))
        for _ in range(ATTEMPTS):
            newest = self._newest(table)
            metadata = {**(record or {}), **_noting_watermark(newest, within)}
            fresh = rows
            there = None
            if newest is not None and (within is None or not _is_beyond(newest, within[1])):
                there = self.read(table) if within is None else self.read(table).where(in_window(*within))
                there = there if among is None else there.where(among)
            # A table that lacks a column of the key has no row of any such key.
            if there is not None and set(keys) <= set(there.columns):
                fresh = rows.alias("new").join(there.select(*keys).alias("old"), on=same, how="left_anti")
            with suppress(TableConflict):
                if newest is None:
                    return self._write_first(table, rows, options, metadata)
                return self._append_unless_overtaken(table, fresh, newest.version, options, record=metadata)
        raise overtaken(table)

    def replace_window(
        self, table: str, rows: DataFrame, column: str, window: Window, *, evolve: bool = False
    ) -> Write:
        """Put rows in the place of all those whose time in `column` lies in the window.

        The table is one of consecutive windows: each commit notes how far it reaches, so that a window beyond all
        that was written is known to be empty without a look at the rows.

        Args:
            table: The logical name.
            rows: What to put there.
            column: The time column.
            window: Its times.
            evolve: Allow columns that the table does not have yet.

        Raises:
            TableConflict: Another writer was first.
            TableError: The rows do not fit the table or lie outside the window.
        """
        condition = sql_window(quoted_name(column), window)
        newest = self._newest(table)
        record = _noting_watermark(newest, (column, window))
        if newest is None:
            return self._write_first(table, rows.where(condition), {}, record)
        options = {"mergeSchema": "true"} if evolve else {}
        if _is_beyond(newest, window):
            # Nothing to replace: an append is several times cheaper.
            return self._append_unless_overtaken(table, rows.where(condition), newest.version, options, record=record)
        return self._write(table, rows, "overwrite", {"replaceWhere": condition, **options}, record=record)

    def replace_where(self, table: str, rows: DataFrame, condition: str, *, evolve: bool = False) -> Write:
        """Put rows in the place of all those that satisfy a condition.

        Args:
            table: The logical name.
            rows: What to put there.
            condition: In SQL.
            evolve: Allow columns that the table does not have yet.

        Raises:
            TableError: The rows do not fit the table or the condition.
        """
        if not self.exists(table):
            return self._write(table, rows, "append", {})
        options = {"mergeSchema": "true"} if evolve else {}
        return self._write(table, rows, "overwrite", {"replaceWhere": condition, **options})

    def overwrite(self, table: str, rows: DataFrame, *, evolve: bool = False) -> Write:
        """Replace the whole table, in one commit.

        Args:
            table: The logical name.
            rows: What to put there.
            evolve: Allow other columns than the table had.

        Raises:
            TableError: The rows do not fit the table.
        """
        return self._write(table, rows, "overwrite", {"overwriteSchema": "true"} if evolve else {})

    def erase(self, table: str, others: DataFrame, same: Column) -> None:
        """Delete the rows that agree with one of some others; earlier versions keep them until `discard_versions`.

        It is a merge, as the log of a deletion keeps the values that it was asked by. What the newest commit noted is
        noted again, by a second commit.

        Args:
            table: The logical name.
            others: Rows whose columns have names that the table's have not.
            same: When a row of the table agrees with one of them.

        Raises:
            TableConflict: Another writer was first.
            TableError: The table is not there, or refused.
        """
        empty, newest = self.read(table).limit(0), self._newest(table)
        with self.lock(table), refusals(table):
            others.mergeInto(self.name(table), same).whenMatched().delete().merge()
        if newest is not None:
            record = {name: value for name, value in newest.record.items() if name != TOKEN}
            self._write(table, empty, "append", {}, record=record)

    def drop(self, table: str) -> None:
        """Remove a table, if it is there."""
        if self.exists(table):
            self.spark.sql(f"DROP TABLE IF EXISTS {self.name(table)}")
        self._known_tables.discard(table)

    def create_view(self, name: str, query: str) -> None:
        """Make a view, in the place of one that is there.

        Args:
            name: The logical name.
            query: In Spark's SQL, over names that `name` has bound.

        Raises:
            TableError: The catalog refused, as where the name is somebody else's.
        """
        with refusals(name):
            self.spark.sql(f"CREATE OR REPLACE VIEW {self.name(name)} AS {query}")

    def describe(self, table: str, description: str, of_columns: Mapping[str, str]) -> None:
        """Have the catalog show what a table holds and what columns of it mean, where it does not show that yet.

        Args:
            table: The logical name of a table that is there.
            description: Of the table; an empty one leaves it as it is.
            of_columns: By column; those that the table lacks are passed over.

        Raises:
            TableConflict: Another writer was first.
            TableError: The table refused.
        """
        name, fields = self.name(table), {field.name: field for field in self.read(table).schema.fields}
        with self.lock(table), refusals(table):
            for column, text in of_columns.items():
                if column in fields and fields[column].metadata.get("comment", "") != text:
                    self.spark.sql(
                        f"ALTER TABLE {name} ALTER COLUMN {quoted_name(column)} COMMENT {text_literal(text)}"
                    )
            if description and self._description(name) != description:
                self.spark.sql(f"COMMENT ON TABLE {name} IS {text_literal(description)}")

    def _description(self, name: str) -> str:
        (row,) = self.spark.sql(f"DESCRIBE DETAIL {name}").collect()
        return row["description"] or ""

    def rebuild(self, table: str, rows: DataFrame, made_of: Mapping[str, int]) -> Write:
        """Replace the whole table, unless it was made of these versions of its sources already."""
        newest = self._newest(table)
        if newest is not None and newest.record.get(MADE_OF) == made_of:
            return Write(table, newest.version, 0)
        return self._write(table, rows, "overwrite", {}, record={MADE_OF: made_of})

    def _write(
        self,
        table: str,
        rows: DataFrame,
        mode: str,
        options: Mapping[str, str],
        *,
        record: Mapping[str, object] | None = None,
    ) -> Write:
        with self.lock(table):
            return self._save(table, rows, mode, options, record=record)

    def _append_unless_overtaken(
        self,
        table: str,
        rows: DataFrame,
        version: int,
        options: Mapping[str, str],
        *,
        record: Mapping[str, object] | None,
    ) -> Write:
        """Append rows that were chosen by a look at a `version`, unless another writer was first."""
        with self.lock(table):
            write = self._save(table, rows, "append", {**options, **self._claim(table, version)}, record=record)
        if write.version <= version:
            raise overtaken(table)
        return write

    def _save(
        self,
        table: str,
        rows: DataFrame,
        mode: str,
        options: Mapping[str, str],
        *,
        record: Mapping[str, object] | None = None,
    ) -> Write:
        token = uuid4().hex
        metadata = json.dumps({**(record or {}), TOKEN: token}, sort_keys=True)
        first = nullcontext() if self._is_known(table) else self._first_commit(table, rows, metadata)
        writer = rows.write.format("delta").mode(mode).options(**options, userMetadata=metadata)
        with first, refusals(table):
            writer.saveAsTable(self.name(table))
        self._known_tables.add(table)
        commits = self.history(table, limit=OTHERS_MEANWHILE)
        ours = next((commit for commit in commits if commit.record.get(TOKEN) == token), None)
        # A transaction that Delta passed over, as its number was taken, left no commit.
        return Write(table, -1, 0) if ours is None else Write(table, ours.version, ours.rows)


def _noting_watermark(newest: Commit | None, within: tuple[str, Window] | None) -> dict[str, object]:
    """Note how far a table reaches after a write; nothing where that is not known."""
    if within is None or (newest is not None and WATERMARK not in newest.record):
        return {}
    end = within[1].end
    return {WATERMARK: iso(end if newest is None else max(_watermark_of(newest) or end, end))}


def _is_beyond(newest: Commit, window: Window) -> bool:
    """Tell whether a window lies beyond all that a table holds, as its newest commit notes it."""
    reach = _watermark_of(newest)
    return reach is not None and reach <= window.start


def _watermark_of(commit: Commit) -> datetime | None:
    end = commit.record.get(WATERMARK)
    return None if end is None else datetime.fromisoformat(str(end))
