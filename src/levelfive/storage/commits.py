"""Commits of Delta tables: what a write did, and the record that its writer left in the table's log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from levelfive.core.windows import from_micros

# The name under which Delta counts the transactions that rest on a look at the table: it takes one of each number.
APPENDS = "levelfive"
# Commits of a workspace's or a person's care for a table: they leave its rows as they are.
UPKEEP = frozenset(
    {
        *("OPTIMIZE", "REORG", "CLUSTER BY", "COMPUTE STATS", "VACUUM START", "VACUUM END", "ROW TRACKING BACKFILL"),
        *("CHANGE COLUMN", "CHANGE COLUMNS"),
        *("SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "UPGRADE PROTOCOL", "ADD CONSTRAINT", "DROP CONSTRAINT"),
    }
)


@dataclass(frozen=True)
class Write:
    """What a write did: the table's version after it, and the rows it put in (None where unknown)."""

    table: str
    version: int
    rows: int | None = None


@dataclass(frozen=True)
class Commit:
    """One commit of a table: the record that its writer left in it, and the rows that it wrote (None: unknown)."""

    version: int
    record: Mapping[str, object]
    rows: int | None = None
    operation: str | None = None

    @property
    def is_upkeep(self) -> bool:
        """Whether it left the table's rows as they were."""
        return self.operation in UPKEEP


def commit_of(version: int, record: str | None, metrics: Mapping[str, str] | None, operation: str | None) -> Commit:
    """Read a commit as Delta describes it; `record` is its user metadata."""
    rows = (metrics or {}).get("numOutputRows")
    return Commit(version, json.loads(record or "{}"), None if rows is None else int(rows), operation)


def is_committed(folder: Path) -> bool:
    """Tell whether a folder holds a table, not merely what a killed first write left."""
    return any((folder / "_delta_log").glob("[0-9]*.json"))


def newest_version(folder: Path) -> int:
    """Tell the newest version of the table in a folder."""
    return max(int(file.stem) for file in (folder / "_delta_log").glob("[0-9]*.json") if file.stem.isdigit())


def commits_on_disk(folder: Path, limit: int | None) -> tuple[Commit, ...]:
    """Read the commit files of Delta's protocol: on a laptop a hundred times quicker than a Spark job that does so."""
    files = sorted((folder / "_delta_log").glob("[0-9]*.json"), reverse=True)[:limit]
    return tuple(_commit_on_disk(file) for file in files)


def committed_on_disk(folder: Path, version: int) -> datetime | None:
    """Tell when a version was written, as its writer noted it; None where its commit is gone, or says nothing."""
    file = folder / "_delta_log" / f"{version:020}.json"
    millis = _info(file).get("timestamp") if file.exists() else None
    return None if millis is None else from_micros(millis * 1000)


def _commit_on_disk(file: Path) -> Commit:
    info = _info(file)
    return commit_of(int(file.stem), info.get("userMetadata"), info.get("operationMetrics"), info.get("operation"))


def _info(file: Path) -> dict[str, Any]:
    with file.open(encoding="utf-8") as actions:
        infos = (json.loads(action).get("commitInfo") for action in actions if action.startswith('{"commitInfo"'))
        return next(infos, None) or {}
