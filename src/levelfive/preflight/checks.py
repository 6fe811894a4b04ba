"""All checks of a workspace, asked one after the other; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from levelfive.errors import ConfigError, MachineError
from levelfive.preflight import maintenance, serving, shared_features, unity_catalog, workspace
from levelfive.preflight.check_result import CheckResult, Question, guarded

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from levelfive.preflight.target import Target

HTTP_TIMEOUT_SECONDS = 20
RETRY_TIMEOUT_SECONDS = 20  # by default five minutes, and that for each check

CHECKS: Mapping[str, Callable[[Question], CheckResult]] = MappingProxyType(
    {
        "groups": workspace.groups,
        "catalog": unity_catalog.catalog,
        "catalog for groups": unity_catalog.catalog_for_groups,
        "schema": unity_catalog.schema,
        "landing": unity_catalog.landing,
        "reports": unity_catalog.reports,
        "registry's catalog": unity_catalog.registry_catalog,
        "registry's catalog for groups": unity_catalog.registry_catalog_for_groups,
        "registry's schema": unity_catalog.registry_schema,
        "registered model": unity_catalog.registered_model,
        "shared features": shared_features.shared_features,
        "table versions": maintenance.table_versions,
        "secret scope": workspace.secret_scope,
        "alert destinations": workspace.destinations,
        "cluster policy": workspace.cluster_policy,
        "runtime": workspace.runtime,
        "machines": workspace.machines,
        "SQL warehouse": workspace.warehouse,
        "SQL warehouse for viewers": workspace.warehouse_for_viewers,
        "online store": serving.online_store,
        "Azure ML": serving.azure_ml,
    }
)


def client_of(target: Target, profile: str | None) -> WorkspaceClient:
    """Build the client of the target's workspace, with the credentials that the Databricks CLI would use.

    Raises:
        MachineError: The SDK is not installed.
        ConfigError: There are no credentials for the workspace, or it cannot be reached.
    """
    try:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config
    except ImportError as err:
        raise MachineError("preflight asks by the Databricks SDK: pip install databricks-sdk") from err
    try:
        return WorkspaceClient(
            config=Config(
                host=target.host,
                profile=profile or target.profile,
                product="levelfive",
                http_timeout_seconds=HTTP_TIMEOUT_SECONDS,
                retry_timeout_seconds=RETRY_TIMEOUT_SECONDS,
            )
        )
    except (OSError, ValueError) as err:
        login = f"databricks auth login --host {target.host or '<address of the workspace>'}"
        raise ConfigError(f"target {target.name}: no connection to its workspace: {err}. To log in: {login}") from err


def ask(client: WorkspaceClient, target: Target) -> dict[str, CheckResult]:
    """Ask everything that a first deployment of the target trips over.

    Returns:
        One result a subject, in the order of asking.
    """
    caller, who_asks = workspace.identity(client)
    principal, who_runs = workspace.service_principal(client, target, caller)
    question = Question(client, target, principal, caller)
    results = {"identity": who_asks, "service principal": who_runs}
    return results | {subject: guarded(check, question) for subject, check in CHECKS.items()}
