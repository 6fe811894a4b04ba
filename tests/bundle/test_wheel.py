"""The wheel goes on top of Databricks' runtimes without changing a package of theirs: shown by a resolver.

And what is locked here is what the target runtime ships, so that what runs here is what runs there.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

PROJECT = Path(__file__).parents[2]
REQUIREMENTS = PROJECT / "requirements"
UV = Path(sys.executable).with_name("uv")
RUNTIMES = "LEVELFIVE_RUNTIMES"
TARGET = "18-lts-ml"
PIN = re.compile(r"^([\w.-]+)[~=]=([^\s;]+)", re.MULTILINE)
# XGBoost's library for several GPUs: a runtime without GPUs ships XGBoost without it.
FOR_GPUS = {"nvidia-nccl-cu12", "nvidia-nccl-cu13"}
# What a runtime lacks of the wheel's own needs.
LACKING = {"17.3-lts-ml": set(), TARGET: set(), "serverless-v5": {"typer", "xgboost"}}
PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin")


def packages_of(runtime: str) -> dict[str, Version]:
    """The very versions: the list says `~=`, but what the runtime has is the first one that this allows."""
    if not (folder := os.environ.get(RUNTIMES)):
        pytest.skip(f"{RUNTIMES} does not name the folder with lists of what the runtimes ship")
    pins = PIN.findall(Path(folder, f"{runtime}.txt").read_text())
    return {name: Version(version) for name, version in pins}


def locked(file: str) -> dict[str, Version]:
    return {name: Version(version) for name, version in PIN.findall((REQUIREMENTS / file).read_text())}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]


def uv(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run([UV, "pip", *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False)
    if "Failed to fetch" in answer.stderr:
        pytest.skip(f"no package registry: {' '.join(answer.stderr.split()[:12])} ...")
    return answer


def resolved(requirements: Sequence[str], runtime: Mapping[str, Version], folder: Path) -> dict[str, Version] | None:
    """Resolve requirements beside a runtime's packages; None where they ask for another version than it has."""
    wanted, pins = folder / "requirements.in", folder / "runtime.txt"
    wanted.write_text("\n".join(requirements))
    pins.write_text("\n".join(f"{name}=={version}" for name, version in runtime.items()))
    there = ("--python-version", "3.12", "--python-platform", PLATFORMS[0], "--only-binary", ":all:")
    answer = uv(
        "compile", "--no-config", "--quiet", "--no-annotate", *there, "--constraints", pins, wanted, folder=folder
    )
    if answer.returncode == 0:
        return {name: Version(version) for name, version in PIN.findall(answer.stdout)}
    assert "No solution found" in answer.stderr, answer.stderr
    return None


@pytest.mark.parametrize("runtime", LACKING)
def test_the_wheel_changes_no_package_of_a_runtime_and_brings_only_what_it_lacks(
    runtime: str, project: dict, tmp_path: Path
) -> None:
    """The package index is asked for sixty packages."""
    there, wanted = packages_of(runtime), project["dependencies"]

    needed = resolved(wanted, there, tmp_path)

    assert needed is not None
    assert len(wanted) < len(needed)
    brought = {name for name, version in needed.items() if there.get(name) != version}
    assert brought - FOR_GPUS == LACKING[runtime]
    assert not brought & there.keys()


@pytest.mark.nightly
def test_on_serverless_what_it_lacks_is_an_extra_that_changes_no_package(project: dict, tmp_path: Path) -> None:
    """The package index is asked for a hundred and forty packages."""
    there, extra = packages_of("serverless-v5"), project["optional-dependencies"]["serverless"]

    needed = resolved([*project["dependencies"], *extra], there, tmp_path)

    assert needed is not None
    assert "databricks-feature-engineering" in needed.keys() - there.keys()
    assert {name: needed[name] for name in needed.keys() & there.keys()} == {
        name: there[name] for name in needed.keys() & there.keys()
    }


@pytest.mark.parametrize("runtime", LACKING)
def test_each_runtime_has_the_client_of_the_online_store(runtime: str, project: dict) -> None:
    """So that the job `serving` brings none."""
    (wanted,) = map(Requirement, project["optional-dependencies"]["online"])

    assert wanted.name == "psycopg2-binary"
    assert wanted.specifier.contains(packages_of(runtime)["psycopg2"])


@pytest.mark.nightly
def test_a_dependency_that_asks_for_more_than_a_runtime_has_is_found(project: dict, tmp_path: Path) -> None:
    """The package index is asked for sixty packages."""
    assert resolved([*project["dependencies"], "pandas>=2.3"], packages_of(TARGET), tmp_path) is None


@pytest.mark.parametrize("lock", ["dev.txt", "local.txt"])
def test_what_is_locked_is_what_the_target_ships_but_where_the_constraints_say_why_not(lock: str) -> None:
    there, here = packages_of(TARGET), locked(lock)
    blocks = (REQUIREMENTS / "constraints.txt").read_text().split("# Other versions")[1].split("# The runtime's.")[0]
    explained = set(re.findall(r"^([\w.-]+)>=", blocks, re.MULTILINE))

    other = {name for name in here.keys() & there.keys() if here[name] != there[name]}

    assert len(here.keys() & there.keys()) > 60
    assert other == explained & here.keys()


@pytest.mark.parametrize(
    ("python", "platform"),
    [
        pytest.param(python, platform, marks=() if python == "3.13" else pytest.mark.nightly)
        for python in ("3.11", "3.12", "3.13")
        for platform in PLATFORMS
    ],
)
def test_the_lock_installs_without_a_compiler(python: str, platform: str, tmp_path: Path) -> None:
    where = ("--target", tmp_path / "packages", "--python-version", python, "--python-platform", platform)
    built = ("--only-binary", ":all:", "--no-binary", "pyspark")  # a source distribution, of Python and jars alone

    answer = uv(
        "install", "--dry-run", "--no-deps", "--require-hashes", *built, *where, "-r", REQUIREMENTS / "dev.txt",
        folder=tmp_path,
    )  # fmt: skip

    assert answer.returncode == 0, answer.stderr
    assert "Would install" in answer.stderr
