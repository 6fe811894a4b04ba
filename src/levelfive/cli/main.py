"""The `levelfive` command: every stage's job by hand, with the parameters that the jobs have."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, NoReturn

import click
import typer
from rich.console import Console
from typer.core import TyperGroup

from levelfive.cli.data import data_cli
from levelfive.cli.demo import demo
from levelfive.cli.insight import check, report, status
from levelfive.cli.monitoring import monitoring_cli
from levelfive.cli.options import EXIT_GATE_REFUSED, EXIT_REFUSED, EXIT_UNFORESEEN, Shared
from levelfive.cli.preflight import preflight
from levelfive.cli.project import new
from levelfive.cli.registry import registry_cli
from levelfive.cli.serving import serving_cli
from levelfive.cli.stages import features_cli, maintenance, retraining, scoring, training
from levelfive.config import DEFAULT_HOME, from_home
from levelfive.errors import LevelfiveError, unusable
from levelfive.telemetry.lines import configure_logging

# The stages are imported by the commands that need them: help and refusals shall not wait for Spark and MLflow.


class _Commands(TyperGroup):
    """Says what was refused, with commands that work on the same home."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see `main`."""
        try:
            return super().invoke(ctx)
        except LevelfiveError as err:
            _refuse((ctx.obj or Shared()).all_to_be_pasted(str(err)))


cli = typer.Typer(
    name="levelfive",
    cls=_Commands,
    help="MLOps for Azure Databricks that runs on a laptop: from landing files to a model that retrains itself.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.callback()
def _options(
    context: typer.Context,
    *,
    home: Annotated[Path, typer.Option(help="Folder of the lakehouse and of both MLflow stores.")] = DEFAULT_HOME,
    config: Annotated[
        Path | None,
        typer.Option(help="Settings file; by default levelfive.yml in the home, else in this folder, if it is there."),
    ] = None,
    use_case: Annotated[
        str | None, typer.Option(help="Entry point of the use case; by default that of the settings.")
    ] = None,
    log_level: Annotated[
        str, typer.Option(help="Log events to standard error: debug, info, warning, error.")
    ] = "warning",
) -> None:
    configure_logging(log_level)
    context.obj = Shared(from_home(home), None if config is None else from_home(config), use_case)


cli.command()(new)
cli.command()(check)
cli.add_typer(data_cli, name="data")
cli.add_typer(features_cli, name="features")
cli.command()(training)
cli.command()(scoring)
cli.add_typer(monitoring_cli, name="monitoring")
cli.command()(retraining)
cli.add_typer(registry_cli, name="registry")
cli.add_typer(serving_cli, name="serving")
cli.command()(maintenance)
cli.command()(report)
cli.command()(status)
cli.command()(preflight)
cli.command()(demo)


def main() -> None:
    """Run the command; a refusal is a sentence on standard error and exit code 2, and only the gate's is 1."""
    try:
        cli()
    except SystemExit as ended:
        # An end of input and a reader that is gone are 1 to typer and rich, which the gate's refusal alone shall be.
        if ended.code == EXIT_GATE_REFUSED and not isinstance(ended.__context__, typer.Exit):
            _stop_printing()
            sys.exit(EXIT_REFUSED)
        raise
    except OSError as err:
        _refuse(unusable(err))
    except Exception:  # no refusal, but a fault: told as Python would, with an exit code of its own
        traceback.print_exc()
        sys.exit(EXIT_UNFORESEEN)


def _stop_printing() -> None:
    """Let what is still to be flushed go nowhere: Python would end with a code of its own where a reader is gone."""
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it is written to until the process ends


def _refuse(reason: str) -> NoReturn:
    console = Console(stderr=True, soft_wrap=True, markup=False, emoji=False)
    console.print(f"levelfive: {reason}", style="red", highlight=False)
    sys.exit(EXIT_REFUSED)


if __name__ == "__main__":
    main()
