"""Resolves a target of the bundle as the Databricks CLI does, with neither the CLI nor a workspace.

It knows what this bundle uses, and refuses the rest: resources of other kinds, lookups, lists merged with lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml

ROOT = Path(__file__).parents[3]
TARGETS = ("dev", "serverless", "qa", "prod")
PRODUCTION = ("qa", "prod")
DEVELOPER = "anna.smith@example.com"
COMMIT = "0123abc"

REFERENCE = re.compile(r"(?<!\$)\$\{([A-Za-z0-9_.-]+)\}")
PATHS = {"notebook_path", "file_path"}
# Fields that stay although they are empty, as parameters of tasks do; other empty texts are dropped before they are
# deployed.
MAY_BE_EMPTY = {"default", "left", "right"}
NAMES = {
    "jobs": "name",
    "schemas": "name",
    "experiments": "name",
    "registered_models": "name",
    "dashboards": "display_name",
    "volumes": None,  # the prefix of their schema keeps them apart
}
IDENTIFIERS = {"schemas", "registered_models"}  # their names allow no blanks and brackets
# What the levels of a target are called on resources. Here only the one who deploys has CAN_MANAGE, and owns the jobs.
LEVELS = {
    "jobs": {"CAN_MANAGE": "IS_OWNER", "CAN_VIEW": "CAN_VIEW"},
    "experiments": {"CAN_MANAGE": "CAN_MANAGE", "CAN_VIEW": "CAN_READ"},
    "dashboards": {"CAN_MANAGE": "CAN_MANAGE", "CAN_VIEW": "CAN_READ"},
}


class BundleError(Exception):
    """The bundle cannot be resolved."""


@dataclass(frozen=True)
class Deployment:
    """A target as it would be deployed; paths are relative to the bundle's root."""

    target: str
    config: Mapping[str, Any]

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        return self.config["resources"]

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        return self.resources["jobs"]

    def tasks(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, job in self.jobs.items():
            yield from ((name, task) for task in job["tasks"] if kind in task)


def read(folder: Path, root: Path | None = None) -> dict[str, Any]:
    """Read the bundle of a use case: its databricks.yml and what that includes, of which a later file wins.

    Args:
        folder: Where its databricks.yml is.
        root: What paths are relative to, if it is another folder: where sync and wheel are.
    """
    root = root or folder
    config = _load(folder / "databricks.yml", root)
    keys: set[str] = set(_keys(config))
    for file in (Path(file) for pattern in config["include"] for file in sorted(glob(str(folder / pattern)))):
        content = _load(file, root)
        if twice := keys & (found := set(_keys(content))):  # of another kind, too
            raise BundleError(f"{file.name} defines again: {', '.join(sorted(twice))}")
        keys |= found
        config = _merge(config, content)
    return config


def resolve(config: Mapping[str, Any], target: str, **variables_given: Any) -> Deployment:
    """Resolve a target: its overrides, variables, mode and presets, then references to resources.

    Args:
        config: What `read` returned.
        target: Its name.
        variables_given: Variables that are set from outside, as with `--var`.
    """
    chosen = dict(config["targets"][target])
    variables = _variables(config["variables"], chosen.pop("variables", {}) | variables_given)
    merged = _merge({key: value for key, value in config.items() if key not in ("targets", "variables")}, chosen)
    user = DEVELOPER if merged["mode"] == "development" else variables["service_principal"]
    merged["bundle"] |= {"target": target, "git": {"commit": COMMIT}}
    merged["workspace"]["file_path"] = f"{merged['workspace']['root_path']}/files"
    merged["workspace"]["current_user"] = {"userName": user, "short_name": user.partition("@")[0].replace(".", "_")}
    merged["workspace"]["root_path"] = re.sub(r"^~(?=/)", f"/Workspace/Users/{user}", merged["workspace"]["root_path"])

    def known(path: str) -> Any:
        first, _, rest = path.partition(".")
        if first == "resources":
            return None
        return _find(variables, rest, path) if first == "var" else _find(merged, path, path)

    resolved = _replace(merged, known)
    for kind, found in resolved["resources"].items():
        if kind not in NAMES:
            raise BundleError(f"resources of the kind {kind} are not known here")
        for resource in found.values():
            _deploy_as(kind, resource, resolved)
    return Deployment(target, deployed(_without_empty(resolved)))


def deployed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Put in the place of references to resources what they are once the resources are deployed."""
    return _replace(config, lambda path: _of_resource(config, path))


def identifier(kind: str, key: str) -> str:
    """Make up the id that a resource has once it is deployed."""
    return str(crc32(f"{kind}.{key}".encode()))


def references(value: Any) -> Iterator[str]:
    """List the references that are left in a value."""
    for text in texts(value):
        yield from REFERENCE.findall(text)


def texts(value: Any) -> Iterator[str]:
    """List the texts in a value."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def _load(file: Path, root: Path) -> dict[str, Any]:
    def placed(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: placed(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [placed(item) for item in value]
        return str((file.parent / value).resolve().relative_to(root.resolve())) if key in PATHS else value

    return placed(yaml.safe_load(file.read_text(encoding="utf-8")))


def _keys(config: Mapping[str, Any]) -> Iterator[str]:
    for resources in config.get("resources", {}).values():
        yield from resources


def _variables(declared: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := chosen.keys() - declared.keys():
        raise BundleError(f"variables that are not declared: {', '.join(sorted(unknown))}")
    values = {name: variable["default"] for name, variable in declared.items() if "default" in variable} | chosen
    if missing := declared.keys() - values.keys():
        raise BundleError(f"variables without a value: {', '.join(sorted(missing))}")
    return values


def _merge(base: Any, over: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        both = {key: _merge(base[key], over[key]) for key in base.keys() & over.keys()}
        return {**base, **over, **both}
    if isinstance(base, list) and isinstance(over, list):
        raise BundleError("a list that is added to another one is not known here")
    return over


def _replace(value: Any, known: Callable[[str], Any]) -> Any:
    """Put values in the place of references; those that are None stay."""
    if isinstance(value, Mapping):
        return {key: _replace(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, known) for item in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole:  # keeps its type: a number, a list, a mapping
        found = known(whole[1])
        return value if found is None else _replace(found, known)
    parts = {path: known(path) for path in REFERENCE.findall(value)}
    text = REFERENCE.sub(lambda match: match[0] if parts[match[1]] is None else str(parts[match[1]]), value)
    return text if text == value else _replace(text, known)


def _find(tree: Any, path: str, whole: str) -> Any:
    for key in path.split("."):
        if not isinstance(tree, Mapping) or key not in tree:
            raise BundleError(f"nothing is known of ${{{whole}}}")
        tree = tree[key]
    return tree


def _of_resource(config: Mapping[str, Any], path: str) -> Any:
    _, kind, key, field = path.split(".")
    resource = _find(config, f"resources.{kind}.{key}", path)
    if field == "id":
        return identifier(kind, key)
    if kind == "volumes" and field == "volume_path":
        return "/Volumes/" + "/".join(resource[part] for part in ("catalog_name", "schema_name", "name"))
    return _find(resource, field, path)


def _deploy_as(kind: str, resource: dict[str, Any], config: Mapping[str, Any]) -> None:
    """Apply to a resource what the target says of all resources."""
    tags = config["presets"]["tags"]
    if config["mode"] == "development":
        user = config["workspace"]["current_user"]["short_name"]
        _prefix(kind, resource, config["presets"].get("name_prefix", f"[dev {user}] "))
        tags = tags | {"dev": user}
    if kind == "jobs":
        resource["tags"] = tags | resource.get("tags", {})
        resource["tasks"] = sorted(resource["tasks"], key=lambda task: task["task_key"])
        for library in (library for task in resource["tasks"] for library in task.get("libraries", ())):
            library |= {"whl": library["whl"].removeprefix("./")} if "whl" in library else {}
        if "run_as" in config:
            resource["run_as"] = config["run_as"]
    if kind == "experiments":
        resource["tags"] = [{"key": key, "value": value} for key, value in tags.items()]
    if kind in LEVELS and "permissions" in config:
        levels = LEVELS[kind]
        resource["permissions"] = resource.get("permissions", []) + [
            {**one, "level": levels[one["level"]]} for one in config["permissions"] if one["level"] in levels
        ]


def _prefix(kind: str, resource: dict[str, Any], prefix: str) -> None:
    field = NAMES[kind]
    if field is not None:
        folder, slash, name = resource[field].rpartition("/")
        plain = re.sub(r"\W+", "_", prefix).lstrip("_")
        resource[field] = folder + slash + (plain if kind in IDENTIFIERS else prefix) + name


def _without_empty(value: Any, of: str = "") -> Any:
    if isinstance(value, Mapping):
        kept = value if of == "base_parameters" else {k: v for k, v in value.items() if v != "" or k in MAY_BE_EMPTY}
        return {key: _without_empty(item, key) for key, item in kept.items()}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value
