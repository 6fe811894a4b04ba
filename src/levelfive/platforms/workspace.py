"""A Databricks workspace: Unity Catalog, and the workspace's own MLflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from levelfive.config import Settings
from levelfive.core.job_runs import JobRun, is_service_principal, read_job_run
from levelfive.core.secrets import is_reference, read_secret
from levelfive.errors import ConfigError, MachineError, first_line
from levelfive.features.databricks_store import DatabricksFeatureStore, feature_engineering
from levelfive.online.opening import open_store
from levelfive.online.store import OnlineStore
from levelfive.registry.store import CentralRegistry
from levelfive.storage.catalog_tables import CatalogTables
from levelfive.storage.feature_stores import FeatureStore
from levelfive.storage.tables import Tables
from levelfive.training.tracking import Tracking

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from pyspark.sql import SparkSession

# A cluster and serverless compute both set it; a laptop that talks to one does not.
RUNTIME_VARIABLE = "DATABRICKS_RUNTIME_VERSION"
WORKSPACE_TRACKING = "databricks"
WORKSPACE_REGISTRY = "databricks-uc"


@dataclass(frozen=True)
class Workspace:
    """A Databricks workspace: Unity Catalog, and the workspace's own MLflow."""

    spark: SparkSession

    @contextmanager
    def scratch(self, settings: Settings) -> Iterator[SparkSession]:
        """Lend the workspace's session."""
        yield self.spark

    def tables(self, settings: Settings) -> CatalogTables:
        """Open the lakehouse."""
        return CatalogTables(
            self.spark,
            schema=settings.schema_name,
            can_cache=not is_over_connect(self.spark),
            schema_of=settings.schema_of,
        )

    def features(self, tables: Tables) -> FeatureStore:
        """Open Feature Engineering in Unity Catalog."""
        return DatabricksFeatureStore(tables, feature_engineering)

    def tracking(self, settings: Settings) -> Tracking:
        """Open the tracking store; there, an experiment is a path in the workspace."""
        return Tracking(settings.tracking_uri or WORKSPACE_TRACKING, settings.experiment or self._own(settings))

    def registry(self, settings: Settings) -> CentralRegistry:
        """Open the central registry."""
        return CentralRegistry(settings.registry_uri or WORKSPACE_REGISTRY, settings.model_name)

    def online_store(self, settings: Settings) -> OnlineStore:
        """Open the online store that a secret names."""
        setting = "" if settings.online_store is None else settings.online_store.get_secret_value()
        if not is_reference(setting):
            raise ConfigError(
                "on a workspace, the setting online_store must name the secret that holds the URL of the online store: "
                "secrets/SCOPE/KEY"
            )
        return open_store(self.secret(setting), settings.use_case)

    def secret(self, reference: str) -> str:
        """Find a secret of the workspace, or in the variables of the process."""
        return read_secret(reference, _secret_of_workspace)

    @property
    def home(self) -> Path:
        """There is no folder that holds everything."""
        raise ConfigError("only a laptop has a home; on a workspace, name the file or folder that is meant")

    def landing(self, settings: Settings) -> Path:
        """Refuse: there is no folder that a workspace has by itself."""
        raise ConfigError(
            "on a workspace, the setting landing must name the folder of the landing files, such as "
            "/Volumes/<catalog>/<schema>/<volume>"
        )

    @property
    def user(self) -> str:
        """The user of the workspace; in a job, whom it runs as."""
        return current_user(self.spark)

    def _own(self, settings: Settings) -> str:
        return f"/Users/{self.user}/{settings.model_name}"


def on_databricks() -> bool:
    """Tell whether this process runs on Databricks compute."""
    return RUNTIME_VARIABLE in os.environ


def workspace_client() -> WorkspaceClient:
    """Build the client of the workspace that this runs on.

    Raises:
        MachineError: There is no databricks-sdk.
    """
    try:
        from databricks.sdk import WorkspaceClient
    except ImportError as err:
        raise MachineError("a workspace is asked by the package databricks-sdk, which the ML runtimes hold") from err
    return WorkspaceClient()


def _secret_of_workspace(scope: str, key: str) -> str:
    client = workspace_client()
    try:
        return str(client.dbutils.secrets.get(scope=scope, key=key))
    except Exception as err:  # of the runtime's own client, or of the SDK
        raise ConfigError(
            f"secrets/{scope}/{key} cannot be read: {first_line(err)}. Make it, or let whom this runs as read its scope"
        ) from err


def job_run(spark: SparkSession) -> JobRun | None:
    """Find the run of a deployed job that a notebook on Databricks is a task of; None where a person opened it.

    The runtime tells which run it is, and no parameter does.

    Raises:
        ConfigError: It is no run of a deployed job, or the workspace refused.
        MachineError: There is no databricks-sdk.
    """
    from mlflow.utils.databricks_utils import get_job_id, get_job_run_id

    job_id, run_id = get_job_id(), get_job_run_id()
    if job_id and run_id:
        return read_job_run(workspace_client(), job_id=str(job_id), run_id=str(run_id))
    user = current_user(spark)
    if job_id or is_service_principal(user):
        raise ConfigError(
            f"this runs as {user}, and the runtime does not say in which run of which job: a notebook is started by a "
            "job of the bundle, or opened by a person"
        )
    return None


def current_user(spark: SparkSession) -> str:
    """Ask who is signed in; in a job, whom it runs as."""
    return str(spark.sql("SELECT current_user()").collect()[0][0])


def is_over_connect(spark: SparkSession) -> bool:
    """Tell whether a session is one of Spark Connect."""
    # Serverless compute is reached over Connect alone, and refuses to keep frames. To import Connect needs gRPC.
    return type(spark).__module__.startswith("pyspark.sql.connect")
