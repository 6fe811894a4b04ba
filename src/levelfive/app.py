"""The composition root: the only module that builds clients."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version as installed
from pathlib import Path

from levelfive.config import Settings
from levelfive.local_spark import local_session
from levelfive.registry.store import CentralRegistry
from levelfive.retraining.job import Stores
from levelfive.runs import JobContext
from levelfive.tables import Tables
from levelfive.training.tracking import Tracking
from levelfive.usecase import UseCase, load_use_case

# Set by a release pipeline; otherwise the wheel's version says which code ran.
REVISION_VARIABLE = "LEVELFIVE_CODE_REVISION"


@dataclass(frozen=True)
class App:
    """Everything that jobs work with, built at first use.

    Args:
        home: Folder of the lakehouse and of both MLflow stores.
        settings: What differs between environments.
    """

    home: Path
    settings: Settings

    @classmethod
    def local(cls, home: Path, settings: Settings) -> App:
        """Build the laptop's application: local Spark, Delta, two MLflow stores on SQLite.

        Raises:
            ConfigError: There is no such use case.
        """
        # Threads of XGBoost that wait for each other must not burn the cores that Spark works on.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        app = cls(home.resolve(), settings)
        app.use_case  # noqa: B018 - a wrong name must fail before Spark starts
        return app

    @cached_property
    def use_case(self) -> UseCase:
        """The use case of the settings."""
        return load_use_case(self.settings.use_case)

    @cached_property
    def tables(self) -> Tables:
        """The lakehouse; this starts Spark."""
        warehouse = self.home / "lakehouse"
        warehouse.mkdir(parents=True, exist_ok=True)
        spark = local_session(warehouse, memory=self.settings.memory, cores=self.settings.cores)
        return Tables(spark, schema=self.settings.schema_name, warehouse=warehouse)

    @cached_property
    def context(self) -> JobContext:
        """What every job works with."""
        return JobContext(self.tables, self.use_case)

    @cached_property
    def tracking(self) -> Tracking:
        """The tracking store."""
        uri, artefacts = self._store("tracking", self.settings.tracking_uri)
        return Tracking(uri, self.settings.use_case, artefacts=artefacts)

    @cached_property
    def registry(self) -> CentralRegistry:
        """The central registry, apart from tracking."""
        uri, artefacts = self._store("registry", self.settings.registry_uri)
        return CentralRegistry(uri, self.settings.model_name, artefacts=artefacts)

    @cached_property
    def stores(self) -> Stores:
        """Both MLflow stores, and which code trains."""
        return Stores(self.tracking, self.registry, self.code_revision)

    @property
    def landing(self) -> Path:
        """Where landing files are expected."""
        return self.settings.landing or self.home / "landing"

    @property
    def code_revision(self) -> str:
        """Which code runs."""
        return os.environ.get(REVISION_VARIABLE) or installed("levelfive")

    def _store(self, name: str, uri: str | None) -> tuple[str, Path | None]:
        if uri is not None:
            return uri, None
        folder = self.home / name
        folder.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts"
