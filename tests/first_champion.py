"""The first steps on real files, which tests of the whole path share: six weeks land and train the first champion.

They take a minute, so they are taken once: the home that they lead to is kept, under a key of all that made it.
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
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from levelfive.app import App
from levelfive.config import Settings
from levelfive.data import job as data
from levelfive.features import job as features
from levelfive.mlflow_store import quieten
from levelfive.monitoring import job as monitoring
from levelfive.registry import job as registry
from levelfive.replay_plan import land, plan_of
from levelfive.scoring import job as scoring
from levelfive.scoring.job import ScoringResult
from levelfive.training import job as training
from levelfive.training.job import TrainingResult
from levelfive.usecase import load_use_case
from levelfive.windows import Window, utc

BEGIN = utc(2013, 1, 1, 6)
AS_OF = utc(2013, 2, 15, 6)
LATER = utc(2013, 2, 18, 6)
PROJECT = Path(__file__).resolve().parents[1]
TRAINER = "ada@example.com"
CARRIERS = ("B6", "UA")
MADE_OF = ("src", "requirements/dev.txt", "requirements/jars.txt", "tests/first_champion.py", "fixtures")
RESULTS = "results.pickle"
GROWING = "growing"


def choose_flights(fixtures: Path, folder: Path) -> None:
    """Make fixtures with the flights of two carriers, two fifths of them all."""
    for source in ("airlines", "airports", "planes", "weather"):
        (folder / source).symlink_to(fixtures / source)
    (folder / "flights").mkdir()
    for file in (fixtures / "flights").iterdir():
        header, *lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        place = header.split(",").index("carrier")
        kept = [line for line in lines if line.split(",")[place] in CARRIERS]
        (folder / "flights" / file.name).write_bytes(gzip.compress("\n".join([header, *kept, ""]).encode()))


def deliver(landing: Path, fixtures: Path, window: Window) -> None:
    """Let the files of a window land."""
    use_case = load_use_case("flight_delay")
    land(use_case, plan_of(use_case), fixtures, landing, window)


def prepare(app: App, fixtures: Path, window: Window) -> None:
    """Let the files of a window land, ingest them and compute features."""
    deliver(app.landing, fixtures, window)
    data.run(app.context, landing=app.landing, as_of=window.end)
    features.run(app.context, as_of=window.end)


def first_champion(app: App, fixtures: Path) -> TrainingResult:
    """Prepare the days up to AS_OF, and take the steps that follow."""
    prepare(app, fixtures, Window(BEGIN, AS_OF))
    return promote_first(app, fixtures)


def promote_first(app: App, fixtures: Path) -> TrainingResult:
    """Train and promote a champion as of AS_OF, then prepare the days up to LATER."""
    trained = training.run(app.context, app.tracking, app.registry, as_of=AS_OF, trained_by=TRAINER)
    assert trained.version is not None, trained.verdict
    registry.run(app.context, app.registry, version=trained.version, as_of=AS_OF, by="test")
    prepare(app, fixtures, Window(AS_OF, LATER))
    return trained


class Stage(StrEnum):
    """How far a home has come."""

    INGESTED = "ingested"  # six weeks of data and features
    CHAMPION = "champion"  # a champion of AS_OF, and the data and features of the days up to LATER
    SCORED = "scored"  # the champion's predictions of these days
    MONITORED = "monitored"  # what monitoring says of them as of LATER


@dataclass(frozen=True)
class Kept:
    """Homes that are made once: each test that changes one takes a copy.

    Attributes:
        folder: Where they are, each under the name of its stage.
        trained: What the training of the champion led to.
        scored: The batch of predictions.
    """

    folder: Path
    trained: TrainingResult
    scored: ScoringResult

    def copy(self, stage: Stage, to: Path, schema: str) -> App:
        """Copy a home, with its tables in a schema of its own: all homes of a session share its catalog."""
        shutil.copytree(self.folder / stage, to)
        (to / "lakehouse" / f"{GROWING}.db").rename(to / "lakehouse" / f"{schema}.db")
        for database in to.glob("*/mlflow.db"):
            _relocate(database, str(self.folder / GROWING), str(to))
        return App.local(to, Settings(table_schema=schema))


def keep(cache: Path, fixtures: Path) -> Kept:
    """Make the homes, or find those that the same code made of the same files."""
    folder = cache / made_of()[:16]
    with _alone(cache):
        if not (folder / RESULTS).exists():
            for old in (path for path in cache.iterdir() if path.is_dir()):
                shutil.rmtree(old)
            (folder / RESULTS).write_bytes(pickle.dumps(_made(folder, fixtures)))
    return Kept(folder, *pickle.loads((folder / RESULTS).read_bytes()))


def keep_apart(cache: Path, fixtures: Path) -> Kept:
    """Do the same in another process."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}
    subprocess.run([sys.executable, __file__, str(cache), str(fixtures)], env=env, check=True)
    return keep(cache, fixtures)


def _made(folder: Path, fixtures: Path) -> tuple[TrainingResult, ScoringResult]:
    """Let one home grow, and keep what it is like at each stage."""
    app = App.local(folder / GROWING, Settings(table_schema=GROWING))
    prepare(app, fixtures, Window(BEGIN, AS_OF))
    shutil.copytree(app.home, folder / Stage.INGESTED)
    trained = promote_first(app, fixtures)
    shutil.copytree(app.home, folder / Stage.CHAMPION)
    scored = scoring.run(app.context, app.registry, window=Window(AS_OF, LATER), as_of=LATER)
    shutil.copytree(app.home, folder / Stage.SCORED)
    monitoring.run(app.context, app.registry, window=Window(AS_OF, LATER), as_of=LATER)
    shutil.copytree(app.home, folder / Stage.MONITORED)
    return trained, scored


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
    keep(*map(Path, sys.argv[1:]))
