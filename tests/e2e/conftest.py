"""One lakehouse for all tests of the whole path: a model trained on the first months of real files."""

import shutil
import zlib
from pathlib import Path

import pytest

from levelfive.app import App
from levelfive.config import Settings
from levelfive.data import job as data
from levelfive.features import job as features
from levelfive.mlflow_store import quieten
from levelfive.registry import job as registry
from levelfive.replay_plan import land
from levelfive.training import job as training
from levelfive.training.job import TrainingResult
from levelfive.windows import Window, utc

AS_OF = utc(2013, 2, 15, 6)
LATER = utc(2013, 2, 18, 6)


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
    plan = app.use_case.replay
    assert plan is not None
    for window in (Window(utc(2013, 1, 1, 6), AS_OF), Window(AS_OF, LATER)):
        land(app.use_case, plan, fixtures, app.landing, window)
        data.run(app.context, landing=app.landing, as_of=window.end)
        features.run(app.context, as_of=window.end)
        if window.end == AS_OF:
            trained = training.run(app.context, app.tracking, app.registry, as_of=AS_OF)
            assert trained.version is not None, trained.verdict
            registry.run(app.context, app.registry, version=trained.version, as_of=AS_OF, by="test")
    return Loop(app, trained)
