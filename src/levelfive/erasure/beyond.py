"""What an erasure does not reach, in words: in any use case, and in this one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from levelfive.data.landing import PASSED_OVER
from levelfive.data.raw_tables import QUARANTINE
from levelfive.data.staging import staging_table
from levelfive.erasure.person import Person
from levelfive.erasure.tables import TableRows
from levelfive.scoring.requests import LOG
from levelfive.storage.runs import JobContext
from levelfive.usecase.columns import TABLES
from levelfive.usecase.sharing import owners_of, readers_of

BEYOND = (
    "telemetry, and what a terminal or a job's log has shown; messages of failed runs; words of people in annotations",
    "backups, storage that keeps deleted files, and Unity Catalog's 7 days for tables that were dropped",
    "Delta's log on a workspace, which keeps files' least and greatest values for 30 days; PostgreSQL's pages and log",
    "numbers over many rows, names of slices, and what a fitted model learned of the rows",
    "the origin of landing files, reports and other exports, notebooks' results, copies that people made",
    "stores of other environments, services that are up, examples of models whose training set is gone",
)
"""What no erasure reaches, in any use case."""


def beyond_of(context: JobContext, person: Person, landing: Path) -> tuple[str, ...]:
    """Say what is not reached, a phrase each: what is so in this use case first."""
    return (*_of_use_case(context, person, landing), *BEYOND)


def tables_of_before(context: JobContext) -> list[str]:
    """List the tables of features and sources that the use case had, and declares no longer."""
    sources = (LOG, *context.use_case.sources)
    declared = {
        *TABLES,
        *(table.name for table in context.use_case.feature_tables),
        *(source.table for source in sources),
        *map(staging_table, sources),
    }
    return [table for table in context.tables.own_tables(among=declared) if table not in declared]


def _of_use_case(context: JobContext, person: Person, landing: Path) -> Iterator[str]:
    """Say what lies beyond reach in this use case."""
    key = context.use_case.key
    if not person.row_keys.columns and not set(key) <= set(person.identifiers.columns):
        yield (
            f"labels, predictions and training sets, which are by {', '.join(key)}: no raw table holds that beside "
            f"{', '.join(person.identifiers.columns)}"
        )
    if tables := _without_their_columns(context, person):
        columns = " or ".join(", ".join(way.columns) for way in person.names)
        yield (
            f"{', '.join(tables)}, which have no column {columns}, and what is published of them: look whether they "
            "hold the person under another name"
        )
    if names := _sources_of_before(context, landing):
        yield f"files and refused rows of {', '.join(names)}, which is no source of this use case: look there"
    for source in context.use_case.sources:
        if source.delta_table is not None:
            yield f"the table {source.delta_table}, which somebody else writes"
    for owner in owners_of(context.use_case):
        yield f"feature tables of use case {owner}, which are looked up: run it for that use case, too"
    readers = {reader for of_table in readers_of(context.use_case).values() for reader in of_table}
    for reader in sorted(readers):
        yield f"what use case {reader} holds, which looks up feature tables of this one: run it for that use case, too"


def _without_their_columns(context: JobContext, person: Person) -> list[str]:
    """List the tables of features and sources in which no column is called as what names a person."""
    raw_tables = (source.table for source in context.use_case.sources)
    tables = (*(table.name for table in context.use_case.feature_tables), *raw_tables, *tables_of_before(context))
    lookups = context.use_case.model.lookups
    there = (
        TableRows(context.tables, table, person.in_table(table, lookups))
        for table in tables
        if context.tables.exists(table)
    )
    return [rows.table for rows in there if not rows.can_hold_theirs]


def _sources_of_before(context: JobContext, landing: Path) -> list[str]:
    """List what has files or refused rows, and is no source."""
    folders = {path.name for path in landing.iterdir() if path.is_dir()} if landing.is_dir() else set()
    names = {name for name in folders if not name.startswith(PASSED_OVER)}
    if context.tables.exists(QUARANTINE):
        names |= {row["source"] for row in context.tables.read(QUARANTINE).select("source").distinct().collect()}
    return sorted(names - {source.name for source in (LOG, *context.use_case.sources)})
