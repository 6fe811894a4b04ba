"""Jobs of a workspace as its SDK tells of them; a test holds the signatures to the real ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service.jobs import Job, JobSettings, Run

JOB, RUN, TASK_RUN = 11, 100, 101


class FakeJobs:
    """One deployed job, and runs by their ids."""

    def __init__(self, settings: Mapping[str, Any], runs: Mapping[int, Mapping[str, Any]]) -> None:
        self._settings = settings
        self._runs = runs

    def get(self, job_id: int, *, page_token: str | None = None) -> Job:
        if job_id != JOB:
            raise NotFound(f"Job {job_id} does not exist.")
        return Job(job_id=job_id, settings=JobSettings.from_dict(dict(self._settings)))

    def get_run(
        self,
        run_id: int,
        *,
        include_history: bool | None = None,
        include_resolved_values: bool | None = None,
        page_token: str | None = None,
    ) -> Run:
        if run_id not in self._runs:
            raise NotFound(f"Run {run_id} does not exist.")
        told = {"run_id": run_id, "job_id": JOB, "job_run_id": run_id, **self._runs[run_id]}
        if not include_history:
            told.pop("repair_history", None)
        return Run.from_dict(told)


def started(by: str, **told: Any) -> dict[int, dict[str, Any]]:
    """A run of the job, and the run of its task."""
    return {RUN: {"creator_user_name": by, **told}, TASK_RUN: {"job_run_id": RUN}}


def run_in_a_job(
    patch: pytest.MonkeyPatch,
    settings: Mapping[str, Any],
    *,
    runs: Mapping[int, Mapping[str, Any]] | None = None,
    by: str = "ada@example.com",
) -> None:
    """Let this process be the task of a run: the runtime tells of it, and the workspace of its job."""
    told_by_the_runtime(patch, JOB, TASK_RUN)
    jobs = FakeJobs(settings, started(by) if runs is None else runs)
    patch.setattr("levelfive.platforms.workspace.workspace_client", lambda: SimpleNamespace(jobs=jobs))


def told_by_the_runtime(patch: pytest.MonkeyPatch, job_id: int, run_id: int) -> None:
    """Let the runtime tell this process that it is the task of a run."""
    told = ModuleType("dbruntime.databricks_repl_context")
    told.get_context = lambda: SimpleNamespace(jobId=str(job_id), idInJob=str(run_id))
    patch.setitem(sys.modules, "dbruntime", ModuleType("dbruntime"))
    patch.setitem(sys.modules, "dbruntime.databricks_repl_context", told)
    patch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
