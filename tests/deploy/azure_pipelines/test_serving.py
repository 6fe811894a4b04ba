"""An online endpoint gets what was built once, by approved steps, and gives it back where the run does not end."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from azure_pipelines.calls import APPLIER, BUILDER, calls_of
from azure_pipelines.expansion import FOLDER, read
from azure_pipelines.project import BASE, SERVING, serving
from azure_pipelines.runs import CANCELED, SKIPPED, SUCCEEDED, outcome, places
from deploying import AT, MemoryEndpoint, ProbeOf, a_package
from programs import program

from levelfive.deployment import rolling
from levelfive.deployment.rollout import RolloutPolicy

DIGEST = "sha256:" + "ab" * 32
OVERLAYS = FOLDER.parent / "kubernetes" / "overlays"
REPOSITORY = "levelfive.azurecr.io/levelfive-serving"


def steps():
    """What is asked of the endpoint: stage, target, action and share."""
    found = [(stage["stage"], call) for stage in serving()["stages"] for call in calls_of(serving(), stage["stage"])]
    return [
        (stage, call.target, call.params["action"], call.params.get("to"))
        for stage, call in found
        if call.job == "serving"
    ]


def test_traffic_rises_in_steps_in_production_once_all_of_qa_has_it():
    assert steps() == [
        ("endpoint_qa", "qa", "deploy", None),
        ("endpoint", "prod", "deploy", "0"),
        ("tenth", "prod", "traffic", "10"),
        ("all", "prod", "traffic", "100"),
        ("take_back", "prod", "rollback", None),
    ]
    assert 10 in RolloutPolicy().steps


@pytest.mark.parametrize("before", [None, "1"], ids=["the first version", "a later version"])
def test_production_goes_from_nothing_to_all_of_the_traffic(before):
    online, policy = MemoryEndpoint(), RolloutPolicy(requests=1)
    if before:
        rolling.deploy(online, a_package(before), ProbeOf(), policy=policy, at=AT, by="ada")

    shares = []
    for _, target, action, to in steps():
        if target != "prod" or action == "rollback":
            continue
        if action == "deploy":
            rolling.deploy(online, a_package("2"), ProbeOf(), policy=policy, at=AT, by="ada", to=int(to))
        else:
            rolling.raise_traffic(online, ProbeOf(), policy=policy, at=AT, to=int(to))
        (colour,) = (name for name, one in online.found.deployments.items() if one.package == a_package("2"))
        shares.append(online.found.traffic.get(colour, 0))

    assert shares == [0, 10 if before else 0, 100]
    assert online.found.live.package == a_package("2")


def test_a_person_approves_before_production_gets_it_and_before_it_gets_all():
    environments = {
        stage["stage"]: job["environment"]
        for stage in serving()["stages"]
        for job in stage["jobs"]
        if "deployment" in job
    }

    assert environments == {"endpoint_qa": "levelfive-qa", "endpoint": "levelfive-prod", "all": "levelfive-prod-model"}


def test_one_image_is_built_and_both_environments_run_it():
    builds = [(stage["stage"], call) for stage in serving()["stages"] for call in calls_of(serving(), stage["stage"])]
    deployed = [call.params["digest"] for _, call in builds if call.job == "serving" and "digest" in call.params]
    (built,) = (call for _, call in builds if call.words[:2] == BUILDER)
    (published,) = (step for _, _, step in places(serving()) if "publish" in step)
    fetched = [step["inputs"] for _, _, step in places(serving()) if step.get("task") == "DownloadPipelineArtifact@2"]

    assert built.words[2:] == ("$(servingRepository)", BASE, "$(Build.BuildId)", "azure_ml")
    assert deployed == ["$(cat DIGEST)"] * 3  # the last of them says what may be taken back
    assert published["publish"].endswith("/DIGEST")
    assert {(one["buildType"], one["artifactName"]) for one in fetched} == {("current", published["artifact"])}
    assert len(fetched) == len(steps())


@pytest.mark.parametrize(
    ("failing", "is_taken_back"),
    [
        ((), False),
        (("image",), False),
        (("endpoint_qa",), False),
        (("endpoint",), True),
        (("tenth",), True),
        (("all",), True),
    ],
)
def test_what_did_not_get_all_of_the_traffic_is_taken_back(failing, is_taken_back):
    results = outcome(serving(), *failing)

    assert results["take_back"] == (SUCCEEDED if is_taken_back else SKIPPED)


def test_what_no_person_approves_is_taken_back_and_what_is_cancelled_is_not():
    assert outcome(serving(), all=SKIPPED)["take_back"] == SUCCEEDED
    assert outcome(serving(), all=CANCELED)["take_back"] == SKIPPED


def test_only_what_the_run_deployed_is_taken_back():
    (call,) = (one for one in calls_of(serving(), "take_back") if one.job == "serving")

    assert call.params["deployed_since"] == "$(System.PipelineStartTime)"
    assert call.params["digest"] == "$(cat DIGEST)"
    assert call.params["why"].startswith("$REASON")


def test_the_pipeline_is_started_by_a_person_alone():
    pipeline = read(SERVING)

    assert (pipeline["trigger"], pipeline["pr"]) == ("none", "none")
    assert "trigger" not in pipeline["resources"]["pipelines"][0]


def test_a_cluster_gets_the_image_in_qa_and_by_approval_in_production():
    pipeline = serving("kubernetes")
    calls = {stage["stage"]: calls_of(pipeline, stage["stage"]) for stage in pipeline["stages"]}
    applied = [call.words[2:] for stage in calls.values() for call in stage if call.words[:2] == APPLIER]
    (built,) = (call for call in calls["image"] if call.words[:2] == BUILDER)

    assert list(calls) == ["image", "kubernetes_qa", "kubernetes"]
    assert built.words[-1] == "kubernetes"
    assert applied == [(target, f"levelfive-{target}", "flight-delay-serving") for target in ("qa", "prod")]
    assert [stage["jobs"][0].get("environment") for stage in pipeline["stages"]] == [
        None,
        "levelfive-qa",
        "levelfive-prod",
    ]
    assert outcome(pipeline, "kubernetes_qa")["kubernetes"] == SKIPPED


@pytest.mark.parametrize("target", ["qa", "prod"])
def test_what_is_applied_to_a_cluster_is_what_the_overlay_makes(target):
    (words,) = (
        call.words[2:]
        for stage in ("kubernetes_qa", "kubernetes")
        for call in calls_of(serving("kubernetes"), stage)
        if call.words[:3] == (*APPLIER, target)
    )
    overlay = yaml.safe_load((OVERLAYS / target / "kustomization.yaml").read_text())

    assert words == (target, overlay["namespace"], f"{overlay['namePrefix']}serving")
    assert overlay["images"][0]["newName"] == read(FOLDER / "variables.yml")["variables"]["servingRepository"]


def noting(folder, name, script="exit 0"):
    """Put a program onto the path that notes how it is called."""
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin" / name
    program.write_text(f'#!/bin/sh\necho "{name} $@" >> "$CALLS"\n{script}\n')
    program.chmod(0o755)


@pytest.fixture
def cluster(tmp_path):
    """A cluster that starts the image, and the files of a release."""
    shutil.copytree(OVERLAYS.parent, tmp_path / "deploy" / "kubernetes")
    (tmp_path / "DIGEST").write_text(f"{DIGEST}\n")
    noting(tmp_path, "az")
    noting(tmp_path, "kubelogin")
    noting(tmp_path, "kubectl")
    return tmp_path


def apply(folder, *arguments):
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "CALLS": str(folder / "calls")}
    script = Path(FOLDER, "apply-overlay.sh")
    return subprocess.run(["bash", script, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


QA = ("qa", "levelfive-qa", "flight-delay-serving")


def test_a_cluster_runs_the_image_that_was_built(cluster):
    done = apply(cluster, *QA)

    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in (cluster / "calls").read_text().splitlines() if line.startswith("kubectl")] == [
        "kubectl apply --kustomize deploy/kubernetes/overlays/qa",
        "kubectl rollout status deployment/flight-delay-serving --namespace levelfive-qa --timeout 15m",
    ]
    kubectl = program("kubectl", package="kubernetes-client")
    overlay = cluster / "deploy" / "kubernetes" / "overlays" / "qa"
    made = subprocess.run([kubectl, "kustomize", overlay], capture_output=True, text=True, check=True).stdout
    assert f"image: {REPOSITORY}@{DIGEST}\n" in made


def test_an_image_that_does_not_start_is_undone_and_fails_the_stage(cluster):
    noting(cluster, "kubectl", script='[ "$2" != status ]')

    done = apply(cluster, *QA)

    assert done.returncode == 1
    assert "the image of before is taken again" in done.stderr
    last = (cluster / "calls").read_text().splitlines()[-1]
    assert last == "kubectl rollout undo deployment/flight-delay-serving --namespace levelfive-qa"


def test_nothing_is_applied_without_a_digest_or_a_name(cluster):
    assert "usage: " in apply(cluster, "qa").stderr
    (cluster / "DIGEST").write_text("latest\n")

    assert "DIGEST holds no digest, got 'latest'" in apply(cluster, *QA).stderr
    assert not (cluster / "calls").exists()


@pytest.fixture
def registry(tmp_path):
    """An Azure CLI that notes how it is called, and tells a digest."""
    noting(tmp_path, "az", script='[ "$2" = repository ] && printf "%s\\n" "$TOLD"\nexit 0')
    return tmp_path


def build(folder, *arguments, told=DIGEST):
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "CALLS": str(folder / "calls"), "TOLD": told}
    script = Path(FOLDER, "build-image.sh")
    return subprocess.run(["bash", script, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("place", "target", "requirements"),
    [("azure_ml", "azure-ml", "serving-azure-ml.txt"), ("kubernetes", "service", "serving.txt")],
)
def test_the_registry_builds_the_image_and_its_digest_is_noted(registry, place, target, requirements):
    done = build(registry, REPOSITORY, BASE, "42", place)

    assert (done.returncode, done.stderr) == (0, "")
    assert (registry / "DIGEST").read_text() == f"{DIGEST}\n"
    first, second = (registry / "calls").read_text().splitlines()
    assert first == (
        "az acr build --registry levelfive --image levelfive-serving:42 --file deploy/kubernetes/Containerfile "
        f"--target {target} --build-arg BASE={BASE} --build-arg REQUIREMENTS=requirements/{requirements} ."
    )
    recipe = (OVERLAYS.parent / "Containerfile").read_text()
    assert f"FROM installed AS {target}\n" in recipe
    assert (FOLDER.parents[1] / "requirements" / requirements).is_file()
    assert second.startswith("az acr repository show --name levelfive --image levelfive-serving:42")


@pytest.mark.parametrize(
    ("arguments", "told", "says"),
    [
        ((REPOSITORY, "python:3.12", "42", "azure_ml"), DIGEST, "BASE is an image by its digest, got 'python:3.12'"),
        ((REPOSITORY, BASE, "42"), DIGEST, "usage: "),
        ((REPOSITORY, BASE, "42", "service"), DIGEST, "PLACE is azure_ml or kubernetes, got 'service'"),
        ((REPOSITORY, BASE, "42", "azure_ml"), "", "has no digest"),
    ],
)
def test_an_image_without_a_digest_is_refused(registry, arguments, told, says):
    done = build(registry, *arguments, told=told)

    assert done.returncode != 0
    assert says in done.stderr
    assert not (registry / "DIGEST").exists()
