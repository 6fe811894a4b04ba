"""Tables in a catalog, as a workspace has them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F

from levelfive.core.conditions import text_literal
from levelfive.errors import TableError
from levelfive.storage.commits import APPENDS, Commit, Write, commit_of
from levelfive.storage.conflicts import refusals
from levelfive.storage.retention import FILES_RETENTION
from levelfive.storage.spark_control_tables import SparkControlTables
from levelfive.storage.tables import OTHERS_MEANWHILE, TOKEN, Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Kinds of tables that one writes to; views and what a pipeline refreshes are others.
_TABLES = frozenset({"MANAGED", "EXTERNAL"})
NO_RETENTION = "interval 0 hours"


class CatalogTables(Tables):
    """Tables that a catalog remembers.

    Nothing is locked: of two writers, Delta takes one transaction of each number.
    """

    def __init__(
        self,
        spark: SparkSession,
        *,
        schema: str,
        can_cache: bool = True,
        schema_of: Callable[[str], str] | None = None,
    ) -> None:
        """Create the schema if it is not there."""
        super().__init__(spark, schema=schema, can_cache=can_cache, schema_of=schema_of)
        self.control_tables = SparkControlTables(self)
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")

    def exists(self, table: str) -> bool:
        """Tell whether the table is there."""
        return self._is_known(table)

    def version(self, table: str) -> int:
        """Tell the newest version of a table; see `Tables`."""
        return self.history(table, limit=1)[0].version

    def discard_versions(self, table: str) -> None:
        """Remove the files of earlier versions; see `Tables`.

        A property of the table allows it, as serverless compute takes no such setting. Rows that are merely marked as
        deleted are removed from their files before.
        """
        name, before = self.name(table), self._retention(table)
        with refusals(table):
            self.spark.sql(f"REORG TABLE {name} APPLY (PURGE)")
            self.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('{FILES_RETENTION}' = '{NO_RETENTION}')")
            try:
                self.spark.sql(f"VACUUM {name} RETAIN 0 HOURS")
            finally:
                self._restore_retention(name, before)

    def vacuum(self, table: str) -> None:
        """Remove old files; see `Tables`."""
        with refusals(table):
            self.spark.sql(f"VACUUM {self.name(table)}")

    def own_tables(self, *, among: Collection[str]) -> tuple[str, ...]:
        """List the tables; see `Tables`. Of others than these, the commits tell who wrote them."""
        tables = (table for table in self.spark.catalog.listTables(self.schema) if table.tableType in _TABLES)
        return tuple(sorted(table.name for table in tables if table.name in among or self._is_own(table.name)))

    def _is_own(self, table: str) -> bool:
        try:
            return any(TOKEN in commit.record for commit in self.history(table, limit=OTHERS_MEANWHILE))
        except AnalysisException:
            return False  # a table of another format has no commits

    def _retention(self, table: str) -> str | None:
        """Tell how long the table was told to keep files; None where nothing was said, or a killed call of ours did."""
        properties = self.spark.sql(f"SHOW TBLPROPERTIES {self.name(table)}").where(F.col("key") == FILES_RETENTION)
        value = next((str(row["value"]) for row in properties.collect()), None)
        return None if value == NO_RETENTION else value

    def _restore_retention(self, name: str, before: str | None) -> None:
        if before is None:
            self.spark.sql(f"ALTER TABLE {name} UNSET TBLPROPERTIES IF EXISTS ('{FILES_RETENTION}')")
        else:
            self.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('{FILES_RETENTION}' = {text_literal(before)})")

    def lock(self, what: str) -> AbstractContextManager[None]:
        """Keep nobody away: jobs of a workspace share no disk, and run one at a time."""
        return nullcontext()

    def _commits(self, table: str, limit: int | None) -> tuple[Commit, ...]:
        newest = f" LIMIT {limit}" if limit else ""
        commits = self.spark.sql(f"DESCRIBE HISTORY {self.name(table)}{newest}")
        rows = commits.select("version", "userMetadata", "operationMetrics", "operation").collect()
        return tuple(commit_of(*row) for row in rows)

    def _write_first(
        self, table: str, rows: DataFrame, options: Mapping[str, str], record: Mapping[str, object]
    ) -> Write:
        return self._append_unless_overtaken(table, rows, 0, options, record=record)

    def _claim(self, table: str, version: int) -> Mapping[str, str]:
        # Delta takes one transaction of each number, and passes over a second one.
        return {"txnAppId": APPENDS, "txnVersion": str(version + 1)}

    @contextmanager
    def _first_commit(self, table: str, rows: DataFrame, record: str) -> Iterator[None]:
        """Make the table empty, so that its first rows come with their record: serverless takes few settings."""
        with self._lock:
            if not self._is_known(table):
                try:
                    with refusals(table):
                        rows.limit(0).write.format("delta").mode("ignore").saveAsTable(self.name(table))
                except TableError:
                    # Another writer may have made it meanwhile.
                    if not self._is_known(table):
                        raise
        yield
