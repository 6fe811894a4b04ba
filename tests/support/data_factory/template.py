"""Reads the template and resolves it with a parameters file, as Azure does when it deploys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from bundle.offline import ROOT
from data_factory.expressions import ExpressionError, compute, parse

FOLDER = ROOT / "deploy" / "data-factory"
AZURE_DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"  # Databricks' own id, the same for everybody
# Pipelines and triggers of the use case of the parameters files.
SCORING, BACKFILL = "flight_delay-scoring", "flight_delay-backfill"
DAILY, WEEKLY = TUMBLING = ("flight_delay-daily-scoring", "flight_delay-weekly-monitoring")
HOURLY = "flight_delay-hourly-serving"
BY_THE_CLOCK, ON_LANDING = "flight_delay-scoring-by-the-clock", "flight_delay-scoring-on-landing"
TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d\d):(\d\d):(\d\d)")
PYTHON_TYPES = {"string": str, "int": int}
FACTORIES = "Microsoft.DataFactory/factories"


class TemplateError(Exception):
    """The template and its parameters do not fit."""


@dataclass(frozen=True)
class Deployed:
    """The resources of a factory by their names."""

    resources: tuple[dict[str, Any], ...]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of all resources of a kind, such as pipelines."""
        found = (one for one in self.resources if one["type"] == f"{FACTORIES}/{kind}")
        return {one["name"].split("/")[-1]: one["properties"] for one in found}

    def changed(self, kind: str, name: str, *path: str | int, value: object) -> dict[str, Any]:
        """The properties of a resource, one of them changed or added."""
        properties = deepcopy(self.of(kind)[name])
        at: Any = properties
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        return properties

    @property
    def factory(self) -> dict[str, Any]:
        (found,) = (one for one in self.resources if one["type"] == FACTORIES)
        return found

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [one for one in self.resources if one["type"] == "Microsoft.Insights/metricAlerts"]


def template() -> dict[str, Any]:
    """Read the template."""
    return _read("template.json")


def given(environment: str) -> dict[str, Any]:
    """Read the parameters file of an environment."""
    return {name: one["value"] for name, one in _read(f"{environment}.parameters.json")["parameters"].items()}


@cache
def deployed(environment: str) -> Deployed:
    """Resolve the template for an environment."""
    return resolve(template(), given(environment))


def resolve(config: Mapping[str, Any], parameters: Mapping[str, Any]) -> Deployed:
    """Put the parameters in, after a check of their names, types and bounds."""
    check(config["parameters"], parameters)

    def parameter(name: str) -> Any:
        if name not in parameters:
            raise TemplateError(f"there is no parameter {name!r}")
        return parameters[name]

    def resolved(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: resolved(item) for name, item in value.items()}
        if isinstance(value, list):
            return [resolved(item) for item in value]
        if isinstance(value, str) and value.startswith("["):
            return compute(parse(_inside(value)), {"parameters": parameter, "resourceId": resource_id})
        return value

    return Deployed(tuple(resolved(config["resources"])))


def check(declared: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that are missing, unknown, of another type or out of bounds."""
    if declared.keys() != parameters.keys():
        raise TemplateError(f"parameters not on both sides: {sorted(declared.keys() ^ parameters.keys())}")
    for name, rule in declared.items():
        value = parameters[name]
        if type(value) is not PYTHON_TYPES[rule["type"]]:
            raise TemplateError(f"{name}: expected {rule['type']}, got {value!r}")
        if "allowedValues" in rule and value not in rule["allowedValues"]:
            raise TemplateError(f"{name}: expected one of {rule['allowedValues']}, got {value!r}")
        if not rule.get("minValue", value) <= value <= rule.get("maxValue", value):
            raise TemplateError(f"{name}: expected {rule['minValue']} to {rule['maxValue']}, got {value!r}")


def resource_id(kind: str, *names: str) -> str:
    """Name a resource of the template by its kind and its name, which holds the names of what it is part of."""
    return f"{kind}:{'/'.join(names)}"


def timespan(text: str) -> timedelta:
    """Read how Data Factory writes a length of time: `7.00:00:00` are seven days."""
    found = TIMESPAN.fullmatch(text)
    if found is None:
        raise TemplateError(f"expected a length such as 1.12:00:00, got {text!r}")
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=rest)


def computed(value: Any) -> Iterator[str]:
    """List the expressions of the template itself."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from computed(item)
    elif isinstance(value, str) and value.startswith("["):
        yield _inside(value)


def _inside(text: str) -> str:
    if not text.endswith("]"):
        raise ExpressionError(f"{text!r} does not end with ]")
    return text[1:-1]


def _read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))
