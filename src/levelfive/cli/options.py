"""What the commands share: options, the application, and where they print."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer
from rich.console import Console

from levelfive.config import DEFAULT_HOME, Approval, load_settings, parse_time
from levelfive.core.texts import in_the_name_of
from levelfive.core.windows import iso
from levelfive.errors import ConfigError

if TYPE_CHECKING:
    from levelfive.app import App

AS_OF_HELP = "The logical now, in ISO 8601, UTC without an offset: 2013-04-01T06:00Z. Nothing known later is read."
AsOf = Annotated[str, typer.Option("--as-of", help=AS_OF_HELP)]
# Of a command that has commands of its own, which do without it.
AsOfUnlessSubcommand = Annotated[str | None, typer.Option("--as-of", help=AS_OF_HELP)]
AsOfOrNow = Annotated[
    str | None, typer.Option("--as-of", help="As of when, in ISO 8601, UTC without an offset; by default, now.")
]
OnBehalfOf = Annotated[
    str | None,
    typer.Option("--by", help="On whose behalf, for the record: who is signed in is written down beside it."),
]
Landing = Annotated[
    Path | None, typer.Option(help="Folder with one folder of files a source; default <home>/landing/<use case>.")
]
Begin = Annotated[
    str | None,
    typer.Option("--from", help="First prediction time, or how long the window is, such as P7D; default P1D."),
]
End = Annotated[str | None, typer.Option("--to", help="End of the prediction times, not included; default --as-of.")]
WIDE = 230
# The gate's refusal is a result, and its code means nothing else.
EXIT_GATE_REFUSED, EXIT_REFUSED, EXIT_UNFORESEEN = 1, 2, 3


@dataclass(frozen=True)
class Shared:
    """The options that stand before any command.

    Args:
        home: Folder of the lakehouse and of both MLflow stores.
        config: Settings file; by default levelfive.yml in the home, else in the working directory, if it is there.
        use_case: Entry point of the use case; by default that of the settings.
    """

    home: Path = DEFAULT_HOME
    config: Path | None = None
    use_case: str | None = None

    def to_be_pasted(self, command: str) -> str:
        """Write a command with these options, so that it works on the same home."""
        home = None if self.home == DEFAULT_HOME else self.home
        values = {"--home": home, "--config": self.config, "--use-case": self.use_case}
        options = (f"{name} {shlex.quote(str(value))}" for name, value in values.items() if value is not None)
        return " ".join(["levelfive", *options, command])

    def all_to_be_pasted(self, text: str) -> str:
        """Write the commands of a text, each between backticks, with these options."""
        return re.sub("`levelfive ([a-z][^`]*)`", lambda command: f"`{self.to_be_pasted(command[1])}`", text)

    def how_to_promote(self, approval: Approval, version: str, as_of: datetime) -> str:
        """Write the commands that make a version which passed the gate the champion."""
        promote = self.to_be_pasted(f"registry promote {version} --as-of {iso(as_of)}")
        if approval is not Approval.MANUAL:
            return promote
        approve = self.to_be_pasted(f"registry approve {version} --as-of {iso(as_of)} --reason WHY")
        return f"{approve}, then {promote}"

    def open_app(self, landing: Path | None = None) -> App:
        """Build the application of a workspace, where this runs on one, else of a home on a laptop.

        Spark and MLflow are imported here, not by a command's help.
        """
        from levelfive.app import App
        from levelfive.models.mlflow_store import quieten
        from levelfive.platforms.workspace import on_databricks

        quieten()
        settings = load_settings(self.config, self.home, use_case=self.use_case, landing=landing)
        if on_databricks():
            from pyspark.sql import SparkSession

            return App.on_databricks(SparkSession.builder.getOrCreate(), settings)
        return App.local(self.home, settings)


def shared() -> Shared:
    """Find the options that stood before the command which runs."""
    context = click.get_current_context(silent=True)
    return (context and context.find_object(Shared)) or Shared()


class _Sentences(Console):
    """Prints sentences, also of libraries below, whose commands between backticks then work on the same home."""

    def print(self, *objects: Any, **how: Any) -> None:
        super().print(*(shared().all_to_be_pasted(one) if isinstance(one, str) else one for one in objects), **how)


# What is printed holds names and reasons that others wrote: brackets and colons in them are no markup.
out = _Sentences(soft_wrap=True, markup=False, emoji=False)
# A table keeps its lines whole: a terminal that is too narrow wraps them, a file gets them as they are.
wide = Console(width=WIDE, markup=False, emoji=False)


def open_app(landing: Path | None = None) -> App:
    """Build the application of the command which runs; see `Shared.open_app`."""
    return shared().open_app(landing)


def time_unless_subcommand(context: typer.Context, as_of: str | None, *, to: str) -> datetime | None:
    """Read --as-of of a command that has commands of its own; None where one of these is called.

    Args:
        context: Of the command.
        as_of: What was given.
        to: What the command itself is called to do.

    Raises:
        BadParameter: It was not given, and no command of the command's own is called.
        ConfigError: It is no time, or options stand before the name of a command of the command's own.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return None
    if as_of is None:
        raise typer.BadParameter(f"it is missing, and required to {to}", ctx=context, param_hint="'--as-of'")
    return parse_time(as_of)


def time_or_now(as_of: str | None) -> datetime:
    """Read a time; where none was given, a person means now."""
    return datetime.now(UTC) if as_of is None else parse_time(as_of)


def who_says(app: App, by: str | None) -> str:
    """Name who is signed in, and on whose behalf they say something."""
    return in_the_name_of(app.starter, by)


def _refuse_options(context: typer.Context) -> None:
    parameters = [name for name in context.params if context.get_parameter_source(name).name == "COMMANDLINE"]  # type: ignore[union-attr]  # of a parameter, it is known
    if parameters:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in parameters)
        raise ConfigError(f"give {names} after {context.invoked_subcommand}, not before it")
