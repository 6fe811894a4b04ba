"""What a platform offers: from it, an application's clients are built."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from levelfive.config import Settings
from levelfive.online.store import OnlineStore
from levelfive.registry.store import CentralRegistry
from levelfive.storage.feature_stores import FeatureStore
from levelfive.storage.tables import Tables
from levelfive.training.tracking import Tracking

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


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

    def online_store(self, settings: Settings) -> OnlineStore:
        """Open the online store; it is asked at the first call.

        Raises:
            ConfigError: No setting names it, or its URL is none.
            MachineError: Its client is not installed.
        """
        ...

    def secret(self, reference: str) -> str:
        """Find a secret by its reference.

        Raises:
            ConfigError: It is not there, or cannot be read from here.
        """
        ...

    @property
    def home(self) -> Path:
        """The folder that holds everything.

        Raises:
            ConfigError: There is none, as on a workspace.
        """
        ...

    def landing(self, settings: Settings) -> Path:
        """Tell where landing files are expected when no setting says so.

        Raises:
            ConfigError: A setting must say so.
        """
        ...

    @property
    def user(self) -> str:
        """Who is signed in, as the platform knows them."""
        ...
