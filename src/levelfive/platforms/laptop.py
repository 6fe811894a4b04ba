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
from levelfive.features.store import LocalFeatureStore
from levelfive.online.opening import open_store
from levelfive.online.store import OnlineStore
from levelfive.platforms.local_stores import local_registry, local_secret, local_store, make_folder, online_store_url
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

        warehouse = make_folder(self.home, self.home / "lakehouse")
        spark = local_session(warehouse, memory=settings.memory, cores=settings.cores)
        return LocalTables(spark, schema=settings.schema_name, warehouse=warehouse, schema_of=settings.schema_of)

    def features(self, tables: Tables) -> FeatureStore:
        """Open the feature store of the lakehouse."""
        return LocalFeatureStore(tables)

    def tracking(self, settings: Settings) -> Tracking:
        """Open the tracking store."""
        uri, artefacts = local_store(self.home, "tracking", settings.tracking_uri)
        return Tracking(uri, settings.experiment or settings.use_case, artefacts=artefacts)

    def registry(self, settings: Settings) -> CentralRegistry:
        """Open the central registry."""
        return local_registry(self.home, settings)

    def online_store(self, settings: Settings) -> OnlineStore:
        """Open the online store, by default a file in the home."""
        return open_store(online_store_url(self.home, settings), settings.use_case)

    def secret(self, reference: str) -> str:
        """Find a secret in the variables of the process."""
        return local_secret(reference)

    def landing(self, settings: Settings) -> Path:
        """Name a folder in the home: each use case has its own, as sources of two may be called alike."""
        return self.home / "landing" / settings.use_case

    @property
    def user(self) -> str:
        """The user of the operating system, whatever the environment's variables say."""
        return _user_of_the_system()


def _user_of_the_system() -> str:
    try:
        from pwd import getpwuid
    except ImportError:  # Windows, which keeps its users elsewhere
        return getpass.getuser()
    try:
        return getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container without an entry for its user
        return f"user {os.geteuid()}"
