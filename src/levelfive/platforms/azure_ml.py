"""The Azure Machine Learning workspace that a model is served by: its client, and who is signed in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from levelfive.errors import ConfigError, MachineError

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

_WORKSPACE = re.compile(
    r"/subscriptions/(?P<subscription_id>[^/]+)/resourceGroups/(?P<resource_group_name>[^/]+)"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace_name>[^/]+)",
    re.IGNORECASE,
)


def parts_of(workspace: str) -> dict[str, str]:
    """Take Azure's id of a workspace apart.

    Raises:
        ConfigError: It is none.
    """
    found = _WORKSPACE.fullmatch(workspace.strip())
    if found is None:
        raise ConfigError(
            f"azure_ml is Azure's id of a Machine Learning workspace, /subscriptions/.../resourceGroups/.../providers/"
            f"Microsoft.MachineLearningServices/workspaces/NAME, got {workspace!r}: copy it from the workspace's page"
        )
    return found.groupdict()


def azure_ml_client(workspace: str, service_credential: str | None) -> MLClient:
    """Build the client of a workspace.

    Args:
        workspace: Azure's id of it.
        service_credential: On Databricks, the service credential of Unity Catalog to sign in by. By default, whoever is
            signed in: `az login` on a laptop and in a pipeline, the identity of the compute elsewhere.

    Raises:
        ConfigError: The id is none, or the service credential cannot be used.
        MachineError: There is no azure-ai-ml.
    """
    parts = parts_of(workspace)
    try:
        from azure.ai.ml import MLClient
        from azure.identity import DefaultAzureCredential
    except ImportError as err:
        raise MachineError(
            "endpoints of Azure ML are deployed by the package azure-ai-ml: pip install 'levelfive[azure-ml]'"
        ) from err
    credential = DefaultAzureCredential() if service_credential is None else _of_unity_catalog(service_credential)
    return MLClient(credential, **parts)


def _of_unity_catalog(name: str) -> Any:
    try:
        from databricks.sdk.runtime import dbutils

        return dbutils.credentials.getServiceCredentialsProvider(name)  # type: ignore[call-arg]  # its stub takes none
    except Exception as err:  # whatever a client of the workspace raises
        raise ConfigError(
            f"the service credential {name!r} cannot be used here: it is one of Unity Catalog, for jobs of a "
            "Databricks workspace, on which whom they run as needs ACCESS"
        ) from err
