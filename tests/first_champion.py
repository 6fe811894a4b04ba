"""The first steps on real files, which tests of the whole path share: six weeks land and train the first champion.

They take a minute, so they are taken once: the home that they lead to is kept, under a key of all that made it.
"""

import fcntl
import hashlib
import pickle
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from levelfive.app import App
from levelfive.config import Settings
from levelfive.data import job as data
from levelfive.features import job as features
from levelfive.registry import job as registry
from levelfive.replay_plan import land, plan_of
from levelfive.training import job as training
from levelfive.training.job import TrainingResult
from levelfive.usecase import load_use_case
from levelfive.windows import Window, utc

BEGIN = utc(2013, 1, 1, 6)
AS_OF = utc(2013, 2, 15, 6)
LATER = utc(2013, 2, 18, 6)
SCHEMA = "whole_path"
PROJECT = Path(__file__).resolve().parents[1]
MADE_OF = ("src", "requirements/dev.txt", "requirements/jars.txt", "tests/first_champion.py", "fixtures")
TRAINED = "trained.pickle"


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
    trained = training.run(app.context, app.tracking, app.registry, as_of=AS_OF)
    assert trained.version is not None, trained.verdict
    registry.run(app.context, app.registry, version=trained.version, as_of=AS_OF, by="test")
    prepare(app, fixtures, Window(AS_OF, LATER))
    return trained


@dataclass(frozen=True)
class Kept:
    """Homes that nobody may write into: `copy_home` gives one of one's own.

    Attributes:
        ingested: Six weeks of data and features.
        champion: The same, with a champion of AS_OF, and the days up to LATER.
        trained: What its training led to.
    """

    ingested: Path
    champion: Path
    trained: TrainingResult


def keep(cache: Path, fixtures: Path) -> Kept:
    """Make the homes, or find those that the same code made of the same files."""
    folder = cache / made_of()[:16]
    ingested, champion = folder / "ingested", folder / "champion"
    with _alone(cache):
        if not (folder / TRAINED).exists():
            for old in (path for path in cache.iterdir() if path.is_dir()):
                shutil.rmtree(old)
            app = App.local(champion, Settings(table_schema=SCHEMA))
            prepare(app, fixtures, Window(BEGIN, AS_OF))
            shutil.copytree(champion, ingested)
            (folder / TRAINED).write_bytes(pickle.dumps(promote_first(app, fixtures)))
    return Kept(ingested, champion, pickle.loads((folder / TRAINED).read_bytes()))


def copy_home(home: Path, to: Path, schema: str) -> App:
    """Copy a home, with its tables in a schema of its own: all homes of a session share its catalog."""
    shutil.copytree(home, to)
    (to / "lakehouse" / f"{SCHEMA}.db").rename(to / "lakehouse" / f"{schema}.db")
    for database in to.glob("*/mlflow.db"):
        _relocate(database, str(home), str(to))
    return App.local(to, Settings(table_schema=schema))


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
