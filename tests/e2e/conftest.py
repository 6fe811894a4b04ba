"""One lakehouse for all tests of the whole path: a model trained on the first months of real files."""

import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from first_champion import first_champion
from levelfive.app import App
from levelfive.config import Settings
from levelfive.mlflow_store import quieten
from levelfive.training.job import TrainingResult


@pytest.fixture(autouse=True)
def forget_kept_frames(spark: SparkSession) -> Iterator[None]:
    """Free what a test left in the memory of the session, which all tests share."""
    yield
    spark.catalog.clearCache()


class Loop:
    """The application, and what its training led to."""

    def __init__(self, app: App, trained: TrainingResult) -> None:
        self.app = app
        self.trained = trained

    def copy(self, home: Path) -> App:
        """Copy the home for a test that changes it, with its tables in a schema of its own: all share one catalog."""
        schema = f"copy_{zlib.crc32(str(home).encode()):x}"
        shutil.copytree(self.app.home, home)
        (home / "lakehouse" / "whole_path.db").rename(home / "lakehouse" / f"{schema}.db")
        return App.local(home, Settings(table_schema=schema))


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory, fixtures: Path, spark: object) -> Loop:
    quieten()
    home = tmp_path_factory.mktemp("home")
    app = App.local(home, Settings(table_schema="whole_path"))
    return Loop(app, first_champion(app, fixtures))
