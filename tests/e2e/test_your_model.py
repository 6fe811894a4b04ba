"""The guide from an empty folder to the first report and the first answer, each of its commands as it is written."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socket import socket

import pytest
from packages import PYTHON, build_wheel, environment, other_packages, package_index

pytestmark = pytest.mark.nightly
PAGE = Path(__file__).resolve().parents[2] / "docs" / "your-model.md"
SERVES = ".venv/bin/levelfive serving run --port 8080"
# Of what only a workspace or a newer levelfive has, tests/bundle/test_project.py and test_newer_levelfive.py.
NEWER = "make newer"


def commands() -> list[str]:
    """List the page's commands in their order."""
    lines = re.findall(r"^    (\S.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [line.partition("    #")[0].strip() for line in lines]


class Shell:
    """Runs commands as a newcomer does: one folder after the other, each command has to end well."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env

    def run(self, command: str) -> str:
        if command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
            self._take_what_is_set_up()
            return ""
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=800, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def _take_what_is_set_up(self) -> None:
        """Give the project Delta's jars, which its first Spark would fetch from Maven."""
        subprocess.run([PYTHON, "-m", "venv", ".venv"], cwd=self.folder, env=self.env, check=True)
        (self.folder / ".venv" / "share").symlink_to(Path(sys.prefix, "share"))


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    index = tmp_path / "index" / "simple" / "levelfive"
    index.mkdir(parents=True)
    build_wheel(index)
    (tmp_path / "empty").mkdir()
    with package_index(tmp_path / "index") as url:
        yield Shell(tmp_path / "empty", environment(other_packages(tmp_path / "packages"), url, tmp_path))


@pytest.mark.timeout(1800)
def test_every_command_of_the_guide_works_as_it_is_written(shell: Shell) -> None:
    """Two environments are made, and twenty commands start Spark, each its own."""
    port = free_port()
    serving = None
    try:
        for command in commands():
            here = command.replace("8080", str(port))
            if command == SERVES:
                serving = subprocess.Popen(shlex.split(here), cwd=shell.folder, env=shell.env)
            elif command.startswith("curl"):
                answer = json.loads(shell.run(f"{here} --fail --retry 100 --retry-delay 1 --retry-connrefused"))
                assert (answer["model"], list(answer["scores"])) == ("levelfive.local.store_parcels", ["score"])
            else:
                shell.run(here)
    finally:
        if serving is not None:
            serving.terminate()
            serving.wait(60)

    report = (shell.folder / "report.html").read_text(encoding="utf-8")
    assert "store_parcels" in report
    assert serving is not None
    assert commands()[-1] == NEWER


def free_port() -> int:
    with closing(socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
