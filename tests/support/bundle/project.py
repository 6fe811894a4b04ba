"""Projects made from the template, by `levelfive new` and by the real CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bundle.cli import CLI, Checkout
from bundle.offline import ROOT, read, resolve
from bundle.targets import WHEEL
from bundle.workspace import Workspace, serve

from levelfive.project.making import make_project

OWN_WHEEL = "orders-0.1.0-py3-none-any.whl"
WHEELS = (WHEEL, OWN_WHEEL)
LENT = ("bin", "lib", "share", "pyvenv.cfg")


@contextmanager
def checkout_of_project(target: str, folder: Path) -> Iterator[Checkout]:
    """Make a project, with a workspace on loopback as the host of a target."""
    root = make_project({"name": "orders"}, folder)
    lend_python(root)
    declared = resolve(read(root), target)
    workspace = Workspace(user=declared.config["workspace"]["current_user"]["userName"])
    with serve(workspace) as address:
        file = root / "environments.yml"
        text = file.read_text(encoding="utf-8").replace(declared.config["workspace"]["host"], address)
        file.write_text(text, encoding="utf-8")
        yield Checkout(root, declared, workspace, address)


def init(answers: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Let the real CLI make a project from this repository."""
    folder.mkdir(exist_ok=True)
    (folder / "given.json").write_text(json.dumps(answers), encoding="utf-8")
    with serve(Workspace(user="anna.smith@example.com")) as address:
        return subprocess.run(
            [str(CLI), "bundle", "init", str(ROOT), "--config-file", "given.json", "--output-dir", "made"],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "HTTPS_PROXY": "http://127.0.0.1:9",  # nothing listens there: who asks for more than loopback fails
                "DATABRICKS_HOST": address,
                "DATABRICKS_TOKEN": "none",
                "DATABRICKS_CLI_DISABLE_TELEMETRY": "true",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def lend_python(root: Path) -> None:
    """Give a project this Python as its .venv, which `make` then takes for ready."""
    (root / ".venv").mkdir()
    for part in LENT:
        if Path(sys.prefix, part).exists():
            (root / ".venv" / part).symlink_to(Path(sys.prefix, part))
    (root / ".venv" / ".ready").touch()


def environment_of(root: Path) -> dict[str, str]:
    """What a command in a project with a lent Python runs with: its package is found by its folder."""
    path = (str(root / "src"), os.environ.get("PYTHONPATH", ""))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


def contents(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
