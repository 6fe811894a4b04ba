"""What the jobs need of the schemas of other use cases, whose feature tables are looked up: to read, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from levelfive.config import load_settings
from levelfive.errors import ConfigError
from levelfive.preflight.check_result import CheckResult, Question, found_or_none, missing, skipped, together
from levelfive.preflight.unity_catalog import CATALOG, SCHEMA, Securable, compare_grants, deployed_schema
from levelfive.preflight.workspace import SET
from levelfive.usecase.sharing import owners_of
from levelfive.usecase.use_case import find_use_case

FOR_READERS = ("USE_SCHEMA", "SELECT")


def shared_features(question: Question) -> CheckResult:
    """Ask for the right to read the schemas of other use cases.

    Which these are is said by the lookups, where the use case is installed here, and by the variable `shared_schemas`.
    """
    target = question.target
    tables = f"{target.value('catalog')}.{deployed_schema(question, target.value('schema'))}"
    settings_of_target = {"table_schema": tables, "shared_schemas": target.value("shared_schemas")}
    try:
        settings = load_settings(None, None, use_case=target.bundle, **settings_of_target)
        owners = {*settings.shared_schemas, *_looked_up(target.bundle)}
        schemas = [settings.schema_of(owner) for owner in sorted(owners)]
    except ConfigError as err:
        return missing(str(err), f"{SET} shared_schemas, such as flights=main.flights")
    return _may_read(question, schemas) if schemas else skipped("no feature table of another use case is looked up")


def _looked_up(use_case: str) -> Sequence[str]:
    """List the use cases that are looked up, as far as that is known here."""
    with suppress(ConfigError):
        return owners_of(find_use_case(use_case))
    return ()


def _may_read(question: Question, schemas: Sequence[str]) -> CheckResult:
    catalogs = dict.fromkeys(name.partition(".")[0] for name in schemas)
    return together(*(_catalog(question, name) for name in catalogs), *(_schema(question, name) for name in schemas))


def _catalog(question: Question, name: str) -> CheckResult:
    catalog = found_or_none(lambda: question.client.catalogs.get(name))
    on = Securable(CATALOG, name, catalog.owner if catalog else None)
    return compare_grants(question, on, ("USE_CATALOG",))


def _schema(question: Question, name: str) -> CheckResult:
    schema = found_or_none(lambda: question.client.schemas.get(name))
    if schema is None:
        return missing(
            f"there is no schema {name}, in which a use case that is looked up has its tables, or it may not be seen",
            f"deploy that use case, or {SET} shared_schemas to where its tables are",
        )
    return compare_grants(question, Securable(SCHEMA, name, schema.owner), FOR_READERS)
