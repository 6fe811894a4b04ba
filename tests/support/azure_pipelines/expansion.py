"""Expands the pipelines' templates as Azure Pipelines does.

It knows what these pipelines use, and refuses the rest: of expressions, parameters, their comparison and `join`; `if`
in lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[3] / "deploy" / "azure-pipelines"
KINDS = ("steps", "jobs", "stages", "variables")

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
PARAMETER = re.compile(r"parameters\.(\w+)")
JOIN = re.compile(r"join\('([^']*)', parameters\.(\w+)\)")
COMPARISON = re.compile(r"(eq|ne)\(parameters\.(\w+), (true|false|'[^']*')\)")


class ExpansionError(Exception):
    """A template cannot be expanded."""


class _Loader(yaml.CSafeLoader):
    """Reads numbers as texts, as Azure Pipelines does."""


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", lambda loader, node: node.value)


def read(file: Path) -> dict[str, Any]:
    return yaml.load(file.read_text(encoding="utf-8"), _Loader)


def files() -> list[Path]:
    return sorted(FOLDER.rglob("*.yml"))


def expand(file: Path, **given: Any) -> dict[str, Any]:
    """Expand a pipeline or a template.

    Raises:
        ExpansionError: A parameter is missing, unknown or of another type, or an expression is not known here.
    """
    content = read(file)
    parameters = _bound(content.pop("parameters", []), given, file)
    return {key: _filled(value, parameters, file, key) for key, value in content.items()}


def _bound(declared: list[dict[str, Any]], given: Mapping[str, Any], file: Path) -> dict[str, Any]:
    values = {one["name"]: one["default"] for one in declared if "default" in one} | given
    if unknown := given.keys() - {one["name"] for one in declared}:
        raise ExpansionError(f"{file.name} does not declare {', '.join(sorted(unknown))}")
    for one in declared:
        name = one["name"]
        if name not in values:
            raise ExpansionError(f"{file.name} needs {name}")
        value = values[name]
        fits = {
            "string": isinstance(value, str),
            "number": isinstance(value, str) and value.isdecimal(),
            "boolean": isinstance(value, bool),
            "object": isinstance(value, list) and all(isinstance(item, str) for item in value),
        }
        if not fits[one["type"]] or value not in one.get("values", [value]):
            raise ExpansionError(f"{file.name} takes no {name} {value!r}")
    return values


def _filled(value: Any, parameters: Mapping[str, Any], file: Path, kind: str = "") -> Any:
    if isinstance(value, dict):
        return {_plain(key): _filled(item, parameters, file, key) for key, item in value.items()}
    if isinstance(value, list):
        return [one for item in value for one in _items(item, parameters, file, kind)]
    return _text(value, parameters) if isinstance(value, str) else value


def _items(item: Any, parameters: Mapping[str, Any], file: Path, kind: str) -> Iterator[Any]:
    if not isinstance(item, dict):
        yield _filled(item, parameters, file)
    elif (head := EXPRESSION.fullmatch(next(iter(item)))) and head[1].startswith("if "):
        if _holds(head[1].removeprefix("if "), parameters):
            yield from _filled(item[head[0]], parameters, file, kind)
    elif "template" in item:
        if item.keys() - {"template", "parameters"}:
            raise ExpansionError(f"a template takes parameters alone: {item}")
        yield from _included(
            file.parent / item["template"], _filled(item.get("parameters", {}), parameters, file), kind
        )
    else:
        yield _filled(item, parameters, file)


def _included(file: Path, given: Mapping[str, Any], kind: str) -> Iterator[Any]:
    if not file.is_file():
        raise ExpansionError(f"there is no {file}")
    content = expand(file, **given)
    if content.keys() != {kind}:
        raise ExpansionError(f"{file.name} holds {', '.join(content)}, not {kind}")
    if kind == "variables" and isinstance(content[kind], dict):
        yield from ({"name": name, "value": value} for name, value in content[kind].items())
    else:
        yield from content[kind]


def _plain(key: str) -> str:
    if EXPRESSION.search(key):
        raise ExpansionError(f"an expression as a key is known in lists only: {key}")
    return key


def _text(text: str, parameters: Mapping[str, Any]) -> Any:
    if (whole := EXPRESSION.fullmatch(text)) is not None:
        return _value(whole[1], parameters)
    return EXPRESSION.sub(lambda match: str(_value(match[1], parameters)), text)


def _value(expression: str, parameters: Mapping[str, Any]) -> Any:
    if (join := JOIN.fullmatch(expression)) is not None and isinstance(parameters.get(join[2]), list):
        return join[1].join(parameters[join[2]])
    match = PARAMETER.fullmatch(expression)
    if match is None or match[1] not in parameters:
        raise ExpansionError(f"nothing is known of {expression}")
    return parameters[match[1]]


def _holds(condition: str, parameters: Mapping[str, Any]) -> bool:
    match = COMPARISON.fullmatch(condition)
    if match is None or match[2] not in parameters:
        raise ExpansionError(f"nothing is known of {condition}")
    wanted = match[3].strip("'") if match[3].startswith("'") else match[3] == "true"
    return (parameters[match[2]] == wanted) == (match[1] == "eq")
