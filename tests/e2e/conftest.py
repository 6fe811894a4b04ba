"""One lakehouse for all tests of the whole path: a model trained on the first months of real files."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from first_champion import SCHEMA, Kept, copy_home
from levelfive.app import App
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
        """Copy the home for a test that changes it."""
        return copy_home(self.app.home, home, f"copy_{zlib.crc32(str(home).encode()):x}")


@pytest.fixture(scope="session")
def loop(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return Loop(copy_home(kept.champion, tmp_path_factory.mktemp("loop") / "home", SCHEMA), kept.trained)
