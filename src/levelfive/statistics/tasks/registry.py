"""Where tasks are found by their names, as the packages of models tell them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TypeVar

from levelfive.errors import ConfigError
from levelfive.statistics.tasks.task import Task

_T = TypeVar("_T", bound=Task)
_TASKS: dict[str, Task] = {}


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
    return task


def task_named(name: str) -> Task:
    """Find a task: one that was registered, or that of the module of this package with its name.

    Raises:
        ConfigError: There is no such task.
    """
    if name not in _TASKS and name in {path.stem for path in Path(__file__).parent.glob("*.py")}:
        import_module(f"{__package__}.{name}")
    if name not in _TASKS:
        raise ConfigError(
            f"there is no task {name!r}; known are {', '.join(sorted(_TASKS)) or 'none'}. Import the module that "
            "registers it, as the package of its use case does"
        )
    return _TASKS[name]


def own_tasks() -> tuple[Task, ...]:
    """List the tasks of this package's modules, by their names."""
    for path in Path(__file__).parent.glob("[!_]*.py"):
        import_module(f"{__package__}.{path.stem}")
    own = (task for task in _TASKS.values() if type(task).__module__.startswith(f"{__package__}."))
    return tuple(sorted(own, key=lambda task: task.name))


def is_registered(task: Task) -> bool:
    """Tell whether a task is the one that is found by its name, or that one with more metrics."""
    return type(_TASKS.get(task.name)) is type(task)


def _class_of(task: Task) -> str:
    return f"{type(task).__module__}.{type(task).__qualname__}"
