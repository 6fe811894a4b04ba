"""Runs the real Databricks CLI on a copy of the project, against a workspace on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from bundle.offline import COMMIT, ROOT, Deployment, read, resolve
from bundle.workspace import Workspace, serve

CLI = shutil.which("databricks")
FOLDERS = ("notebooks", "resources", "requirements", "src", "template", "deploy/azure-ml")
FILES = (
    "databricks.yml",
    "databricks_template_schema.json",
    "environments.yml",
    "pyproject.toml",
    "Makefile",
    "README.md",
    "LICENSE",
    ".gitignore",
)

needs_cli = pytest.mark.skipif(CLI is None, reason="the Databricks CLI is not on the PATH")


@dataclass(frozen=True)
class Checkout:
    """A copy of the project, where one target is deployed from, and the workspace that it goes to.

    Attributes:
        root: The copy's root.
        declared: What is to be deployed.
        workspace: Where to.
        address: The workspace's.
        folder: Of the use case's databricks.yml, within the root.
    """

    root: Path
    declared: Deployment
    workspace: Workspace
    address: str
    folder: Path = Path()

    def bundle(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `databricks bundle` for the target."""
        given = ("-t", self.declared.target, "--var", f"code_revision={COMMIT}")
        return self._run(str(CLI), "bundle", *words, *given, folder=self.folder)

    def of(self, folder: Path) -> Checkout:
        """Turn to the use case whose databricks.yml is in another folder of this copy."""
        declared = resolve(read(folder, self.root), self.declared.target)
        return replace(self, folder=folder.relative_to(self.root), declared=declared)

    def does(self, *words: str) -> str:
        """Run a command that has to work, with what the workspace knows, and give what it prints."""
        run = self.bundle(*words)
        assert run.returncode == 0, run.stderr
        assert self.workspace.unknown == []
        return run.stdout

    def build(self) -> None:
        """Build the wheel, as the build server does before it deploys, from an empty folder."""
        shutil.rmtree(self.root / "dist", ignore_errors=True)
        run = self._run("make", "wheel")
        assert run.returncode == 0, run.stderr

    def _run(self, *command: str, folder: Path = Path()) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]]),
            "HOME": str(self.root.parent),
            "HTTPS_PROXY": "http://127.0.0.1:9",  # nothing listens there: who asks for more than loopback fails
            "DATABRICKS_TOKEN": "none",
            "DATABRICKS_CLI_DISABLE_TELEMETRY": "true",
            **{name: os.environ[name] for name in ("JAVA_HOME",) if name in os.environ},
        }
        return subprocess.run(
            command, cwd=self.root / folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )


@contextmanager
def checkout(target: str, folder: Path) -> Iterator[Checkout]:
    """Copy the bundle into a folder, with a workspace on loopback as the host of the target."""
    declared = resolve(read(ROOT), target)
    root = folder / "bundle"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy2(ROOT / name, root / name)
    _lend_python(root)
    workspace = Workspace(user=declared.config["workspace"]["current_user"]["userName"])
    with serve(workspace) as address:
        text = (root / "environments.yml").read_text(encoding="utf-8")
        text = text.replace(declared.config["workspace"]["host"], address)
        (root / "environments.yml").write_text(text, encoding="utf-8")
        yield Checkout(root, declared, workspace, address)


def _lend_python(root: Path) -> None:
    """Give the copy this Python as its .venv, which `make` then takes for ready."""
    (root / ".venv").mkdir()
    for part in ("bin", "lib", "pyvenv.cfg"):
        (root / ".venv" / part).symlink_to(Path(sys.prefix, part))
    (root / ".venv" / ".ready").touch()
