"""`levelfive serving`: the champion as a web service."""

from __future__ import annotations

import typer

from levelfive.cli import service

serving_cli = typer.Typer(help="The champion as a web service: run it here.", no_args_is_help=True)
serving_cli.command()(service.run)


@serving_cli.callback()
def _commands() -> None:
    """Of one command alone, typer would make the whole."""
