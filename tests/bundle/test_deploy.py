"""The real CLI deploys every target: what is declared, all of it, once."""

import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from bundle.cli import Checkout, checkout, needs_cli
from bundle.offline import PRODUCTION, TARGETS
from bundle.use_cases import label
from bundle.workspace import PRINCIPALS

DEVELOPMENT = tuple(target for target in TARGETS if target not in PRODUCTION)
CREATE, RESET = "POST /api/2.2/jobs/create", "POST /api/2.2/jobs/reset"
SECURABLES = {"schemas": "schema", "volumes": "volume", "registered_models": "function"}  # names in the API of grants

pytestmark = needs_cli


@pytest.fixture(scope="module", params=TARGETS)
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Each target, deployed; no test changes it."""
    with checkout(request.param, tmp_path_factory.mktemp(request.param)) as copy:
        if request.param in PRODUCTION:
            copy.build()
        copy.does("deploy")
        yield copy


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Checkout]:
    """The target dev, deployed, for a test that changes it."""
    with checkout("dev", tmp_path) as copy:
        copy.does("deploy")
        yield copy


def test_what_is_deployed_is_what_the_bundle_declares(deployed):
    found = {kind: named(kind, made) for kind, made in deployed.workspace.resources.items()}

    assert {kind: named(kind, ones) for kind, ones in deployed.declared.resources.items()} == found


def test_the_summary_lists_what_the_bundle_declares_by_its_id_in_the_workspace(deployed):
    listed = {
        (kind, key): label(kind, deployed.workspace.resources[kind][found])
        for (kind, key), found in ids(deployed).items()
    }

    declared = deployed.declared.resources
    assert {(kind, key): label(kind, one) for kind, ones in declared.items() for key, one in ones.items()} == listed


def test_a_second_deployment_changes_nothing(deployed):
    before = list(deployed.workspace.writes)

    deployed.does("deploy")

    assert before == deployed.workspace.writes


def test_the_plan_after_a_deployment_is_to_do_nothing(deployed):
    plan = json.loads(deployed.does("plan", "-o", "json"))["plan"]

    assert {f"resources.{kind}.{key}" for kind, key in ids(deployed)} <= plan.keys()
    assert {"skip"} == {step["action"] for step in plan.values()}


def test_tasks_run_the_uploaded_notebooks_with_the_uploaded_wheel(deployed):
    found = ids(deployed)
    jobs = {key: deployed.workspace.resources["jobs"][found["jobs", key]] for key in deployed.declared.jobs}
    tasks = [task for job in jobs.values() for task in job["tasks"]]

    notebooks = [task["notebook_task"]["notebook_path"] for task in tasks if "notebook_task" in task]
    assert len(list(deployed.declared.tasks("notebook_task"))) == len(notebooks)
    assert {"NOTEBOOK"} == {deployed.workspace.status(path)["object_type"] for path in notebooks}
    for job in jobs.values():
        (wheel,) = wheels(job)
        assert "levelfive/__init__.py" in ZipFile(BytesIO(deployed.workspace.download(wheel))).namelist()
    (training,) = [task["run_job_task"]["job_id"] for task in tasks if "run_job_task" in task]
    assert found["jobs", "training"] == str(training)


@pytest.mark.parametrize("deployed", DEVELOPMENT, indirect=True)
def test_a_wheel_that_is_built_on_deploy_is_stamped(deployed):
    (built,) = (deployed.root / "dist").glob("*.whl")
    name, version, rest = built.name.split("-", 2)

    (uploaded,) = uploaded_wheels(deployed)

    assert re.fullmatch(rf".*/{name}-{re.escape(version)}\+\d+-{re.escape(rest)}", uploaded)


@pytest.mark.parametrize("deployed", PRODUCTION, indirect=True)
def test_a_prebuilt_wheel_is_taken_as_it_is(deployed):
    (built,) = (deployed.root / "dist").glob("*.whl")

    (uploaded,) = uploaded_wheels(deployed)

    assert built.name == uploaded.rpartition("/")[2]
    assert built.read_bytes() == deployed.workspace.download(uploaded)


def test_groups_get_what_the_bundle_declares(deployed):
    found, declared = ids(deployed), deployed.declared.resources

    grants = {
        f"{SECURABLES[kind]}/{found[kind, key]}": {one["principal"]: set(one["privileges"]) for one in granted}
        for kind, key in found
        if (granted := declared[kind][key].get("grants"))
    }
    assert grants == deployed.workspace.grants
    permissions = {
        f"{kind}/{found[kind, key]}": sorted(map(access, permitted))
        for kind, key in found
        if (permitted := declared[kind][key].get("permissions"))
    }
    assert permissions == {
        on: sorted(map(access, given))
        for on, given in deployed.workspace.permissions.items()
        if not on.startswith("directories/")
    }
    assert (deployed.declared.target in PRODUCTION) == bool(grants) == bool(permissions)


def test_a_job_that_is_gone_is_planned_and_made_again(dev):
    del dev.workspace.resources["jobs"][ids(dev)["jobs", "scoring"]]
    before = len(dev.workspace.writes)

    plan = json.loads(dev.does("plan", "-o", "json"))["plan"]
    dev.does("deploy")

    assert {name: step["action"] for name, step in plan.items() if step["action"] != "skip"} == {
        "resources.jobs.scoring": "create"
    }
    assert dev.workspace.writes[before:] == [CREATE]


def test_what_a_developer_granted_by_hand_outlives_a_deployment(dev):
    (schema,) = (name for name in dev.workspace.resources["schemas"] if name.startswith("levelfive_registry."))
    on, qa = f"schema/{schema}", "service principal of qa"
    dev.workspace.grant(on, [{"principal": qa, "add": ["USE_SCHEMA", "EXECUTE"]}])

    dev.does("deploy")

    assert dev.workspace.grants == {on: {qa: {"USE_SCHEMA", "EXECUTE"}}}


def test_a_change_of_the_source_brings_the_jobs_a_new_wheel_and_changes_nothing_else(dev):
    source = dev.root / "src" / "levelfive" / "__init__.py"
    before = len(dev.workspace.writes)

    source.write_text(source.read_text(encoding="utf-8") + "CHANGED = True\n", encoding="utf-8")
    dev.does("deploy")

    assert [RESET] * len(dev.declared.jobs) == dev.workspace.writes[before:]
    (wheel,) = uploaded_wheels(dev)
    code = ZipFile(BytesIO(dev.workspace.download(wheel))).read("levelfive/__init__.py").decode()
    assert code.endswith("CHANGED = True\n")


def test_a_developer_can_destroy_the_copy(dev):
    dev.does("destroy", "--auto-approve")

    assert [key for made in dev.workspace.resources.values() for key in made] == []
    assert dev.workspace.files == {}


@pytest.mark.parametrize("deployed", PRODUCTION, indirect=True)
def test_production_refuses_to_be_destroyed(deployed):
    before = list(deployed.workspace.writes)

    refused = deployed.bundle("destroy", "--auto-approve")

    assert refused.returncode != 0
    assert "resources.schemas.tables has lifecycle.prevent_destroy set" in refused.stderr
    assert before == deployed.workspace.writes


def ids(copy: Checkout) -> dict[tuple[str, str], str]:
    """Ask the CLI for the id of each resource that it deployed."""
    summary = json.loads(copy.does("summary", "-o", "json"))["resources"]
    return {(kind, key): one["id"] for kind, ones in summary.items() for key, one in ones.items()}


def named(kind: str, resources: dict[str, dict[str, Any]]) -> list[str]:
    return sorted(label(kind, one) for one in resources.values())


def wheels(job: dict[str, Any]) -> set[str]:
    """List the wheels that a job installs, on its cluster or in its environment."""
    libraries = [library for task in job["tasks"] for library in task.get("libraries", [])]
    environments = [one["spec"]["dependencies"] for one in job.get("environments", [])]
    installed = {one for dependencies in environments for one in dependencies if ".whl" in one}
    return {library["whl"] for library in libraries if "whl" in library} | {one.split("[")[0] for one in installed}


def uploaded_wheels(copy: Checkout) -> set[str]:
    return {wheel for job in copy.workspace.resources["jobs"].values() for wheel in wheels(job)}


def access(one: dict[str, str]) -> tuple[str, str]:
    level = one.get("level") or one["permission_level"]
    return next(one[key] for key in PRINCIPALS if key in one), level
