"""A project moves to a newer levelfive by a line of its requirements, from an index; here one on loopback."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packages import as_version, build_wheel, environment, other_packages, package_index

from levelfive.project.making import make_project

pytestmark = pytest.mark.nightly
NOTEBOOK = "levelfive/project/template/{{.name}}/notebooks/data.py.tmpl"
Make = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project({"name": "orders", "groups": "ours"}, tmp_path)


@pytest.fixture
def make(project: Path, tmp_path: Path) -> Iterator[Make]:
    """Runs make in the project, beside an index that has levelfive 0.1.0 and 0.2.0."""
    folder = tmp_path / "index" / "simple" / "levelfive"
    folder.mkdir(parents=True)
    newer = {NOTEBOOK: ("Ingests the landing files", "Takes in the landing files")}
    as_version(build_wheel(folder), "0.2.0", others=newer)
    with package_index(tmp_path / "index") as url:
        env = environment(other_packages(tmp_path / "packages"), url, tmp_path)

        def run(*words: str) -> str:
            done = subprocess.run(
                ["make", *words], cwd=project, env=env, capture_output=True, text=True, timeout=600, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        yield run


def wheels(project: Path) -> list[str]:
    return sorted(path.name.partition("-py3")[0] for path in (project / "dist").glob("*.whl"))


def test_a_project_takes_levelfive_by_version_from_an_index_and_moves_to_a_newer_one(project: Path, make: Make) -> None:
    """An environment is made, and two versions of the wheel are installed into it."""
    make("wheel")
    assert wheels(project) == ["levelfive-0.1.0", "orders-0.1.0"]
    (own,) = (project / "dist").glob("orders-*.whl")
    held = {name.partition("/")[0] for name in zipfile.ZipFile(own).namelist()}
    assert held == {"orders", "orders-0.1.0.dist-info"}
    assert "diff" not in make("newer")

    (project / "requirements.txt").write_text("levelfive==0.2.0\n")
    told = make("newer")
    make("wheel")

    assert wheels(project) == ["levelfive-0.2.0", "orders-0.1.0"]
    changed = [line for line in told.splitlines() if line.startswith(("+#", "-#", "+++"))]
    assert [line.split("\t")[0] for line in changed] == [
        "+++ build/newer/orders/notebooks/data.py",
        "-# MAGIC Ingests the landing files that are new; rows that break a contract go to quarantine.",
        "+# MAGIC Takes in the landing files that are new; rows that break a contract go to quarantine.",
    ]
    shutil.copy2(project / "build/newer/orders/notebooks/data.py", project / "notebooks/data.py")
    assert "diff" not in make("newer")


def test_a_build_gives_the_projects_wheel_a_version_of_its_own(project: Path, make: Make) -> None:
    """An environment is made."""
    make("wheel", "BUILD=42")

    assert wheels(project) == ["levelfive-0.1.0", "orders-0.1.0+42"]
