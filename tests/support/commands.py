"""The `levelfive` command, run in the process of the test and with its Spark."""

import shlex
import sys
from pathlib import Path

import click
import pytest
import typer

from levelfive.cli.main import cli, main


def run(home: Path, *arguments: str) -> int:
    """Run a command on a home; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["levelfive", "--home", str(home), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


def parse(command: str) -> click.Context:
    """Read a command line that begins with `levelfive` as the command does, and run nothing.

    Raises:
        ClickException: There is no such command or option, or one is missing.
    """
    _, *arguments = shlex.split(command)
    found: click.Command = typer.main.get_command(cli)
    context = found.make_context("levelfive", list(arguments))
    while isinstance(found, click.Group) and (rest := [*context.protected_args, *context.args]):
        _, subcommand, arguments = found.resolve_command(context, rest)
        assert subcommand is not None
        found, context = subcommand, subcommand.make_context(subcommand.name, arguments, parent=context)
    return context
