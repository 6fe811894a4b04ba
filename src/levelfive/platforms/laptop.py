"""A laptop: local Spark, Delta, and two MLflow stores, all in one folder."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from levelfive.config import Settings
from levelfive.errors import ConfigError, unusable
from levelfive.features.store import LocalFeatureStore
from levelfive.online.opening import open_store, url_of
from levelfive.online.store import OnlineStore
from levelfive.registry.store import CentralRegistry
from levelfive.storage.feature_stores import FeatureStore
from levelfive.storage.tables import Tables
from levelfive.training.tracking import Tracking

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


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
        from levelfive.storage.local_tables import LocalTables

        warehouse = self._made(self.home / "lakehouse")
        spark = local_session(warehouse, memory=settings.memory, cores=settings.cores)
        return LocalTables(spark, schema=settings.schema_name, warehouse=warehouse)

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

    def online_store(self, settings: Settings) -> OnlineStore:
        """Open the online store, by default a file in the home."""
        named = settings.online_store
        return open_store(
            url_of(self.home / "online" / f"{settings.schema_name}.db") if named is None else named.get_secret_value()
        )

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


def _user_of_the_system() -> str:
    try:
        from pwd import getpwuid
    except ImportError:  # Windows, which keeps its users elsewhere
        return getpass.getuser()
    try:
        return getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container without an entry for its user
        return f"user {os.geteuid()}"
