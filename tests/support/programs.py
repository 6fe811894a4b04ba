"""Programs that tests need besides Python and Java: where they are, and as whom servers run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NOBODY = "nobody"


def program(name: str, *, package: str) -> str:
    """Find a program; without it a test is skipped on a laptop, and fails on a build server."""
    if found := shutil.which(name):
        return found
    missing = f"{name} is not on the PATH: apt-get install {package}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def install_packages(lock: Path, folder: Path) -> None:
    """Install packages of npm into a folder, once; without a registry a test is skipped.

    Args:
        lock: Folder with package.json and package-lock.json.
        folder: Where they go.
    """
    if (folder / "node_modules").exists():
        return
    npm = program("npm", package="npm")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        (folder / name).write_bytes((lock / name).read_bytes())
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
    answer = subprocess.run([npm, "ci", *quiet], cwd=folder, capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip(f"no package registry: {answer.stderr.strip()[:200]}")


def unprivileged(command: list[str], *folders: Path) -> list[str]:
    """Let a server run as nobody where the tests run as root, with folders of its own to write into.

    It may read what root may: Python itself can lie in root's home.
    """
    if os.geteuid() != 0:
        return command
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, NOBODY)
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return [program("setpriv", package="util-linux"), "--reuid", NOBODY, "--clear-groups", *reading, "--", *command]
