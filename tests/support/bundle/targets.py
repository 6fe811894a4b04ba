"""The targets as they would be deployed: resolved by the Databricks CLI, or where it is not there, by the tests.

`test_cli.py` compares the two.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bundle.cli import CLI, Checkout, checkout
from bundle.offline import ROOT, Deployment, deployed, read, resolve

# What the CLI adds to resources, and what it writes out of a file that they name.
ADDED = {"deployment", "edit_mode", "format", "volume_path", "parent_path", "serialized_dashboard"}
WHEEL = "levelfive-0.1.0-py3-none-any.whl"


@cache
def deployment(target: str) -> Deployment:
    """Resolve a target of the use case at the root of this project."""
    if CLI is None:
        return resolve(read(ROOT), target)
    with tempfile.TemporaryDirectory() as folder, checkout(target, Path(folder)) as copy:
        return validated(copy)


def validated(copy: Checkout, wheels: Sequence[str] = (WHEEL,)) -> Deployment:
    """Let the CLI resolve the target of a checkout, without a warning; paths become relative to the bundle's root.

    Args:
        copy: The checkout.
        wheels: What is in its `dist` then; they are empty.
    """
    (copy.root / "dist").mkdir()
    for wheel in wheels:
        (copy.root / "dist" / wheel).touch()
    run = copy.bundle("validate", "--strict", "-o", "json")
    assert (run.returncode, run.stderr) == (0, "")
    config = deployed(json.loads(run.stdout))
    places = {
        f"{config['workspace']['file_path']}/": "",
        str(copy.root): ".",
        config["workspace"]["host"]: copy.declared.config["workspace"]["host"],
    }
    config = _placed(config, places)
    for resources in config["resources"].values():
        for resource in resources.values():
            for name in ADDED & resource.keys():
                del resource[name]
    return Deployment(copy.declared.target, config | {"mode": config["bundle"]["mode"]})


def _placed(value: Any, places: Mapping[str, str], key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _placed(item, places, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_placed(item, places, key) for item in value]
    if not isinstance(value, str):
        return value
    text = re.sub("|".join(map(re.escape, places)), lambda match: places[match[0]], value)
    return f"{text}.py" if key == "notebook_path" else text
