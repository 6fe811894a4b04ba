"""A notebook's parameters: which there are, and how they are read from widgets or from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from levelfive.errors import ConfigError

SETTINGS = (
    "use_case",
    "environment",
    "table_schema",
    "landing",
    "registry_uri",
    "registry_prefix",
    "experiment",
)
APPROVAL = "approval"
"""A setting that only the notebook `registry` takes: nothing else promotes."""
COMMON = ("as_of", "clock", *SETTINGS, "code_revision")
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "data": ("first_run",),
    "features": ("since", "first_run"),
    "training": ("without", "decision"),
    "registry": (APPROVAL, "step", "version", "by", "reason", "source_model", "source_registry", "promoted_since"),
    "scoring": ("window_start", "window_end", "min_rows", "first_run"),
    "monitoring": ("window_start", "window_end", "lakehouse_monitor"),
    "retraining": (),
    "report": ("output",),
    "explore": (),
}
"""What each notebook takes beside the common parameters. All are texts; an empty one means the default."""

HOME = "home"
"""Taken on a laptop only, from the command line: the folder of the lakehouse."""


def from_widgets(dbutils: Any, names: Sequence[str]) -> dict[str, str]:
    """Read parameters from widgets, which are made where they are missing.

    Raises:
        ConfigError: There is a widget that no notebook knows.
    """
    # A job hands its parameters to all of its tasks: those of other notebooks are known, and passed over.
    known = {*COMMON, *(name for own in PARAMETERS.values() for name in own)}
    for name in names:
        dbutils.widgets.text(name, "")  # what a job has handed over stays
    everything: Mapping[str, str] = getattr(dbutils.widgets, "getAll", dict)()  # a client outside a cluster has none
    _refuse_unknown(sorted(set(everything) - known), sorted(known))
    return {name: str(dbutils.widgets.get(name)) for name in names}


def from_command_line(arguments: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Read parameters from a command line: `--name value` or `--name=value`.

    Raises:
        ConfigError: One is unknown, given twice or without a value.
    """
    given: dict[str, str] = {}
    waiting = list(arguments)
    while waiting:
        option, equals, value = waiting.pop(0).partition("=")
        name = option.removeprefix("--")
        _refuse_unknown([] if option.startswith("--") and name in names else [option], names)
        if name in given:
            raise ConfigError(f"parameter {option} is given twice")
        if not equals and not waiting:
            raise ConfigError(f"parameter {option} has no value: write {option} VALUE")
        given[name] = value if equals else waiting.pop(0)
    return given


def _refuse_unknown(unknown: Sequence[str], names: Sequence[str]) -> None:
    if unknown:
        raise ConfigError(f"unknown parameter {', '.join(unknown)}; known are {', '.join(names)}")
