"""A use case is a bundle of its own, and a second one leaves the first alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundle.offline import PRODUCTION, ROOT, TARGETS, BundleError, Deployment, read, resolve
from bundle.targets import deployment
from bundle.use_cases import add_bundle, label, places

# What a deployment of before use cases were bundles owns, and what the CLI cannot rename: under another name it would
# make each of these anew and delete the old one, with what it holds.
OWNED = {
    "jobs": {"training", "scoring", "monitoring", "retraining", "release", "serving", "maintenance"},
    "schemas": {"tables": "levelfive_prod.flight_delay", "registry": "levelfive_registry.prod"},
    "volumes": {"landing": "levelfive_prod.flight_delay.landing", "reports": "levelfive_prod.flight_delay.reports"},
    "experiments": {"trainings"},
    "registered_models": {"model": "levelfive_registry.prod.flight_delay"},
    "dashboards": {"monitoring_dashboard"},
}
FOLDERS = {
    "dev": "/Workspace/Users/anna.smith@example.com/.bundle/levelfive/dev",
    "serverless": "/Workspace/Users/anna.smith@example.com/.bundle/levelfive/serverless",
    "qa": "/Workspace/Users/00000000-0000-0000-0000-000000000002/.bundle/levelfive/qa",
    "prod": "/Workspace/Users/00000000-0000-0000-0000-000000000003/.bundle/levelfive/prod",
}


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def shop(target: str, tmp_path: Path) -> Deployment:
    """The second use case, as its page describes it."""
    return resolve(read(add_bundle(tmp_path), tmp_path), target)


def test_a_second_use_case_shares_no_name_no_folder_and_no_group_with_the_first(target: str, shop: Deployment) -> None:
    assert places(shop) & places(deployment(target)) == set()


def test_all_that_a_use_case_deploys_carries_its_name(shop: Deployment) -> None:
    assert {place for place in places(shop) if "shop" not in place} == set()


def test_both_use_cases_are_made_from_one_description(target: str, shop: Deployment) -> None:
    named = {"name", "tags", "tasks", "permissions"}
    first = deployment(target)

    for kind, found in first.resources.items():
        assert found.keys() == shop.resources[kind].keys()
    for key, job in first.jobs.items():
        assert {**job, **dict.fromkeys(named)} == {**shop.jobs[key], **dict.fromkeys(named)}
        assert [task["task_key"] for task in job["tasks"]] == [task["task_key"] for task in shop.jobs[key]["tasks"]]


def test_a_copy_of_the_first_use_cases_file_is_found_to_collide(target: str, tmp_path: Path) -> None:
    text = (ROOT / "databricks.yml").read_text(encoding="utf-8")
    for old, new in {"name: flight_delay": "name: shop", "- env": "- ../../env", "- res": "- ../../res"}.items():
        text = text.replace(old, new)

    copied = resolve(read(add_bundle(tmp_path, text), tmp_path), target)

    assert deployment(target).config["workspace"]["root_path"] in places(copied) & places(deployment(target))


def test_no_use_case_of_this_repository_collides_with_another(target: str) -> None:
    folders = [ROOT, *(file.parent for file in ROOT.glob("use_cases/*/databricks.yml"))]
    found = [resolve(read(folder, ROOT), target) for folder in folders]

    assert sum(map(len, map(places, found))) == len(set().union(*map(places, found)))


def test_the_use_case_is_no_variable_that_a_command_could_change() -> None:
    with pytest.raises(BundleError, match="not declared: use_case"):
        resolve(read(ROOT), "prod", use_case="shop")


def test_the_first_use_case_owns_what_it_owned_before() -> None:
    resources = deployment("prod").resources

    names = {key: label(kind, one) for kind, found in resources.items() for key, one in found.items()}
    assert {kind: found.keys() for kind, found in resources.items()} == {
        kind: set(keys) for kind, keys in OWNED.items()
    }
    owned = {key: name for keys in OWNED.values() if isinstance(keys, dict) for key, name in keys.items()}
    assert {key: names[key] for key in owned} == owned
    assert resources["volumes"]["landing"]["storage_location"].endswith("@levelfiveprod.dfs.core.windows.net/flights")


def test_the_first_use_case_finds_its_state_where_it_was(target: str) -> None:
    assert deployment(target).config["workspace"]["root_path"] == FOLDERS[target]


@pytest.mark.parametrize("target", PRODUCTION, indirect=True)
def test_who_may_run_one_use_case_may_not_run_another(target: str, shop: Deployment) -> None:
    def may_run(deployed: Deployment) -> set[str]:
        permitted = [one for job in deployed.jobs.values() for one in job["permissions"]]
        return {one["group_name"] for one in permitted if one["level"] == "CAN_MANAGE_RUN"}

    assert may_run(shop) & may_run(deployment(target)) == set()
