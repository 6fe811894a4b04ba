"""Whoever may start a job may give any of its tasks any parameter: each is taken as the job is meant, or refused."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

import pytest
from bundle.offline import ROOT
from bundle.targets import deployment
from fake_dbutils import FakeDbutils
from fake_jobs import run_in_a_job

from levelfive.config import Approval
from levelfive.errors import ConfigError
from levelfive.notebook import COMMON, PARAMETERS, Page, parameters
from levelfive.notebook.reading import FIXED

EVERY = sorted({*COMMON, *(name for own in PARAMETERS.values() for name in own)})
OTHER = "P2D"
BY_OPERATORS = {"as_of", "since", "without", "decision", "window_start", "window_end", "min_rows", "first_run"}
OF_THE_ENDPOINT = {"action", "digest", "to", "why", "deployed_since"}
BY_RELEASES = {"as_of", "step", "version", "by", "reason", "source_model", "source_registry", "promoted_since"}
JOBS = {
    "training": {"as_of", "since", "without", "decision", "first_run"},
    "scoring": {"as_of", "since", "window_start", "window_end", "min_rows", "first_run"},
    "monitoring": {"as_of", "window_start", "window_end"},
    "retraining": {"as_of"},
    "release": BY_RELEASES,
    "serving": {"as_of", *OF_THE_ENDPOINT},
    "maintenance": {"as_of"},
}
TASKS = [
    (name, task["task_key"], PurePath(task["notebook_task"]["notebook_path"]).stem)
    for name, task in deployment("prod").tasks("notebook_task")
]


def start(patch: pytest.MonkeyPatch, job: str, task: str, given: dict[str, str], target: str = "prod") -> Page:
    """Start one task of a job alone, as the workspace does: what the run is given goes before all that is deployed."""
    deployed = deployment(target).jobs[job]
    (found,) = (one for one in deployed["tasks"] if one["task_key"] == task)
    defaults = {one["name"]: one["default"] for one in deployed["parameters"]}
    notebook = found["notebook_task"]
    widgets = {**notebook["base_parameters"], **defaults, **given}
    settings: dict[str, Any] = {"name": deployed["name"], "parameters": deployed["parameters"]}
    run_in_a_job(patch, settings | {"tasks": deployed["tasks"]})
    namespace = {"dbutils": FakeDbutils(widgets, task=task), "spark": None}
    return parameters(namespace, PurePath(notebook["notebook_path"]).stem)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(("job", "task", "notebook"), TASKS)
def test_a_task_takes_what_its_job_declares_and_is_refused_every_other_parameter(
    job: str, task: str, notebook: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in JOBS[job]:
        page = start(monkeypatch, job, task, {name: OTHER})

        assert page.values.get(name, OTHER) == OTHER
    else:
        with pytest.raises(ConfigError, match=f"takes .* from a run, and was given {name} otherwise"):
            start(monkeypatch, job, task, {name: OTHER})


@pytest.mark.parametrize(("job", "task", "notebook"), TASKS)
def test_a_task_that_is_given_nothing_has_what_its_job_was_deployed_with(
    job: str, task: str, notebook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = start(monkeypatch, job, task, {})

    tables = deployment("prod").resources["schemas"]["tables"]
    assert page["table_schema"] == f"{tables['catalog_name']}.{tables['name']}"
    assert page["registry_uri"] == "databricks-uc"
    assert page.values.get("approval", Approval.MANUAL) == Approval.MANUAL


def test_jobs_that_operators_start_take_what_varies_from_run_to_run_and_nothing_else() -> None:
    declared = {name: {one["name"] for one in job["parameters"]} for name, job in deployment("prod").jobs.items()}

    assert declared == JOBS
    assert set().union(*(names for name, names in JOBS.items() if name != "release")) == BY_OPERATORS | OF_THE_ENDPOINT
    assert not FIXED & (BY_OPERATORS | OF_THE_ENDPOINT | BY_RELEASES)


@pytest.mark.parametrize(
    "given",
    [
        {"step": "promote", "version": "4", "approval": "auto"},
        {"step": "approve", "version": "4", "by": "ada", "reason": "good"},
        {"version": "4"},
        {"approval": ""},
        {"asof": OTHER},
    ],
)
def test_who_may_start_the_training_makes_it_neither_approve_nor_promote(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        ConfigError, match=r"takes as_of, decision, first_run, since, without from a run, and was given"
    ):
        start(monkeypatch, "training", "registry", given)


def test_what_is_given_as_it_was_deployed_is_no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(monkeypatch, "training", "registry", {"approval": "manual"})["approval"] == "manual"


def test_a_setting_that_a_job_declares_as_its_parameter_is_deployed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declared = {"name": "ours", "parameters": [{"name": "environment", "default": "prod"}], "tasks": []}
    run_in_a_job(monkeypatch, declared)

    def opened(environment: str) -> Page:
        return parameters({"dbutils": FakeDbutils({"environment": environment}), "spark": None}, "data")

    assert opened("prod")["environment"] == "prod"
    with pytest.raises(ConfigError, match="the job ours takes no parameter from a run, and was given environment"):
        opened("qa")


def test_the_page_of_the_bundle_says_which_parameters_a_task_takes() -> None:
    page = (ROOT / "docs" / "bundle.md").read_text(encoding="utf-8")
    head, _, *rows = page[page.index("| a run gives |") :].partition("\n\n")[0].splitlines()
    jobs = [cell.strip() for cell in head.split("|")[2:-1]]
    said: dict[tuple[str, str], str] = {}
    for row in rows:
        _, names, *cells = row.split("|")
        for name in re.findall(r"`(\w+)`", names):
            said |= {(job, name): cell.strip() for job, cell in zip(jobs, cells, strict=False)}

    assert said == {(job, name): "taken" if name in JOBS[job] else "refused" for job in JOBS for name in EVERY}
