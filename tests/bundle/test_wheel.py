"""The wheel goes on top of the ML runtimes without changing a package of theirs: shown by a resolver, not installed."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

UV = Path(sys.executable).with_name("uv")
RUNTIMES = "LEVELFIVE_RUNTIMES"
PLATFORM = ("--python-version", "3.12", "--python-platform", "x86_64-unknown-linux-gnu", "--only-binary", ":all:")
# What is known of runtime 18 LTS ML.
RUNTIME_18 = {
    "databricks-feature-engineering": "0.13.0",
    "mlflow": "3.8.1",
    "mlflow-skinny": "3.8.1",
    "pyspark": "4.1.0",
}


@pytest.fixture(scope="module")
def dependencies() -> tuple[str, ...]:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    return tuple(project["dependencies"])


@pytest.fixture(scope="module")
def runtime_17() -> dict[str, str]:
    """The very versions: the file says `~=`, but what the runtime has is the first one that this allows."""
    if not (folder := os.environ.get(RUNTIMES)):
        pytest.skip(f"{RUNTIMES} is not set: no list of what runtime 17.3 LTS ML ships")
    pins = re.findall(r"^([\w.-]+)[~=]=(\S+)$", Path(folder, "17.3-lts-ml.txt").read_text(), re.MULTILINE)
    return dict(pins)


def resolved(requirements: Sequence[str], runtime: Mapping[str, str], folder: Path) -> dict[str, str] | None:
    """Resolve requirements beside a runtime's packages; None where they ask for another version than it has."""
    wanted, pins = folder / "requirements.in", folder / "runtime.txt"
    wanted.write_text("\n".join(requirements))
    pins.write_text("\n".join(f"{name}=={version}" for name, version in runtime.items()))
    command = [UV, "pip", "compile", "--no-config", "--quiet", "--no-header", "--no-annotate", *PLATFORM]
    answer = subprocess.run(
        [*command, "--constraints", pins, wanted], cwd=folder, capture_output=True, text=True, check=False
    )
    if answer.returncode == 0:
        return dict(re.findall(r"^([\w.-]+)==(\S+)$", answer.stdout, re.MULTILINE))
    if "Failed to fetch" in answer.stderr:
        pytest.skip(f"no package registry: {' '.join(answer.stderr.split()[:12])} ...")
    assert "No solution found" in answer.stderr, answer.stderr
    return None


def test_on_runtime_17_the_wheel_brings_nothing_along(
    dependencies: tuple[str, ...], runtime_17: dict[str, str], tmp_path: Path
) -> None:
    needed = resolved(dependencies, runtime_17, tmp_path)

    assert needed is not None
    assert len(dependencies) < len(needed)
    assert needed == {name: runtime_17.get(name) for name in needed}


def test_on_runtime_18_the_wheel_goes_with_what_is_known_of_it(dependencies: tuple[str, ...], tmp_path: Path) -> None:
    runtime = [f"{name}=={version}" for name, version in RUNTIME_18.items() if name != "pyspark"]

    beside = resolved([*dependencies, *runtime], RUNTIME_18, tmp_path)

    assert beside is not None
    assert {name: version for name, version in beside.items() if name in RUNTIME_18} == {
        name: version for name, version in RUNTIME_18.items() if name in beside
    }


def test_a_dependency_that_asks_for_more_than_runtime_17_has_is_found(
    dependencies: tuple[str, ...], runtime_17: dict[str, str], tmp_path: Path
) -> None:
    assert resolved([*dependencies, "typer>=0.20"], runtime_17, tmp_path) is None


def test_a_dependency_that_asks_for_more_than_runtime_18_has_is_found(
    dependencies: tuple[str, ...], tmp_path: Path
) -> None:
    assert resolved([*dependencies, "mlflow-skinny>=3.9"], RUNTIME_18, tmp_path) is None
