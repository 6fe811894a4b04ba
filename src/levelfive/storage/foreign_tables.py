"""Delta tables that somebody else writes: their newest version, and what their versions changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from levelfive.core.conditions import quoted_name
from levelfive.core.windows import from_micros
from levelfive.errors import LandingError, LevelfiveError, first_line
from levelfive.storage.commits import committed_on_disk

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CHANGE_TYPE, COMMIT_VERSION = "_change_type", "_commit_version"
FEED = "delta.enableChangeDataFeed"

_UNTOLD = (
    # Changes of these versions were not kept, or are kept no longer; or their schema is another one.
    *("DELTA_MISSING_CHANGE_DATA", "DELTA_CHANGE_DATA_FILE_NOT_FOUND", "DELTA_CHANGE_TABLE_FEED_DISABLED"),
    "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE",
    # Rows were updated or deleted, or the schema is another one.
    *("DELTA_SOURCE_TABLE_IGNORE_CHANGES", "DELTA_SOURCE_IGNORE_DELETE", "DELTA_SCHEMA_CHANGED"),
    *("DELTA_STREAMING_INCOMPATIBLE_SCHEMA_CHANGE", "DELTA_STREAMING_CANNOT_CONTINUE"),
    # Files or commits are there no longer, after VACUUM or the log's retention.
    *("DELTA_VERSION_NOT_FOUND", "DELTA_LOG_FILE_NOT_FOUND", "DELTA_TRUNCATED_TRANSACTION_LOG"),
    *("DELTA_TABLE_VERSION", "FAILED_READ_FILE", "PATH_NOT_FOUND", "FileNotFoundException"),
)


class Untold(Exception):
    """What some versions changed cannot be told; the message says why."""


@dataclass(frozen=True)
class ForeignTableState:
    """A table as it is now: its id, which another table of the name does not have, its version and its columns."""

    table_id: str
    version: int
    columns: tuple[str, ...]
    has_feed: bool


@dataclass(frozen=True)
class ForeignTable:
    """A Delta table that somebody else writes.

    Args:
        spark: The session.
        name: How a catalog calls it.
        folder: Where it lies, if no catalog knows it.
    """

    spark: SparkSession
    name: str
    folder: Path | None = None

    @classmethod
    def at(cls, spark: SparkSession, name: str, folder: Path) -> ForeignTable:
        """Find a table: the one that lies in a folder, as on a laptop, or else the one of a name."""
        return cls(spark, name, folder if (folder / "_delta_log").is_dir() else None)

    @property
    def place(self) -> str:
        """How it is named in SQL."""
        return self.name if self.folder is None else f"delta.{quoted_name(str(self.folder))}"

    def state(self) -> ForeignTableState:
        """Tell how the table is now.

        Raises:
            LandingError: There is no such Delta table, or it may not be read.
        """
        try:
            detail = self.spark.sql(f"DESCRIBE DETAIL {self.place}").select("id", "properties").collect()[0]
            newest = self.spark.sql(f"DESCRIBE HISTORY {self.place} LIMIT 1").select("version").collect()[0]
            columns = self.spark.read.table(self.place).columns
        except PySparkException as err:
            raise LandingError(
                f"expected a Delta table {self.place}, which cannot be read ({first_line(err)}); nothing was ingested. "
                "Correct its name in the source, or grant SELECT on it"
            ) from err
        has_feed = str(detail["properties"].get(FEED, "false")).lower() == "true"
        return ForeignTableState(detail["id"], newest["version"], tuple(columns), has_feed)

    def committed_at(self, version: int, *, newest: int) -> datetime | None:
        """Tell when a version was written, by which it is told from another one of its number; None if it is not kept.

        Args:
            version: The version.
            newest: The newest one.
        """
        if self.folder is not None:  # the history tells when the commit's file was copied
            return committed_on_disk(self.folder, version)
        history = self.spark.sql(f"DESCRIBE HISTORY {self.place} LIMIT {newest - version + 1}")
        times = history.where(F.col("version") == version).select(F.unix_micros("timestamp").alias("at")).collect()
        return from_micros(times[0]["at"]) if times else None

    @property
    def how_to_keep_changes(self) -> str:
        """The statement that switches the change data feed on."""
        return f"ALTER TABLE {self.place} SET TBLPROPERTIES ({FEED} = true)"

    def rows(self, version: int) -> DataFrame:
        """Read the rows of a version."""
        return self.spark.read.option("versionAsOf", version).table(self.place)

    def changes(self, first: int, last: int) -> DataFrame:
        """Read the change data feed of some versions; it fails with what `told` turns into `Untold`."""
        options = {"readChangeFeed": "true", "startingVersion": str(first), "endingVersion": str(last)}
        return self.spark.read.options(**options).table(self.place)

    def append_to(self, target: str, first: int, *, checkpoint: Path, in_order: bool = False) -> None:
        """Write the rows of files that were added since a version into another Delta table, which is there.

        Args:
            target: The table's name.
            first: The first version.
            checkpoint: A folder for the time of the work, which Spark can write.
            in_order: Write file after file as they were added, which is slow: the versions of the target's change feed,
                which is switched on, tell their order.

        Raises:
            Untold: Rows were updated or deleted meanwhile, or files are gone.
        """
        reader = self.spark.readStream.format("delta").option("startingVersion", first)
        if in_order:
            reader = reader.option("maxFilesPerTrigger", 1)
            self.spark.sql(f"ALTER TABLE {target} SET TBLPROPERTIES ({FEED} = true)")
        # Of a folder, a stream takes no name of SQL.
        stream = reader.table(self.name) if self.folder is None else reader.load(str(self.folder))
        options = {"checkpointLocation": str(checkpoint), "mergeSchema": "true"}
        writer = stream.writeStream.format("delta").trigger(availableNow=True).options(**options)
        with told():
            writer.toTable(target).awaitTermination()


class told:
    """Turns what Delta says of changes that it cannot tell into our error; all others pass.

    Raises:
        Untold: Changes were not kept, are kept no longer, or are more than appended rows.
    """

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _: object, err: BaseException | None, __: object) -> None:
        """Turn the error that ended the block."""
        # Where the rows were being written, the error is of the table that they were written to.
        cause = err.__cause__ if isinstance(err, LevelfiveError) and err.__cause__ is not None else err
        if cause is not None and any(condition in str(cause) for condition in _UNTOLD):
            raise Untold(first_line(cause)) from err
