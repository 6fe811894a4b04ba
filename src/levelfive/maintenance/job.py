"""The job of maintenance: it compacts and clusters tables, and removes files that only old versions need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from levelfive.errors import TableConflict
from levelfive.maintenance.layout import clustering, layouts
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.storage.upkeep import Upkeep
from levelfive.telemetry.tracing import event

READS = ("<all tables>",)
WRITES = ("<all tables>",)


@dataclass(frozen=True)
class TableMaintenance:
    """What was done to a table.

    Attributes:
        table: The logical name.
        files_before: Files of its newest version before.
        files_after: Files of it since.
        clustered_by: The columns by which its rows lie together; none for a small table of records.
    """

    table: str
    files_before: int
    files_after: int
    clustered_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class MaintenanceResult:
    """What a run did: `overtaken` are tables that another job wrote meanwhile, which the next run takes."""

    run_id: str
    tables: tuple[TableMaintenance, ...]
    overtaken: tuple[str, ...] = ()


def run(context: JobContext, *, as_of: datetime, keep_versions: timedelta) -> MaintenanceResult:
    """Keep the tables of the use case quick to read, and no larger than they have to be.

    The rows of large tables are clustered by time and key, small files are made one, and files go that no version of
    the last `keep_versions` needs. No row changes, and a table's versions are told apart from this upkeep by all jobs.

    Args:
        context: Tables and use case.
        as_of: The logical now of the run's record. What is old enough to go, the files' own times say.
        keep_versions: For how long earlier versions can be read, for time travel and reproduction: a week at least.

    Raises:
        ConfigError: `keep_versions` is shorter than what a job that reads may need.
        TableError: A table cannot be read or written.
    """
    with context.run("maintenance", as_of=as_of, parameters={"keep_versions": keep_versions}) as run:
        upkeep = Upkeep(run.tables, keep_versions)
        columns_of = layouts(context.use_case)
        results: list[TableMaintenance] = []
        overtaken: list[str] = []
        for table in run.tables.own_tables(among=columns_of):
            try:
                with run.timed(table):
                    results.append(_maintain(run.tables, upkeep, table, columns_of.get(table, ())))
            except TableConflict:
                event("maintenance was overtaken", table=table)
                overtaken.append(table)
        run.counts["tables"] = len(results)
        run.counts["files_before"] = sum(one.files_before for one in results)
        run.counts["files_after"] = sum(one.files_after for one in results)
        run.counts["overtaken"] = len(overtaken)
        return MaintenanceResult(run.run_id, tuple(results), tuple(overtaken))


def _maintain(tables: Tables, upkeep: Upkeep, table: str, columns: Sequence[str]) -> TableMaintenance:
    layout = upkeep.layout(table)
    upkeep.keep_versions(table, layout)
    by = clustering(columns, tables.read(table).schema) if columns else ()
    if by:
        upkeep.cluster(table, layout, by)
    more, fewer = upkeep.compact(table) if layout.files > 1 else (0, 0)
    upkeep.remove_old_files(table)
    return TableMaintenance(table, layout.files, layout.files + more - fewer, by)
