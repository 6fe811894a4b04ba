"""The composition root: the only module that builds clients."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from levelfive.config import Settings
from levelfive.core.job_runs import JobRun, is_service_principal, read_job_run
from levelfive.errors import ConfigError, MachineError, unusable
from levelfive.features.databricks_store import DatabricksFeatureStore, feature_engineering
from levelfive.features.store import LocalFeatureStore
from levelfive.registry.copying import copy_of
from levelfive.registry.store import CentralRegistry
from levelfive.retraining.job import Stores
from levelfive.storage.feature_stores import FeatureStore
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.training.tracking import Tracking
from levelfive.usecase.use_case import UseCase, load_use_case

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from pyspark.sql import SparkSession

# Set by a release pipeline; otherwise the wheel's version says which code ran.
REVISION_VARIABLE = "LEVELFIVE_CODE_REVISION"
NOT_INSTALLED = "source"
# A cluster and serverless compute both set it; a laptop that talks to one does not.
RUNTIME_VARIABLE = "DATABRICKS_RUNTIME_VERSION"
WORKSPACE_TRACKING = "databricks"
WORKSPACE_REGISTRY = "databricks-uc"


class Platform(Protocol):
    """Where an application runs: what it builds clients from."""

    def scratch(self, settings: Settings) -> AbstractContextManager[SparkSession]:
        """Open a session by which nothing is to be kept."""
        ...

    def tables(self, settings: Settings) -> Tables:
        """Open the lakehouse."""
        ...

    def features(self, tables: Tables) -> FeatureStore:
        """Open the feature store of the lakehouse."""
        ...

    def tracking(self, settings: Settings) -> Tracking:
        """Open the tracking store."""
        ...

    def registry(self, settings: Settings) -> CentralRegistry:
        """Open the central registry."""
        ...

    @property
    def landing(self) -> Path:
        """Where landing files are expected when no setting says so."""
        ...

    @property
    def user(self) -> str:
        """Who is signed in, as the platform knows them."""
        ...


@dataclass(frozen=True)
class Laptop:
    """Local Spark, Delta, and two MLflow stores on SQLite, all in one folder."""

    home: Path

    @contextmanager
    def scratch(self, settings: Settings) -> Iterator[SparkSession]:
        """Start Spark beside a folder that is gone afterwards."""
        # Only a laptop has what this needs.
        from levelfive.platforms.local_spark import local_session

        with TemporaryDirectory() as folder:
            yield local_session(Path(folder), memory=settings.memory, cores=settings.cores)

    def tables(self, settings: Settings) -> Tables:
        """Open the lakehouse; this starts Spark."""
        # Only a laptop has what this needs.
        from levelfive.platforms.local_spark import local_session

        warehouse = self._made(self.home / "lakehouse")
        spark = local_session(warehouse, memory=settings.memory, cores=settings.cores)
        return Tables(spark, schema=settings.schema_name, warehouse=warehouse)

    def features(self, tables: Tables) -> FeatureStore:
        """Open the feature store of the lakehouse."""
        return LocalFeatureStore(tables)

    def tracking(self, settings: Settings) -> Tracking:
        """Open the tracking store."""
        uri, artefacts = self._store("tracking", settings.tracking_uri)
        return Tracking(uri, settings.experiment or settings.use_case, artefacts=artefacts)

    def registry(self, settings: Settings) -> CentralRegistry:
        """Open the central registry."""
        uri, artefacts = self._store("registry", settings.registry_uri)
        return CentralRegistry(uri, settings.model_name, artefacts=artefacts)

    @property
    def landing(self) -> Path:
        """A folder in the home."""
        return self.home / "landing"

    @property
    def user(self) -> str:
        """The user of the operating system, whatever the environment's variables say."""
        return _user_of_the_system()

    def _made(self, folder: Path) -> Path:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise ConfigError(f"home {self.home}: {unusable(err)} (--home)") from err
        return folder

    def _store(self, name: str, uri: str | None) -> tuple[str, Path | None]:
        if uri is not None:
            return uri, None
        folder = self._made(self.home / name)
        return f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts"


@dataclass(frozen=True)
class Workspace:
    """A Databricks workspace: Unity Catalog, and the workspace's own MLflow."""

    spark: SparkSession

    @contextmanager
    def scratch(self, settings: Settings) -> Iterator[SparkSession]:
        """Lend the workspace's session."""
        yield self.spark

    def tables(self, settings: Settings) -> Tables:
        """Open the lakehouse."""
        return Tables(self.spark, schema=settings.schema_name, can_keep=not _over_connect(self.spark))

    def features(self, tables: Tables) -> FeatureStore:
        """Open Feature Engineering in Unity Catalog."""
        return DatabricksFeatureStore(tables, feature_engineering)

    def tracking(self, settings: Settings) -> Tracking:
        """Open the tracking store; there, an experiment is a path in the workspace."""
        return Tracking(settings.tracking_uri or WORKSPACE_TRACKING, settings.experiment or self._own(settings))

    def registry(self, settings: Settings) -> CentralRegistry:
        """Open the central registry."""
        return CentralRegistry(settings.registry_uri or WORKSPACE_REGISTRY, settings.model_name)

    @property
    def landing(self) -> Path:
        """There is no folder that a workspace has by itself."""
        raise ConfigError(
            "on a workspace, the setting landing must name the folder of the landing files, such as "
            "/Volumes/<catalog>/<schema>/<volume>"
        )

    @property
    def user(self) -> str:
        """The user of the workspace; in a job, whom it runs as."""
        return _current_user(self.spark)

    def _own(self, settings: Settings) -> str:
        return f"/Users/{self.user}/{settings.model_name}"


@dataclass(frozen=True)
class App:
    """Everything that jobs work with, built at first use.

    Args:
        platform: Where it runs.
        settings: What differs between environments.
        revision: Which code runs, where the caller knows it.
        started_by: Who started it, where that is another one than who is signed in; empty where that is not told.
    """

    platform: Platform
    settings: Settings
    revision: str = ""
    started_by: str | None = None

    @classmethod
    def local(cls, home: Path, settings: Settings, *, revision: str = "") -> App:
        """Build the laptop's application.

        Args:
            home: Folder of the lakehouse and of both MLflow stores.
            settings: What differs between environments.
            revision: Which code runs, where the caller knows it.

        Raises:
            ConfigError: There is no such use case.
        """
        # Threads of XGBoost that wait for each other must not burn the cores that Spark works on.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        return cls(Laptop(home.resolve()), settings, revision)._checked()

    @classmethod
    def on_databricks(
        cls, spark: SparkSession, settings: Settings, *, revision: str = "", started_by: str | None = None
    ) -> App:
        """Build the application of a workspace, from the session that its compute has in place.

        Args:
            spark: The session of a cluster, or of serverless compute.
            settings: What differs between environments.
            revision: Which code runs, where the caller knows it.
            started_by: Who started the job's run; in none, it is the user of the workspace.

        Raises:
            ConfigError: There is no such use case.
        """
        app = cls(Workspace(spark), settings, revision, started_by)._checked()
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        return app

    def _checked(self) -> App:
        self.use_case  # noqa: B018 - a wrong name must fail before anything is started
        return self

    def other_registry(self, name: str, uri: str | None = None) -> CentralRegistry:
        """Open another environment's model.

        Args:
            name: The registered model.
            uri: Its registry; by default this environment's own.
        """
        return CentralRegistry(uri or self.registry.uri, name)

    def version_here(self, version: str, source_model: str | None, source_registry: str | None) -> str:
        """Tell which version of this environment's model is meant: the one named, or the copy of another model's.

        Args:
            version: A version of this environment's model; with `source_model`, of that one.
            source_model: The registered model that the version was copied from.
            source_registry: Its registry; by default this environment's own.

        Raises:
            ConfigError: A registry is named, and no model; or a model, and no version.
            ModelNotFound: There is no such copy.
            RegistryError: The registry refused.
        """
        if not version:
            raise ConfigError(f"which version of {source_model or source_registry}? Name it (--version)")
        if source_model:
            return copy_of(self.registry, self.other_registry(source_model, source_registry), version)
        if source_registry:
            raise ConfigError(f"version {version} of which model in {source_registry}? Name it (--from-model)")
        return version

    @property
    def home(self) -> Path:
        """The laptop's folder.

        Raises:
            ConfigError: It runs on a workspace, which has none.
        """
        if not isinstance(self.platform, Laptop):
            raise ConfigError("only a laptop has a home; on a workspace, name the file or folder that is meant")
        return self.platform.home

    @cached_property
    def use_case(self) -> UseCase:
        """The use case of the settings."""
        return load_use_case(self.settings.use_case)

    @cached_property
    def tables(self) -> Tables:
        """The lakehouse."""
        return self.platform.tables(self.settings)

    @cached_property
    def context(self) -> JobContext:
        """What every job works with."""
        return JobContext(self.tables, self.use_case, self.platform.features(self.tables))

    @cached_property
    def tracking(self) -> Tracking:
        """The tracking store."""
        return self.platform.tracking(self.settings)

    @cached_property
    def registry(self) -> CentralRegistry:
        """The central registry, apart from tracking."""
        return self.platform.registry(self.settings)

    @cached_property
    def workspace(self) -> WorkspaceClient:
        """The client of the workspace that this runs on.

        Raises:
            MachineError: There is no databricks-sdk.
        """
        return workspace_client()

    @cached_property
    def stores(self) -> Stores:
        """Both MLflow stores, which code trains, and who started it."""
        return Stores(self.tracking, self.registry, self.code_revision, self.starter)

    @cached_property
    def starter(self) -> str:
        """Who started this, as the platform knows them; empty where it does not."""
        return self.platform.user if self.started_by is None else self.started_by

    @property
    def landing(self) -> Path:
        """Where landing files are expected."""
        return self.settings.landing or self.platform.landing

    @property
    def code_revision(self) -> str:
        """Which code runs."""
        return self.revision or os.environ.get(REVISION_VARIABLE) or _version()


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
    user = _current_user(spark)
    if job_id or is_service_principal(user):
        raise ConfigError(
            f"this runs as {user}, and the runtime does not say in which run of which job: a notebook is started by a "
            "job of the bundle, or opened by a person"
        )
    return None


def _current_user(spark: SparkSession) -> str:
    return str(spark.sql("SELECT current_user()").collect()[0][0])


def _user_of_the_system() -> str:
    try:
        from pwd import getpwuid
    except ImportError:  # Windows, which keeps its users elsewhere
        return getpass.getuser()
    try:
        return getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container without an entry for its user
        return f"user {os.geteuid()}"


def _version() -> str:
    try:
        return installed("levelfive")
    except PackageNotFoundError:  # a Git folder, where the wheel is not installed
        return NOT_INSTALLED


def _over_connect(spark: SparkSession) -> bool:
    # Serverless compute is reached over Connect alone, and refuses to keep frames. To import Connect needs gRPC.
    return type(spark).__module__.startswith("pyspark.sql.connect")
