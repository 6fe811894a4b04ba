"""Where tasks are found by their names, as the packages of models tell them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from levelfive.errors import ConfigError
from levelfive.statistics.tasks.task import Task

_T = TypeVar("_T", bound=Task)
_TASKS: dict[str, Task] = {}
_REGISTERED_BY: dict[str, str] = {}
MADE_BY = {"multiclass": "Multiclass", "quantiles": "Quantiles"}
"""By kind, the class of the module of that name, whose tasks need no registration: their definition makes them."""


def register_task(task: _T) -> _T:
    """Let a task be found by its name; where its module is loaded again, the newer one.

    Raises:
        ConfigError: A task of another class has the name.
    """
    there = _TASKS.get(task.name)
    if there is not None and _class_of(there) != _class_of(task):
        raise ConfigError(
            f"the task {task.name!r} of {_class_of(task)} has the name of {_class_of(there)}: give it another"
        )
    _TASKS[task.name] = task
    _REGISTERED_BY[task.name] = str(sys._getframe(1).f_globals["__name__"])
    return task


def module_of(task: Task) -> str:
    """Name the module that registered a task; empty for one that levelfive finds without."""
    module = _REGISTERED_BY.get(task.name, "") if isinstance(task.definition, str) else ""
    return "" if module.startswith(f"{__package__}.") else module


def task_named(name: str, module: str = "") -> Task:
    """Find a task: one that was registered, or that of the module of this package with its name.

    Args:
        name: The task's.
        module: As `module_of` names it: it is imported where nobody has registered the task yet.

    Raises:
        ConfigError: There is no such task, or its module cannot be imported.
    """
    if name not in _TASKS and module:
        _import(module, name)
    if name not in _TASKS and name in {path.stem for path in Path(__file__).parent.glob("*.py")}:
        import_module(f"{__package__}.{name}")
    if name not in _TASKS:
        raise ConfigError(
            f"there is no task {name!r}; known are {', '.join(sorted(_TASKS)) or 'none'}. Import the module that "
            "registers it, as the package of its use case does"
        )
    return _TASKS[name]


def own_tasks() -> tuple[Task, ...]:
    """List the tasks that modules of this package register, by their names."""
    modules = {
        path.stem: import_module(f"{__package__}.{path.stem}") for path in Path(__file__).parent.glob("[!_]*.py")
    }
    return tuple(_TASKS[name] for name in sorted(modules) if name in _TASKS and _is_of(modules[name], _TASKS[name]))


def task_of(definition: str | Mapping[str, Any], module: str = "") -> Task:
    """Make a task from its definition and its module, as a model's package keeps them.

    Raises:
        ConfigError: There is no such task, or its fields are not those that this levelfive knows.
    """
    if isinstance(definition, str):
        return task_named(definition, module)
    kind, how = definition.get("kind"), {name: value for name, value in definition.items() if name != "kind"}
    if kind not in MADE_BY:
        raise ConfigError(
            f"there is no kind of task {kind!r}; known are {', '.join(MADE_BY)}. Install a newer levelfive"
        )
    make: type[Task] = getattr(import_module(f"{__package__}.{kind}"), MADE_BY[kind])
    try:
        signature(make).bind(**how)
    except TypeError as error:
        raise ConfigError(f"a task of kind {kind}: {error}. Install the levelfive that saved it, or a newer") from error
    return make(**how)


def can_be_found(task: Task) -> bool:
    """Tell whether a package could name a task: it has a definition, or is registered, maybe with fewer metrics."""
    return not isinstance(task.definition, str) or type(_TASKS.get(task.name)) is type(task)


def _import(module: str, name: str) -> None:
    try:
        import_module(module)
    except ImportError as err:
        raise ConfigError(
            f"the task {name!r} is registered by {module}, which cannot be imported here ({err}): install the package "
            "of its use case. Where Spark is not installed, neither this module nor the packages around it may need it"
        ) from err


def _is_of(module: ModuleType, task: Task) -> bool:
    return getattr(module, task.name.upper(), None) is task


def _class_of(task: Task) -> str:
    return f"{type(task).__module__}.{type(task).__qualname__}"
