"""Upkeep of Delta tables: it changes where rows lie and how long old files stay, and no row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from levelfive.core.conditions import quoted_name, text_literal
from levelfive.storage.conflicts import refusals
from levelfive.storage.retention import FILES_RETENTION, LOG_RETENTION, retention
from levelfive.storage.tables import Tables


@dataclass(frozen=True)
class TableLayout:
    """How a table lies on the disk: its files, the columns it is clustered by, and its properties."""

    files: int
    clustered_by: tuple[str, ...]
    properties: Mapping[str, str]


class Upkeep:
    """Tends tables of one schema.

    Args:
        tables: The tables.
        keep_versions: For how long earlier versions can be read.

    Raises:
        ConfigError: That is shorter than `SHORTEST_RETENTION`.
    """

    def __init__(self, tables: Tables, keep_versions: timedelta) -> None:
        """Tend the tables of a schema."""
        self._tables = tables
        self._retention = retention(keep_versions)

    def layout(self, table: str) -> TableLayout:
        """Look at a table.

        Raises:
            TableError: It is not there, or cannot be read.
        """
        self._tables.read(table)  # makes it known
        with refusals(table):
            (row,) = self._tables.spark.sql(f"DESCRIBE DETAIL {self._tables.name(table)}").collect()
        return TableLayout(row["numFiles"], tuple(row["clusteringColumns"] or ()), row["properties"] or {})

    def keep_versions(self, table: str, layout: TableLayout) -> None:
        """Have files and log stay for as long as earlier versions shall be read, whoever removes them.

        Raises:
            TableConflict: Another writer was first.
            TableError: The table refused.
        """
        properties = dict.fromkeys((LOG_RETENTION, FILES_RETENTION), self._retention)
        if properties.items() <= layout.properties.items():
            return
        pairs = ", ".join(f"{text_literal(name)} = {text_literal(value)}" for name, value in properties.items())
        self._alter(table, f"SET TBLPROPERTIES ({pairs})")

    def cluster(self, table: str, layout: TableLayout, columns: Sequence[str]) -> None:
        """Have rows that agree in some columns lie together, from the next `compact` on.

        Raises:
            TableConflict: Another writer was first.
            TableError: The table refused.
        """
        if layout.clustered_by != tuple(columns):
            self._alter(table, f"CLUSTER BY ({', '.join(map(quoted_name, columns))})")

    def compact(self, table: str) -> tuple[int, int]:
        """Write rows of small files into larger ones, in the order of the table's columns of clustering.

        Returns:
            How many files the newest version has since that it had not, and how many it had that it has not.

        Raises:
            TableConflict: Another writer was first.
            TableError: The table refused.
        """
        with self._tables.lock(table), refusals(table):
            (row,) = self._tables.spark.sql(f"OPTIMIZE {self._tables.name(table)}").select("metrics").collect()
        return row["metrics"]["numFilesAdded"], row["metrics"]["numFilesRemoved"]

    def remove_old_files(self, table: str) -> None:
        """Remove the files that no version needs which is young enough to be kept.

        Raises:
            TableError: The table refused.
        """
        self._tables.vacuum(table)

    def _alter(self, table: str, change: str) -> None:
        with self._tables.lock(table), refusals(table):
            self._tables.spark.sql(f"ALTER TABLE {self._tables.name(table)} {change}")
