"""A demo that was killed again and again, and continued each time, has the history of one that never was."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import lenient_demo
import pytest
from commands import run
from deltalake import DeltaTable
from first_champion import CARRIERS, choose_flights
from lenient_demo import lenient

from levelfive.telemetry.names import ATTRIBUTES

DEMO = Path(lenient_demo.__file__)
TABLES = (
    "predictions",
    "profiles",
    "drift",
    "performance",
    "quality",
    "verdicts",
    "decisions",
    "retrainings",
    "promotions",
)
AS_OF_MARCH = f'"{ATTRIBUTES["as_of"].name}": "2013-03-01T06:00:00Z"'
TRAINING = f'"{ATTRIBUTES["stage"].name}": "training"'
# What the demo prints at the moments when it is killed. By the last two, the first champion was trained long ago.
MOMENTS = {
    "when February is scored": ("    scored ",),
    "when February is judged": ("unusual; harm:",),
    "while it trains again": ("run started", AS_OF_MARCH, TRAINING),
    "when both versions are registered and none is promoted": ("run ended", TRAINING),
}


class Demo:
    """A demo in a process group of its own, with its JVM and its workers."""

    def __init__(self, home: Path, fixtures: Path, *options: str) -> None:
        command = [sys.executable, str(DEMO), "--log-level", "info", "--home", str(home), "demo"]
        self.said: list[str] = []
        self._process = subprocess.Popen(
            [*command, "--fixtures", str(fixtures), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def lines(self) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            yield line

    def kill(self, *, jvm_too: bool) -> int:
        """Kill the process, with all that it has started or alone: its JVM may then commit once more."""
        (os.killpg if jvm_too else os.kill)(self._process.pid, signal.SIGKILL)
        return self._process.wait()

    def end(self) -> int:
        for _ in self.lines():
            pass
        return self._process.wait()

    def clear_away(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="module")
def flights(fixtures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of one carrier: too few a day for a column to be called broken, which would keep the demo from training."""
    folder = tmp_path_factory.mktemp("one_carrier")
    choose_flights(fixtures, folder, CARRIERS[:1])
    return folder


@pytest.fixture
def demo(flights: Path) -> Iterator[object]:
    started: list[Demo] = []

    def start(home: Path, *options: str) -> Demo:
        started.append(Demo(home, flights, *options))
        return started[-1]

    yield start

    for one in started:
        one.clear_away()


def rows(home: Path, table: str) -> list[str]:
    """Read a table's rows as JSON, in a total order; who wrote them is left out."""
    (schema,) = (home / "lakehouse").glob("*.db")
    found = DeltaTable(schema / table).to_pyarrow_table()
    records = found.drop_columns([name for name in ("run_id",) if name in found.column_names])
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in records.to_pylist(maps_as_pydicts="strict"))


def assert_same_history(clean: Path, home: Path) -> None:
    assert [len(rows(clean, name)) for name in ("retrainings", "promotions")] == [1, 2]
    for name in TABLES:
        expected, actual = rows(clean, name), rows(home, name)
        assert len(expected) == len(actual), name
        assert not [pair for pair in zip(expected, actual, strict=True) if pair[0] != pair[1]][:3], name


def a_home(folder: Path) -> Path:
    """A home with tables in a schema of its own: all homes of this process share its Spark's catalog."""
    folder.mkdir()
    (folder / "levelfive.yml").write_text(f"table_schema: {folder.name}\n")
    return folder


@pytest.mark.nightly
@pytest.mark.usefixtures("spark")
@pytest.mark.timeout(1800)
def test_a_demo_that_is_killed_again_and_again_has_the_history_of_a_clean_one(
    demo, flights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two months twice, with two trainings each: once at a go, and once in five processes, four of which are killed."""
    monkeypatch.setattr("levelfive.app.load_use_case", lenient)
    clean, home = a_home(tmp_path / "clean_demo"), a_home(tmp_path / "killed_demo")
    months = ("--months", "1-2")

    for number, (moment, words) in enumerate(MOMENTS.items()):
        running = demo(home, *months, *(["--continue"] if number else []))
        reached = any(all(word in line for word in words) for line in running.lines())
        assert reached, (moment, running.said[-30:])
        assert running.kill(jvm_too=number % 2 == 1) == -signal.SIGKILL
    options = ("demo", *months, "--fixtures", str(flights))
    assert run(home, *options, "--continue") == 0
    assert run(clean, *options) == 0

    assert_same_history(clean, home)
