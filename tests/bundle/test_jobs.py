"""The jobs fit the code: notebooks, parameters, task values, the order of tasks and what they run on."""

import re
import tomllib
from pathlib import PurePath

import pytest
from bundle.offline import ROOT, identifier, read, resolve, texts
from bundle.targets import deployment
from feature_engineering.fake import VERSIONS
from packaging.requirements import Requirement

from bundle import notebooks
from levelfive.config import Approval, Settings, load_settings, parse_time
from levelfive.errors import AsOfError
from levelfive.notebook.reading import APPROVALS, FIXED, PARAMETERS, SETTINGS
from levelfive.notebook.registry_steps import TRAINING_TASK
from levelfive.retraining.policy import Action

# A person or a release fills these in, in the job release or by hand; other jobs must not.
LEFT_TO_PEOPLE = set(PARAMETERS["registry"]) - FIXED
LATEST = "{{job.trigger.time.iso_datetime}}"
# Azure's general purpose machines with a local disk, of the fifth generation: Intel's, and AMD's.
OF_AZURE = {f"Standard_D{cores}{kind}_v5" for cores in (4, 8, 16, 32, 48, 64, 96) for kind in ("ds", "ads")}
DYNAMIC = re.compile(r"\{\{(.*?)\}\}")


def notebook_of(task):
    return PurePath(task["notebook_task"]["notebook_path"]).stem


def parameters(job):
    return {parameter["name"]: parameter["default"] for parameter in job["parameters"]}


def settings(job):
    """What all notebooks of a job are deployed with."""
    first, *others = (task["notebook_task"]["base_parameters"] for task in job["tasks"] if "notebook_task" in task)
    assert all(one == first for one in others)
    return first


def by_key(job):
    return {task["task_key"]: task for task in job["tasks"]}


def graph(job):
    """Of each task, the tasks it waits for, with the outcome if one is asked for."""
    return {
        task["task_key"]: tuple(
            f"{one['task_key']} {one['outcome']}" if "outcome" in one else one["task_key"]
            for one in task.get("depends_on", [])
        )
        for task in job["tasks"]
    }


def upstream(job, key):
    waits_for = {one["task_key"] for one in by_key(job)[key].get("depends_on", [])}
    return waits_for.union(*(upstream(job, earlier) for earlier in waits_for))


def test_the_order_of_tasks(deployed):
    assert {name: graph(job) for name, job in deployed.jobs.items()} == {
        "training": {
            "data": (),
            "features": ("data",),
            "training": ("features",),
            "approval_is_auto": ("training",),
            "passed_gate": ("approval_is_auto true",),
            "registry": ("passed_gate true",),
        },
        "scoring": {"data": (), "features": ("data",), "scoring": ("features",)},
        "monitoring": {"monitoring": (), "report": ("monitoring",)},
        "release": {"registry": ()},
        "serving": {
            "online": (),
            "azure_ml_serves": ("online",),
            "deployment": ("azure_ml_serves true",),
        },
        "maintenance": {"maintenance": ()},
        "retraining": {"policy": (), "asks_for_training": ("policy",), "training": ("asks_for_training true",)},
    }


def test_notebooks_exist_and_are_deployed(deployed):
    for name, task in deployed.tasks("notebook_task"):
        file = PurePath(task["notebook_task"]["notebook_path"])
        assert (ROOT / file).read_text(encoding="utf-8").startswith(notebooks.FIRST_LINE), name
        assert file.parts[0] in deployed.config["sync"]["paths"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_notebook_asks_for_the_parameters_of_its_own_name(name):
    assert notebooks.asked_for(name) == [name]


def test_a_job_gives_what_its_notebooks_take_and_nothing_else(deployed):
    for name, job in deployed.jobs.items():
        run = {notebook_of(task) for task in job["tasks"] if "notebook_task" in task}
        needed = set().union(*(notebooks.taken(one) for one in run))
        needed -= FIXED if name == "release" else {*FIXED, *LEFT_TO_PEOPLE}
        assert parameters(job).keys() == needed, name
        assert len(job["parameters"]) == len(parameters(job)), name


def test_all_notebooks_of_a_job_are_deployed_with_what_no_run_may_change(deployed):
    """Each of them may be started alone."""
    for name, job in deployed.jobs.items():
        run = {notebook_of(task) for task in job["tasks"] if "notebook_task" in task}
        needed = set().union(*(notebooks.taken(one) for one in run)) & FIXED
        may_be_left_out = {"clock", "shared_schemas", "lakehouse_monitor", "telemetry", "destinations"}
        may_be_left_out |= {"approval_by_trainer"} if name == "training" else set()
        may_be_left_out |= {"azure_ml", "azure_credential", "serving_repository"}  # where nobody serves by Azure ML
        may_be_left_out |= {"landing_location"}  # where the volume is managed
        assert needed - may_be_left_out <= settings(job).keys() <= needed, name


def test_each_job_is_told_where_the_tables_of_other_use_cases_are():
    deployed = resolve(read(ROOT), "prod", shared_schemas="flight_delay=main.flights")

    for name, task in deployed.tasks("notebook_task"):
        given = Settings(shared_schemas=task["notebook_task"]["base_parameters"]["shared_schemas"])
        assert given.schema_of("flight_delay") == "main.flights", name


def test_retraining_tells_the_training_job_the_time_and_the_decision(deployed):
    ((_, task),) = deployed.tasks("run_job_task")
    call = task["run_job_task"]

    assert call["job_id"] == identifier("jobs", "training")
    assert call["job_parameters"] == {
        "as_of": "{{job.parameters.as_of}}",
        "decision": "{{tasks.policy.values.decision}}",
    }
    assert call["job_parameters"].keys() <= parameters(deployed.jobs["training"]).keys()


def test_as_of_is_the_time_of_the_trigger_unless_it_is_given(deployed):
    assert {parameters(job)["as_of"] for job in deployed.jobs.values()} == {LATEST}


def test_a_reference_that_nobody_resolved_is_refused():
    with pytest.raises(AsOfError, match="not resolved"):
        parse_time(LATEST)


def test_dynamic_references_lead_somewhere(deployed):
    for name, job in deployed.jobs.items():
        tasks = by_key(job)
        of_tasks = [(key, reference) for key, task in tasks.items() for reference in DYNAMIC.findall(text_of(task))]
        for key, reference in of_tasks:
            match reference.split("."):
                case ["job", "parameters", parameter]:
                    assert parameter in parameters(job), (name, key)
                case ["tasks", earlier, "values", value]:
                    assert earlier in upstream(job, key), (name, key)
                    assert value in notebooks.handed_on(notebook_of(tasks[earlier])), (name, key)
                case _:
                    pytest.fail(f"{name}.{key} refers to {reference!r}")
        everything = text_of(job)
        assert everything.count("{{") == everything.count("}}") == len(of_tasks) + 1, name  # and as_of


def text_of(value):
    return "\n".join(texts(value))


def test_conditions_compare_with_what_the_code_says(deployed):
    conditions = {
        task["task_key"]: (task["condition_task"]["op"], task["condition_task"]["right"])
        for _, task in deployed.tasks("condition_task")
    }

    assert conditions == {
        "approval_is_auto": ("EQUAL_TO", Approval.AUTO),
        "passed_gate": ("EQUAL_TO", "true"),
        "asks_for_training": ("EQUAL_TO", Action.RETRAIN),
        "azure_ml_serves": ("EQUAL_TO", "azure_ml"),
    }


def test_promotion_finds_the_version_that_training_handed_on(deployed):
    training = deployed.jobs["training"]

    assert TRAINING_TASK in upstream(training, "registry")
    assert {"version", "passed"} <= set(notebooks.handed_on(notebook_of(by_key(training)[TRAINING_TASK])))


def test_settings_accept_what_the_jobs_give(deployed):
    for job in deployed.jobs.values():
        given = {name: value for name, value in settings(job).items() if value and name in (*SETTINGS, *APPROVALS)}
        loaded = load_settings(None, None, **given)
        tables = deployed.resources["schemas"]["tables"]
        assert loaded.schema_name == f"{tables['catalog_name']}.{tables['name']}"
        assert given["experiment"] == deployed.resources["experiments"]["trainings"]["name"]


def test_the_code_writes_versions_of_the_registered_model(production):
    model = production.resources["registered_models"]["model"]
    given = {name: settings(production.jobs["training"]).get(name) or None for name in SETTINGS}

    expected = load_settings(None, None, **given).model_name
    assert expected == f"{model['catalog_name']}.{model['schema_name']}.{model['name']}"


@pytest.mark.parametrize("target", ["dev", "qa", "prod"])
def test_notebooks_run_on_a_job_cluster_with_the_wheel(target):
    deployed = deployment(target)
    for name, task in deployed.tasks("notebook_task"):
        (cluster,) = deployed.jobs[name]["job_clusters"]
        assert task["job_cluster_key"] == cluster["job_cluster_key"]
        wheel, *others = task["libraries"]
        assert wheel == {"whl": "dist/*.whl"}
        assert bool(others) == (name == "serving")
        assert "environment_key" not in task
        assert cluster["new_cluster"]["data_security_mode"] == "DATA_SECURITY_MODE_DEDICATED"
        assert cluster["new_cluster"]["spark_version"] == "18.x-cpu-ml-scala2.13"
        assert deployed.jobs[name]["environments"] == []


def test_notebooks_run_serverless_with_the_wheel_and_the_client_of_the_feature_store():
    deployed = deployment("serverless")
    for name, task in deployed.tasks("notebook_task"):
        (environment,) = deployed.jobs[name]["environments"]
        assert task["environment_key"] == environment["environment_key"]
        extras = "serverless,azure-ml" if name == "serving" else "serverless"
        assert environment["spec"]["dependencies"] == [f"./dist/*.whl[{extras}]"]
        assert "job_cluster_key" not in task
        assert task["libraries"] == deployed.jobs[name]["job_clusters"] == []


def test_tasks_without_a_notebook_need_no_compute(deployed):
    for kind in ("condition_task", "run_job_task"):
        assert not [task for _, task in deployed.tasks(kind) if {"job_cluster_key", "environment_key"} & task.keys()]


def test_a_policy_is_used_where_one_is_given():
    given = resolve(read(ROOT), "prod", cluster_policy_id="0123456789ABCDEF")

    clusters = [cluster["new_cluster"] for job in given.jobs.values() for cluster in job["job_clusters"]]
    assert {cluster["policy_id"] for cluster in clusters} == {"0123456789ABCDEF"}
    assert "policy_id" not in deployment("prod").jobs["scoring"]["job_clusters"][0]["new_cluster"]


def test_the_job_serving_deploys_from_a_folder_that_is_deployed_and_is_one_of_the_repository(deployed):
    given = settings(deployed.jobs["serving"])["endpoint_files"]
    _, _, folder = f"/{given}".partition("/deploy/")

    assert (ROOT / "deploy" / folder / "deployment.yml").is_file()
    assert "deploy/azure-ml" in deployed.config["sync"]["paths"]


def test_the_job_serving_knows_where_in_azure_storage_the_landing_volume_is(deployed):
    volume = deployed.resources["volumes"]["landing"]

    assert settings(deployed.jobs["serving"])["landing_location"] == volume.get("storage_location", "")


def test_nothing_serves_before_that_is_asked_for(deployed):
    serving = deployed.jobs["serving"]

    assert serving["schedule"]["pause_status"] == "PAUSED"
    assert by_key(serving)["azure_ml_serves"]["condition_task"]["left"] == "none"


@pytest.mark.parametrize("target", ["dev", "qa", "prod"])
def test_the_job_serving_has_the_client_of_azure_ml_in_a_version_that_the_extra_allows(target):
    wanted, *_ = map(Requirement, project()["optional-dependencies"]["azure-ml"])
    _, library = by_key(deployment(target).jobs["serving"])["online"]["libraries"]
    given = Requirement(library["pypi"]["package"])

    (pin,) = given.specifier
    assert (given.name, pin.operator) == (wanted.name, "==")
    assert wanted.specifier.contains(pin.version)


def test_one_run_at_a_time_and_the_next_one_waits(deployed):
    for job in deployed.jobs.values():
        assert job["max_concurrent_runs"] == 1
        assert job["queue"] == {"enabled": True}


def test_every_job_ends_and_says_so_when_it_is_slow(deployed):
    for name, job in deployed.jobs.items():
        (rule,) = job["health"]["rules"]
        assert rule["metric"] == "RUN_DURATION_SECONDS"
        assert rule["value"] < job["timeout_seconds"], name
        assert all(
            task["timeout_seconds"] <= job["timeout_seconds"] for task in job["tasks"] if "notebook_task" in task
        )


def test_notebooks_are_tried_twice_and_nothing_else_is(deployed):
    assert {task["max_retries"] for _, task in deployed.tasks("notebook_task")} == {1}
    for kind in ("condition_task", "run_job_task"):
        assert not [task for _, task in deployed.tasks(kind) if "max_retries" in task]


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_extra_for_serverless_compute_brings_the_client_that_the_feature_store_is_tested_with():
    (client,) = map(Requirement, project()["optional-dependencies"]["serverless"])

    assert client.name == "databricks-feature-engineering"
    assert all(client.specifier.contains(version) for version in VERSIONS)


def test_the_use_case_of_the_jobs_is_an_entry_point_of_the_wheel(deployed):
    offered = project()["entry-points"]["levelfive.use_cases"]

    assert {settings(job)["use_case"] for job in deployed.jobs.values()} <= offered.keys()


def test_the_page_of_the_bundle_lists_what_each_target_deploys(deployed):
    page = (ROOT / "docs" / "bundle.md").read_text(encoding="utf-8")
    head, _, *rows = page[page.index("| resource |") :].partition("\n\n")[0].splitlines()
    column = next(at for at, cell in enumerate(head.split("|")) if deployed.target in cell.replace(",", " ").split())
    listed = set()
    for row in rows:
        cells = row.split("|")
        if cells[column].strip().startswith("yes"):
            listed |= set(re.findall(r"`(\w+)`", cells[1]))

    assert listed == {key for found in deployed.resources.values() for key in found}


def test_the_page_of_the_bundle_lists_the_parameters_of_each_job():
    page = (ROOT / "docs" / "bundle.md").read_text(encoding="utf-8")
    head, _, *rows = page[page.index("| parameter |") :].partition("\n\n")[0].splitlines()
    jobs = [cell.strip() for cell in head.split("|")[2:-2]]
    listed = {job: {"as_of"} for job in jobs}
    for row in rows:
        _, names, *cells = row.split("|")
        for job in (job for job, cell in zip(jobs, cells, strict=False) if cell.strip() == "yes"):
            listed[job] |= set(re.findall(r"\w+", names))

    assert listed == {name: set(parameters(job)) for name, job in deployment("prod").jobs.items()}


def test_the_report_is_written_where_viewers_read_and_no_landing_file_is_looked_for(deployed):
    volumes = deployed.resources["volumes"]
    place = {key: f"/Volumes/{one['catalog_name']}/{one['schema_name']}/{one['name']}" for key, one in volumes.items()}

    assert settings(deployed.jobs["monitoring"])["output"] == f"{place['reports']}/flight_delay.html"
    assert {settings(job)["landing"] for job in deployed.jobs.values()} == {place["landing"]}


def test_job_clusters_are_of_machines_that_azure_has(deployed):
    clusters = [one["new_cluster"] for job in deployed.jobs.values() for one in job.get("job_clusters", ())]

    assert {cluster["node_type_id"] for cluster in clusters} <= OF_AZURE
    assert bool(clusters) == (deployed.target != "serverless")
