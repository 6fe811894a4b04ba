"""What code a version is made of: the use case's distribution, and a hash that changes with its source.

Hashed are the Python files of each top-level package, or the file of each single module, that one of the use case's
functions comes from: `build`, `spine`, `labels`, `derive` of sources and `compute` of feature tables. Beside the files,
each function is hashed by itself: its name and source, its defaults, and the plain values and functions that it holds,
as a closure or by `functools.partial`. Functions of a notebook or a script (`__main__`) have no package: of these the
source is hashed by `inspect.getsource`, and that of what they use of `__main__`, where it is plain or a function.

Not hashed: levelfive itself and other packages, of which the card has the versions, and files that are no Python.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from functools import partial
from importlib.metadata import entry_points, version
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from levelfive.models.card import UseCaseCode
from levelfive.models.libraries import distributions_of
from levelfive.usecase.use_case import ENTRY_POINT_GROUP, UseCase

_PLAIN = (bool, int, float, complex, str, bytes, type(None), date, time, timedelta, tzinfo, Decimal)
_HERE = "__main__"
_OURS = __name__.partition(".")[0]


def code_of(use_case: UseCase) -> UseCaseCode:
    """Find the code of a use case: where `build` was installed from, and a hash of all of its functions' source."""
    functions = _functions(use_case)
    roots = {module.__name__: module for module in map(_root, functions.values()) if module is not None}
    total = hashlib.sha256()
    for name, module in sorted(roots.items()):
        for path, source in _files(module):
            total.update(f"{name}\0{path}\0{len(source)}\0".encode() + source)
    visited_ids: set[int] = set()
    for name, function in functions.items():
        total.update(f"{name}\0{_text(function, visited_ids)}\0".encode())
    root = _root(use_case.model.build)
    distribution = "" if root is None else _distribution(root.__name__.partition(".")[0])
    return UseCaseCode(distribution, version(distribution) if distribution else "", total.hexdigest())


def _functions(use_case: UseCase) -> dict[str, Callable[..., Any]]:
    functions: dict[str, Callable[..., Any] | None] = {
        "build": use_case.model.build,
        "spine": use_case.spine,
        "labels": use_case.labels,
        **{f"derive {source.name}": source.derive for source in use_case.sources},
        **{f"compute {table.name}": table.compute for table in use_case.feature_tables},
    }
    return {name: function for name, function in functions.items() if function is not None}


def _distribution(package: str) -> str:
    """Find the distribution that a package was installed from; empty where it was not, as in a Git folder."""
    own_points = (point for point in entry_points(group=ENTRY_POINT_GROUP) if point.module.partition(".")[0] == package)
    distributions = [point.dist.name for point in own_points if point.dist is not None]
    return next(iter(distributions or distributions_of(package)), "")


def _root(function: Callable[..., Any]) -> ModuleType | None:
    """Find the topmost package or module with a file that a function comes from; None for those that have no such."""
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__module__", None) or type(function).__module__
    parts = name.split(".")
    if parts[0] in (_HERE, _OURS):
        return None
    modules = (sys.modules.get(".".join(parts[:length])) for length in range(1, len(parts) + 1))
    return next((module for module in modules if getattr(module, "__file__", None)), None)


def _files(module: ModuleType) -> Iterator[tuple[str, bytes]]:
    file = Path(str(module.__file__))
    files = file.parent.rglob("*.py") if file.name == "__init__.py" else [file]
    for path in sorted(files):
        yield path.relative_to(file.parent).as_posix(), path.read_bytes()


def _text(thing: object, visited_ids: set[int]) -> str:
    """Write down what a thing is, the same in every process; of what is neither plain nor a function, its type."""
    if isinstance(thing, _PLAIN):
        return repr(thing)
    if isinstance(thing, Mapping):
        pairs = (f"{_text(key, visited_ids)}: {_text(value, visited_ids)}" for key, value in thing.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(thing, tuple | list):
        return f"[{', '.join(_text(one, visited_ids) for one in thing)}]"
    if isinstance(thing, set | frozenset):
        return f"set {sorted(_text(one, visited_ids) for one in thing)}"
    if isinstance(thing, partial):
        return f"partial {_text([thing.func, thing.args, thing.keywords], visited_ids)}"
    if inspect.ismethod(thing):
        return _text([thing.__func__, thing.__self__], visited_ids)
    about = thing if isinstance(thing, type | FunctionType) else type(thing)
    name = f"{about.__module__}.{about.__qualname__}"
    if id(thing) in visited_ids:
        return name
    visited_ids.add(id(thing))
    if isinstance(thing, FunctionType):
        return f"{name} {_of_function(thing, visited_ids)}"
    if isinstance(thing, type):
        own = vars(thing) if thing.__module__ == _HERE else {}
        return f"{name} {_text({key: own[key] for key in sorted(own) if not key.startswith('__weakref')}, visited_ids)}"
    if is_dataclass(thing):
        return f"{name} {_text({field.name: getattr(thing, field.name) for field in fields(thing)}, visited_ids)}"
    return name


def _of_function(function: FunctionType, visited_ids: set[int]) -> str:
    try:
        source = inspect.getsource(function.__code__)
    except (OSError, TypeError):  # it was made by `exec`
        source = ""
    variables = inspect.getclosurevars(function)
    outer_values = {**(variables.globals if function.__module__ == _HERE else {}), **variables.nonlocals}
    defaults = [function.__defaults__, function.__kwdefaults__]
    # Two functions of one line have the same source, and other instructions.
    return _text(
        [
            source,
            _of_code(function.__code__, visited_ids),
            defaults,
            {name: outer_values[name] for name in sorted(outer_values)},
        ],
        visited_ids,
    )


def _of_code(code: CodeType, visited_ids: set[int]) -> str:
    inner = [
        _of_code(one, visited_ids) if isinstance(one, CodeType) else _text(one, visited_ids) for one in code.co_consts
    ]
    return f"{code.co_code.hex()} {code.co_names} {inner}"
