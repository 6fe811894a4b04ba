"""Whether a body fits what azure-mgmt-datafactory says of the wire: its fields, their types, and what is required.

It reads the package's typed dictionaries. Its models (10.0.0) keep a field that they do not know, and take an activity
for a mere `Activity`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Required, Union, get_args, get_origin, get_type_hints

from azure.mgmt.datafactory import models, types
from typing_extensions import is_typeddict

KNOWN = {**vars(models), **vars(types)}  # the package imports its enumerations for type checkers only


def faults(body: object, kind: Any, where: str = "") -> Iterator[str]:
    """List what is wrong with a body, for instance for `types.PipelineResource`."""
    if kind is Any:
        return
    if is_typeddict(kind):
        yield from _of_fields(body, kind, where)
    elif get_origin(kind) in (Union, UnionType):
        yield from _of_union(body, get_args(kind), where)
    elif get_origin(kind) is Literal:
        if body not in get_args(kind):
            yield f"{where}: expected {get_args(kind)}, got {body!r}"
    elif get_origin(kind) in (list, dict):
        yield from _of_items(body, kind, where)
    elif not isinstance(body, kind) or (isinstance(body, bool) and kind is not bool):
        yield f"{where}: expected {kind.__name__}, got {body!r}"


def _of_fields(body: object, kind: Any, where: str) -> Iterator[str]:
    if not isinstance(body, Mapping):
        yield f"{where}: expected {kind.__name__}, got {body!r}"
        return
    fields = _fields(kind)
    yield from (f"{where}: {kind.__name__} has no {name!r}" for name in body if name not in fields)
    yield from (f"{where}: {kind.__name__} needs {name!r}" for name in _required(kind) if name not in body)
    for name in fields.keys() & body.keys():
        yield from faults(body[name], fields[name], f"{where}.{name}")


def _of_union(body: object, kinds: tuple[Any, ...], where: str) -> Iterator[str]:
    if all(is_typeddict(kind) for kind in kinds):  # told apart by their field `type`
        name = body.get("type") if isinstance(body, Mapping) else body
        chosen = [kind for kind in kinds if name in get_args(_fields(kind)["type"])]
        if not chosen:
            yield f"{where}: the type {name!r} is not known"
        for kind in chosen:
            yield from faults(body, kind, where)
        return
    enums = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)]
    if enums:  # beside them stands `str`, for values that a later version may know
        if not any(body in [one.value for one in enum] for enum in enums):
            yield f"{where}: {body!r} is none of {[one.value for enum in enums for one in enum]}"
    elif all(list(faults(body, kind, where)) for kind in kinds if kind is not NoneType):
        yield f"{where}: {body!r} fits none of {kinds}"


def _of_items(body: object, kind: Any, where: str) -> Iterator[str]:
    if not isinstance(body, get_origin(kind)):
        yield f"{where}: expected {kind}, got {body!r}"
    elif isinstance(body, dict):
        for name, item in body.items():
            yield from faults(item, get_args(kind)[1], f"{where}.{name}")
    elif isinstance(body, list):
        for place, item in enumerate(body):
            yield from faults(item, get_args(kind)[0], f"{where}[{place}]")


@cache
def _fields(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, vars(types), KNOWN)


@cache
def _required(kind: Any) -> list[str]:
    # By the mark on the field: some dictionaries forget to say that the others may be missing.
    hints = get_type_hints(kind, vars(types), KNOWN, include_extras=True)
    return [name for name, hint in hints.items() if get_origin(hint) is Required]
