"""Rollouts at an endpoint of Azure ML: its rules are kept, and a run that was killed anywhere is gone on with."""

import inspect
import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import create_autospec

import pytest
import yaml

pytest.importorskip("azure.ai.ml", reason="needs azure-ai-ml, of the extra azure-ml")

from azure.ai.ml import MLClient, operations
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure_ml.fake import Cloud, FakeDeployments, FakeEndpoints, FakeModels, Killed, refusal
from deploying import AT, IMAGE, MODEL, NAME, ProbeOf, a_package
from in_memory.release import Environment, Packages

from levelfive.config import LOG_VARIABLE, Settings
from levelfive.deployment.azure_ml import AzureOnlineEndpoint
from levelfive.deployment.azure_models import asset_name, bring_model
from levelfive.deployment.azure_site import azure_site
from levelfive.deployment.endpoint import Package
from levelfive.deployment.rollback import Chosen
from levelfive.deployment.rolling import deploy, raise_traffic, roll_back
from levelfive.deployment.rollout import RolloutPolicy
from levelfive.errors import ConfigError, DeploymentConflict, DeploymentError, RegistryError
from levelfive.models.package import CARD
from levelfive.registry.store import CentralRegistry
from levelfive.registry.tags import PACKAGE_SHA256
from levelfive.usecase.columns import REQUEST_LOG

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "azure-ml"
ONE, TWO = a_package("1"), a_package("2")
POLICY = RolloutPolicy(requests=2)


def online_at(cloud, kind="kubernetes", slept=None):
    variables = {"LEVELFIVE_USE_CASE": "flight_delay"}
    return AzureOnlineEndpoint(
        cloud.client(), NAME, FOLDER / kind, variables, (slept if slept is not None else []).append
    )


def a_cloud(**how):
    """A workspace that holds both versions' files."""
    cloud = Cloud(**how)
    for version in "123":
        cloud.models[asset_name(MODEL), version] = SimpleNamespace(tags=a_package(version).tags())
    return cloud


def roll(cloud, package=TWO, probe=None, **how):
    return deploy(online_at(cloud), package, probe or ProbeOf(), policy=POLICY, at=AT, by="ada", **how)


class SlowAt(ProbeOf):
    """A probe whose answers are slow once green has a share of the traffic."""

    def __init__(self, cloud, share):
        super().__init__()
        self.cloud, self.share = cloud, share

    def __call__(self, deployment, version, policy):
        is_slow = self.cloud.endpoints[NAME].traffic.get("green") == self.share
        self.seconds = {len(self.asked): 9.0} if is_slow else {}
        return super().__call__(deployment, version, policy)


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        (FakeEndpoints, operations.OnlineEndpointOperations),
        (FakeDeployments, operations.OnlineDeploymentOperations),
        (FakeModels, operations.ModelOperations),
    ],
)
def test_the_fake_takes_what_the_sdk_takes(fake, real):
    for name, method in inspect.getmembers(fake, inspect.isfunction):
        if not name.startswith("_"):
            ours, theirs = (inspect.signature(one).parameters.values() for one in (method, getattr(real, name)))
            assert [(one.name, one.kind, one.default) for one in ours] == [
                (one.name, one.kind, one.default) for one in theirs
            ], name


@pytest.mark.parametrize("kind", ["kubernetes", "managed"])
def test_two_versions_one_after_the_other(kind):
    cloud = a_cloud()
    for package in (ONE, TWO):
        deploy(online_at(cloud, kind), package, ProbeOf(), policy=POLICY, at=AT, by="ada")

    assert cloud.at(NAME) == {
        "traffic": {"green": 100},
        "tags": {"levelfive_live": "green", "levelfive_live_since": AT, "levelfive_before": "blue"},
        "versions": {"blue": ("1", "Succeeded"), "green": ("2", "Succeeded")},
    }
    assert cloud.routed == [
        {"blue": 100},
        {"blue": 100},
        {"blue": 90, "green": 10},
        {"blue": 50, "green": 50},
        {"green": 100},
        {"green": 100},
    ]


def test_a_deployment_is_made_of_the_file_with_model_image_and_what_it_is_checked_by():
    cloud = a_cloud()

    roll(cloud, ONE)

    made = cloud.deployments[NAME, "blue"]
    assert (made.name, made.endpoint_name, made.instance_type) == ("blue", NAME, "levelfive")
    assert made.model == f"{asset_name(MODEL)}:1"
    assert made.environment.image == IMAGE
    assert made.environment_variables.items() >= {
        ("LEVELFIVE_USE_CASE", "flight_delay"),
        ("LEVELFIVE_MODEL_NAME", MODEL),
        ("LEVELFIVE_MODEL_VERSION", "1"),
        ("LEVELFIVE_MODEL_SHA256", ONE.sha256),
        ("APP_INSIGHTS_LOG_RESPONSE_ENABLED", "false"),
    }
    assert made.tags == {
        "levelfive_model": MODEL,
        "levelfive_version": "1",
        "levelfive_sha256": ONE.sha256,
        "levelfive_image": IMAGE,
        "levelfive_role": "champion",
        "levelfive_deployed_at": AT,
        "levelfive_deployed_by": "ada",
    }
    assert "LEVELFIVE_CLOCK" not in made.environment_variables


def test_a_deployment_is_told_the_clock_that_its_jobs_have():
    cloud, clock = a_cloud(), "2026-01-05T00:00Z=2013-04-01T00:00Z"

    roll(cloud, replace(ONE, clock=clock))

    assert cloud.deployments[NAME, "blue"].environment_variables["LEVELFIVE_CLOCK"] == clock
    assert online_at(cloud).read().deployments["blue"].package.clock == clock


@pytest.mark.parametrize("kind", ["kubernetes", "managed"])
@pytest.mark.parametrize("location", ["abfss://landing@account.dfs.core.windows.net/flights", None])
def test_a_deployment_logs_requests_where_the_jobs_look_for_them(kind, location):
    cloud = a_cloud()
    settings = Settings(endpoint=NAME, endpoint_files=FOLDER / kind, landing_location=location)
    site = azure_site(cloud.client(), settings, None, POLICY, requests=(), clock="")

    deploy(site.online, ONE, ProbeOf(), policy=POLICY, at=AT, by="ada")

    variables = cloud.deployments[NAME, "blue"].environment_variables
    assert variables.get(LOG_VARIABLE) == (location and f"{location}/{REQUEST_LOG}")


def after(*packages):
    cloud = a_cloud()
    for package in packages:
        roll(cloud, package)
    return cloud


def back_of(cloud, **chosen):
    return roll_back(online_at(cloud), Chosen(**chosen), because="ada: complaints", at=AT)


def gone(cloud):
    online_at(cloud).delete()


# What is done before a command, and the command.
COMMANDS = {
    "the first version": (lambda: Cloud(), lambda cloud: roll(cloud, ONE, bring=lambda: bring(cloud, ONE))),
    "a second version": (lambda: after(ONE), lambda cloud: roll(cloud, bring=lambda: bring(cloud, TWO))),
    "the version of before": (lambda: after(ONE, TWO), lambda cloud: roll(cloud, ONE)),
    "a third version": (lambda: after(ONE, TWO), lambda cloud: roll(cloud, a_package("3"))),
    "a version that is slow": (lambda: after(ONE), lambda cloud: roll(cloud, TWO, SlowAt(cloud, 50))),
    "a version that was taken back": (lambda: refused(), lambda cloud: roll(cloud, again=True)),
    "a version without traffic": (lambda: after(ONE), lambda cloud: roll(cloud, to=0)),
    "the first version's traffic": (lambda: first_alone(), lambda cloud: traffic(cloud, 100)),
    "traffic": (lambda: partly(0), lambda cloud: traffic(cloud, 100)),
    "a part of the traffic": (lambda: partly(0), lambda cloud: traffic(cloud, 10)),
    "what is live is taken back": (lambda: after(ONE, TWO), back_of),
    "its version is taken back": (lambda: after(ONE, TWO), lambda cloud: back_of(cloud, version="2")),
    "a rollout is taken back": (lambda: partly(10), back_of),
    "a deletion": (lambda: after(ONE, TWO), gone),
}


def partly(to):
    cloud = after(ONE)
    roll(cloud, to=to)
    return cloud


def first_alone():
    cloud = a_cloud()
    roll(cloud, ONE, to=0)
    return cloud


def refused():
    cloud = after(ONE)
    roll(cloud, TWO, SlowAt(cloud, 50))
    return cloud


def traffic(cloud, to):
    return raise_traffic(online_at(cloud), ProbeOf(), policy=POLICY, at=AT, to=to)


def bring(cloud, package):
    """What `bring_model` does, with files of a test."""
    registry = create_autospec(CentralRegistry, instance=True)
    registry.download.side_effect = lambda version, folder: folder
    bring_model(cloud.client(), registry, package, sleep=lambda seconds: None)


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_after_any_call_a_second_run_reaches_the_same_state(command):
    before, run = COMMANDS[command]
    begun = before()
    whole = deepcopy(begun)
    run(whole)
    expected = whole.at(NAME)

    others = {}
    for last in range(len(begun.calls) + 1, len(whole.calls) + 1):
        cloud = deepcopy(begun)
        cloud.dies_after = last
        with pytest.raises(Killed):
            run(cloud)
        run(cloud)
        if cloud.at(NAME) != expected:
            others[last, cloud.calls[last - 1]] = cloud.at(NAME)

    assert others == {}


def test_every_call_that_changes_something_is_the_last_of_a_run_once():
    calls = set()
    for before, run in COMMANDS.values():
        cloud = before()
        begun = len(cloud.calls)
        run(cloud)
        calls |= set(cloud.calls[begun:])

    assert calls >= {
        "endpoints.begin_create_or_update",
        "endpoints.begin_delete",
        "deployments.begin_create_or_update",
        "deployments.begin_delete",
        "models.create_or_update",
    }


@pytest.mark.parametrize("lag", [1, 3, 7])
def test_reads_that_lag_behind_writes_change_nothing(lag):
    expected, cloud = a_cloud(), a_cloud(lag=lag)
    for one in (expected, cloud):
        for package in (ONE, TWO, a_package("3")):
            roll(one, package)

    assert cloud.at(NAME) == expected.at(NAME)
    assert cloud.routed == expected.routed


def test_too_many_requests_are_waited_for():
    cloud, slept = a_cloud(busy=3), []

    deploy(online_at(cloud, slept=slept), ONE, ProbeOf(), policy=POLICY, at=AT, by="ada")

    assert slept[:3] == [1, 2, 5]
    assert cloud.at(NAME)["traffic"] == {"blue": 100}


def test_too_many_requests_for_minutes_are_an_error_in_one_line():
    with pytest.raises(DeploymentError, match=f"Azure ML refused what it is of endpoint {NAME}: Too many requests"):
        online_at(a_cloud(busy=99)).read()


def test_a_deployment_that_does_not_start_gets_no_traffic_and_is_made_anew_by_the_next_run():
    cloud = a_cloud()
    roll(cloud, ONE)
    cloud.fails.add("2")

    with pytest.raises(DeploymentError, match=r"version 2 did not start as green .* get-logs") as raised:
        roll(cloud)
    assert "ResourceOperationFailure" not in str(raised.value)
    assert cloud.at(NAME)["traffic"] == {"blue": 100}
    assert cloud.at(NAME)["versions"]["green"] == ("2", "Failed")

    cloud.fails.clear()
    assert roll(cloud).share == 100


def test_a_deployment_that_azure_refuses_at_once_is_an_error_with_azures_reason():
    cloud = a_cloud()
    del cloud.models[asset_name(MODEL), "1"]

    with pytest.raises(DeploymentError, match=r"The model .* was not found"):
        roll(cloud, ONE)


def test_an_endpoint_that_is_not_there_is_none_and_is_deleted_twice_without_a_fault():
    cloud = a_cloud()
    online = online_at(cloud)

    assert online.read() is None
    online.delete()
    roll(cloud, ONE)
    online.delete()

    assert online.read() is None
    assert cloud.deployments == {}


def files_with(folder, kind, changes):
    """The files of a kind of endpoint, of which its own says something else."""
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    file = folder / kind / "endpoint.yml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **changes}))
    return folder / kind


@pytest.mark.parametrize(
    "wrong", ["type: [", "name: x\nunknown: 1\n", "auth_mode: aad_token\nname: x\ncompute: azureml:c\n"]
)
def test_a_file_that_is_wrong_is_refused_before_anything_is_made(tmp_path, wrong):
    (tmp_path / "endpoint.yml").write_text(wrong)
    cloud = a_cloud()

    with pytest.raises(ConfigError, match=r"endpoint\.yml"):
        AzureOnlineEndpoint(cloud.client(), NAME, tmp_path).create()
    assert "endpoints.begin_create_or_update" not in cloud.calls


@pytest.mark.parametrize("wrong", [{"auth_mode": "aad_token"}, {"mirror_traffic": {"green": 10}}], ids=str)
def test_what_kubernetes_does_not_have_is_refused_at_an_endpoint_that_is_there_too(tmp_path, wrong):
    cloud = after(ONE)
    files = files_with(tmp_path, "kubernetes", wrong)
    begun = list(cloud.calls)

    with pytest.raises(ConfigError, match="on Kubernetes"):
        deploy(AzureOnlineEndpoint(cloud.client(), NAME, files), TWO, ProbeOf(), policy=POLICY, at=AT, by="ada")
    assert cloud.calls == begun
    assert back_of(cloud, version="3") is None  # nothing else asks the file


@pytest.mark.parametrize(
    ("kind", "other", "says"),
    [
        ("kubernetes", {"auth_mode": "aml_token"}, f"says auth_mode aml_token, .* {NAME} has key"),
        ("kubernetes", {"compute": "azureml:another"}, "says compute another, .* has levelfive"),
        ("managed", {"public_network_access": "enabled"}, "says public_network_access enabled, .* has disabled"),
    ],
)
def test_a_file_that_says_something_else_than_the_endpoint_has_is_refused_and_the_change_is_named(
    tmp_path, kind, other, says
):
    cloud = a_cloud()
    deploy(online_at(cloud, kind), ONE, ProbeOf(), policy=POLICY, at=AT, by="ada")
    cloud.as_azure_tells_it(NAME)
    online = AzureOnlineEndpoint(cloud.client(), NAME, files_with(tmp_path, kind, other))
    ((name, value),) = other.items()

    with pytest.raises(ConfigError, match=says) as refused:
        deploy(online, TWO, ProbeOf(), policy=POLICY, at=AT, by="ada")
    assert f"--set {name}={value.removeprefix('azureml:')}" in str(refused.value)
    online_at(cloud, kind).check_file()


@pytest.mark.parametrize(
    "answer",
    [
        ClientAuthenticationError("DefaultAzureCredential failed to retrieve a token.\nAttempted credentials: ..."),
        ServiceRequestError("Failed to resolve 'management.azure.com'"),
        refusal(403, "(AuthorizationFailed) The client does not have authorization.\nIf access was granted, ..."),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_what_the_real_client_raises_is_a_sentence(answer):
    client = create_autospec(MLClient, instance=True)
    client.online_endpoints = create_autospec(operations.OnlineEndpointOperations, instance=True)
    client.online_endpoints.get.side_effect = answer

    with pytest.raises(DeploymentError) as raised:
        AzureOnlineEndpoint(client, NAME, FOLDER / "managed").read()

    said = str(raised.value)
    assert "\n" not in said
    assert str(answer).splitlines()[0] in said
    client.online_endpoints.get.assert_called_once_with(NAME)


def test_address_and_key_are_asked_for_together():
    cloud = a_cloud()
    roll(cloud, ONE)

    assert online_at(cloud).address() == (f"https://{NAME}.example.com/score", "the-key")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return Environment.new(Packages.saved(tmp_path_factory.mktemp("packages")))


def package_in(environment):
    tags = environment.development.find(environment.version).tags
    return Package(environment.development.name, environment.version, tags[PACKAGE_SHA256], IMAGE)


def test_a_model_is_brought_from_the_registry_once_with_its_hash(environment):
    cloud, package = Cloud(), package_in(environment)

    for _ in range(2):
        bring_model(cloud.client(), environment.development, package)

    key = (asset_name(package.model), package.version)
    assert CARD in {name.rpartition("/")[2] for name in cloud.files[key]}
    assert cloud.models[key].tags["levelfive_sha256"] == package.sha256
    assert cloud.calls.count("models.create_or_update") == 1


def test_other_files_under_the_same_name_and_version_are_refused(environment):
    cloud, package = Cloud(), package_in(environment)
    cloud.models[asset_name(package.model), package.version] = SimpleNamespace(tags={"levelfive_sha256": "other"})

    with pytest.raises(DeploymentConflict, match=r"other files than levelfive\.dev\.flight_delay has"):
        bring_model(cloud.client(), environment.development, package)


def test_a_version_whose_files_are_damaged_is_not_brought(environment):
    cloud, package = Cloud(), package_in(environment)
    damaged = environment.reopened()
    damaged.development.tag(package.version, {PACKAGE_SHA256: "0" * 64})
    try:
        with pytest.raises(RegistryError, match="their hash differs"):
            bring_model(cloud.client(), damaged.development, package)
    finally:
        damaged.development.tag(package.version, {PACKAGE_SHA256: package.sha256})

    assert cloud.models == {}
