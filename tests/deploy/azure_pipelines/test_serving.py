"""An online endpoint gets what was built once, by approved steps, and gives it back where the run does not end."""

import os
import subprocess
from pathlib import Path

import pytest
from azure_pipelines.calls import BUILDER, calls_of
from azure_pipelines.expansion import FOLDER, read
from azure_pipelines.project import BASE, SERVING, serving
from azure_pipelines.runs import CANCELED, SKIPPED, SUCCEEDED, outcome, places
from deploying import AT, MemoryEndpoint, ProbeOf, a_package

from levelfive.deployment import rolling
from levelfive.deployment.rollout import RolloutPolicy

DIGEST = "sha256:" + "ab" * 32
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

    assert built.words[2:] == ("$(servingRepository)", BASE, "$(Build.BuildId)")
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


@pytest.fixture
def registry(tmp_path):
    """An Azure CLI that notes how it is called, and tells a digest."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "az"
    program.write_text('#!/bin/sh\necho "$@" >> "$CALLS"\n[ "$2" = repository ] && printf "%s\\n" "$TOLD"\nexit 0\n')
    program.chmod(0o755)
    return tmp_path


def build(folder, *arguments, told=DIGEST):
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "CALLS": str(folder / "calls"), "TOLD": told}
    script = Path(FOLDER, "build-image.sh")
    return subprocess.run(["bash", script, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_registry_builds_the_image_and_its_digest_is_noted(registry):
    done = build(registry, REPOSITORY, BASE, "42")

    assert (done.returncode, done.stderr) == (0, "")
    assert (registry / "DIGEST").read_text() == f"{DIGEST}\n"
    first, second = (registry / "calls").read_text().splitlines()
    assert first == (
        "acr build --registry levelfive --image levelfive-serving:42 --file deploy/kubernetes/Containerfile "
        f"--target azure-ml --build-arg BASE={BASE} --build-arg REQUIREMENTS=requirements/serving-azure-ml.txt ."
    )
    assert second.startswith("acr repository show --name levelfive --image levelfive-serving:42")


@pytest.mark.parametrize(
    ("arguments", "told", "says"),
    [
        ((REPOSITORY, "python:3.12", "42"), DIGEST, "BASE is an image by its digest, got 'python:3.12'"),
        ((REPOSITORY, BASE), DIGEST, "usage: "),
        ((REPOSITORY, BASE, "42"), "", "has no digest"),
    ],
)
def test_an_image_without_a_digest_is_refused(registry, arguments, told, says):
    done = build(registry, *arguments, told=told)

    assert done.returncode != 0
    assert says in done.stderr
    assert not (registry / "DIGEST").exists()
