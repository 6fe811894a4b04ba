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
    """The second one, made as its page says, beside the first; not deployed yet."""
    add_package(first.root)
    copy = first.of(add_bundle(first.root))
    if first.declared.target in PRODUCTION:
        copy.build()
        (wheel,) = (copy.root / "dist").glob("*.whl")
        wheel.rename(wheel.with_name(wheel.name.replace("-0.1.0-", "-0.1.0+42-")))  # each release has its own
    return copy


def test_a_second_use_case_is_deployed_without_a_change_to_any_resource_of_the_first(
    first: Checkout, shop: Checkout
) -> None:
    before = deepcopy(first.workspace)

    shop.does("deploy")

    after = first.workspace
    assert {kind: dict(after.resources[kind], **found) for kind, found in before.resources.items()} == after.resources
    assert {path: after.files.get(path) for path in before.files} == before.files
    assert {on: after.grants.get(on) for on in before.grants} == before.grants
    assert {on: after.permissions.get(on) for on in before.permissions} == before.permissions
    assert not [write for write in after.writes[len(before.writes) :] if write.startswith(("PUT /api/2.2", "DELETE"))]
    assert "POST /api/2.2/jobs/reset" not in after.writes[len(before.writes) :]
    declared = sum(map(len, shop.declared.resources.values()))
    assert sum(len(after.resources[kind]) - len(before.resources[kind]) for kind in after.resources) == declared


def test_each_use_case_runs_the_wheel_that_it_was_deployed_with(first: Checkout, shop: Checkout) -> None:
    shop.does("deploy")

    packages = {name: "shop/__init__.py" in wheel.namelist() for name, wheel in wheels(first).items()}
    assert packages == {"flight_delay": False, "shop": True}


def test_what_the_first_is_planned_to_do_is_nothing_after_the_second_was_deployed(
    first: Checkout, shop: Checkout
) -> None:
    """With the second's wheel beside it, which the first does not take until it is deployed again."""
    (shop.root / "dist").rename(shop.root / "dist_of_before")
    shop.does("deploy") if first.declared.target not in PRODUCTION else None
    if first.declared.target in PRODUCTION:
        first.build()

    assert set(actions(first).values()) <= {"skip", "update"}


def test_a_second_use_case_is_destroyed_and_the_first_stays(first: Checkout, shop: Checkout) -> None:
    text = (shop.root / "environments.yml").read_text(encoding="utf-8")
    (shop.root / "environments.yml").write_text(text.replace("default: true", "default: false"), encoding="utf-8")
    before = deepcopy(first.workspace)
    shop.does("deploy")

    shop.does("destroy", "--auto-approve")

    assert before.resources == first.workspace.resources
    assert before.files == first.workspace.files


def actions(copy: Checkout) -> dict[str, str]:
    plan = json.loads(copy.does("plan", "-o", "json"))["plan"]
    return {name: step["action"] for name, step in plan.items()}


def wheels(copy: Checkout) -> dict[str, ZipFile]:
    """The wheels that the jobs run, by their use case."""

    def of(job: dict[str, Any]) -> tuple[str, str]:
        tasks = [task for task in job["tasks"] if "notebook_task" in task]
        ((wheel, use_case),) = {
            (task["libraries"][0]["whl"], task["notebook_task"]["base_parameters"]["use_case"]) for task in tasks
        }
        return use_case, wheel

    found = dict(map(of, copy.workspace.resources["jobs"].values()))
    return {name: ZipFile(BytesIO(copy.workspace.download(wheel))) for name, wheel in found.items()}
