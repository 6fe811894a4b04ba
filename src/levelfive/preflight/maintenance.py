"""What the job `maintenance` keeps: for how long earlier versions of the tables can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from levelfive.config import load_settings
from levelfive.errors import ConfigError
from levelfive.preflight.check_result import CheckResult, Question, found_or_none, missing, ok
from levelfive.preflight.unity_catalog import deployed_schema
from levelfive.preflight.workspace import SET
from levelfive.storage.retention import DELTA_KEEPS, FILES_RETENTION, length_of, retention
from levelfive.usecase.columns import RAW_TABLES, TABLES

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import SchemaInfo


def table_versions(question: Question) -> CheckResult:
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
    properties = {table.name or "": table.properties or {} for table in tables}
    shorter = sorted(table for table, of_table in properties.items() if _is_shorter(of_table, keep_versions))
    if shorter:
        interval = retention(keep_versions)
        pairs = ", ".join(f"'{retained}' = '{interval}'" for retained in DELTA_KEEPS)
        return missing(
            f"{', '.join(shorter)} of {catalog}.{name} keep removed files or the log for a shorter time than "
            f"{keep_versions.days} days, or one that cannot be read",
            f"run the job maintenance; or ALTER TABLE <table> SET TBLPROPERTIES ({pairs})",
        )
    untold = sorted(
        table for table, of_table in properties.items() if _is_left_to_delta(table, of_table, keep_versions)
    )
    return ok(f"tables keep earlier versions for {keep_versions.days} days{_not_yet(untold)}{_optimization(schema)}")


def _is_shorter(properties: Mapping[str, str], keep_versions: timedelta) -> bool:
    """Tell whether a table says of its files or its log that they stay for a shorter time."""
    lengths = (length_of(properties[name]) for name in DELTA_KEEPS if name in properties)
    return any(length is None or length < keep_versions for length in lengths)


def _is_left_to_delta(table: str, properties: Mapping[str, str], keep_versions: timedelta) -> bool:
    """Tell whether a table of levelfive's, as far as its name tells, is one that maintenance has not met yet."""
    is_own = table in TABLES or table.startswith(RAW_TABLES)
    return is_own and any(length < keep_versions for name, length in DELTA_KEEPS.items() if name not in properties)


def _not_yet(tables: Sequence[str]) -> str:
    if not tables:
        return ""
    days = DELTA_KEEPS[FILES_RETENTION].days
    return f", but {', '.join(tables)} for Delta's {days} days until the job maintenance has run"


def _optimization(schema: SchemaInfo) -> str:
    flag = schema.effective_predictive_optimization_flag
    value = None if flag is None else flag.value
    return "" if value is None else f"; predictive optimization of the schema: {value.value}"
