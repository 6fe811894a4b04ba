"""What a workspace lacks is found before the first deployment, whatever else it refuses to say."""

import builtins
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest
from bundle.targets import deployment
from bundle.use_cases import add_bundle
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service import catalog, compute, iam, sql, workspace
from typer.testing import CliRunner

from flight_delay import USE_CASE
from levelfive.cli.main import cli
from levelfive.errors import ConfigError, MachineError
from levelfive.monitoring.destinations.messages import DestinationKind
from levelfive.preflight import checks
from levelfive.preflight import shared_features as preflight
from levelfive.preflight.check_result import CheckOutcome, CheckResult, ok
from levelfive.preflight.target import Target, read_target
from levelfive.preflight.workspace import KINDS
from levelfive.usecase.features import Lookup
from levelfive.usecase.use_case import find_use_case

BUNDLE = Path(__file__).resolve().parents[2] / "databricks.yml"
ROBOT = "00000000-0000-0000-0000-000000000003"
TABLES = "levelfive_prod.flight_delay"
MODELS = "levelfive_registry.prod"
GROUPS = ("levelfive-prod-viewers", "levelfive-prod-suppliers")
MACHINE = "Standard_D4ds_v5"
RUNTIME = "18.x-cpu-ml-scala2.13"
APIS = {
    "catalogs": catalog.CatalogsAPI,
    "cluster_policies": compute.ClusterPoliciesAPI,
    "clusters": compute.ClustersAPI,
    "credentials": catalog.CredentialsAPI,
    "current_user": iam.CurrentUserAPI,
    "external_locations": catalog.ExternalLocationsAPI,
    "grants": catalog.GrantsAPI,
    "groups": iam.GroupsAPI,
    "registered_models": catalog.RegisteredModelsAPI,
    "schemas": catalog.SchemasAPI,
    "secrets": workspace.SecretsAPI,
    "service_principals": iam.ServicePrincipalsAPI,
    "tables": catalog.TablesAPI,
    "volumes": catalog.VolumesAPI,
    "warehouses": sql.WarehousesAPI,
}


def a_user(name: str = ROBOT, *groups: str) -> iam.User:
    return iam.User(user_name=name, groups=[iam.ComplexValue(display=group) for group in groups], active=True)


def a_service_principal(*groups: str, may: tuple[str, ...] = ("allow-cluster-create",)) -> iam.ServicePrincipal:
    return iam.ServicePrincipal(
        application_id=ROBOT,
        display_name="levelfive",
        active=True,
        groups=[iam.ComplexValue(display=group) for group in groups],
        entitlements=[iam.ComplexValue(value=one) for one in may],
    )


def a_machine(name: str = MACHINE, *status: compute.CloudProviderNodeStatus) -> compute.NodeType:
    info = compute.CloudProviderNodeInfo(status=list(status))
    return compute.NodeType(name, 16384, 4.0, "4 cores", name, "General Purpose", node_info=info)


def held_by(name: str, *names: str, groups: tuple[str, ...] = GROUPS) -> catalog.EffectivePermissionsList:
    """Grant privileges to a principal, and to groups that they may use the catalog."""
    held = {name: names} | dict.fromkeys(groups, ("USE_CATALOG",))
    return catalog.EffectivePermissionsList(
        privilege_assignments=[
            catalog.EffectivePrivilegeAssignment(
                principal=who,
                privileges=[catalog.EffectivePrivilege(privilege=catalog.Privilege(one)) for one in privileges],
            )
            for who, privileges in held.items()
        ]
    )


def usable_by(level: str = "CAN_USE", **principal: str) -> sql.WarehousePermissions:
    may = sql.WarehousePermission(permission_level=sql.WarehousePermissionLevel(level))
    entry = sql.WarehouseAccessControlResponse(all_permissions=[may], **principal)
    return sql.WarehousePermissions(access_control_list=[entry])


@cache
def _apis() -> dict[str, Any]:
    """Make what has the methods of the SDK's APIs, once: to read their signatures takes most of a test's time."""
    return {name: create_autospec(api, instance=True) for name, api in APIS.items()}


def a_workspace() -> Any:
    """Build a workspace in which prod has everything, asked by its service principal."""
    for api in _apis().values():
        api.reset_mock(return_value=True, side_effect=True)
    client = SimpleNamespace(**_apis())
    client.current_user.me.return_value = a_user()
    client.service_principals.list.side_effect = lambda **_: iter([a_service_principal()])
    client.groups.list.side_effect = lambda **_: iter([iam.Group(display_name="there")])
    client.catalogs.get.side_effect = lambda name: catalog.CatalogInfo(name=name, owner="admins")
    client.schemas.get.side_effect = lambda name: catalog.SchemaInfo(full_name=name, owner="admins")
    client.volumes.read.side_effect = lambda name: catalog.VolumeInfo(full_name=name, owner="admins")
    client.tables.list.side_effect = lambda *_, **__: iter(())
    client.registered_models.get.side_effect = lambda name: catalog.RegisteredModelInfo(full_name=name, owner=ROBOT)
    client.grants.get_effective.return_value = held_by(ROBOT, "ALL_PRIVILEGES", "MANAGE")
    client.clusters.spark_versions.return_value = compute.GetSparkVersionsResponse(
        [compute.SparkVersion(key=RUNTIME), compute.SparkVersion(key="17.3.x-cpu-ml-scala2.13")]
    )
    client.clusters.list_node_types.return_value = compute.ListNodeTypesResponse([a_machine()])
    client.warehouses.get.side_effect = lambda id: sql.GetWarehouseResponse(id=id, name="boards")
    client.warehouses.get_permissions.return_value = usable_by(group_name="levelfive-prod-viewers")
    client.credentials.get_credential.side_effect = lambda name: catalog.CredentialInfo(name=name, owner="admins")
    client.cluster_policies.get.side_effect = lambda policy_id: compute.Policy(policy_id=policy_id, name="small")
    return client


@cache
def prod(*options: str) -> Target:
    return read_target(BUNDLE, "prod", options=options)


def grants(client: Any, answers: dict[tuple[str, str], catalog.EffectivePermissionsList]) -> None:
    """Answer differently for some securables."""
    usual = client.grants.get_effective.return_value
    client.grants.get_effective.side_effect = lambda kind, name, **_: answers.get((kind, name), usual)


def only(found: dict[str, CheckResult], subject: str) -> CheckResult:
    """Return the result of a subject, which must be the only one that is not fine."""
    assert [subject] == [name for name, one in found.items() if not one.is_fine], found
    return found[subject]


@pytest.mark.parametrize("name", APIS)
def test_the_client_of_the_sdk_has_what_is_faked_here(name: str) -> None:
    assert issubclass(getattr(WorkspaceClient, name).fget.__annotations__["return"], APIS[name])


def test_a_workspace_that_has_everything_lacks_nothing() -> None:
    client = a_workspace()

    found = checks.ask(client, prod())

    assert [(name, one) for name, one in found.items() if not one.is_fine] == []
    assert f"you are {ROBOT}" == found["identity"].reason


@pytest.mark.parametrize("target", ["dev", "serverless", "qa", "prod"])
def test_every_target_of_the_bundle_can_be_asked_about(target: str) -> None:
    client = a_workspace()
    client.current_user.me.return_value = a_user("ann.lee@example.com")

    found = checks.ask(client, read_target(BUNDLE, target))

    assert [
        (name, one) for name, one in found.items() if one.answer is CheckOutcome.UNKNOWN and "ConfigError" in one.reason
    ] == []


@pytest.mark.parametrize(
    ("securable", "subject", "lacking", "statement"),
    [
        (("catalog", "levelfive_prod"), "catalog", "USE CATALOG", "CATALOG `levelfive_prod`"),
        (
            ("schema", TABLES),
            "schema",
            "USE SCHEMA, CREATE TABLE, SELECT, MODIFY, MANAGE",
            "SCHEMA `levelfive_prod`.`flight_delay`",
        ),
        (("volume", f"{TABLES}.landing"), "landing", "READ VOLUME", "VOLUME `levelfive_prod`.`flight_delay`.`landing`"),
        (
            ("volume", f"{TABLES}.reports"),
            "reports",
            "READ VOLUME, WRITE VOLUME",
            "VOLUME `levelfive_prod`.`flight_delay`.`reports`",
        ),
        (("catalog", "levelfive_registry"), "registry's catalog", "USE CATALOG", "CATALOG `levelfive_registry`"),
        (
            ("schema", MODELS),
            "registry's schema",
            "USE SCHEMA, CREATE MODEL, MANAGE",
            "SCHEMA `levelfive_registry`.`prod`",
        ),
    ],
)
def test_what_was_not_granted_is_named_with_its_statement(
    securable: tuple[str, str], subject: str, lacking: str, statement: str
) -> None:
    client = a_workspace()
    grants(client, {securable: held_by("somebody", "ALL_PRIVILEGES", "MANAGE")})

    found = only(checks.ask(client, prod()), subject)

    assert CheckOutcome.MISSING is found.answer
    assert f"GRANT {lacking} ON {statement} TO `{ROBOT}`" == found.remedy


def test_only_what_is_lacking_is_to_be_granted() -> None:
    client = a_workspace()
    grants(client, {("schema", TABLES): held_by(ROBOT, "USE_SCHEMA", "SELECT", "MANAGE")})

    found = only(checks.ask(client, prod()), "schema")

    assert f"GRANT CREATE TABLE, MODIFY ON SCHEMA `levelfive_prod`.`flight_delay` TO `{ROBOT}`" == found.remedy


def test_all_privileges_do_not_include_the_one_to_manage() -> None:
    client = a_workspace()
    grants(client, {("schema", TABLES): held_by(ROBOT, "ALL_PRIVILEGES")})

    found = only(checks.ask(client, prod()), "schema")

    assert f"GRANT MANAGE ON SCHEMA `levelfive_prod`.`flight_delay` TO `{ROBOT}`" == found.remedy


@pytest.mark.parametrize("holder", ["account users", "robots"])
def test_a_grant_reaches_the_principal_through_its_groups(holder: str) -> None:
    client = a_workspace()
    client.service_principals.list.side_effect = lambda **_: iter([a_service_principal("robots")])
    client.grants.get_effective.return_value = held_by(holder, "ALL_PRIVILEGES", "MANAGE")

    found = checks.ask(client, prod())

    assert found["schema"].is_fine


def test_an_owner_needs_no_grant() -> None:
    client = a_workspace()
    client.schemas.get.side_effect = lambda name: catalog.SchemaInfo(full_name=name, owner=ROBOT)
    grants(client, {("schema", TABLES): held_by(ROBOT)})

    found = checks.ask(client, prod())

    assert found["schema"].is_fine


def test_grants_are_read_to_the_last_page() -> None:
    client = a_workspace()
    empty = catalog.EffectivePermissionsList(next_page_token="more")
    full = client.grants.get_effective.return_value
    client.grants.get_effective.side_effect = lambda *_, page_token=None, **__: full if page_token else empty

    found = checks.ask(client, prod())

    assert found["schema"].is_fine


def test_a_schema_that_is_not_there_may_be_created_by_the_bundle() -> None:
    client = a_workspace()
    client.schemas.get.side_effect = NotFound("Schema does not exist.")
    client.volumes.read.side_effect = NotFound("Volume does not exist.")
    client.external_locations.list.side_effect = lambda: iter(
        [catalog.ExternalLocationInfo(name="l", url="abfss://landing@levelfiveprod.dfs.core.windows.net/", owner=ROBOT)]
    )
    grants(client, {("catalog", "levelfive_prod"): held_by(ROBOT, "USE_CATALOG")})

    found = only(checks.ask(client, prod()), "schema")

    assert f"there is no schema {TABLES} yet" in found.reason
    assert f"GRANT CREATE SCHEMA ON CATALOG `levelfive_prod` TO `{ROBOT}`" == found.remedy


def test_an_external_volume_needs_its_external_location() -> None:
    client = a_workspace()
    client.volumes.read.side_effect = lambda name: missing_unless(name.endswith("reports"), name)
    root = "abfss://landing@levelfiveprod.dfs.core.windows.net"
    locations = ("root", root), ("inner", f"{root}/flights/"), ("lookalike", f"{root}/flight")
    client.external_locations.list.side_effect = lambda: iter(
        [catalog.ExternalLocationInfo(name=name, url=url, owner="admins") for name, url in locations]
    )
    grants(
        client,
        {
            ("external_location", "inner"): held_by(ROBOT),
            ("schema", TABLES): held_by(ROBOT, "USE_SCHEMA", "CREATE_TABLE", "SELECT", "MODIFY", "MANAGE"),
        },
    )

    found = only(checks.ask(client, prod()), "landing")

    volume = f"GRANT CREATE VOLUME ON SCHEMA `levelfive_prod`.`flight_delay` TO `{ROBOT}`"
    assert f"{volume}; GRANT CREATE EXTERNAL VOLUME ON EXTERNAL LOCATION `inner` TO `{ROBOT}`" == found.remedy


def missing_unless(is_there: bool, name: str) -> catalog.VolumeInfo:
    if not is_there:
        raise NotFound(f"{name} does not exist.")
    return catalog.VolumeInfo(full_name=name, owner=ROBOT)


def test_a_landing_folder_that_no_external_location_leads_to_is_missing() -> None:
    client = a_workspace()
    client.volumes.read.side_effect = lambda name: missing_unless(name.endswith("reports"), name)
    lookalike = "abfss://landing@levelfiveprod.dfs.core.windows.net/flight"
    client.external_locations.list.side_effect = lambda: iter(
        [catalog.ExternalLocationInfo(name="lookalike", url=lookalike, owner=ROBOT)]
    )

    found = only(checks.ask(client, prod()), "landing")

    assert found.remedy.startswith("CREATE EXTERNAL LOCATION `landing` URL 'abfss://landing@levelfiveprod")


def test_a_model_of_somebody_else_is_in_the_way() -> None:
    client = a_workspace()
    client.registered_models.get.side_effect = lambda name: catalog.RegisteredModelInfo(full_name=name, owner="bob")

    found = only(checks.ask(client, prod()), "registered model")

    assert f"databricks registered-models update {MODELS}.flight_delay --owner {ROBOT}" == found.remedy


def test_a_model_that_is_not_there_yet_is_no_fault() -> None:
    client = a_workspace()
    client.registered_models.get.side_effect = NotFound("no model")

    assert checks.ask(client, prod())["registered model"].is_fine


@pytest.mark.parametrize("registry", ["databricks-uc://central:hub", "https://mlflow.example.com"])
def test_the_place_of_the_model_is_asked_for_wherever_the_registry_is_since_the_bundle_makes_it(registry: str) -> None:
    client = a_workspace()
    a_scope(client, "hub-host", "hub-token", "hub-workspace-id")
    client.registered_models.get.side_effect = lambda name: catalog.RegisteredModelInfo(full_name=name, owner="bob")
    nobody = held_by("nobody", "USE_CATALOG")
    grants(client, {("catalog", "levelfive_registry"): nobody, ("schema", MODELS): nobody})

    found = checks.ask(client, prod(f"registry_uri={registry}"))

    wrong = [name for name, one in found.items() if one.answer is CheckOutcome.MISSING]
    assert wrong == ["registry's catalog", "registry's schema", "registered model"]


def a_scope(client: Any, *keys: str) -> None:
    client.secrets.list_secrets.side_effect = lambda scope: iter([workspace.SecretMetadata(key=key) for key in keys])


def test_another_registry_is_reached_by_secrets() -> None:
    client = a_workspace()
    a_scope(client, "hub-host", "hub-token")

    found = only(checks.ask(client, prod("registry_uri=databricks-uc://central:hub")), "secret scope")

    assert found.remedy == "databricks secrets put-secret central hub-workspace-id"


def test_a_scope_that_is_not_there_is_missing() -> None:
    client = a_workspace()
    client.secrets.list_secrets.side_effect = NotFound("Scope central does not exist!")

    found = only(checks.ask(client, prod("registry_uri=databricks://central:hub")), "secret scope")

    assert found.remedy == "databricks secrets create-scope central"


@pytest.mark.parametrize("reader", [ROBOT, "ops"])
def test_somebody_else_asks_whether_the_jobs_may_read_the_scope(reader: str) -> None:
    client = a_workspace()
    client.current_user.me.return_value = a_user("ann@example.com")
    a_scope(client, "hub-host", "hub-token", "hub-workspace-id")
    acl = workspace.AclItem(principal=reader, permission=workspace.AclPermission.READ)
    client.secrets.list_acls.side_effect = lambda scope: iter([acl])

    found = checks.ask(client, prod("registry_uri=databricks-uc://central:hub"))["secret scope"]

    wanted = "" if reader == ROBOT else f"databricks secrets put-acl central {ROBOT} READ"
    assert wanted == found.remedy


OTHERS = "levelfive_prod.shop"


def reading_the_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the use case of the bundle look up a feature table of the shop."""
    model = replace(USE_CASE.model, lookups=(Lookup("shop.store_returns", {"store": "store"}, ("share",)),))
    monkeypatch.setattr(preflight, "find_use_case", lambda _: replace(USE_CASE, model=model))


def test_the_schemas_of_use_cases_that_are_looked_up_need_grants_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    client = a_workspace()
    grants(client, {("schema", OTHERS): held_by(ROBOT, "USE_SCHEMA")})
    nothing = checks.ask(client, prod())["shared features"]
    reading_the_shop(monkeypatch)

    found = only(checks.ask(client, prod()), "shared features")

    assert nothing.answer is CheckOutcome.SKIPPED
    assert found.reason == f"{ROBOT} lacks SELECT on {OTHERS}"
    assert found.remedy == f"GRANT SELECT ON SCHEMA `levelfive_prod`.`shop` TO `{ROBOT}`"


def test_shared_schemas_say_where_others_are_also_where_the_use_case_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = a_workspace()
    grants(client, {("catalog", "main"): held_by("nobody"), ("schema", "main.sales"): held_by(ROBOT, "ALL_PRIVILEGES")})
    monkeypatch.setattr(preflight, "find_use_case", lambda _: find_use_case("nowhere"))

    found = only(checks.ask(client, prod("shared_schemas=shop=main.sales")), "shared features")

    assert found.remedy == f"GRANT USE CATALOG ON CATALOG `main` TO `{ROBOT}`"


def test_a_schema_of_another_use_case_that_is_nowhere_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    client = a_workspace()
    there = client.schemas.get.side_effect
    reading_the_shop(monkeypatch)

    def get(name: str) -> catalog.SchemaInfo:
        if name == OTHERS:
            raise NotFound(f"{name} does not exist.")
        return there(name)

    client.schemas.get.side_effect = get

    found = only(checks.ask(client, prod()), "shared features")

    assert f"there is no schema {OTHERS}" in found.reason
    assert "shared_schemas" in found.remedy
    assert checks.ask(client, prod("shared_schemas=shop"))["shared features"].answer is CheckOutcome.MISSING


def test_destinations_of_alerts_are_asked_for_by_their_secrets() -> None:
    client = a_workspace()
    a_scope(client, "teams")
    told = "destinations=teams=secrets/levelfive/teams, slack=secrets/levelfive/slack"

    found = only(checks.ask(client, prod(told)), "alert destinations")

    assert found.remedy == "databricks secrets put-secret levelfive slack"


@pytest.mark.parametrize("wrong", ["teams", "pager=secrets/levelfive/pager", "teams=https://example.com/hook"])
def test_what_names_no_destination_with_a_secret_is_missing(wrong: str) -> None:
    found = only(checks.ask(a_workspace(), prod(f"destinations={wrong}")), "alert destinations")

    assert "such as teams=secrets/SCOPE/KEY; kinds are teams, slack, webhook" in found.remedy


def test_the_kinds_that_preflight_knows_are_those_that_there_are() -> None:
    assert list(KINDS) == list(DestinationKind)


def tables_that_keep(client: Any, **intervals: str | None) -> None:
    """Let the schema hold tables, each of which keeps removed files and its log for so long."""
    retained = ("delta.deletedFileRetentionDuration", "delta.logRetentionDuration")
    client.tables.list.side_effect = lambda *_, **__: iter(
        catalog.TableInfo(name=name, properties=interval and dict.fromkeys(retained, interval))
        for name, interval in intervals.items()
    )


def test_tables_that_keep_their_versions_for_long_enough_are_fine() -> None:
    client = a_workspace()
    tables_that_keep(client, labels="interval 30 days", predictions="interval 5 weeks", theirs=None)

    found = checks.ask(client, prod())["table versions"]

    assert (found.answer, found.reason) == (CheckOutcome.OK, "tables keep earlier versions for 30 days")


@pytest.mark.parametrize(
    ("length", "named"), [("P7D", ""), ("P8D", "raw_flights, runs"), ("P31D", "raw_flights, runs")]
)
def test_tables_that_delta_keeps_as_it_does_by_itself_are_told(length: str, named: str) -> None:
    client = a_workspace()
    tables_that_keep(client, labels="interval 31 days", runs=None, raw_flights=None)

    found = checks.ask(client, prod(f"keep_versions={length}"))["table versions"]

    not_yet = f", but {named} for Delta's 7 days until the job maintenance has run" if named else ""
    assert found == ok(f"tables keep earlier versions for {length[1:-1]} days{not_yet}")


@pytest.mark.parametrize("retained", ["delta.deletedFileRetentionDuration", "delta.logRetentionDuration"])
def test_files_and_log_of_a_table_have_to_stay(retained: str) -> None:
    client = a_workspace()
    short = catalog.TableInfo(name="labels", properties={retained: "interval 29 days"})
    client.tables.list.side_effect = lambda *_, **__: iter([short])

    found = only(checks.ask(client, prod()), "table versions")

    assert found.reason.startswith("labels of levelfive_prod.flight_delay keep")
    assert f"'{retained}' = 'interval 30 days'" in found.remedy


@pytest.mark.parametrize("interval", ["interval 29 days", "interval 1 month"])
def test_a_table_that_keeps_its_versions_for_less_is_named(interval: str) -> None:
    client = a_workspace()
    tables_that_keep(client, labels="interval 30 days", predictions=interval)

    found = only(checks.ask(client, prod()), "table versions")

    assert found.reason.startswith("predictions of levelfive_prod.flight_delay keep removed files or the log for a")
    assert "job maintenance" in found.remedy
    assert "'delta.deletedFileRetentionDuration' = 'interval 30 days'" in found.remedy


@pytest.mark.parametrize("length", ["P6D", "soon", "30"])
def test_versions_have_to_be_kept_for_a_week_at_least(length: str) -> None:
    found = only(checks.ask(a_workspace(), prod(f"keep_versions={length}")), "table versions")

    assert "keep_versions" in found.reason
    assert found.remedy == "set the variable keep_versions to a duration such as P30D"


def test_whether_databricks_tends_the_tables_is_told() -> None:
    client = a_workspace()
    flag = catalog.EffectivePredictiveOptimizationFlag(value=catalog.EnablePredictiveOptimization.ENABLE)
    client.schemas.get.side_effect = lambda name: catalog.SchemaInfo(
        full_name=name, owner="admins", effective_predictive_optimization_flag=flag
    )

    assert checks.ask(client, prod())["table versions"].reason.endswith("predictive optimization of the schema: ENABLE")


def test_where_nobody_serves_nothing_of_real_time_is_asked_for() -> None:
    found = checks.ask(a_workspace(), prod())

    assert [found[name].answer for name in ("online store", "Azure ML")] == [CheckOutcome.SKIPPED] * 2


def test_what_is_published_needs_the_secret_that_names_the_online_store() -> None:
    client = a_workspace()
    a_scope(client, "another")

    found = only(checks.ask(client, prod("serving_schedule=UNPAUSED")), "online store")

    assert found.remedy == "databricks secrets put-secret levelfive online-store"


@pytest.mark.parametrize(
    "named", ["", "postgresql://me:password@host/db", "env:STORE", "secret://levelfive/online-store"]
)
def test_the_online_store_is_named_by_a_secret(named: str) -> None:
    found = only(checks.ask(a_workspace(), prod("serving_schedule=UNPAUSED", f"online_store={named}")), "online store")

    assert found.remedy == "set the variable online_store to secrets/SCOPE/KEY"
    assert "password" not in found.reason


def by_azure_ml(*others: str) -> Target:
    """A target that serves by Azure ML, with everything that this takes."""
    workspace_id = (
        f"/subscriptions/{ROBOT}/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/serves"
    )
    variables = {
        "serving": "azure_ml",
        "azure_ml": workspace_id,
        "azure_credential": "azure-ml",
        "serving_repository": "levelfive.azurecr.io/levelfive-serving",
    }
    return prod(*(f"{name}={value}" for name, value in variables.items()), *others)


def a_serving_workspace() -> Any:
    client = a_workspace()
    a_scope(client, "online-store")
    return client


def test_where_azure_ml_serves_the_endpoint_and_its_place_are_told() -> None:
    found = checks.ask(a_serving_workspace(), by_azure_ml())

    assert [(name, one) for name, one in found.items() if not one.is_fine] == []
    assert f"the endpoint is flight-delay-prod in workspace serves in ml of {ROBOT}" in found["Azure ML"].reason


@pytest.mark.parametrize(
    ("variable", "says", "remedy"),
    [
        ("serving=aml", "serving is 'aml'", "serving to none or azure_ml"),
        ("azure_ml=", "copy it from the workspace's page", "azure_ml, serving_repository"),
        ("azure_ml=serves", "copy it from the workspace's page", "azure_ml, serving_repository"),
        ("serving_repository=", "no repository of images is named", "serving_repository"),
        ("serving_repository=levelfive.azurecr.io/a@sha256:0", "serving_repository: ", "azure_ml, serving_repository"),
        ("endpoint_kind=aks", "no files for an endpoint of kind 'aks'", "endpoint_kind to kubernetes or managed"),
        ("registry_schema=production_of_flights_europe", "cut to what Azure takes", "registry_schema to a shorter one"),
    ],
)
def test_a_variable_of_azure_ml_that_is_wrong_is_named(variable: str, says: str, remedy: str) -> None:
    client = a_serving_workspace()
    client.registered_models.get.side_effect = NotFound("no model")

    found = only(checks.ask(client, by_azure_ml(variable)), "Azure ML")

    assert says in found.reason
    assert f"set the variable {remedy}" in found.remedy


def test_the_jobs_sign_in_to_azure_by_a_credential_that_they_may_use() -> None:
    client = a_serving_workspace()
    grants(client, {("credential", "azure-ml"): held_by(ROBOT)})

    found = only(checks.ask(client, by_azure_ml()), "Azure ML")

    assert found.remedy == f"GRANT ACCESS ON SERVICE CREDENTIAL `azure-ml` TO `{ROBOT}`"


def test_a_credential_that_is_not_there_is_missing() -> None:
    client = a_serving_workspace()
    client.credentials.get_credential.side_effect = NotFound("no credential")

    found = only(checks.ask(client, by_azure_ml()), "Azure ML")

    assert found.reason == "there is no service credential azure-ml"
    assert checks.ask(client, by_azure_ml("azure_credential="))["Azure ML"].is_fine


@pytest.mark.parametrize("error", [NotFound("no"), InvalidParameterValue("0 is not a valid endpoint id")])
def test_a_warehouse_that_is_not_there_is_missing(error: Exception) -> None:
    client = a_workspace()
    client.warehouses.get.side_effect = error

    found = only(checks.ask(client, prod()), "SQL warehouse")

    assert found.reason == "there is no SQL warehouse 3000000000000003"


@pytest.mark.parametrize(("level", "answer"), [("CAN_USE", CheckOutcome.OK), ("CAN_VIEW", CheckOutcome.MISSING)])
def test_somebody_else_asks_whether_the_jobs_may_use_the_warehouse(level: str, answer: CheckOutcome) -> None:
    client = a_workspace()
    client.current_user.me.return_value = a_user("ann@example.com")
    client.warehouses.get_permissions.return_value = usable_by(level, service_principal_name=ROBOT)

    found = checks.ask(client, prod())["SQL warehouse"]

    assert answer is found.answer


def test_a_policy_that_the_jobs_may_not_use_is_named_with_its_command() -> None:
    client = a_workspace()
    client.current_user.me.return_value = a_user("ann@example.com")
    client.warehouses.get_permissions.side_effect = PermissionDenied("only managers may ask. Config: host=h")
    client.cluster_policies.get_permissions.return_value = compute.ClusterPolicyPermissions(access_control_list=[])

    found = checks.ask(client, prod("cluster_policy_id=AB12"))

    assert CheckOutcome.MISSING is found["cluster policy"].answer
    assert found["cluster policy"].remedy.startswith("databricks permissions update cluster-policies AB12 --json")
    assert found["SQL warehouse"].reason == "PermissionDenied: only managers may ask"
    assert ROBOT in found["SQL warehouse"].remedy


def test_a_runtime_that_the_workspace_does_not_know_is_missing() -> None:
    client = a_workspace()

    found = only(checks.ask(client, prod("runtime=19.x-cpu-ml-scala2.13")), "runtime")

    assert RUNTIME in found.remedy


@pytest.mark.parametrize(
    ("known", "wanted", "reason"),
    [
        (a_machine(), "Standard_D4sd_v5", "the workspace does not know the machine Standard_D4sd_v5"),
        (
            a_machine(MACHINE, compute.CloudProviderNodeStatus.NOT_ENABLED_ON_SUBSCRIPTION),
            MACHINE,
            f"{MACHINE} is not to be had here: NotEnabledOnSubscription",
        ),
    ],
    ids=["misspelt", "no quota"],
)
def test_a_machine_that_is_not_to_be_had_is_missing(known: compute.NodeType, wanted: str, reason: str) -> None:
    client = a_workspace()
    client.clusters.list_node_types.return_value = compute.ListNodeTypesResponse([known])

    found = only(checks.ask(client, prod(f"node_type={wanted}")), "machines")

    assert found.reason == reason
    assert MACHINE in found.remedy


def test_the_cores_that_a_job_takes_are_said_for_the_quota() -> None:
    found = checks.ask(a_workspace(), prod("workers=4"))["machines"]

    assert "takes 20 cores of it" in found.reason
    assert "az vm list-usage" in found.reason


@pytest.mark.parametrize(
    ("robot", "group", "answer"),
    [
        (a_service_principal(may=()), (), CheckOutcome.MISSING),
        (a_service_principal(may=("workspace-access",)), (), CheckOutcome.MISSING),
        (a_service_principal(), (), CheckOutcome.OK),
        (a_service_principal("admins", may=()), (), CheckOutcome.OK),
        (a_service_principal("robots", may=()), ("allow-cluster-create",), CheckOutcome.OK),
    ],
    ids=["nothing", "another right", "its own", "an admin", "its group's"],
)
def test_without_a_policy_the_jobs_need_the_right_to_create_clusters(
    robot: iam.ServicePrincipal, group: tuple[str, ...], answer: CheckOutcome
) -> None:
    client = a_workspace()
    client.service_principals.list.side_effect = lambda **_: iter([robot])
    may = [iam.ComplexValue(value=one) for one in group]
    client.groups.list.side_effect = lambda **_: iter([iam.Group(display_name="there", entitlements=may)])

    found = checks.ask(client, prod())["cluster policy"]

    assert answer is found.answer
    assert ("cluster_policy_id" in found.remedy) == (answer is CheckOutcome.MISSING)


def test_serverless_needs_neither_runtime_nor_policy() -> None:
    client = a_workspace()
    client.clusters.spark_versions.side_effect = PermissionDenied("not asked")

    found = checks.ask(client, read_target(BUNDLE, "serverless"))

    assert {found[name].answer for name in ("runtime", "cluster policy", "machines")} == {CheckOutcome.SKIPPED}


def test_a_production_target_needs_its_service_principal() -> None:
    client = a_workspace()
    client.service_principals.list.side_effect = lambda **_: iter([])

    policy = "cluster_policy_id=AB12"
    found = only(checks.ask(client, prod(policy)), "service principal")

    assert f"databricks service-principals create --application-id {ROBOT}" == found.remedy
    assert (
        only(checks.ask(a_workspace(), prod(policy, "service_principal=")), "service principal").answer
        is CheckOutcome.MISSING
    )


@pytest.mark.parametrize(
    ("variable", "target"),
    [
        ("operators", "prod"),
        ("approvers", "prod"),
        ("viewers", "prod"),
        ("suppliers", "prod"),
        ("releasers", "qa"),
    ],
)
def test_a_group_that_is_not_there_is_named_with_its_variable(variable: str, target: str) -> None:
    client = a_workspace()
    client.groups.list.side_effect = lambda filter: iter(
        [] if variable in filter else [iam.Group(display_name="there")]
    )

    found = checks.ask(client, read_target(BUNDLE, target))["groups"]

    assert found.reason == f"no group levelfive-{target}-{variable} in this workspace"
    assert found.remedy.endswith(f"variable {variable}")


def test_the_groups_must_be_able_to_use_each_catalog_in_which_the_bundle_grants_them_something() -> None:
    client = a_workspace()
    client.grants.get_effective.return_value = held_by(ROBOT, "ALL_PRIVILEGES", "MANAGE", groups=())
    resources = [one for found in deployment("prod").resources.values() for one in found.values()]

    found = checks.ask(client, prod())

    granted = [(one["catalog_name"], to["principal"]) for one in resources for to in one.get("grants", ())]
    needed = {f"GRANT USE CATALOG ON CATALOG `{name}` TO `{group}`" for name, group in granted}
    wrong = {name: one.answer for name, one in found.items() if not one.is_fine}
    assert wrong == dict.fromkeys(["catalog for groups", "registry's catalog for groups"], CheckOutcome.MISSING)
    assert needed == {statement for name in wrong for statement in found[name].remedy.split("; ")}


@pytest.mark.parametrize(
    ("catalog_name", "subject", "group"),
    [
        ("levelfive_prod", "catalog for groups", "levelfive-prod-suppliers"),
        ("levelfive_registry", "registry's catalog for groups", "levelfive-prod-viewers"),
    ],
)
def test_only_the_group_that_may_not_use_a_catalog_is_named(catalog_name: str, subject: str, group: str) -> None:
    client = a_workspace()
    some = held_by(ROBOT, "USE_CATALOG", groups=tuple(one for one in GROUPS if one != group))
    grants(client, {("catalog", catalog_name): some})

    found = only(checks.ask(client, prod()), subject)

    assert found.reason == f"{group} lacks USE CATALOG on {catalog_name}"
    assert found.remedy == f"GRANT USE CATALOG ON CATALOG `{catalog_name}` TO `{group}`"


def test_a_catalog_that_is_not_there_yet_is_granted_to_the_groups_afterwards() -> None:
    client = a_workspace()
    client.catalogs.get.side_effect = NotFound("no catalog")
    client.grants.get_effective.side_effect = NotFound("no catalog")

    found = checks.ask(client, prod())

    statements = [statement for one in found.values() for statement in one.remedy.split("; ")]
    granted = "GRANT USE CATALOG ON CATALOG `levelfive_prod` TO `levelfive-prod-viewers`"
    assert statements.index("CREATE CATALOG `levelfive_prod`") < statements.index(granted)


def test_a_schema_whose_catalog_is_not_there_is_left_to_the_bundle_which_may_create_it() -> None:
    client = a_workspace()
    for ask in (client.catalogs.get, client.schemas.get, client.volumes.read, client.grants.get_effective):
        ask.side_effect = NotFound("no catalog")
    client.external_locations.list.side_effect = lambda: iter([])

    found = checks.ask(client, prod())

    statements = [statement for one in found.values() for statement in one.remedy.split("; ")]
    assert not [statement for statement in statements if statement.startswith("CREATE SCHEMA")]
    for name in ("levelfive_prod", "levelfive_registry"):
        needed = [
            f"CREATE CATALOG `{name}`",
            f"GRANT USE CATALOG ON CATALOG `{name}` TO `{ROBOT}`",
            f"GRANT CREATE SCHEMA ON CATALOG `{name}` TO `{ROBOT}`",
        ]
        assert [statement for statement in statements if statement in needed] == needed
    assert f"GRANT CREATE EXTERNAL VOLUME ON EXTERNAL LOCATION `landing` TO `{ROBOT}`" in statements


@pytest.mark.parametrize(
    ("subject", "key", "name"), [("schema", "tables", TABLES), ("registry's schema", "registry", MODELS)]
)
def test_a_schema_that_the_platform_made_is_to_be_bound(subject: str, key: str, name: str) -> None:
    found = checks.ask(a_workspace(), prod())[subject]

    assert found.is_fine
    assert f"databricks bundle deployment bind {key} {name} -t prod" in found.reason
    assert key in deployment("prod").resources["schemas"]


def test_viewers_look_at_the_dashboard_by_a_warehouse_that_they_may_use() -> None:
    client = a_workspace()
    client.warehouses.get_permissions.return_value = usable_by("CAN_VIEW", group_name="levelfive-prod-viewers")

    found = only(checks.ask(client, prod()), "SQL warehouse for viewers")

    assert found.remedy.startswith("databricks permissions update warehouses 3000000000000003 --json")
    assert '{"group_name": "levelfive-prod-viewers", "permission_level": "CAN_USE"}' in found.remedy


def test_what_everybody_may_the_groups_may() -> None:
    client = a_workspace()
    everybody = held_by("account users", "USE_CATALOG", groups=())
    grants(client, {("catalog", name): everybody for name in ("levelfive_prod", "levelfive_registry")})
    client.warehouses.get_permissions.return_value = usable_by(group_name="users")

    found = checks.ask(client, prod())

    assert [(name, one) for name, one in found.items() if not one.is_fine] == []


@pytest.mark.parametrize("target", ["dev", "serverless"])
def test_a_development_copy_needs_nothing_for_groups(target: str) -> None:
    found = checks.ask(a_workspace(), read_target(BUNDLE, target))

    skipped = [name for name, one in found.items() if one.answer is CheckOutcome.SKIPPED]
    assert {"catalog for groups", "registry's catalog for groups", "SQL warehouse for viewers"} < set(skipped)


@pytest.mark.parametrize(
    ("target", "schema"),
    [("dev", "levelfive_dev.dev_ann_lee_flight_delay"), ("serverless", "dev_ann_lee_serverless_flight_delay")],
)
def test_development_mode_puts_the_deployer_before_the_names_of_schemas(target: str, schema: str) -> None:
    client = a_workspace()
    client.current_user.me.return_value = a_user("Ann.Lee@example.com")

    found = checks.ask(client, read_target(BUNDLE, target))

    assert "Ann.Lee@example.com lacks USE SCHEMA, CREATE TABLE, SELECT, MODIFY on" in found["schema"].reason
    assert schema in found["schema"].reason


def every_method(client: Any) -> Iterator[Any]:
    for name, api in APIS.items():
        for method in dir(api):
            if not method.startswith("_") and callable(getattr(getattr(client, name), method)):
                yield getattr(getattr(client, name), method)


@pytest.mark.parametrize(
    "error", [PermissionDenied("not for you"), ConnectionError("no network"), ValueError("no JSON")]
)
def test_a_workspace_that_answers_nothing_stops_no_check(error: Exception) -> None:
    client = a_workspace()
    for method in every_method(client):
        method.side_effect = error

    found = checks.ask(client, prod("cluster_policy_id=AB12"))

    silent = {name for name, one in found.items() if one.answer is CheckOutcome.UNKNOWN}
    skipped = {"secret scope", "alert destinations", "shared features", "online store", "Azure ML"}
    assert set(found) - skipped == silent
    assert {f"{type(error).__name__}: {error}"} == {found[name].reason for name in silent}


def test_one_refusal_leaves_the_other_answers_alone() -> None:
    client = a_workspace()
    client.grants.get_effective.side_effect = PermissionDenied("you must be the owner")

    found = checks.ask(client, prod())

    assert found["runtime"].is_fine
    assert found["catalog"].reason == "PermissionDenied: you must be the owner"
    assert f"GRANT USE CATALOG ON CATALOG `levelfive_prod` TO `{ROBOT}`" == found["catalog"].remedy


def test_nothing_is_changed() -> None:
    client = a_workspace()
    a_scope(client, "hub-host", "hub-token", "hub-workspace-id")

    checks.ask(client, prod("registry_uri=databricks-uc://central:hub", "cluster_policy_id=AB12"))
    checks.ask(client, by_azure_ml())

    called = {call[0].split(".")[-1] for name in APIS for call in getattr(client, name).method_calls}
    assert called == {
        "get",
        "get_credential",
        "get_effective",
        "get_permissions",
        "list",
        "list_secrets",
        "me",
        "read",
        "spark_versions",
        "list_node_types",
    }


def run(monkeypatch: pytest.MonkeyPatch, client: Any, *options: str) -> tuple[int, str]:
    monkeypatch.setattr(checks, "client_of", lambda target, profile: client)
    result = CliRunner().invoke(cli, ["preflight", "-t", "prod", "--bundle", str(BUNDLE), *options])
    return result.exit_code, result.output


def test_the_command_ends_well_when_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(monkeypatch, a_workspace())

    assert code == 0
    assert "missing" not in output


def test_the_command_prints_what_grants_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    client = a_workspace()
    grants(client, {("catalog", "levelfive_prod"): held_by(ROBOT)})

    code, output = run(monkeypatch, client)

    assert code == 2
    assert f"GRANT USE CATALOG ON CATALOG `levelfive_prod` TO `{ROBOT}`" in output.splitlines()


def test_the_command_takes_variables_as_the_cli_of_databricks_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNDLE_VAR_runtime", "1.x")
    monkeypatch.setenv("BUNDLE_VAR_catalog", "elsewhere")

    code, output = run(monkeypatch, a_workspace(), "--var", "catalog=here")

    assert code == 2
    assert "does not know the runtime 1.x" in output
    assert "on here" in output


def test_without_the_sdk_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def no_sdk(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("databricks"):
            raise ImportError(name)
        return usual(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_sdk)

    with pytest.raises(MachineError, match="pip install databricks-sdk"):
        checks.client_of(prod(), None)


def test_without_credentials_the_command_says_how_to_log_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(checks, "RETRY_TIMEOUT_SECONDS", 1)

    with pytest.raises(ConfigError, match="databricks auth login --host"):
        checks.client_of(a_target(tmp_path, "host: http://127.0.0.1:9"), "nobody")


def a_bundle(folder: Path, text: str) -> Path:
    path = folder / "databricks.yml"
    path.write_text(text)
    return path


def a_target(folder: Path, workspace: str) -> Target:
    return read_target(a_bundle(folder, f"targets:\n  here:\n    workspace:\n      {workspace}\n"), "here")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "there is no"),
        ("- a list", "it holds list"),
        ("a: [", "is not YAML"),
        ("targets: {dev: {}, qa: {}}", "no target 'prod'; it has: dev, qa"),
    ],
)
def test_a_file_that_holds_no_such_target_is_refused(tmp_path: Path, text: str | None, complaint: str) -> None:
    path = tmp_path / "databricks.yml" if text is None else a_bundle(tmp_path, text)

    with pytest.raises(ConfigError, match=complaint):
        read_target(path, "prod")


@pytest.mark.parametrize("option", ["catalog", "=x", "unknown=x"])
def test_a_wrong_variable_is_refused(option: str) -> None:
    with pytest.raises(ConfigError, match="--var: expected name=value"):
        prod(option)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("default: ${bundle.git.commit}", "bundle.git.commit"),
        ("lookup: {warehouse: boards}", "lookup of warehouse boards"),
    ],
)
def test_a_value_that_only_the_cli_resolves_says_so(tmp_path: Path, written: str, complaint: str) -> None:
    path = a_bundle(tmp_path, f"variables:\n  it:\n    {written}\ntargets:\n  prod: {{}}\n")

    with pytest.raises(ConfigError, match=complaint):
        read_target(path, "prod").value("it")


def test_files_that_the_bundle_includes_are_read_in_their_order_and_the_later_one_wins(tmp_path: Path) -> None:
    path = a_bundle(tmp_path, "include: [b.yml, a*.yml]\nbundle: {name: shop}\nvariables: {x: {default: '1'}}\n")
    (tmp_path / "a.yml").write_text("variables: {x: {default: '${bundle.name}'}}")
    (tmp_path / "b.yml").write_text("variables: {x: {default: '2'}, y: {default: '2'}}\ntargets: {prod: {}}")

    target = read_target(path, "prod")

    assert (target.bundle, target.value("x"), target.value("y")) == ("shop", "shop", "2")


def test_what_a_second_use_case_lacks_is_asked_by_its_own_names(tmp_path: Path) -> None:
    client = a_workspace()

    found = checks.ask(client, read_target(add_bundle(tmp_path) / "databricks.yml", "prod"))

    assert "levelfive-shop-prod-viewers" in found["groups"].reason
    assert "levelfive_prod.shop" in found["schema"].reason


def test_a_variable_may_name_another(tmp_path: Path) -> None:
    path = a_bundle(
        tmp_path,
        "variables:\n  a: {default: 'x_${var.b}'}\n  b: {default: '${bundle.target}'}\n"
        "targets:\n  prod: {variables: {b: {default: 'y_${bundle.target}'}}}\n",
    )

    assert read_target(path, "prod").value("a") == "x_y_prod"
