"""Tables in a folder of the local disk, as a laptop has them."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from levelfive.storage import tables
from levelfive.storage.commits import Commit, Write, commits_on_disk, is_committed, newest_version
from levelfive.storage.conflicts import overtaken, refusals
from levelfive.storage.delta_rs_control_tables import DeltaRsControlTables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
# Of a removal of old files: what Delta would refuse, that it need not note it in two commits, and in how many tasks it
# lists a folder, by default in 10,000.
VACUUM_SETTINGS = {
    "spark.databricks.delta.vacuum.logging.enabled": "false",
    "spark.databricks.delta.retentionDurationCheck.enabled": "false",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
}
# Where writers lock tables: a folder beside them.
LOCKS = "_locks"


class LocalTables(tables.Tables):
    """Tables that no catalog remembers between sessions: what is committed in the folder is there.

    Writers lock a table by a file, other processes too: their looks and writes need no numbers of transactions, for
    which Delta rebuilds its state each time.
    """

    def __init__(
        self, spark: SparkSession, *, schema: str, warehouse: Path, schema_of: Callable[[str], str] | None = None
    ) -> None:
        """Create the schema if it is not there.

        Args:
            spark: The session.
            schema: The schema's name.
            warehouse: The folder of the managed tables.
            schema_of: The schema of another use case's tables; see `Tables`.
        """
        super().__init__(spark, schema=schema, schema_of=schema_of)
        self._warehouse = warehouse
        self.control_tables = DeltaRsControlTables(self._folder)
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema} LOCATION '{self._folder('').as_posix()}'")

    def exists(self, table: str) -> bool:
        """Tell whether the table is there."""
        return is_committed(self._folder(table))

    def names(self) -> tuple[str, ...]:
        """List the tables of the schema."""
        for log in sorted(self._folder("").glob("*/_delta_log")):
            self._is_known(log.parent.name)
        return super().names()

    def version(self, table: str) -> int:
        """Tell the newest version of a table; see `Tables`."""
        return newest_version(self._folder(table)) if self.exists(table) else self.history(table, limit=1)[0].version

    def drop(self, table: str) -> None:
        """Remove a table, if it is there; one that was found on the disk leaves its files there otherwise."""
        super().drop(table)
        shutil.rmtree(self._folder(table), ignore_errors=True)

    def discard_versions(self, table: str) -> None:
        """Remove the files of earlier versions; see `Tables`. Delta takes this for safe by a setting alone."""
        self._vacuum(table, " RETAIN 0 HOURS")

    def vacuum(self, table: str) -> None:
        """Remove old files; see `Tables`."""
        self._vacuum(table)

    def _vacuum(self, table: str, retain: str = "") -> None:
        self.read(table)  # makes it known
        with self.lock(table), self._lock, refusals(table):
            for name, value in VACUUM_SETTINGS.items():
                self.spark.conf.set(name, value)
            try:
                self.spark.sql(f"VACUUM {self.name(table)}{retain}")
            finally:
                for name in VACUUM_SETTINGS:
                    self.spark.conf.unset(name)

    def own_tables(self, *, among: Collection[str]) -> tuple[str, ...]:
        """List the tables; see `Tables`. Nobody else keeps any in a home."""
        return tuple(sorted(log.parent.name for log in self._folder("").glob("*/_delta_log")))

    @contextmanager
    def lock(self, what: str) -> Iterator[None]:
        """Wait for others who work on the same, and keep them away."""
        locks = self._folder(LOCKS)
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / what).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _is_known(self, table: str) -> bool:
        """Tell whether Spark's catalog knows the table, once it was told of what lies on the disk."""
        with self._lock:
            if table not in self._known_tables and is_committed(self._folder(table)):
                location, (schema, _, _) = str(self._folder(table)), self.name(table).rpartition(".")
                if schema != self.schema:
                    self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema} LOCATION '{Path(location).parent}'")
                self.spark.sql(f"CREATE TABLE IF NOT EXISTS {self.name(table)} USING delta LOCATION '{location}'")
            return super()._is_known(table)

    def _commits(self, table: str, limit: int | None) -> tuple[Commit, ...]:
        return commits_on_disk(self._folder(table), limit)

    def _write_first(
        self, table: str, rows: DataFrame, options: Mapping[str, str], record: Mapping[str, object]
    ) -> Write:
        with self.lock(table):
            if self._newest(table) is not None:
                raise overtaken(table)
            return self._save(table, rows, "error", {}, record=record)

    def _claim(self, table: str, version: int) -> Mapping[str, str]:
        # The table is locked: what another writer did is seen.
        if self.version(table) > version:
            raise overtaken(table)
        return {}

    @contextmanager
    def _first_commit(self, table: str, rows: DataFrame, record: str) -> Iterator[None]:
        """Have the session note the record; two such commits wait for each other.

        What a killed first write left is removed: Delta makes no table where files lie that no commit names.
        """
        if not is_committed(self._folder(table)):
            shutil.rmtree(self._folder(table), ignore_errors=True)
        with self._lock:
            self.spark.conf.set(USER_METADATA, record)
            try:
                yield
            finally:
                self.spark.conf.unset(USER_METADATA)

    def _folder(self, table: str) -> Path:
        schema, _, own_name = self.name(table).rpartition(".")
        return self._warehouse / f"{schema.split('.')[-1]}.db" / own_name


# Whoever opens the tables of a folder by hand finds them under the plain name, too.
Tables = LocalTables
