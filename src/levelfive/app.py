"""The composition root: puts an application together; what it opens builds its clients at their first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from levelfive.config import Settings
from levelfive.core.versions import installed_version
from levelfive.errors import ConfigError
from levelfive.monitoring.destinations.destination import Destination, find_destinations
from levelfive.online.store import OnlineStore
from levelfive.platforms.azure_ml import azure_ml_client
from levelfive.platforms.laptop import Laptop
from levelfive.platforms.platform import Platform
from levelfive.platforms.workspace import Workspace, workspace_client
from levelfive.registry.store import CentralRegistry
from levelfive.retraining.train_once import TrainingStores
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.telemetry.tracing import connect
from levelfive.training.tracking import Tracking
from levelfive.usecase.use_case import UseCase, load_use_case

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from pyspark.sql import SparkSession

    from levelfive.deployment.rollout import RolloutPolicy
    from levelfive.deployment.site import Site
    from levelfive.telemetry.application_insights.exporter import ApplicationInsights

# Set by a release pipeline; otherwise the wheel's version says which code ran.
REVISION_VARIABLE = "LEVELFIVE_CODE_REVISION"


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
        connect(self._application_insights())
        return self

    def _application_insights(self) -> ApplicationInsights | None:
        if self.settings.telemetry is None:
            return None
        from levelfive.telemetry.application_insights.exporter import application_insights

        version = installed_version()
        return application_insights(self.settings.telemetry, self.platform.secret, self.settings.environment, version)

    @cached_property
    def destinations(self) -> tuple[Destination, ...]:
        """Who is told of alerts; a destination whose secret is missing or wrong is said, and stops nothing."""
        return find_destinations(self.settings.destinations, self.platform.secret)

    @property
    def home(self) -> Path:
        """The laptop's folder.

        Raises:
            ConfigError: It runs on a workspace, which has none.
        """
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
    def online_store(self) -> OnlineStore:
        """The online store.

        Raises:
            ConfigError: No setting names it, or its URL is none.
            MachineError: Its client is not installed.
        """
        return self.platform.online_store(self.settings)

    @cached_property
    def workspace(self) -> WorkspaceClient:
        """The client of the workspace that this runs on.

        Raises:
            MachineError: There is no databricks-sdk.
        """
        return workspace_client()

    def site(self, policy: RolloutPolicy, requests: Callable[[], Sequence[bytes]] = tuple, *, clock: str = "") -> Site:
        """Open the online endpoint that the champion is deployed to.

        Args:
            policy: Steps and budget of its rollouts.
            requests: Makes bodies of sample requests, once the settings are known to be sound; by default, none.
            clock: By which it answers, if it was moved: two times, as the jobs have them.

        Raises:
            ConfigError: The settings name no workspace of Azure ML, or one that is none.
            MachineError: There is no azure-ai-ml.
        """
        if self.settings.azure_ml is None:
            raise ConfigError("the setting azure_ml is missing: Azure's id of the workspace of Machine Learning")
        client = azure_ml_client(self.settings.azure_ml, self.settings.azure_credential)
        from levelfive.deployment.azure_site import azure_site  # needs azure-ai-ml, and only who deploys needs it

        return azure_site(client, self.settings, self.registry, policy, requests=requests(), clock=clock)

    @cached_property
    def stores(self) -> TrainingStores:
        """Both MLflow stores, which code trains, and who started it."""
        return TrainingStores(self.tracking, self.registry, self.code_revision, self.starter)

    @cached_property
    def starter(self) -> str:
        """Who started this, as the platform knows them; empty where it does not."""
        return self.platform.user if self.started_by is None else self.started_by

    @property
    def landing(self) -> Path:
        """Where landing files are expected; absolute, as Spark takes a Delta table by no other path."""
        return (self.settings.landing or self.platform.landing(self.settings)).absolute()

    @property
    def code_revision(self) -> str:
        """Which code runs."""
        return self.revision or os.environ.get(REVISION_VARIABLE) or installed_version()
