"""The two pipelines, each in every way it can be started, and what their calls may name."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import typer
from azure_pipelines.calls import Project
from azure_pipelines.expansion import FOLDER, expand
from bundle.offline import ROOT

from levelfive.cli.main import cli

CI, CD = FOLDER / "ci.yml", FOLDER / "cd.yml"
QA_MODEL = ("keep", "train", "release", "promote")
PROD_MODEL = ("keep", "release", "promote")
DEV_MODEL = "levelfive_registry.dev_anna_smith_dev.flight_delay"
ROLLBACKS = {"rollback_model", "rollback_code"}


@cache
def started() -> dict[str, dict[str, Any]]:
    """Expand both pipelines, cd.yml for each choice of models."""
    releases = {
        f"cd: {qa} in QA, {prod} in production": release(qa, prod)
        for qa, prod in itertools.product(QA_MODEL, PROD_MODEL)
    }
    return {"ci": expand(CI), **releases}


@cache
def release(qa: str = "keep", prod: str = "keep") -> dict[str, Any]:
    return expand(CD, qa_model=qa, prod_model=prod, qa_version="3", prod_version="4", dev_model=DEV_MODEL)


def project() -> Project:
    return Project((ROOT / "Makefile").read_text(encoding="utf-8"), typer.main.get_command(cli))
