"""The first steps of a use case, which tests of the whole path share: six weeks land and train the first champion.

By day the use case is a small one (`shop.py`), whose steps take seconds; by night it is the flights. The home that the
steps lead to is kept at each stage, under a key of all that made it.
"""

import fcntl
import gzip
import hashlib
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import shop
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache

from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.windows import Window, utc
from levelfive.data import job as data
from levelfive.demo.plan import land, plan_of
from levelfive.features import job as features
from levelfive.models.mlflow_store import quieten
from levelfive.monitoring import job as monitoring
from levelfive.registry import job as registry
from levelfive.scoring import job as scoring
from levelfive.scoring.job import ScoringResult
from levelfive.training import job as training
from levelfive.training.job import TrainingResult
from levelfive.usecase.use_case import load_use_case

# Lets the files of a window land in a folder.
Deliver = Callable[[Path, Window], None]

BEGIN = utc(2013, 1, 1, 6)
AS_OF = utc(2013, 2, 15, 6)
LATER = utc(2013, 2, 18, 6)
PROJECT = Path(__file__).resolve().parents[2]
TRAINER = "ada@example.com"
CARRIERS = ("B6", "UA")
MADE_OF = (
    "src",
    "requirements/dev.txt",
    "requirements/jars.txt",
    "tests/support/first_champion.py",
    "tests/support/shop.py",
    "fixtures",
)
GROWING = "growing"
SMALL, FLIGHTS = "shop", "flight_delay"
USE_CASES = (SMALL, pytest.param(FLIGHTS, marks=pytest.mark.nightly))
# A test of the whole path that needs the flights, or whose long work is for the night.
on_flights = pytest.mark.parametrize("loop", USE_CASES[1:], indirect=True)
# And one that proves the same of any use case.
on_shop = pytest.mark.parametrize("loop", USE_CASES[:1], indirect=True)


def choose_flights(fixtures: Path, folder: Path, carriers: Collection[str] = CARRIERS) -> None:
    """Make fixtures with the flights of some carriers; those of two are two fifths of them all."""
    for source in ("airlines", "airports", "planes", "weather"):
        (folder / source).symlink_to(fixtures / source)
    (folder / "flights").mkdir()
    for file in (fixtures / "flights").iterdir():
        header, *lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        place = header.split(",").index("carrier")
        kept = [line for line in lines if line.split(",")[place] in carriers]
        (folder / "flights" / file.name).write_bytes(gzip.compress("\n".join([header, *kept, ""]).encode()))


def deliver(landing: Path, fixtures: Path, window: Window) -> None:
    """Let the files of a window of flights land."""
    use_case = load_use_case(FLIGHTS)
    land(use_case, plan_of(use_case), fixtures, landing, window=window)


def delivery(use_case: str, fixtures: Path) -> Deliver:
    """Tell how the files of a use case land; those of the flights are cut from fixtures."""
    return shop.write_orders if use_case == SMALL else lambda landing, window: deliver(landing, fixtures, window)


def prepare(app: App, to: Deliver, window: Window) -> None:
    """Let the files of a window land, ingest them and compute features."""
    to(app.landing, window)
    data.run(app.context, landing=app.landing, as_of=window.end)
    features.run(app.context, as_of=window.end)


class Stage(StrEnum):
    """How far a home has come."""

    INGESTED = "ingested"  # six weeks of data and features
    CHAMPION = "champion"  # a champion of AS_OF, and the data and features of the days up to LATER
    SCORED = "scored"  # the champion's predictions of these days
    MONITORED = "monitored"  # what monitoring says of them as of LATER


def _ingest(app: App, to: Deliver) -> None:
    prepare(app, to, Window(BEGIN, AS_OF))


def _promote(app: App, to: Deliver) -> TrainingResult:
    trained = training.run(app.context, app.tracking, app.registry, as_of=AS_OF, trained_by=TRAINER)
    assert trained.version is not None, trained.verdict
    registry.run(app.context, app.registry, version=trained.version, as_of=AS_OF, by="test")
    prepare(app, to, Window(AS_OF, LATER))
    return trained


def _score(app: App, _: Deliver) -> ScoringResult:
    return scoring.run(app.context, app.registry, window=Window(AS_OF, LATER), as_of=LATER)


def _monitor(app: App, _: Deliver) -> None:
    monitoring.run(app.context, app.registry, window=Window(AS_OF, LATER), as_of=LATER)


STEPS = {Stage.INGESTED: _ingest, Stage.CHAMPION: _promote, Stage.SCORED: _score, Stage.MONITORED: _monitor}


@dataclass
class Kept:
    """The homes of a use case, each made when it is first asked for: a test that changes one takes a copy.

    Attributes:
        use_case: Its name.
        deliver: How its files land.
        folder: Where the homes are, each under the name of its stage.
    """

    use_case: str
    deliver: Deliver
    folder: Path
    _growing: dict[str, App] = field(default_factory=dict)

    @property
    def trained(self) -> TrainingResult:
        """What the training of the champion led to."""
        return self._result(Stage.CHAMPION)

    @property
    def scored(self) -> ScoringResult:
        """The batch of predictions."""
        return self._result(Stage.SCORED)

    def copy(self, stage: Stage, to: Path, schema: str) -> App:
        """Copy a home, with its tables in a schema of its own: all homes of a session share its catalog."""
        shutil.copytree(self.at(stage), to)
        (to / "lakehouse" / f"{self._schema}.db").rename(to / "lakehouse" / f"{schema}.db")
        _artifact_repos_cache.clear()  # MLflow keeps by a run's id where its artefacts are, and copies share their ids
        for database in to.glob("*/mlflow.db"):
            _relocate(database, str(self.folder / GROWING), str(to))
        return App.local(to, Settings(table_schema=schema, use_case=self.use_case))

    def table(self, stage: Stage, name: str) -> Path:
        """Find the folder of a table."""
        return self.at(stage) / "lakehouse" / f"{self._schema}.db" / name

    def at(self, stage: Stage) -> Path:
        """Find the home of a stage; the steps that lead to it are taken if nobody has."""
        with _alone(self.folder):
            stages = list(Stage)
            for before, step in zip([None, *stages], stages[: stages.index(stage) + 1], strict=False):
                if not (self.folder / step).exists():
                    self._take(step, before)
        return self.folder / stage

    def _take(self, step: Stage, before: Stage | None) -> None:
        """Go one step on, in the one home that grows, and keep what it is like then."""
        home = self.folder / GROWING
        if not self._growing:
            shutil.rmtree(home, ignore_errors=True)  # as another process left it
            if before is not None:
                shutil.copytree(self.folder / before, home)
            self._growing["app"] = App.local(home, Settings(table_schema=self._schema, use_case=self.use_case))
        result = STEPS[step](self._growing["app"], self.deliver)
        self._results(step).write_bytes(pickle.dumps(result))
        shutil.copytree(home, half := self.folder / f"half of {step}", dirs_exist_ok=True)
        half.rename(self.folder / step)

    def _result(self, stage: Stage) -> Any:
        self.at(stage)
        return pickle.loads(self._results(stage).read_bytes())

    def _results(self, stage: Stage) -> Path:
        return self.folder / f"{stage}.pickle"

    @property
    def _schema(self) -> str:
        return f"{GROWING}_{self.use_case}"


def keep(cache: Path, use_case: str, fixtures: Path) -> Kept:
    """Find the homes that the same code makes of the same files."""
    folder = cache / f"{use_case}-{made_of()[:16]}"
    with _alone(cache):
        for old in cache.glob(f"{use_case}-*"):
            if old != folder:
                shutil.rmtree(old)
        folder.mkdir(exist_ok=True)
    return Kept(use_case, delivery(use_case, fixtures), folder)


def keep_apart(cache: Path, use_case: str, fixtures: Path, stage: Stage) -> Kept:
    """Do the same with all homes up to a stage made, in another process."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}
    subprocess.run([sys.executable, __file__, str(cache), use_case, str(fixtures), stage], env=env, check=True)
    return keep(cache, use_case, fixtures)


def made_of() -> str:
    """Hash the code, the pins and the files that a champion depends on."""
    total = hashlib.sha256()
    for root in (PROJECT / name for name in MADE_OF):
        for file in sorted(root.rglob("*") if root.is_dir() else [root]):
            if file.is_file() and file.suffix != ".pyc":
                total.update(f"{file.relative_to(PROJECT)}\0".encode())
                total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time look whether the home is there, and make it."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _relocate(database: Path, old: str, new: str) -> None:
    """Let a store on SQLite find its files in another folder: it keeps their full paths."""
    with closing(sqlite3.connect(database)) as store, store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for _, column, kind, *_ in store.execute(f"PRAGMA table_info({table})").fetchall():
                if "CHAR" in kind or "TEXT" in kind:
                    change = f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) WHERE instr("{column}", ?)'
                    store.execute(change, (old, new, old))


if __name__ == "__main__":
    quieten()
    folder, name, files, until = sys.argv[1:]
    keep(Path(folder), name, Path(files)).at(Stage(until))
