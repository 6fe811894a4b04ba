"""What the job `maintenance` keeps: for how long earlier versions of the tables can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from levelfive.config import load_settings
from levelfive.errors import ConfigError
from levelfive.preflight.finding import Finding, Question, found_or_none, missing, ok
from levelfive.preflight.unity_catalog import deployed_schema
from levelfive.preflight.workspace import SET
from levelfive.storage.retention import FILES_RETENTION, length_of, retention

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import SchemaInfo


def table_versions(question: Question) -> Finding:
    """Ask whether the tables that are there keep their earlier versions for as long as the target says."""
    target = question.target
    try:
        keep_versions = load_settings(None, None, keep_versions=target.value("keep_versions")).keep_versions
    except ConfigError as err:
        return missing(str(err), f"{SET} keep_versions to a duration such as P30D")
    catalog, name = target.value("catalog"), deployed_schema(question, target.value("schema"))
    schema = found_or_none(lambda: question.client.schemas.get(f"{catalog}.{name}"))
    if schema is None:
        return ok(f"tables will keep earlier versions for {keep_versions.days} days")
    tables = question.client.tables.list(catalog, name, omit_columns=True)
    interval = {table.name or "": (table.properties or {}).get(FILES_RETENTION, "") for table in tables}
    lengths = {table: length_of(text) for table, text in interval.items() if text}
    shorter = sorted(table for table, length in lengths.items() if length is None or length < keep_versions)
    if shorter:
        return missing(
            f"{', '.join(shorter)} of {catalog}.{name} keep removed files for a shorter time than {keep_versions.days} "
            "days, or one that cannot be read",
            f"run the job maintenance; or ALTER TABLE <table> SET TBLPROPERTIES ('{FILES_RETENTION}' = "
            f"'{retention(keep_versions)}')",
        )
    return ok(f"tables keep earlier versions for {keep_versions.days} days{_optimization(schema)}")


def _optimization(schema: SchemaInfo) -> str:
    flag = schema.effective_predictive_optimization_flag
    value = None if flag is None else flag.value
    return "" if value is None else f"; predictive optimization of the schema: {value.value}"
