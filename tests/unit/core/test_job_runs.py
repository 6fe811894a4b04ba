"""A run of a deployed job: what the job was deployed with, and who started it, told by the workspace alone."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from databricks.sdk.service.jobs import JobsAPI
from fake_jobs import JOB, RUN, TASK_RUN, FakeJobs, run_in_a_job, started

from levelfive.core.job_runs import JobRun, is_service_principal, read_job_run
from levelfive.errors import ConfigError
from levelfive.platforms.workspace import job_run

PRINCIPAL = "00000000-0000-0000-0000-000000000003"
ADA = "ada@example.com"


def notebook(**given: str) -> dict[str, Any]:
    return {"task_key": f"task{len(given)}", "notebook_task": {"notebook_path": "n", "base_parameters": given}}


SETTINGS = {
    "name": "levelfive training",
    "parameters": [{"name": "as_of", "default": "now"}],
    "tasks": [notebook(approval="manual"), {"task_key": "condition"}],
}


def read(runs: dict, settings: dict = SETTINGS, run: int = TASK_RUN) -> JobRun:
    client = SimpleNamespace(jobs=FakeJobs(settings, runs))
    return read_job_run(client, job_id=str(JOB), run_id=str(run))


@pytest.mark.parametrize("name", ["get", "get_run"])
def test_the_fake_takes_what_the_sdk_takes(name: str) -> None:
    def shape(function: object) -> list[tuple[str, object, object]]:
        return [(p.name, p.default, p.kind) for p in inspect.signature(function).parameters.values()]

    assert shape(getattr(FakeJobs, name)) == shape(getattr(JobsAPI, name))


@pytest.mark.parametrize("run", [RUN, TASK_RUN])
def test_a_run_is_found_by_its_own_id_and_by_its_tasks(run: int) -> None:
    found = read(started(ADA), run=run)

    assert found == JobRun("levelfive training", {"as_of": "now"}, {"approval": "manual"}, ADA)


def test_whoever_started_a_job_has_started_the_jobs_that_it_starts() -> None:
    runs = started(PRINCIPAL, trigger="RUN_JOB_TASK", trigger_info={"run_id": 201})
    retraining = {201: {"job_run_id": 200, "job_id": 12}, 200: {"creator_user_name": ADA, "job_id": 12}}

    assert read(runs | retraining).started_by == ADA


@pytest.mark.parametrize(
    "told",
    [{"repair_history": [{"type": "ORIGINAL"}, {"type": "REPAIR"}]}, {"creator_user_name": None}],
    ids=["repaired", "a user who is gone"],
)
def test_a_run_that_does_not_say_who_gave_its_parameters_was_started_by_nobody_known(told: dict) -> None:
    assert read(started(ADA, **told)).started_by == ""


def test_a_run_that_was_not_repaired_has_a_history_too() -> None:
    assert read(started(ADA, repair_history=[{"type": "ORIGINAL"}])).started_by == ADA


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        ({}, "Run 101 does not exist"),
        ({TASK_RUN: {"job_id": 12}}, "run 101 is no run of the deployed job 11"),
    ],
)
def test_a_run_of_no_deployed_job_is_refused(runs: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read(runs)


def test_tasks_that_were_deployed_with_different_settings_are_refused() -> None:
    tasks = [notebook(approval="manual"), notebook(approval="auto", landing="/there")]

    with pytest.raises(ConfigError, match="levelfive training were deployed with different base_parameters"):
        read(started(ADA), {**SETTINGS, "tasks": tasks})


def test_a_service_principal_is_told_from_a_person() -> None:
    assert is_service_principal(PRINCIPAL)
    assert not is_service_principal(ADA)


def signed_in(user: str) -> MagicMock:
    spark = MagicMock()
    spark.sql.return_value.collect.return_value = [(user,)]
    return spark


def test_the_runtime_tells_which_run_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    run_in_a_job(monkeypatch, SETTINGS)

    found = job_run(signed_in(PRINCIPAL))

    assert found is not None
    assert (found.job, found.started_by) == ("levelfive training", ADA)


def test_a_person_who_opens_a_notebook_is_in_no_job_and_a_service_principal_opens_none() -> None:
    assert job_run(signed_in(ADA)) is None

    with pytest.raises(ConfigError, match=f"this runs as {PRINCIPAL}, and the runtime does not say in which run"):
        job_run(signed_in(PRINCIPAL))
