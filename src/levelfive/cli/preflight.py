"""`levelfive preflight`: what a workspace lacks before the first deployment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from levelfive.cli.options import EXIT_REFUSED, out, wide


def preflight(
    target: Annotated[str, typer.Option("--target", "-t", help="The bundle's target: dev, qa or prod.")],
    bundle: Annotated[Path, typer.Option(help="The databricks.yml of a use case.")] = Path("databricks.yml"),
    variables: Annotated[
        list[str] | None, typer.Option("--var", help="Value of a variable as name=value, as for the CLI; repeatable.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Profile of the Databricks CLI; default by the target.")
    ] = None,
) -> None:
    """Ask the target's workspace what a first deployment lacks; print what grants it, change nothing."""
    from levelfive.preflight.checks import ask, client_of
    from levelfive.preflight.target import read_target

    settings = read_target(bundle, target, environment=os.environ, options=variables or ())
    results = ask(client_of(settings, profile), settings)
    table = Table("subject", "answer", "because")
    for subject, result in results.items():
        table.add_row(subject, result.answer, result.reason)
    wide.print(table)
    wrong = [result for result in results.values() if not result.is_fine]
    for result in wrong:
        if result.remedy:
            out.print(result.remedy, highlight=False)
    if wrong:
        raise typer.Exit(EXIT_REFUSED)
