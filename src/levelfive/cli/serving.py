"""`levelfive serving`: the champion as a web service."""

from __future__ import annotations

import typer

from levelfive.cli import deployment, service

serving_cli = typer.Typer(
    help="The champion as a web service: run it here, deploy it to Azure ML, shift traffic to it, take it back.",
    no_args_is_help=True,
)
for command in (
    service.run,
    deployment.deploy,
    deployment.traffic,
    deployment.rollback,
    deployment.status,
    deployment.delete,
):
    serving_cli.command()(command)
