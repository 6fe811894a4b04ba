"""Each target is what its environment demands."""

import re

import pytest
import yaml
from bundle.offline import PRODUCTION, ROOT, TARGETS, read, resolve, texts
from bundle.targets import deployment

from levelfive.config import parse_clock
from levelfive.core.windows import utc

RESOURCE_FILES = sorted((ROOT / "resources").glob("*.yml"))


def schedules(deployed):
    return {name: job["schedule"]["pause_status"] for name, job in deployed.jobs.items() if "schedule" in job}


def lasting(deployed):
    return {
        f"{kind}.{key}"
        for kind, found in deployed.resources.items()
        for key, resource in found.items()
        if resource.get("lifecycle", {}).get("prevent_destroy")
    }


def grants(deployed):
    return {
        f"{kind}.{key}": {grant["principal"]: grant["privileges"] for grant in resource["grants"]}
        for kind, found in deployed.resources.items()
        for key, resource in found.items()
        if resource.get("grants")
    }


def test_the_targets_are_known_and_dev_is_the_default():
    targets = read(ROOT)["targets"]

    assert tuple(targets) == TARGETS
    assert [name for name, target in targets.items() if target.get("default")] == ["dev"]


def test_the_engine_is_direct_and_an_old_cli_is_refused():
    bundle = read(ROOT)["bundle"]

    assert bundle["engine"] == "direct"
    assert re.fullmatch(r">= \d+\.\d+\.\d+", bundle["databricks_cli_version"])


@pytest.mark.parametrize("target", ["dev", "serverless"])
def test_a_development_copy_runs_nothing_by_itself_and_tells_nobody(target):
    deployed = deployment(target)

    assert deployed.config["mode"] == "development"
    assert set(schedules(deployed).values()) == {"PAUSED"}
    assert not {"run_as", "permissions"} & deployed.config.keys()
    assert all(job["email_notifications"]["on_failure"] == [] for job in deployed.jobs.values())


@pytest.mark.parametrize("target", ["dev", "serverless"])
def test_a_development_copy_can_be_destroyed_and_shares_no_name(target):
    deployed = deployment(target)

    assert lasting(deployed) == set()
    assert grants(deployed) == {}
    assert "registered_models" not in deployed.resources
    assert all("anna" in schema["name"] for schema in deployed.resources["schemas"].values())


def test_development_copies_of_one_person_do_not_collide():
    def schemas(target):
        return {schema["name"] for schema in deployment(target).resources["schemas"].values()}

    assert not schemas("dev") & schemas("serverless")


def test_production_has_one_copy_that_belongs_to_its_service_principal(production):
    principal = production.jobs["scoring"]["run_as"]["service_principal_name"]

    assert production.config["mode"] == "production"
    assert principal == production.config["workspace"]["current_user"]["userName"]
    assert production.config["workspace"]["root_path"] == (
        f"/Workspace/Users/{principal}/.bundle/levelfive/{production.target}"
    )
    assert all(job["run_as"] == {"service_principal_name": principal} for job in production.jobs.values())


def test_production_gives_groups_the_least_they_need(production):
    principal = production.config["workspace"]["current_user"]["userName"]
    own = f"levelfive-{production.target}"
    everywhere = [("IS_OWNER", principal), ("CAN_VIEW", f"{own}-viewers")]
    viewers, suppliers = f"{own}-viewers", f"{own}-suppliers"
    # Production copies QA's model, and nobody copies production's.
    uses, executes = ({}, {})
    if production.target == "qa":
        uses, executes = {f"{own}-releasers": ["USE_SCHEMA"]}, {f"{own}-releasers": ["EXECUTE"]}

    for key, job in production.jobs.items():
        group = f"{own}-approvers" if key == "release" else f"{own}-operators"
        given = {(one["level"], one.get("group_name") or one["service_principal_name"]) for one in job["permissions"]}
        assert given == {*everywhere, ("CAN_MANAGE_RUN", group)}
    assert grants(production) == {
        "schemas.tables": {viewers: ["USE_SCHEMA", "SELECT"], suppliers: ["USE_SCHEMA"]},
        "schemas.registry": {viewers: ["USE_SCHEMA"], **uses},
        "volumes.landing": {suppliers: ["READ_VOLUME", "WRITE_VOLUME"]},
        "volumes.reports": {viewers: ["READ_VOLUME"]},
        "registered_models.model": {viewers: ["EXECUTE"], **executes},
    }


def test_no_group_of_one_environment_may_anything_in_another():
    """Groups are of the account: one name is one group in all of its workspaces."""

    def named(target):
        deployed = deployment(target)
        permitted = {one.get("group_name") for job in deployed.jobs.values() for one in job["permissions"]}
        return {group for given in grants(deployed).values() for group in given} | (permitted - {None})

    assert not named("qa") & named("prod")


def test_only_qas_clock_is_moved_to_where_the_example_data_has_three_months_to_train_on():
    clocks = {
        target: {
            task["notebook_task"]["base_parameters"].get("clock", "")
            for job in deployment(target).jobs.values()
            for task in job["tasks"]
            if "notebook_task" in task
        }
        for target in TARGETS
    }

    (moved,) = clocks.pop("qa")
    assert parse_clock(moved).stands_for == utc(2013, 4, 1)
    assert clocks == {target: {""} for target in ("dev", "serverless", "prod")}


def test_production_protects_what_holds_data(production):
    assert lasting(production) == {
        "schemas.tables",
        "schemas.registry",
        "volumes.landing",
        "experiments.trainings",
        "registered_models.model",
    }
    assert production.resources["volumes"]["landing"]["volume_type"] == "EXTERNAL"
    assert production.resources["volumes"]["landing"]["storage_location"].startswith("abfss://")


def test_production_triggers_all_jobs_but_training_and_what_is_not_asked_for(production):
    by_day_and_week = dict.fromkeys(("scoring", "monitoring", "retraining"), "UNPAUSED")

    assert schedules(production) == {**by_day_and_week, "serving": "PAUSED", "maintenance": "UNPAUSED"}
    serving = resolve(read(ROOT), production.target, serving_schedule="UNPAUSED")
    assert schedules(serving)["serving"] == "UNPAUSED"


def test_no_schedule_is_active_where_an_external_scheduler_triggers(production):
    external = resolve(read(ROOT), production.target, schedules="PAUSED")

    of_others = schedules(external)
    assert of_others.pop("maintenance") == "UNPAUSED"  # it waits for no data
    assert set(of_others.values()) == {"PAUSED"}


def test_production_tells_somebody_of_failed_and_of_slow_runs(production):
    for job in production.jobs.values():
        told = job["email_notifications"]
        assert told["on_failure"]
        assert told["on_duration_warning_threshold_exceeded"]


def test_production_takes_a_prebuilt_wheel_and_development_builds_one():
    wheels = {target: deployment(target).config["artifacts"]["wheel"] for target in TARGETS}

    assert all("build" not in wheels[target] and wheels[target]["files"] for target in PRODUCTION)
    assert all(wheels[target]["build"] and wheels[target]["dynamic_version"] for target in ("dev", "serverless"))


def test_production_waits_for_a_person_before_a_model_goes_live():
    """Deployed, not a parameter: whoever may start a job may give it any parameters."""

    def approvals(target):
        jobs = deployment(target).jobs
        tasks = [task for name in ("training", "release") for task in jobs[name]["tasks"]]
        (condition,) = (task["condition_task"] for task in tasks if task["task_key"] == "approval_is_auto")
        steps = [task["notebook_task"]["base_parameters"] for task in tasks if task["task_key"] == "registry"]
        assert steps[-1]["approval_by_trainer"] == ("refused" if target in PRODUCTION else "allowed")
        assert not [name for name, job in jobs.items() for one in job["parameters"] if one["name"] == "approval"]
        return condition["left"], *(step["approval"] for step in steps)

    assert {target: approvals(target) for target in TARGETS} == {
        "dev": ("auto", "auto", "auto"),
        "serverless": ("auto", "auto", "auto"),
        "qa": ("auto", "auto", "auto"),
        "prod": ("manual", "manual", "manual"),
    }


def test_environments_share_nothing_but_the_registry_catalog():
    def own(target):
        config, resources = deployment(target).config, deployment(target).resources
        return {
            config["workspace"]["host"],
            config["workspace"].get("root_path"),
            resources["schemas"]["tables"]["catalog_name"],
            resources["schemas"]["registry"]["name"],
            resources["dashboards"]["monitoring_dashboard"]["warehouse_id"],
            resources["volumes"]["landing"].get("storage_location"),
        } - {None}

    dev, qa, prod = (own(target) for target in ("dev", "qa", "prod"))
    assert not (dev & qa) | (dev & prod) | (qa & prod)


def test_environments_differ_in_environments_yml_alone():
    config = yaml.safe_load((ROOT / "environments.yml").read_text(encoding="utf-8"))
    own = {text for target in config["targets"].values() for text in texts(target.get("variables", {}))}
    own |= {target["workspace"]["host"] for target in config["targets"].values()} | set(TARGETS)
    common = {"auto", "main", "MANAGED", "PAUSED", "UNPAUSED", ""}
    for file in RESOURCE_FILES:
        written = set(texts(yaml.safe_load(file.read_text(encoding="utf-8"))))
        assert not {text for text in written for value in own - common if value in text.split()}, file.name


def test_every_variable_is_described_and_used():
    config = read(ROOT)
    used = {name for text in texts(config) for name in re.findall(r"\$\{var\.(\w+)", text)}

    assert used <= config["variables"].keys()
    # A target takes one of these by its anchor.
    assert config["variables"].keys() - used == {"scoring_starts"}
    assert all(variable["description"] for variable in config["variables"].values())


def test_everything_is_tagged_for_the_bill(deployed):
    expected = {"project": "levelfive", "environment": deployed.target, "use_case": "flight_delay"}

    assert all(expected.items() <= job["tags"].items() for job in deployed.jobs.values())


def test_versions_and_aliases_are_no_resources(production):
    assert not {"aliases", "owner"} & production.resources["registered_models"]["model"].keys()
