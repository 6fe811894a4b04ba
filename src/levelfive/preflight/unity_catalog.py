"""What the jobs need of Unity Catalog: catalog, schema, landing volume, and the registered model's place.

The bundle makes that place in this workspace wherever `registry_uri` says that the registry is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from levelfive.errors import ConfigError
from levelfive.preflight.check_result import (
    NO_ANSWER,
    CheckResult,
    Principal,
    Question,
    found_or_none,
    missing,
    not_answered,
    ok,
    skipped,
    together,
)
from levelfive.preflight.target import SHORT_NAME

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.catalog import EffectivePrivilegeAssignment

CATALOG, SCHEMA, VOLUME, EXTERNAL_LOCATION = "CATALOG", "SCHEMA", "VOLUME", "EXTERNAL LOCATION"
SERVICE_CREDENTIAL = "SERVICE CREDENTIAL"
# What the API calls by another name than SQL.
_OF_THE_API = {SERVICE_CREDENTIAL: "credential"}
FOR_TABLES = ("USE_SCHEMA", "CREATE_TABLE", "SELECT", "MODIFY")
FOR_MODELS = ("USE_SCHEMA", "CREATE_MODEL")
# The groups to which the bundle grants something in the catalog of the tables, and in that of the registry.
GROUPS_OF_TABLES, GROUPS_OF_MODELS = ("viewers", "suppliers"), ("viewers", "releasers")
EVERYTHING, MANAGE = "ALL_PRIVILEGES", "MANAGE"


@dataclass(frozen=True)
class Securable:
    """An object on which privileges are granted, and who owns it."""

    kind: str
    name: str
    owner: str | None

    def grant(self, privileges: Iterable[str], to: Principal) -> str:
        """Write the statement that grants privileges on it."""
        return f"GRANT {_spelt(privileges)} ON {self.kind} {_quoted(self.name)} TO `{to.name}`"


def catalog(question: Question) -> CheckResult:
    """Ask for the catalog of the tables."""
    return _catalog(question, question.target.value("catalog"))


def catalog_for_groups(question: Question) -> CheckResult:
    """Ask whether the groups may use the catalog of the tables, on which the bundle grants nothing."""
    return _catalog_for(question, question.target.value("catalog"), GROUPS_OF_TABLES)


def schema(question: Question) -> CheckResult:
    """Ask for the schema of the tables, or for the right to create it."""
    return _schema(question, "tables", _tables(question), FOR_TABLES)


def landing(question: Question) -> CheckResult:
    """Ask for the volume of the landing files, which others fill, or for the right to create it."""
    may_read = _volume(question, "landing", ("READ_VOLUME",))
    if may_read is not None:
        return may_read
    creates = _creates_volume(question, "landing")
    if question.target.value("landing_type").upper() != "EXTERNAL":
        return creates
    return together(creates, _location(question, question.target.value("landing_location")))


def reports(question: Question) -> CheckResult:
    """Ask for the volume of the reports, or for the right to create it."""
    return _volume(question, "reports", ("READ_VOLUME", "WRITE_VOLUME")) or _creates_volume(question, "reports")


def registry_catalog(question: Question) -> CheckResult:
    """Ask for the catalog in which the bundle keeps the registered model."""
    return _catalog(question, question.target.value("registry_prefix"))


def registry_catalog_for_groups(question: Question) -> CheckResult:
    """Ask whether the groups may use the registry's catalog, on which the bundle grants nothing."""
    return _catalog_for(question, question.target.value("registry_prefix"), GROUPS_OF_MODELS)


def registry_schema(question: Question) -> CheckResult:
    """Ask for the schema in which the bundle keeps the registered model, and for the right to create one in it."""
    return _schema(question, "registry", _models(question), FOR_MODELS)


def registered_model(question: Question) -> CheckResult:
    """Ask who owns the registered model: only its owner may deploy it, add versions and move aliases."""
    name = f"{_models(question)}.{question.target.bundle}"
    model = found_or_none(lambda: question.client.registered_models.get(name))
    if model is None:
        return ok(f"{name} is not there yet; who creates it owns it")
    if model.owner in question.principal.names:
        return ok(f"{name} belongs to {model.owner}")
    return missing(
        f"{name} belongs to {model.owner}; only its owner may deploy it, add versions and move aliases",
        f"databricks registered-models update {name} --owner {question.principal.name}",
    )


def _tables(question: Question) -> str:
    return f"{question.target.value('catalog')}.{deployed_schema(question, question.target.value('schema'))}"


def _models(question: Question) -> str:
    target = question.target
    return f"{target.value('registry_prefix')}.{deployed_schema(question, target.value('registry_schema'))}"


def _catalog(question: Question, name: str) -> CheckResult:
    catalog = found_or_none(lambda: question.client.catalogs.get(name))
    if catalog is None:
        grant = Securable(CATALOG, name, None).grant(("USE_CATALOG",), question.principal)
        return missing(f"there is no catalog {name}", f"CREATE CATALOG {_quoted(name)}; {grant}")
    return compare_grants(question, Securable(CATALOG, name, catalog.owner), ("USE_CATALOG",))


def _catalog_for(question: Question, name: str, groups: tuple[str, ...]) -> CheckResult:
    if question.target.mode != "production":
        return skipped("only targets in production mode grant anything to groups")
    catalog = found_or_none(lambda: question.client.catalogs.get(name))
    on = Securable(CATALOG, name, catalog.owner if catalog else None)
    group_names = filter(None, map(question.target.value, groups))
    each = (replace(question, principal=Principal(group)) for group in group_names)
    return together(*(compare_grants(one, on, ("USE_CATALOG",)) for one in each))


def _schema(question: Question, key: str, name: str, privileges: tuple[str, ...]) -> CheckResult:
    schema = found_or_none(lambda: question.client.schemas.get(name))
    if schema is not None:
        # A target in production mode sets the grants of its schemas.
        manages = (MANAGE,) if question.target.mode == "production" else ()
        result = compare_grants(question, Securable(SCHEMA, name, schema.owner), privileges + manages)
        bind = f"databricks bundle deployment bind {key} {name} -t {question.target.name}"
        return replace(
            result, reason=f"{result.reason}; if the bundle did not make it, before the first deploy: {bind}"
        )
    parent = name.partition(".")[0]
    above = found_or_none(lambda: question.client.catalogs.get(parent))
    on = Securable(CATALOG, parent, above.owner if above else None)
    if above is None:
        # Not the schema itself: the bundle creates it, and fails on one that it does not know.
        reason = f"there is no schema {name}, nor its catalog; the bundle creates the schema"
        return missing(reason, on.grant(("CREATE_SCHEMA",), question.principal))
    return compare_grants(
        question, on, ("CREATE_SCHEMA",), why=f"there is no schema {name} yet, and the bundle creates it: "
    )


def _volume(question: Question, name: str, privileges: tuple[str, ...]) -> CheckResult | None:
    full_name = f"{_tables(question)}.{name}"
    volume = found_or_none(lambda: question.client.volumes.read(full_name))
    return None if volume is None else compare_grants(question, Securable(VOLUME, full_name, volume.owner), privileges)


def _creates_volume(question: Question, name: str) -> CheckResult:
    tables = _tables(question)
    schema = found_or_none(lambda: question.client.schemas.get(tables))
    if schema is None:
        return ok(f"there is no volume {tables}.{name} yet, nor its schema; who creates the schema may create both")
    why = f"there is no volume {tables}.{name} yet, and the bundle creates it: "
    return compare_grants(question, Securable(SCHEMA, tables, schema.owner), ("CREATE_VOLUME",), why=why)


def _location(question: Question, url: str) -> CheckResult:
    """Ask for the external location of a folder: the longest of those that lead to it."""
    if not url:
        return missing("the landing volume is external, and has no place", "set the variable landing_location")
    above = [one for one in question.client.external_locations.list() if _leads_to(one.url, url)]
    if not above:
        statement = f"CREATE EXTERNAL LOCATION `landing` URL '{url}' WITH (STORAGE CREDENTIAL `<credential>`)"
        grant = Securable(EXTERNAL_LOCATION, "landing", None).grant(("CREATE_EXTERNAL_VOLUME",), question.principal)
        return missing(f"no external location leads to {url}", f"{statement}; {grant}")
    location = max(above, key=lambda one: len(one.url or ""))
    on = Securable(EXTERNAL_LOCATION, location.name or "", location.owner)
    return compare_grants(
        question, on, ("CREATE_EXTERNAL_VOLUME",), why=f"{url} is in external location {location.name}: "
    )


def _leads_to(location: str | None, url: str) -> bool:
    return location is not None and f"{url.rstrip('/')}/".startswith(f"{location.rstrip('/')}/")


def compare_grants(
    question: Question, on: Securable, required_privileges: tuple[str, ...], why: str = ""
) -> CheckResult:
    """Compare what is needed with what reaches the principal, by itself, its groups, and what is granted above."""
    who = question.principal
    if on.owner in who.names:
        return ok(f"{why}{who.name} owns {on.name}")
    try:
        privileges = set(_held(question, on))
    except NO_ANSWER as err:
        return not_answered(err, on.grant(required_privileges, who))
    # All privileges are all but the one to manage.
    enough = {
        privilege: {privilege} if privilege == MANAGE else {privilege, EVERYTHING} for privilege in required_privileges
    }
    lacking = [privilege for privilege in required_privileges if not privileges & enough[privilege]]
    if lacking:
        return missing(f"{why}{who.name} lacks {_spelt(lacking)} on {on.name}", on.grant(lacking, who))
    return ok(f"{why}{who.name} has {_spelt(required_privileges)} on {on.name}")


def _held(question: Question, on: Securable) -> Iterator[str]:
    for assignment in _assignments(question.client, on):
        if assignment.principal in question.principal.names:
            yield from (one.privilege.value for one in assignment.privileges or () if one.privilege is not None)


def _assignments(client: WorkspaceClient, on: Securable) -> Iterator[EffectivePrivilegeAssignment]:
    token = None
    while True:
        # 0: pages of the size that the server likes; without it, the call is deprecated.
        kind = _OF_THE_API.get(on.kind, on.kind.lower().replace(" ", "_"))
        page = client.grants.get_effective(kind, on.name, max_results=0, page_token=token)
        yield from page.privilege_assignments or ()
        token = page.next_page_token
        if not token:
            return


def deployed_schema(question: Question, name: str) -> str:
    """Tell the name that a schema of the bundle gets; in development mode, the deployer's name is part of it."""
    prefix = question.target.name_prefix
    if SHORT_NAME in prefix:
        if question.caller is None:
            raise ConfigError(f"the schema is {name} behind the name of who deploys, which is not known")
        prefix = prefix.replace(SHORT_NAME, question.caller.short_name)
    return plain(prefix) + ("_" if prefix.strip().endswith("]") else "") + name


def plain(text: str) -> str:
    """Write a name as the Databricks CLI does in names of schemas: small letters, digits and single underscores."""
    return re.sub(r"_+", "_", "".join(one if one.isalnum() else "_" for one in text.lower())).strip("_")


def _spelt(privileges: Iterable[str]) -> str:
    return ", ".join(privilege.replace("_", " ") for privilege in privileges)


def _quoted(name: str) -> str:
    return ".".join(f"`{part}`" for part in name.split("."))
