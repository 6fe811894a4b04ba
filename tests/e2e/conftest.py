"""One lakehouse for all tests of the whole path, with a model of six weeks; by night one of the flights too."""

import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from first_champion import USE_CASES, Kept, Stage
from pyspark.sql import SparkSession

from levelfive.app import App
from levelfive.scoring.job import ScoringResult


@pytest.fixture(autouse=True)
def forget_kept_frames(spark: SparkSession) -> Iterator[None]:
    """Free what a test left in the memory of the session, which all tests share."""
    yield
    spark.catalog.clearCache()


class Loop:
    """An application with a champion, and what its training led to."""

    def __init__(self, kept: Kept, home: Path) -> None:
        self._kept = kept
        self.app = kept.copy(Stage.CHAMPION, home, f"{kept.use_case}_whole_path")
        self.key = list(self.app.use_case.key)
        self.deliver = kept.deliver
        self.trained = kept.trained

    @property
    def scored(self) -> ScoringResult:
        """What is in the homes of the stage SCORED."""
        return self._kept.scored

    def copy(self, home: Path, stage: Stage = Stage.CHAMPION) -> App:
        """Make a home for a test that changes it."""
        return self._kept.copy(stage, home, f"copy_{zlib.crc32(str(home).encode()):x}")


@pytest.fixture(scope="session")
def loop_of(kept_of: Callable[[str], Kept], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Loop]:
    """Make the loop of a use case once: a fixture with parameters is made anew whenever tests change between them."""
    return cache(lambda use_case: Loop(kept_of(use_case), tmp_path_factory.mktemp("loop") / "home"))


@pytest.fixture(scope="session", params=USE_CASES)
def loop(loop_of: Callable[[str], Loop], request: pytest.FixtureRequest) -> Loop:
    return loop_of(request.param)
