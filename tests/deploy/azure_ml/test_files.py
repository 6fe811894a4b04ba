"""The files of Azure ML: its SDK loads each of them, and they say what the platform takes."""

import ast
import re
from pathlib import Path

import pytest
import yaml

pytest.importorskip("azure.ai.ml", reason="needs azure-ai-ml, of the extra azure-ml")

from azure.ai.ml import load_online_deployment, load_online_endpoint
from azure.ai.ml._utils._endpoint_utils import validate_scoring_script
from azure.ai.ml.entities import (
    KubernetesOnlineDeployment,
    KubernetesOnlineEndpoint,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
)

from levelfive.deployment.azure_files import refuse_what_is_not_there
from levelfive.errors import ConfigError

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "azure-ml"
KINDS = {
    "kubernetes": (KubernetesOnlineEndpoint, KubernetesOnlineDeployment),
    "managed": (ManagedOnlineEndpoint, ManagedOnlineDeployment),
}
UNITS = {"m": 1e-3, "Mi": 2**20, "Gi": 2**30, "": 1.0}


def quantity(text):
    """Read what Kubernetes calls a quantity: a number with a unit."""
    number, unit = re.fullmatch(r"([\d.]+)(\w*)", str(text)).groups()
    return float(number) * UNITS[unit]


def read(kind, name):
    return yaml.safe_load((FOLDER / kind / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_sdk_loads_every_file_as_its_kind(kind):
    endpoint, deployment = KINDS[kind]

    assert isinstance(load_online_endpoint(FOLDER / kind / "endpoint.yml"), endpoint)
    assert isinstance(load_online_deployment(FOLDER / kind / "deployment.yml"), deployment)
    names = {path.name for path in (FOLDER / kind).iterdir()}
    assert names - {"instance-type.yml"} == {"endpoint.yml", "deployment.yml"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_asks_for_nothing_that_is_not_there(kind):
    file = FOLDER / kind / "endpoint.yml"

    refuse_what_is_not_there(load_online_endpoint(file), file)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"auth_mode": "aad_token"}, "on Kubernetes, Azure ML has key and aml_token"),
        ({"mirror_traffic": {"green": 10}}, "mirrors traffic, which Azure ML does not do on Kubernetes"),
        ({"traffic": {"blue": 100}}, "sets traffic"),
    ],
)
def test_what_the_schema_accepts_and_the_platform_does_not_is_refused(wrong, says):
    file = FOLDER / "kubernetes" / "endpoint.yml"
    accepted = load_online_endpoint(file, params_override=[wrong])

    with pytest.raises(ConfigError, match=says):
        refuse_what_is_not_there(accepted, file)


def test_a_managed_endpoint_takes_entra_tokens_and_mirrors_traffic():
    file = FOLDER / "managed" / "endpoint.yml"
    entity = load_online_endpoint(file, params_override=[{"mirror_traffic": {"green": 10}}])

    refuse_what_is_not_there(entity, file)

    assert entity.auth_mode == "aad_token"


@pytest.mark.parametrize("kind", KINDS)
def test_a_deployment_runs_an_image_by_its_digest_and_the_script_of_the_repository(kind):
    deployment = load_online_deployment(FOLDER / kind / "deployment.yml")
    code = deployment.code_configuration

    assert re.fullmatch(r"[^@\s]+@sha256:[0-9a-f]{64}", deployment.environment.image)
    assert (FOLDER / kind / code.code / code.scoring_script).resolve() == FOLDER / "code" / "score.py"


@pytest.mark.parametrize("kind", KINDS)
def test_another_image_is_another_environment(kind):
    def environment(digit):
        image = "levelfive.azurecr.io/levelfive-serving@sha256:" + digit * 64
        file = FOLDER / kind / "deployment.yml"
        return load_online_deployment(file, params_override=[{"environment.image": image}]).environment

    assert environment("1").version != environment("2").version


def test_the_script_is_what_serving_gives_and_nothing_more():
    tree = ast.parse((FOLDER / "code" / "score.py").read_text(encoding="utf-8"))
    (imported,) = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))

    assert (imported.module, sorted(one.name for one in imported.names)) == (
        "levelfive.serving.azure_ml",
        ["init", "run"],
    )
    assert len(tree.body) == 2
    assert [path.name for path in (FOLDER / "code").iterdir() if path.name != "__pycache__"] == ["score.py"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sdk_finds_the_script_that_it_uploads(kind):
    validate_scoring_script(load_online_deployment(FOLDER / kind / "deployment.yml"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_is_named_and_not_written(kind):
    variables = read(kind, "deployment.yml")["environment_variables"]

    assert re.fullmatch(r"\$\{\{azureml://connections/[\w-]+/credentials/\w+\}\}", variables["LEVELFIVE_ONLINE_STORE"])
    assert variables["APP_INSIGHTS_LOG_RESPONSE_ENABLED"] == "false"


@pytest.mark.parametrize("kind", KINDS)
def test_each_worker_has_a_request_and_ends_it_before_the_platform_does(kind):
    deployment = read(kind, "deployment.yml")
    variables, requests = deployment["environment_variables"], deployment["request_settings"]

    assert requests["max_concurrent_requests_per_instance"] == int(variables["WORKER_COUNT"])
    assert int(variables["SCORING_TIMEOUT_MS"]) < requests["request_timeout_ms"]


def test_a_deployment_on_kubernetes_fits_into_its_instance_type():
    instance, deployment = read("kubernetes", "instance-type.yml"), read("kubernetes", "deployment.yml")
    room, asked = instance["spec"]["resources"], deployment["resources"]

    assert deployment["instance_type"] == instance["metadata"]["name"]
    assert (instance["apiVersion"], instance["kind"]) == ("amlarc.azureml.com/v1alpha1", "InstanceType")
    for what in ("cpu", "memory"):
        assert quantity(asked["requests"][what]) <= quantity(asked["limits"][what]) < quantity(room["limits"][what])


def test_one_instance_may_go_while_another_answers():
    assert read("kubernetes", "deployment.yml")["scale_settings"]["min_instances"] >= 2
    assert read("managed", "deployment.yml")["instance_count"] >= 2
