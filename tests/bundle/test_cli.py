"""The real CLI finds nothing to complain about, and resolves every target to what the other tests looked at."""

import json

import pytest
from bundle.cli import checkout, needs_cli
from bundle.offline import TARGETS
from bundle.targets import validated
from bundle.use_cases import add_bundle

pytestmark = needs_cli


@pytest.mark.parametrize("use_case", ["flight_delay", "shop"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_target_of_every_use_case_validates_without_a_warning(target, use_case, tmp_path):
    with checkout(target, tmp_path) as first:
        copy = first if use_case == "flight_delay" else first.of(add_bundle(first.root))

        found = validated(copy)

    # The tests' own resolver leaves the folder of the uploaded files where it names one of them.
    uploaded = f"{copy.declared.config['workspace']['file_path']}/"
    declared = json.loads(json.dumps(copy.declared.resources).replace(uploaded, ""))
    assert comparable(found.resources) == comparable(declared)
    assert found.config["workspace"]["root_path"] == copy.declared.config["workspace"]["root_path"]
    assert found.config["mode"] == copy.declared.config["mode"]


def comparable(resources):
    return {f"{kind}.{key}": fields(one) for kind, found in resources.items() for key, one in found.items()}


def fields(resource):
    """What both say of a resource: lists have an order of their own, and what is empty or false is the default."""
    return {name: plain(value) for name, value in resource.items() if plain(value)}


def plain(value):
    if isinstance(value, dict):
        return sorted((name, plain(item)) for name, item in value.items() if plain(item))
    return sorted(map(plain, value)) if isinstance(value, list) else str(value or "")
