"""The pipelines, each in every way it can be started, and what their calls may name."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache
from typing import Any

import typer
from azure_pipelines.calls import Project
from azure_pipelines.expansion import FOLDER, expand
from bundle.offline import ROOT

from levelfive.cli.main import cli

CI, CD, SERVING = FOLDER / "ci.yml", FOLDER / "cd.yml", FOLDER / "serving.yml"
USE_CASE = FOLDER / "templates" / "use_case.yml"
QA_MODEL = ("keep", "train", "release", "promote")
PROD_MODEL = ("keep", "release", "promote")
BASE = "python@sha256:" + "0123456789abcdef" * 4
DEV_MODEL = "levelfive_registry.dev_anna_smith_dev.flight_delay"
ROLLBACKS = {"rollback_model", "rollback_code"}


@cache
def started() -> dict[str, dict[str, Any]]:
    """Expand all pipelines, cd.yml for each choice of models."""
    releases = {
        f"cd: {qa} in QA, {prod} in production": release(qa, prod)
        for qa, prod in itertools.product(QA_MODEL, PROD_MODEL)
    }
    return {"ci": expand(CI), "serving": serving(), "serving: kubernetes": serving("kubernetes"), **releases}


@cache
def serving(place: str = "azure_ml") -> dict[str, Any]:
    return expand(SERVING, base=BASE, place=place)


@cache
def release(qa: str = "keep", prod: str = "keep") -> dict[str, Any]:
    given = {"qa_model": qa, "prod_model": prod, "qa_version": "3", "prod_version": "4", "dev_model": DEV_MODEL}
    return _replaced(expand(CD, **given), {f"$({name})": value for name, value in of_use_case("flight_delay").items()})


def of_use_case(name: str) -> dict[str, str]:
    """The variables of a use case's release."""
    return {one["name"]: one["value"] for one in expand(USE_CASE, use_case=name)["variables"]}


def _replaced(value: Any, texts: Mapping[str, str]) -> Any:
    """Put values in the place of variables, as Azure does when a step begins."""
    if isinstance(value, dict):
        return {key: _replaced(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, texts) for item in value]
    for name, text in texts.items():
        value = value.replace(name, text) if isinstance(value, str) else value
    return value


def project() -> Project:
    return Project((ROOT / "Makefile").read_text(encoding="utf-8"), typer.main.get_command(cli))
