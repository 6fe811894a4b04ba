"""Runs notebooks as scripts on a laptop, and as tasks on a workspace."""

import contextlib
import io
import runpy
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fake_dbutils import FakeDbutils
from first_champion import AS_OF, LATER
from pyspark.sql import SparkSession

from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.job_runs import JobRun
from levelfive.core.windows import iso

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SCORED = {"window_start": iso(AS_OF), "window_end": iso(LATER)}
STARTER = "ada@example.com"


def packages_without_ours(folder: Path) -> Path:
    """Link all installed packages but ours into a folder: what an environment has before the wheel is installed."""
    (packages := folder / "packages").mkdir()
    for path in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not path.name.startswith(("levelfive", "flight_delay", "_editable", "__editable__", "_levelfive")):
            (packages / path.name).symlink_to(path)
    return packages


def run_script(name: str, home: Path, **given: str) -> str:
    """Run a notebook as `python notebooks/<name>.py` does, but in this process and with its Spark; what it printed."""
    options = [part for key, value in given.items() for part in (f"--{key}", value)]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        patch.setattr(sys, "argv", [f"{name}.py", "--home", str(home), *options])
        patch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
        runpy.run_path(str(NOTEBOOKS / f"{name}.py"), run_name="__main__")
    return printed.getvalue()


@dataclass
class Scripts:
    """A home on which the notebooks ran as scripts, and what each printed."""

    home: Path
    use_case: str
    schema: str
    printed: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, **given: str) -> None:
        self.printed[name] = run_script(name, self.home, **self.settings, **given)

    @property
    def settings(self) -> dict[str, str]:
        return {"use_case": self.use_case, "table_schema": self.schema}

    @property
    def app(self) -> App:
        return App.local(self.home, Settings(**self.settings))


@dataclass
class Job:
    """A run of a workspace's job: the parameters that all of its tasks get, and the values that they hand on.

    What it was deployed with, the workspace tells; where it tells nothing, a person has opened the notebooks.
    """

    spark: SparkSession
    parameters: dict[str, str]
    settings: dict[str, str] | None = None
    values: dict[tuple[str, str], Any] = field(default_factory=dict)
    displayed: dict[str, list[Any]] = field(default_factory=dict)
    html: list[str] = field(default_factory=list)

    def run(self, task: str, name: str = "") -> None:
        """Run a notebook as a task, where a notebook finds `dbutils`, `display`, `displayHTML` and `spark` in place."""
        shown = self.displayed.setdefault(task, [])
        run = None if self.settings is None else JobRun("a job", self.parameters, self.settings, STARTER)
        given = {**self.parameters, **(self.settings or {})}
        found = {
            "dbutils": FakeDbutils(given, task=task, run=self.values),
            "display": shown.append,
            "displayHTML": self.html.append,
            "spark": self.spark,
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("levelfive.notebook.page.job_run", lambda spark: run)
            runpy.run_path(str(NOTEBOOKS / f"{name or task}.py"), init_globals=found)


@dataclass
class Jobs:
    """The jobs of the bundle as they ran one after the other."""

    use_case: str
    training: Job
    scoring: Job
    monitoring: Job
    retraining: Job
    explore: Job

    @property
    def schema(self) -> str:
        return f"{self.use_case}_by_job"
