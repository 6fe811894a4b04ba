"""The real CLI finds nothing to complain about, and resolves every target to what the other tests looked at."""

import json

import pytest
from bundle.cli import checkout, needs_cli
from bundle.offline import TARGETS, deployed
from bundle.use_cases import add_bundle

# Tasks and the dashboard hold paths and wheels; the CLI writes those out when it deploys.
WRITTEN_OUT = {"tasks", "file_path", "parent_path", "serialized_dashboard"}
ADDED = {"deployment", "edit_mode", "format", "volume_path", "embed_credentials"}

pytestmark = needs_cli


@pytest.mark.parametrize("use_case", ["flight_delay", "shop"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_target_of_every_use_case_validates_without_a_warning(target, use_case, tmp_path):
    with checkout(target, tmp_path) as first:
        copy = first if use_case == "flight_delay" else first.of(add_bundle(first.root))
        (copy.root / "dist").mkdir()
        (copy.root / "dist" / "levelfive-0.1.0-py3-none-any.whl").touch()

        run = copy.bundle("validate", "--strict", "-o", "json")

    assert (run.returncode, run.stderr) == (0, "")
    found = deployed(json.loads(run.stdout))["resources"]
    assert comparable(found) == comparable(copy.declared.resources)


def comparable(resources):
    return {f"{kind}.{key}": fields(one) for kind, found in resources.items() for key, one in found.items()}


def fields(resource):
    """What both say of a resource: lists have an order of their own, and what is empty or false is the default."""
    said = {name: value for name, value in resource.items() if name not in WRITTEN_OUT | ADDED}
    return {name: plain(value) for name, value in said.items() if plain(value)}


def plain(value):
    if isinstance(value, dict):
        return sorted((name, plain(item)) for name, item in value.items() if plain(item))
    return sorted(map(plain, value)) if isinstance(value, list) else str(value or "")
