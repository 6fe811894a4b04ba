"""The real CLI makes production's plan and applies it to a workspace on loopback, by the pipeline's own calls."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure_pipelines.calls import Call, parse
from azure_pipelines.project import release
from azure_pipelines.runs import places, script
from bundle.cli import Checkout, checkout, needs_cli

pytestmark = needs_cli


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Checkout]:
    """A production that holds the release of before, and a new wheel that is not there yet."""
    with checkout("prod", tmp_path) as copy:
        copy.build()
        copy.does("deploy")
        (wheel,) = (copy.root / "dist").glob("*.whl")
        wheel.rename(wheel.with_name(wheel.name.replace("-0.1.0-", "-0.1.0+42-")))
        yield copy


def deployments(stage: str) -> list[Call]:
    calls = [parse(text) for of, _, step in places(release()) if of == stage and (text := script(step))]
    return [call for call in calls if call.is_bundle and call.verb in ("plan", "deploy")]


def words(call: Call) -> list[str]:
    """The words of a call without target and variable, which the checkout gives."""
    left = [word.rpartition("/")[2] if word.endswith("plan.json") else word for word in call.words[2:]]
    for option in ("-t", "--var"):
        at = left.index(option)
        del left[at : at + 2]
    return left


def plan(copy: Checkout) -> None:
    (call,) = deployments("plan")
    (copy.root / str(call.output)).write_text(copy.does(*words(call)), encoding="utf-8")


def libraries(copy: Checkout) -> set[str]:
    jobs = copy.workspace.resources["jobs"].values()
    listed = (one for job in jobs for task in job["tasks"] for one in task.get("libraries", []))
    return {one["whl"] for one in listed if "whl" in one}


def test_after_the_plan_is_applied_jobs_find_their_new_wheel(production):
    plan(production)

    for call in deployments("production"):
        production.does(*words(call))

    (wheel,) = libraries(production)
    assert wheel.endswith("levelfive-0.1.0+42-py3-none-any.whl")
    assert production.workspace.status(wheel)["object_type"] == "FILE"


def test_what_follows_the_plan_changes_no_resource(production):
    plan(production)
    applying, *others = deployments("production")
    production.does(*words(applying))
    before = list(production.workspace.writes)

    for call in others:
        production.does(*words(call))

    assert before == production.workspace.writes
    left = json.loads(production.does("plan", "-o", "json"))["plan"]
    assert {step["action"] for step in left.values()} == {"skip"}


def test_a_plan_is_refused_when_the_state_has_moved_on(production):
    plan(production)
    production.does("deploy")
    before = list(production.workspace.writes)

    run = production.bundle(*words(deployments("production")[0]))

    assert run.returncode != 0
    assert "the state has been modified since the plan was created" in run.stderr
    assert before == production.workspace.writes
