"""One lakehouse for all tests of the whole path: a model trained on the first months of real files."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from first_champion import Kept, Stage
from levelfive.app import App


@pytest.fixture(autouse=True)
def forget_kept_frames(spark: SparkSession) -> Iterator[None]:
    """Free what a test left in the memory of the session, which all tests share."""
    yield
    spark.catalog.clearCache()


class Loop:
    """An application with a champion, and what its training led to."""

    def __init__(self, kept: Kept, home: Path) -> None:
        self._kept = kept
        self.app = kept.copy(Stage.CHAMPION, home, "whole_path")
        self.trained = kept.trained
        self.scored = kept.scored

    def copy(self, home: Path, stage: Stage = Stage.CHAMPION) -> App:
        """Make a home for a test that changes it."""
        return self._kept.copy(stage, home, f"copy_{zlib.crc32(str(home).encode()):x}")


@pytest.fixture(scope="session")
def loop(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return Loop(kept, tmp_path_factory.mktemp("loop") / "home")
