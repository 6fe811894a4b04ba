"""The Azure Machine Learning workspace that a model is served by: its client, and who is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from levelfive.config import parse_azure_ml
from levelfive.errors import ConfigError, MachineError

if TYPE_CHECKING:
    from azure.ai.ml import MLClient


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
    parts = parse_azure_ml(workspace)
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
