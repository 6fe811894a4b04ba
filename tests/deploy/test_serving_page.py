"""What docs/serving-deployment.md says is what the files say."""

import re

import pytest
import typer
import yaml
from bundle.offline import ROOT
from bundle.targets import deployment
from images import LOCKS

from levelfive.cli.serving import serving_cli
from levelfive.config import parse_length
from levelfive.deployment.rollout import RolloutPolicy

PAGE = (ROOT / "docs" / "serving-deployment.md").read_text(encoding="utf-8")


def table(head):
    """Rows of a table by the text of its first heading, each a list of cells."""
    start = PAGE.index(f"| {head} |")
    _, _, *rows = PAGE[start:].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def version(lock, name):
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    (found,) = re.findall(rf"^{re.escape(name)}==(\S+)", text, re.MULTILINE)
    return found


def test_the_bill_of_materials_is_what_is_asked_for_in_the_versions_of_the_locks():
    told = {row[0].strip("`"): row[1:] for row in table("package")}
    asked = {
        line.split("==")[0].split()[0]
        for file in ("serving.in", "serving-azure-ml.in")
        for line in (ROOT / "requirements" / file).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("#", "-r"))
    }

    assert told.keys() == asked
    for name, (service, azure) in told.items():
        assert azure == version(LOCKS["azure-ml"], name)
        assert service == ("" if name == "azureml-inference-server-http" else version(LOCKS["service"], name))


def test_the_budget_is_the_one_that_is_kept_by_default():
    told = {row[0]: (row[1], row[2]) for row in table("budget")}
    policy = RolloutPolicy()
    options = {option for one in typer.main.get_command(serving_cli).commands["deploy"].params for option in one.opts}

    assert told["shares"][0] == f"{', '.join(map(str, policy.steps))} %"
    assert told["sample requests at each share"][0] == str(policy.requests)
    assert (told["of them may fail"][0], policy.max_failed) == ("none", 0.0)
    assert told["the slowest 5 % stay below"][0] == f"{policy.max_p95.total_seconds():g} s"
    assert (told["spread over"][0], policy.hold.total_seconds()) == ("no time", 0.0)
    named = {re.match(r"`(--[\w-]+)`", option)[1] for _, option in told.values()}
    assert named <= options
    assert parse_length(re.search(r"`(P\w+)`", told["spread over"][1])[1]) > policy.hold


def test_the_commands_options_have_the_defaults_of_the_policy():
    policy = RolloutPolicy()
    for name in ("deploy", "traffic"):
        defaults = {one.name: one.default for one in typer.main.get_command(serving_cli).commands[name].params}

        assert defaults["steps"] == ",".join(map(str, policy.steps))
        assert (defaults["count"], defaults["max_failed"]) == (policy.requests, policy.max_failed)
        assert (parse_length(defaults["max_p95"]), parse_length(defaults["hold"])) == (policy.max_p95, policy.hold)


def test_every_folder_of_the_table_is_there():
    for _, _, files, _ in table("place"):
        if "/" in files:
            assert (ROOT / files.strip("`")).is_dir()


@pytest.mark.parametrize("name", ["serving_schedule", "serving", "azure_ml", "azure_credential", "serving_repository"])
def test_the_variables_that_are_to_be_set_are_the_bundles(name):
    variables = yaml.safe_load((ROOT / "environments.yml").read_text(encoding="utf-8"))["variables"]

    assert f"`{name}" in PAGE
    assert name in variables


def publishing():
    (task,) = (one for one in deployment("prod").jobs["serving"]["tasks"] if one["task_key"] == "online")
    return task


def test_the_secret_of_the_online_store_is_the_one_that_the_job_reads():
    scope, _, key = (
        publishing()["notebook_task"]["base_parameters"]["online_store"].removeprefix("secrets/").partition("/")
    )

    assert f"`{scope}/{key}`" in PAGE
    assert f"the secret scope `{scope}`" in PAGE


def test_endpoints_are_asked_in_the_way_that_the_page_says():
    told = {row[0]: row[1] for row in table("place | callers show")}
    modes = {
        kind: yaml.safe_load((ROOT / "deploy" / "azure-ml" / kind / "endpoint.yml").read_text())["auth_mode"]
        for kind in ("kubernetes", "managed")
    }

    assert modes == {"kubernetes": "key", "managed": "aad_token"}
    assert "a key of the endpoint" in told["Azure ML on a cluster"]
    assert "`aad_token`" in told["Azure ML, managed"]


def test_instances_are_scaled_as_the_files_say():
    told = {row[0]: row[1] for row in table("place | instances")}

    def read(*path):
        return yaml.safe_load((ROOT.joinpath("deploy", *path)).read_text(encoding="utf-8"))

    cluster = read("azure-ml", "kubernetes", "deployment.yml")["scale_settings"]
    pods = read("kubernetes", "base", "autoscaler.yaml")["spec"]
    managed = read("azure-ml", "managed", "deployment.yml")["instance_count"]
    assert told["Azure ML on a cluster"] == f"{cluster['min_instances']} to {cluster['max_instances']}"
    assert told["Kubernetes alone"] == f"{pods['minReplicas']} to {pods['maxReplicas']}"
    assert told["Azure ML, managed"].startswith(f"{managed},")
    assert f"--min-count {managed} --max-count {cluster['max_instances']} --count {managed}" in PAGE


def test_what_it_was_checked_with_is_what_the_tests_use():
    manifests = (ROOT / "tests" / "deploy" / "kubernetes" / "test_manifests.py").read_text(encoding="utf-8")
    oldest, newest = re.search(r'OLDEST, NEWEST = "([\d.]+)", "([\d.]+)"', manifests).groups()
    (library,) = (one["pypi"]["package"] for one in publishing()["libraries"] if "pypi" in one)

    assert f"the schemas of Kubernetes {oldest} and {newest}" in PAGE
    assert f"`azure-ai-ml` {library.partition('==')[2]}" in PAGE
    assert f"`azureml-inference-server-http` {version(LOCKS['azure-ml'], 'azureml-inference-server-http')}" in PAGE
