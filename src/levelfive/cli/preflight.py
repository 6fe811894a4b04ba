"""`levelfive preflight`: what a workspace lacks before the first deployment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from levelfive.cli.options import (
    EXIT_REFUSED,
    out,
    wide,
)


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
    from levelfive.preflight.checks import ask, connect
    from levelfive.preflight.target import read_target

    chosen = read_target(bundle, target, environment=os.environ, options=variables or ())
    findings = ask(connect(chosen, profile), chosen)
    table = Table("subject", "answer", "because")
    for subject, found in findings.items():
        table.add_row(subject, found.answer, found.reason)
    wide.print(table)
    wrong = [found for found in findings.values() if not found.is_fine]
    for found in wrong:
        if found.remedy:
            out.print(found.remedy, highlight=False)
    if wrong:
        raise typer.Exit(EXIT_REFUSED)
