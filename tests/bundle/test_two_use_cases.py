"""The real CLI deploys a second use case beside the first one, to the same target, and the first stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from bundle.cli import Checkout, checkout, needs_cli
from bundle.offline import PRODUCTION
from bundle.use_cases import add_bundle, add_package

pytestmark = needs_cli


@pytest.fixture(params=["dev", "prod"])
def first(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Checkout]:
    """The first use case, deployed."""
    with checkout(request.param, tmp_path) as copy:
        if request.param in PRODUCTION:
            copy.build()
        copy.does("deploy")
        yield copy


@pytest.fixture
def shop(first: Checkout) -> Checkout:
    """The second one, made as its page says, beside the first and not deployed yet."""
    add_package(first.root)
    (first.root / ".venv" / ".ready").touch()  # no package more is needed than before
    copy = first.of(add_bundle(first.root))
    if first.declared.target in PRODUCTION:
        copy.build()
        (wheel,) = (copy.root / "dist").glob("*.whl")
        wheel.rename(wheel.with_name(wheel.name.replace("-0.1.0-", "-0.1.0+42-")))  # each release has its own
    return copy


def test_a_second_use_case_is_deployed_without_a_change_to_any_resource_of_the_first(
    first: Checkout, shop: Checkout
) -> None:
    before, after = deepcopy(first.workspace), first.workspace

    shop.does("deploy")

    assert all(found.items() <= after.resources[kind].items() for kind, found in before.resources.items())
    assert before.files.items() <= after.files.items()
    assert before.grants.items() <= after.grants.items()
    assert before.permissions.items() <= after.permissions.items()
    more = {kind: len(found) - len(before.resources[kind]) for kind, found in after.resources.items()}
    assert more == {kind: len(found) for kind, found in shop.declared.resources.items()}


def test_each_use_case_runs_the_wheel_that_it_was_deployed_with(first: Checkout, shop: Checkout) -> None:
    shop.does("deploy")

    holds = {name: "shop/__init__.py" in wheel.namelist() for name, wheel in wheels(first).items()}
    assert holds == {"flight_delay": False, "shop": True}


def test_a_second_use_case_is_destroyed_and_the_first_stays(first: Checkout, shop: Checkout) -> None:
    before = deepcopy(first.workspace)
    shop.does("deploy", "--var", "keep_data=false")

    shop.does("destroy", "--auto-approve", "--var", "keep_data=false")

    assert before.resources == first.workspace.resources
    assert before.files == first.workspace.files


@pytest.mark.parametrize("first", ["prod"], indirect=True)
def test_no_command_turns_the_first_use_case_into_another_one(first: Checkout) -> None:
    refused = first.bundle("plan", "--var", "use_case=shop")

    assert refused.returncode != 0
    assert "variable use_case has not been defined" in refused.stderr


@pytest.mark.parametrize("target", ["dev", "prod"])
def test_over_a_deployment_of_before_use_cases_were_bundles_jobs_are_renamed_and_nothing_is_made_or_deleted(
    target: str, tmp_path: Path
) -> None:
    with checkout(target, tmp_path) as copy:
        files = {file: file.read_text(encoding="utf-8") for file in (copy.root / "resources").glob("*.job.yml")}
        for file, text in files.items():
            file.write_text(text.replace("levelfive ${bundle.name} ", "levelfive "), encoding="utf-8")
        copy.build()
        copy.does("deploy")
        before = {kind: set(found) for kind, found in copy.workspace.resources.items()}

        for file, text in files.items():
            file.write_text(text, encoding="utf-8")
        plan = json.loads(copy.does("plan", "-o", "json"))["plan"]
        copy.does("deploy")

        renamed = {f"resources.jobs.{key}" for key in copy.declared.jobs}
        assert {name: step["action"] for name, step in plan.items() if step["action"] != "skip"} == dict.fromkeys(
            renamed, "update"
        )
        assert before == {kind: set(found) for kind, found in copy.workspace.resources.items()}
        names = {job["name"] for job in copy.workspace.resources["jobs"].values()}
        assert names == {job["name"] for job in copy.declared.jobs.values()}


def wheels(copy: Checkout) -> dict[str, ZipFile]:
    """The wheels that jobs run, by the use case that the jobs are of."""

    def of(job: dict[str, Any]) -> tuple[str, str]:
        tasks = [task for task in job["tasks"] if "notebook_task" in task]
        pairs = {(task["notebook_task"]["base_parameters"]["use_case"], task["libraries"][0]["whl"]) for task in tasks}
        (pair,) = pairs
        return pair

    found = dict(map(of, copy.workspace.resources["jobs"].values()))
    return {name: ZipFile(BytesIO(copy.workspace.download(wheel))) for name, wheel in found.items()}
