"""A notebook's parameters: which there are, and how they are read from widgets or from the command line."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from levelfive.core.job_runs import JobRun
from levelfive.errors import ConfigError

SETTINGS = (
    "use_case",
    "environment",
    "table_schema",
    "shared_schemas",
    "landing",
    "registry_uri",
    "registry_prefix",
    "experiment",
    "telemetry",
)
APPROVALS = ("approval", "approval_by_trainer")
"""Settings that only the notebook `registry` takes: nothing else approves and promotes."""
SERVING = ("online_store", "azure_ml", "azure_credential", "endpoint_files", "serving_repository", "landing_location")
"""Settings of real time, which only the notebooks of the job serving take."""
ALERTING = ("destinations",)
"""Settings of who is told, which only the notebook `monitoring` takes."""
UPKEEP = ("keep_versions",)
"""Settings of how long what is old stays, which only the notebook `maintenance` takes."""
COMMON = ("as_of", "clock", *SETTINGS, "code_revision")
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "data": ("first_run",),
    "features": ("since", "first_run"),
    "training": ("without", "decision"),
    "registry": (*APPROVALS, "step", "version", "by", "reason", "source_model", "source_registry", "promoted_since"),
    "scoring": ("window_start", "window_end", "min_rows", "first_run"),
    "online": (*SERVING, "action"),
    "deployment": (*SERVING, "action", "digest", "to", "why", "deployed_since"),
    "monitoring": ("window_start", "window_end", "lakehouse_monitor", *ALERTING),
    "retraining": (),
    "maintenance": UPKEEP,
    "report": ("output",),
    "explore": (),
}
"""What each notebook takes beside the common parameters. All are texts; an empty one means the default."""

DEPLOYED_SETTINGS = (*SETTINGS, *APPROVALS, *SERVING, *ALERTING, *UPKEEP)
"""All settings that a notebook may be given."""

FIXED = frozenset({*DEPLOYED_SETTINGS, "clock", "code_revision", "lakehouse_monitor", "output"})
"""What a job is deployed with: where it reads and writes, which code, and who lets a version go live. All other
parameters differ from run to run; of those, a job takes the ones that it declares."""

HOME = "home"
"""Taken on a laptop only, from the command line: the folder of the lakehouse."""


def from_widgets(dbutils: Any, names: Sequence[str]) -> dict[str, str]:
    """Read parameters from widgets, which are made where they are missing.

    Raises:
        ConfigError: There is a widget that no notebook knows.
    """
    names_of_all = set(_all_parameters())
    for name in names:
        dbutils.widgets.text(name, "")  # what a job has handed over stays
    if unknown := sorted(set(_everything(dbutils)) - names_of_all):
        raise ConfigError(f"unknown parameter {', '.join(unknown)}; known are {', '.join(sorted(names_of_all))}")
    return {name: str(dbutils.widgets.get(name)) for name in names}


def from_job(dbutils: Any, names: Sequence[str], run: JobRun) -> dict[str, str]:
    """Read parameters of a job's run: what varies as the run was given it, and all else as the job was deployed.

    Whoever may start a job may give its tasks any parameters, declared or not, and start a task alone. So what the run
    was given is compared with what the job takes before anything is read by it.

    Args:
        dbutils: What a notebook finds in place.
        names: What the notebook takes.
        run: The run, as the workspace tells it.

    Raises:
        ConfigError: The run was given something else than the job takes.
    """
    names_of_all = _all_parameters()
    for name in names_of_all:
        dbutils.widgets.text(name, "")  # also without getAll, nothing that a notebook reads is overlooked
    values = {**_everything(dbutils), **{name: str(dbutils.widgets.get(name)) for name in names_of_all}}
    fixed_values = {**{name: value for name, value in run.parameters.items() if name in FIXED}, **run.settings}
    of_a_run = sorted((run.parameters.keys() & names_of_all) - fixed_values.keys())
    # What the run was not given is an empty text.
    otherwise = [
        name
        for name, value in values.items()
        if name not in of_a_run and value != fixed_values.get(name, "" if name in names_of_all else None)
    ]
    if otherwise:
        raise ConfigError(
            f"the job {run.job} takes {', '.join(of_a_run) or 'no parameter'} from a run, and was given "
            f"{', '.join(sorted(otherwise))} otherwise than it was deployed with: leave that out, or deploy it"
        )
    return {name: fixed_values.get(name, values[name]) for name in names}


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        names = ", ".join(action.dest for action in self._actions if action.dest != "help")
        raise ConfigError(f"{message}; the notebook's parameters are {names}: write --NAME VALUE or --NAME=VALUE")


def from_command_line(arguments: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Read parameters from a command line: `--name value` or `--name=value`; of one given twice, the last counts.

    Raises:
        ConfigError: One is unknown, or without a value.
    """
    parser = _Parser(allow_abbrev=False, argument_default=SUPPRESS)
    for name in names:
        parser.add_argument(f"--{name}")
    return vars(parser.parse_args(arguments))


def _all_parameters() -> tuple[str, ...]:
    # A job hands its parameters to all of its tasks: those of other notebooks are known, and passed over.
    return tuple(dict.fromkeys((*COMMON, *(name for own in PARAMETERS.values() for name in own))))


def _everything(dbutils: Any) -> Mapping[str, str]:
    values: Mapping[str, str] = getattr(dbutils.widgets, "getAll", dict)()  # a client outside a cluster has none
    return values
