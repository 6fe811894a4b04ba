"""`levelfive new`: a project of a team's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from levelfive.cli.options import out
from levelfive.errors import ConfigError
from levelfive.project.answers import read_answers
from levelfive.project.making import make_project


def new(
    name: Annotated[str, typer.Argument(help="Name of the use case: small letters, digits and _.")],
    answers: Annotated[
        list[str] | None,
        typer.Option(
            "--answer",
            help="Answer to a question of the template as key=value; repeatable. Questions are task (binary, "
            "regression, multiclass, quantiles), source (csv, parquet, json_lines, delta), dev_catalog, qa_catalog, "
            "prod_catalog, registry_catalog, groups, dev_host, qa_host, prod_host; all have defaults.",
        ),
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option(help="JSON file with answers, such as the answers.json of a project.")
    ] = None,
    output_dir: Annotated[Path, typer.Option(help="Where the project's folder is made.")] = Path(),
) -> None:
    """Make a project of your own: a bundle, notebooks, a use case that runs on sample rows, tests, pipelines."""
    file_answers = {} if config_file is None else read_answers(config_file)
    project = make_project({**file_answers, **dict(map(_pair, answers or ())), "name": name}, output_dir)
    out.print(f"Made {project}. Next: cd {project}, then make demo and make test; its README.md goes on from there.")


def _pair(answer: str) -> tuple[str, str]:
    key, equals, value = answer.partition("=")
    if not equals:
        raise ConfigError(f"--answer: expected key=value such as task=regression, got {answer!r}")
    return key, value
