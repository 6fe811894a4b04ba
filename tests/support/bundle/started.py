"""Runs that the CLI started on the workspace on loopback: their notebooks begin as they would there.

What a run is given goes before the job's own parameters, and those before what a task was deployed with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from bundle.cli import Checkout
from fake_dbutils import FakeDbutils
from fake_jobs import told_by_the_runtime

from levelfive.notebook import Page

READS = "page = notebook.parameters("


@dataclass(frozen=True)
class StartedTask:
    """A notebook task of a run, and its widgets."""

    job_id: int
    run_id: int
    key: str
    notebook: str
    widgets: dict[str, str]


def start(copy: Checkout, job: str, *words: str, **given: str) -> list[StartedTask]:
    """Start a deployed job by the CLI, with parameters, and list the notebook tasks that the workspace then runs."""
    before = set(copy.workspace.runs)
    parameters = [word for name, value in given.items() for word in ("--params", f"{name}={value}")]
    copy.does("run", job, "--no-wait", *words, *parameters)
    new = [one for key, one in copy.workspace.runs.items() if key not in before and "tasks" in one]
    return [task for run in new for task in _tasks(copy, run)]


def begin(copy: Checkout, task: StartedTask, patch: pytest.MonkeyPatch) -> Page:
    """Run the uploaded notebook of a task down to the cell that reads its parameters; it asks the workspace of itself.

    Raises:
        ConfigError: What the notebook answers where it was given something that its job does not take.
    """
    told_by_the_runtime(patch, task.job_id, task.run_id)
    patch.setenv("DATABRICKS_HOST", copy.address)
    patch.setenv("DATABRICKS_TOKEN", "none")
    code = copy.workspace.download(task.notebook).decode()
    before, reads, after = code.partition(READS)
    assert reads, f"{task.notebook} reads no parameters"
    namespace: dict[str, Any] = {"dbutils": FakeDbutils(task.widgets, task=task.key), "spark": None}
    exec(compile(before + reads + after.partition("\n")[0], task.notebook, "exec"), namespace)
    page: Page = namespace["page"]
    return page


def _tasks(copy: Checkout, run: dict[str, Any]) -> Iterator[StartedTask]:
    job = copy.workspace.resources["jobs"][str(run["job_id"])]
    of_job = {one["name"]: one["default"] for one in job["parameters"]}
    notebooks = {one["task_key"]: one["notebook_task"] for one in job["tasks"] if "notebook_task" in one}
    for one in run["tasks"]:
        if (found := notebooks.get(one["task_key"])) is not None:
            widgets = {**found["base_parameters"], **of_job, **run["given"]}
            yield StartedTask(run["job_id"], one["run_id"], one["task_key"], found["notebook_path"], widgets)
