"""No fault is found in the use case of a new project, whatever it predicts and wherever its rows come from."""

import json
import runpy
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from bundle.project import environment_of
from make_template import PROJECT
from pyspark.sql import SparkSession

from levelfive.project.answers import SCHEMA
from levelfive.project.making import make_project
from levelfive.trial import trial

pytestmark = pytest.mark.nightly
QUESTIONS = json.loads((PROJECT / SCHEMA).read_text(encoding="utf-8"))["properties"]
EXAMPLE = PROJECT / "examples" / "seattle_weather"
TASKS, SOURCES = (QUESTIONS[name]["enum"] for name in ("task", "source"))


@pytest.mark.parametrize(("task", "source"), product(TASKS, SOURCES))
def test_no_fault_is_found_in_the_use_case_of_a_new_project(
    task: str, source: str, spark: SparkSession, lakehouse: Path, tmp_path: Path
) -> None:
    project = make_project({"name": "orders", "task": task, "source": source}, tmp_path)
    landing = lakehouse / f"landing_{task}_{source}"
    runpy.run_path(str(project / "sample" / "parcels.py"))["main"](str(landing), "2025-01-01", "2025-02-01")
    use_case = runpy.run_path(str(project / "src" / "orders" / "use_case.py"))["USE_CASE"]

    found = trial.run(spark, use_case, landing)

    assert found.faults == []
    assert found.notes == []
    looked_at = {part.what for part in found.parts}
    assert {"source parcels", "`spine`", "`labels`", "scores of a model that was fitted on them"} <= looked_at


@pytest.mark.parametrize(("task", "source"), zip(TASKS, (*SOURCES[1:], *SOURCES[:1]), strict=True))
def test_the_tests_of_a_new_project_pass(task: str, source: str, tmp_path: Path) -> None:
    """Each task and each kind of source once, in a process with a Spark of its own."""
    project = make_project({"name": "orders", "task": task, "source": source}, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]

    done = subprocess.run(command, cwd=project, env=environment_of(project), capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_no_fault_is_found_in_the_example(spark: SparkSession, lakehouse: Path) -> None:
    landing = lakehouse / "landing_seattle"
    runpy.run_path(str(EXAMPLE / "deliver.py"))["deliver"](landing, "2015-01-01")

    found = trial.run(spark, runpy.run_path(str(EXAMPLE / "seattle_weather.py"))["USE_CASE"], landing)

    assert (found.faults, found.notes) == ([], [])
