"""A project made from the template: the same by the real CLI and by `levelfive new`, and a bundle as sound as ours."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure_pipelines.calls import APPLIER, calls_of
from azure_pipelines.expansion import expand
from azure_pipelines.project import BASE, serving
from azure_pipelines.project import project as what_is_there
from bundle.cli import needs_cli
from bundle.offline import ROOT, TARGETS, Deployment, read, references, resolve
from bundle.project import WHEELS, checkout_of_project, contents, init
from bundle.targets import deployment, validated
from bundle.use_cases import places
from databricks.bundles.jobs import Job
from jsonschema import Draft202012Validator

from levelfive.project.making import make_project

SCHEMAS = "LEVELFIVE_SCHEMAS"
ALL = {
    "name": "store_returns",
    "task": "regression",
    "source": "delta",
    "dev_catalog": "dev",
    "qa_catalog": "QA_1",
    "prod_catalog": "prod",
    "registry_catalog": "models",
    "groups": "data-science",
    "dev_host": "https://adb-1.azuredatabricks.net",
    "qa_host": "https://adb-2.azuredatabricks.net",
    "prod_host": "https://adb-3.azuredatabricks.net",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project({"name": "orders"}, tmp_path_factory.mktemp("project"))


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def deployed(project: Path, target: str) -> Deployment:
    return resolve(read(project), target)


@needs_cli
@pytest.mark.parametrize(
    "answers",
    [
        {},
        ALL,
        *({"name": "orders", "source": source} for source in ("parquet", "json_lines")),
        *({"name": "orders", "task": task} for task in ("multiclass", "quantiles")),
    ],
    ids=["no answer", "all answers", "parquet", "json_lines", "multiclass", "quantiles"],
)
def test_the_real_cli_makes_the_very_files_that_levelfive_new_makes(answers: dict[str, str], tmp_path: Path) -> None:
    made = init(answers, tmp_path / "cli")
    make_project({"name": "my_model", **answers}, tmp_path / "levelfive")

    assert made.returncode == 0, made.stderr
    assert contents(tmp_path / "cli" / "made") == contents(tmp_path / "levelfive")


@needs_cli
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("my-model", "A name is 3 to 30 small letters, digits and _"),
        ("größe", "A name is 3 to 30 small letters, digits and _"),
        ("x" * 31, "A name is 3 to 30 small letters, digits and _"),
        ("orders_", "A name is 3 to 30 small letters, digits and _"),
        ("class", "The name is one of Python, Spark or levelfive itself"),
        ("random", "The name is one of Python, Spark or levelfive itself"),
    ],
)
def test_the_real_cli_refuses_a_name_as_levelfive_new_does(name: str, says: str, tmp_path: Path) -> None:
    refused = init({"name": name}, tmp_path)

    assert refused.returncode != 0
    assert says in refused.stderr
    assert not (tmp_path / "made").exists()


def test_all_of_a_projects_bundle_is_resolved(deployed: Deployment) -> None:
    assert not list(references(deployed.config))
    for job in deployed.jobs.values():
        Job.from_dict(job)


def test_a_project_deploys_the_jobs_of_this_repository_with_both_wheels(deployed: Deployment, target: str) -> None:
    ours = deployment(target)

    def shape(job: dict[str, Any]) -> list[tuple[str, Any, Any]]:
        return [(task["task_key"], task.get("depends_on"), task.get("condition_task")) for task in job["tasks"]]

    assert {key: shape(job) for key, job in deployed.jobs.items()} == {
        key: shape(job) for key, job in ours.jobs.items()
    }
    tasks = [task for _, task in deployed.tasks("notebook_task")]
    assert {task["notebook_task"]["base_parameters"]["use_case"] for task in tasks} == {"orders"}
    if target == "serverless":
        (environment,) = deployed.jobs["training"]["environments"]
        assert environment["spec"]["dependencies"] == ["./dist/orders-*.whl", "./dist/levelfive-*.whl[serverless]"]
    else:
        wheels = [[library["whl"] for library in task["libraries"] if "whl" in library] for task in tasks]
        assert all(found == ["dist/levelfive-*.whl", "dist/orders-*.whl"] for found in wheels)


def test_a_project_shares_no_name_no_folder_and_no_group_with_this_repository(
    deployed: Deployment, target: str
) -> None:
    assert places(deployed) & places(deployment(target)) == set()


def test_every_notebook_that_a_job_runs_is_in_the_project(project: Path, deployed: Deployment) -> None:
    notebooks = {task["notebook_task"]["notebook_path"] for _, task in deployed.tasks("notebook_task")}

    assert notebooks
    assert {notebook for notebook in notebooks if not (project / notebook).is_file()} == set()


def test_groups_and_hosts_are_those_that_were_answered(tmp_path: Path) -> None:
    made = resolve(read(make_project(ALL, tmp_path)), "prod")

    assert made.config["workspace"]["host"] == ALL["prod_host"]
    assert made.resources["schemas"]["tables"]["catalog_name"] == "prod"
    assert made.resources["schemas"]["registry"]["catalog_name"] == "models"
    permitted = {one.get("group_name") for job in made.jobs.values() for one in job["permissions"]} - {None}
    assert permitted == {f"data-science-prod-{role}" for role in ("viewers", "operators", "approvers")}


def test_a_projects_files_satisfy_the_json_schema(project: Path) -> None:
    folder = os.environ.get(SCHEMAS)
    if not folder:
        pytest.skip(f"{SCHEMAS} does not name the folder with databricks-bundle.json")
    validator = Draft202012Validator(json.loads(Path(folder, "databricks-bundle.json").read_text(encoding="utf-8")))

    for file in (project / "databricks.yml", project / "environments.yml"):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        content["bundle"].setdefault("name", "of the file that includes it")
        assert [one.message[:300] for one in validator.iter_errors(content)] == [], file.name


@needs_cli
def test_every_target_of_a_project_validates_without_a_warning(target: str, tmp_path: Path) -> None:
    with checkout_of_project(target, tmp_path) as copy:
        found = validated(copy, WHEELS)

    assert found.resources.keys() == copy.declared.resources.keys()
    assert found.jobs.keys() == copy.declared.jobs.keys()
    assert found.config["workspace"]["root_path"] == copy.declared.config["workspace"]["root_path"]


@needs_cli
def test_a_release_of_a_project_uploads_both_wheels_and_jobs_install_levelfives_first(tmp_path: Path) -> None:
    with checkout_of_project("prod", tmp_path) as copy:
        (copy.root / "dist").mkdir()
        for wheel in WHEELS:
            (copy.root / "dist" / wheel).touch()

        copy.does("deploy")

        jobs = {job["name"]: job for job in copy.workspace.resources["jobs"].values()}
        training = jobs["levelfive orders training"]
        (installed,) = (task["libraries"] for task in training["tasks"] if task["task_key"] == "training")
        paths = [library["whl"] for library in installed]
        assert [Path(path).name for path in paths] == list(WHEELS)
        assert [copy.workspace.download(path) for path in paths] == [b"", b""]


def test_a_projects_pipelines_expand_and_release_its_own_model(project: Path) -> None:
    folder = project / "deploy" / "azure-pipelines"
    given = {"qa_model": "keep", "prod_model": "release", "qa_version": "3", "prod_version": "4", "dev_model": "none"}

    built, released = expand(folder / "ci.yml"), expand(folder / "cd.yml", **given)

    (job,) = (job for stage in built["stages"] for job in stage["jobs"])
    assert [step["bash"] for step in job["steps"] if "bash" in step] == [
        "make test",
        "make wheel BUILD=$(Build.BuildId)",
    ]
    (pipeline,) = released["resources"]["pipelines"]
    assert (pipeline["pipeline"], pipeline["source"]) == ("ci", "orders-ci")
    variables = {one["name"]: one["value"] for one in released["variables"]}
    assert variables["model_of_qa"] == "levelfive_registry.orders_qa.orders"
    assert [stage["stage"] for stage in released["stages"]] == [
        "qa", "plan", "production", "copy", "promote", "smoke", "rollback_model", "rollback_code",
    ]  # fmt: skip


@pytest.mark.parametrize("place", ["azure_ml", "kubernetes"])
def test_a_projects_champion_is_brought_to_where_it_answers_by_its_own_release(project: Path, place: str) -> None:
    folder = project / "deploy" / "azure-pipelines"

    pipeline, ours = expand(folder / "serving.yml", base=BASE, place=place), serving(place)

    assert [stage["stage"] for stage in pipeline["stages"]] == [stage["stage"] for stage in ours["stages"]]
    assert pipeline["resources"]["pipelines"][0]["source"] == "orders-ci"
    calls = [call for stage in pipeline["stages"] for call in calls_of(pipeline, stage["stage"])]
    assert [fault for call in calls for fault in replace(what_is_there(), root=project).faults(call)] == []
    applied = [call.words[2:] for call in calls if call.words[:2] == APPLIER]
    expected = [(target, f"levelfive-{target}", "orders-serving") for target in ("qa", "prod")]
    assert applied == (expected if place == "kubernetes" else [])


def test_what_a_release_gathers_is_in_the_project(project: Path) -> None:
    built = expand(project / "deploy" / "azure-pipelines" / "ci.yml")
    steps = built["stages"][0]["jobs"][0]["steps"]
    (gathered,) = (step["inputs"]["Contents"] for step in steps if step.get("displayName") == "Gather what is deployed")

    wanted = [pattern for pattern in gathered.split() if not pattern.startswith("dist/")]
    assert [pattern for pattern in wanted if not list(project.glob(pattern))] == []
    assert {"deploy/kubernetes/**", "deploy/azure-ml/**", "requirements/serving*.txt"} <= set(wanted)


def test_a_projects_image_is_built_of_both_wheels_and_its_own_pins(project: Path) -> None:
    """The script and the recipe are those of this repository; what they name has to be in a project's release."""
    recipe = (project / "deploy" / "kubernetes" / "Containerfile").read_text(encoding="utf-8")
    script = (project / "deploy" / "azure-pipelines" / "build-image.sh").read_text(encoding="utf-8")

    assert "COPY dist/*.whl" in recipe
    for lock in re.findall(r"requirements/[\w-]+\.txt", script):
        assert (project / lock).read_bytes() == (ROOT / lock).read_bytes()
