"""The part of `Tables` that jobs touch around their Spark steps: control tables, versions and commits."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from in_memory.control_tables import MemoryControlTables
from levelfive.core.windows import Window, iso
from levelfive.errors import TableError
from levelfive.storage.commits import Commit, Write
from levelfive.storage.tables import WATERMARK

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class MemoryTables:
    """ControlTables in memory; of other tables, only what tests say of their commits.

    Args:
        schema: The schema's name.
        commits: By table, its commits, oldest first: of those whose rows only Spark could read.
    """

    def __init__(self, schema: str = "in_memory", commits: dict[str, tuple[Commit, ...]] | None = None) -> None:
        self.schema = schema
        self.control_tables = MemoryControlTables()
        self.discarded: list[str] = []
        self._commits = dict(commits or {})
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def name(self, table: str) -> str:
        return f"{self.schema}.{table}"

    def exists(self, table: str) -> bool:
        return table in self._commits or table in self.control_tables.versions

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({*self._commits, *self.control_tables.versions}))

    def own_tables(self, *, among: Collection[str]) -> tuple[str, ...]:
        return self.names()

    def version(self, table: str) -> int:
        return self.history(table, limit=1)[0].version

    def history(self, table: str, *, limit: int | None = None) -> tuple[Commit, ...]:
        if not self.exists(table):
            raise self._missing(table)
        control_table = range(self.control_tables.versions.get(table, -1) + 1)
        commits = self._commits.get(table) or tuple(Commit(version, {}) for version in control_table)
        return tuple(reversed(commits))[:limit]

    def commits_after(self, table: str, version: int) -> tuple[Commit, ...]:
        return tuple(commit for commit in self.history(table) if commit.version > version)

    def forget_commits(self, table: str) -> None:
        """Leave but the newest commit, as Delta does in time."""
        self._commits[table] = self.history(table, limit=1)

    def watermark(self, table: str, *, before: datetime) -> datetime | None:
        commits = self.history(table) if self.exists(table) else ()
        ends = (
            datetime.fromisoformat(str(commit.record[WATERMARK])) for commit in commits if WATERMARK in commit.record
        )
        return max((end for end in ends if end < before), default=None)

    def read(self, table: str, *, version: int | None = None) -> DataFrame:
        if not self.exists(table):
            raise self._missing(table)
        raise NotImplementedError(f"{table} lies in memory, where no Spark reads it: this test belongs to tests/spark")

    def replace_window(
        self, table: str, rows: DataFrame, column: str, window: Window, *, evolve: bool = False
    ) -> Write:
        """Note how far the table reaches; the rows, which only Spark could compute, are not kept."""
        with self._lock:
            there = self._commits.get(table, ())
            ends = [datetime.fromisoformat(str(commit.record[WATERMARK])) for commit in there]
            commit = Commit(there[-1].version + 1 if there else 0, {WATERMARK: iso(max([*ends, window.end]))})
            self._commits[table] = (*there, commit)
        return Write(table, commit.version)

    def discard_versions(self, table: str) -> None:
        """Note that it was asked for: none is kept."""
        self.discarded.append(table)

    def drop(self, table: str) -> None:
        """Such tables are not kept."""

    def uncache(self, rows: DataFrame) -> None:
        """Nothing is kept."""

    @contextmanager
    def lock(self, what: str) -> Iterator[None]:
        with self._lock:
            lock = self._locks.setdefault(what, threading.Lock())
        with lock:
            yield

    def _missing(self, table: str) -> TableError:
        return TableError(f"table {self.name(table)} does not exist yet: run the stage that writes it first")
