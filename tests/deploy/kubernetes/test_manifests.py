"""What kustomize makes of the base and an overlay, here and in a new project: valid, least privileged, of one piece."""

import json
import re
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml
from azure_pipelines.calls import Call
from azure_pipelines.project import project
from bundle.offline import ROOT, read, resolve
from programs import program

from levelfive.config import LOG_VARIABLE, load_settings
from levelfive.project.making import make_project
from levelfive.serving.azure_storage import place_of
from levelfive.serving.bodies import BODY_WITHIN, MAX_BYTES
from levelfive.serving.run import Address
from levelfive.serving.uploads import MOST_BYTES
from levelfive.usecase.columns import REQUEST_LOG

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate, of the group dev")

OLDEST, NEWEST = "1.31", "1.34"  # of the clusters that it is applied to
TARGETS = ("qa", "prod")
OF_A_DRIVER = {"SecretProviderClass"}
ALL = [
    "Namespace",
    "ServiceAccount",
    "ConfigMap",
    "ConfigMap",
    "Service",
    "Deployment",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "Ingress",
    "NetworkPolicy",
    "SecretProviderClass",
]


@dataclass(frozen=True)
class Place:
    """Where the overlays are, and whose."""

    root: Path
    use_case: str
    schema: str
    image: str

    @property
    def name(self):
        """The use case's, as Kubernetes takes it."""
        return self.use_case.replace("_", "-")

    def deployment(self, target):
        return resolve(read(self.root), target)


OURS = Place(ROOT, "flight_delay", "{target}", "levelfive.azurecr.io/levelfive-serving")


@pytest.fixture(scope="session")
def project_place(tmp_path_factory):
    """A project of a team's own, as `levelfive new` makes it."""
    root = make_project({"name": "store_returns"}, tmp_path_factory.mktemp("project"))
    return Place(root, "store_returns", "store_returns_{target}", "levelfive.azurecr.io/store-returns-serving")


@pytest.fixture(params=["this repository", "a new project"])
def place(request, project_place):
    return OURS if request.param == "this repository" else project_place


@cache
def made(place, target):
    kubectl = program("kubectl", package="kubernetes-client")
    overlay = place.root / "deploy" / "kubernetes" / "overlays" / target
    done = subprocess.run([kubectl, "kustomize", str(overlay)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return tuple(yaml.safe_load_all(done.stdout))


@pytest.fixture(params=TARGETS)
def target(request):
    return request.param


@pytest.fixture
def resources(place, target):
    """Resources by their kind; there is one of each, and a second map by the name `Registry`."""
    found = made(place, target)
    assert sorted(one["kind"] for one in found) == sorted(ALL)
    return {"Registry" if "-registry-" in one["metadata"]["name"] else one["kind"]: one for one in found}


@pytest.fixture
def pod(resources):
    return resources["Deployment"]["spec"]["template"]


@pytest.fixture
def container(pod):
    (container,) = pod["spec"]["containers"]
    return container


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_resource_is_one_that_kubernetes_takes(resources, version):
    for kind in resources.keys() - OF_A_DRIVER:
        kubernetes_validate.validate(resources[kind], version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_found(resources):
    wrong = json.loads(json.dumps(resources["Deployment"]))
    wrong["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_all_that_has_a_namespace_is_in_the_one_of_the_overlay(target, resources):
    assert {resources[kind]["metadata"]["namespace"] for kind in resources.keys() - {"Namespace"}} == {
        resources["Namespace"]["metadata"]["name"]
    }
    assert resources["Namespace"]["metadata"]["name"] == f"levelfive-{target}"


def test_names_lead_somewhere(resources, pod, container):
    names = {kind: one["metadata"]["name"] for kind, one in resources.items()}
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    provider = resources["SecretProviderClass"]["spec"]
    (brought,) = provider["secretObjects"]
    (secret,) = (one["valueFrom"]["secretKeyRef"] for one in container["env"] if "valueFrom" in one)

    assert pod["spec"]["serviceAccountName"] == names["ServiceAccount"]
    assert resources["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == names["Deployment"]
    assert volumes["settings"]["configMap"]["name"] == names["ConfigMap"]
    assert volumes["secrets"]["csi"]["volumeAttributes"]["secretProviderClass"] == names["SecretProviderClass"]
    assert (secret["name"], secret["key"]) == (brought["secretName"], brought["data"][0]["key"])
    assert {one["name"] for one in container["volumeMounts"]} == volumes.keys()
    for rule in resources["Ingress"]["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            assert path["backend"]["service"] == {"name": names["Service"], "port": {"name": "http"}}


def test_selectors_are_those_of_the_pods_and_of_one_use_case(place, resources, pod):
    labels = pod["metadata"]["labels"]
    selectors = [
        resources["Deployment"]["spec"]["selector"]["matchLabels"],
        resources["Service"]["spec"]["selector"],
        resources["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        resources["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        *(one["labelSelector"]["matchLabels"] for one in pod["spec"]["topologySpreadConstraints"]),
    ]

    for selector in selectors:
        assert selector.items() <= labels.items()
        assert selector["app.kubernetes.io/instance"] == place.name


def test_a_second_use_case_shares_no_name_with_the_first(place, resources):
    for kind in resources.keys() - {"Namespace"}:
        assert resources[kind]["metadata"]["name"].startswith(f"{place.name}-"), kind
    assert all(one["secretName"].startswith(f"{place.name}-") for one in resources["Ingress"]["spec"]["tls"])


def test_the_namespace_is_the_same_whichever_use_case_is_applied_last(target, project_place):
    """Two that share it would label it by turns."""
    ours, theirs = (
        [one for one in made(place, target) if one["kind"] == "Namespace"] for place in (OURS, project_place)
    )

    assert ours == theirs


def test_the_container_can_change_nothing_and_is_nobody(resources, pod, container):
    assert resources["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    of_pod = pod["spec"]["securityContext"]
    assert of_pod["runAsNonRoot"] is True
    assert of_pod["runAsUser"] == of_pod["runAsGroup"] == 10001
    assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert writable == {"/tmp"}
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_an_image_is_named_by_its_digest(place, container):
    assert re.fullmatch(rf"{re.escape(place.image)}@sha256:[0-9a-f]{{64}}", container["image"])


def test_no_secret_is_written_down(resources, container):
    assert "Secret" not in resources
    assert not [
        one for one in container["env"] if "value" in one and re.search("store|password|key", one["name"], re.I)
    ]
    assert "parameters" in resources["SecretProviderClass"]["spec"]


def test_what_the_key_vault_holds_is_brought_as_what_the_service_reads(target, resources, container):
    spec = resources["SecretProviderClass"]["spec"]
    objects = [yaml.safe_load(one) for one in yaml.safe_load(spec["parameters"]["objects"])["array"]]

    assert spec["provider"] == "azure"
    assert spec["parameters"]["keyvaultName"] == f"levelfive-{target}"
    assert {one["objectAlias"] for one in objects} == {"tokens", "online-store"}
    assert "--tokens=/mnt/secrets/tokens" in container["args"]
    assert {one["objectName"] for one in spec["secretObjects"][0]["data"]} == {"online-store"}


def test_the_identity_is_the_same_for_the_vault_and_for_all_else(resources, pod):
    annotated = resources["ServiceAccount"]["metadata"]["annotations"]["azure.workload.identity/client-id"]

    assert annotated == resources["SecretProviderClass"]["spec"]["parameters"]["clientID"]
    assert not annotated.endswith("-000000000000")
    assert pod["metadata"]["labels"]["azure.workload.identity/use"] == "true"


def test_an_instance_that_is_not_ready_gets_no_request_and_one_that_hangs_is_started_anew(container):
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}

    assert paths == {"startup": "/health/live", "liveness": "/health/live", "readiness": "/health/ready"}
    assert {container[f"{name}Probe"]["httpGet"]["port"] for name in paths} == {"http"}


def test_an_instance_that_is_told_to_end_is_left_the_time_that_it_takes(pod):
    address = Address()

    longest = address.drain + address.finish

    assert longest < timedelta(seconds=pod["spec"]["terminationGracePeriodSeconds"])
    assert address.finish > BODY_WITHIN


def test_the_ingress_lets_through_what_the_service_takes(resources):
    annotations = resources["Ingress"]["metadata"]["annotations"]

    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == f"{MAX_BYTES // 2**20}m"
    assert MAX_BYTES % 2**20 == 0


def test_an_instance_refuses_more_requests_than_its_page_says(container):
    (rate,) = (int(word.partition("=")[2]) for word in container["args"] if word.startswith("--rate="))

    assert f"`deploy/kubernetes` sets {rate:,} for each" in (ROOT / "docs" / "serving.md").read_text()


def test_a_release_takes_no_instance_away_before_another_is_ready(resources):
    deployment, autoscaler = resources["Deployment"]["spec"], resources["HorizontalPodAutoscaler"]["spec"]

    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert "replicas" not in deployment
    assert (
        resources["PodDisruptionBudget"]["spec"]["minAvailable"] < autoscaler["minReplicas"] < autoscaler["maxReplicas"]
    )


def test_the_world_reaches_scores_and_the_description_alone_by_tls(place, target, resources):
    spec = resources["Ingress"]["spec"]
    (rule,) = spec["rules"]

    assert {path["path"] for path in rule["http"]["paths"]} == {"/score", "/openapi.json"}
    assert {path["pathType"] for path in rule["http"]["paths"]} == {"Exact"}
    assert spec["tls"] == [{"secretName": f"{place.name}-tls", "hosts": [rule["host"]]}]
    assert rule["host"] == f"{place.name}.{target}.levelfive.example.com"


def test_the_network_is_closed_but_for_what_the_service_needs(resources, container):
    policy = resources["NetworkPolicy"]["spec"]
    (asked_by,) = policy["ingress"]
    ports = [[(one["protocol"], one["port"]) for one in rule["ports"]] for rule in policy["egress"]]
    _, _, (store,) = (rule["to"] for rule in policy["egress"])

    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    assert asked_by["ports"] == [{"protocol": "TCP", "port": "http"}]
    assert ports == [[("UDP", 53), ("TCP", 53)], [("TCP", 443)], [("TCP", 5432)]]
    assert ip_network(store["ipBlock"]["cidr"]).is_private
    assert [one["name"] for one in container["ports"]] == ["http"]


def test_the_overlays_differ_in_what_an_environment_is_and_in_nothing_else(place):
    of_an_environment = (
        r"-[a-z0-9]{10}\"",  # the hash of the settings
        r"adb-\d+\.\d",
        r"levelfive-?(qa|prod)",
        r"(qa|prod)\.levelfive",
        r"environment: \w*(qa|prod)",
        r"10\.[23]\.4",
        r"001[23]\"",
        r"LEVELFIVE_CLOCK\": \"[^\"]*",
    )

    texts = [json.dumps(made(place, target), sort_keys=True) for target in TARGETS]
    alike = [re.sub("|".join(of_an_environment), "", one) for one in texts]

    assert texts[0] != texts[1]
    assert alike[0] == alike[1]


def test_the_registry_is_the_one_of_the_bundle_and_is_read_without_a_secret(place, target, resources, pod, container):
    registry, given = resources["Registry"]["data"], {one["name"]: one.get("value") for one in container["env"]}
    (token,) = (one["projected"]["sources"] for one in pod["spec"]["volumes"] if "projected" in one)
    (mounted,) = (one["mountPath"] for one in container["volumeMounts"] if one["name"] == "databricks")

    assert container["envFrom"] == [{"configMapRef": {"name": resources["Registry"]["metadata"]["name"]}}]
    assert registry["DATABRICKS_HOST"] == place.deployment(target).config["workspace"]["host"]
    assert given["DATABRICKS_AUTH_TYPE"] == "file-oidc"
    assert given["DATABRICKS_OIDC_TOKEN_FILE"] == f"{mounted}/{token[0]['serviceAccountToken']['path']}"


def test_the_clock_is_that_of_the_jobs(place, target, resources):
    tasks = [
        one["notebook_task"] for one in place.deployment(target).jobs["serving"]["tasks"] if "notebook_task" in one
    ]

    clocks = {task["base_parameters"]["clock"] for task in tasks}
    assert clocks == {resources["Registry"]["data"]["LEVELFIVE_CLOCK"]}


def test_the_request_log_is_where_the_jobs_look_for_it_and_waits_where_there_is_room(place, target, resources, pod):
    landing = place.deployment(target).resources["volumes"]["landing"]["storage_location"]
    (room,) = (one["emptyDir"]["sizeLimit"] for one in pod["spec"]["volumes"] if one["name"] == "tmp")

    assert resources["Registry"]["data"][LOG_VARIABLE] == f"{landing}/{REQUEST_LOG}"
    assert place_of(f"{landing}/{REQUEST_LOG}")
    assert int(room.removesuffix("Gi")) * 2**30 >= 2 * MOST_BYTES


def test_the_command_is_one_that_levelfive_has(container):
    words = tuple(word.partition("=")[0] for word in [*container["command"], *container["args"]])

    assert list(project().faults(Call(words))) == []
    assert f"--port={container['ports'][0]['containerPort']}" in container["args"]


def test_the_settings_are_those_of_the_environment(place, target, resources, tmp_path):
    file = tmp_path / "levelfive.yml"
    file.write_text(resources["ConfigMap"]["data"]["levelfive.yml"])

    settings = load_settings(file, None)

    schema = place.schema.format(target=target)
    assert settings.model_name == f"levelfive_registry.{schema}.{place.use_case}"
    assert settings.registry_uri == "databricks-uc"
