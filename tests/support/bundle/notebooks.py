"""What the notebooks say of themselves, read from their source."""

import ast
from functools import cache
from pathlib import Path

from bundle.offline import ROOT

from levelfive.notebook.reading import COMMON, PARAMETERS

FIRST_LINE = "# Databricks notebook source"


def path(name: str) -> Path:
    """Find a notebook by its name."""
    return ROOT / "notebooks" / f"{name}.py"


@cache
def calls(name: str) -> tuple[ast.Call, ...]:
    """List the calls of methods in a notebook."""
    nodes = ast.walk(ast.parse(path(name).read_text(encoding="utf-8")))
    return tuple(node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))


def asked_for(name: str) -> list[str]:
    """List by which names a notebook asks for parameters."""
    found = (call for call in calls(name) if call.func.attr == "parameters")
    return [argument.value for call in found for argument in call.args if isinstance(argument, ast.Constant)]


def taken(name: str) -> set[str]:
    """List the parameters that a notebook takes."""
    return {*COMMON, *PARAMETERS[name]}


def handed_on(name: str) -> set[str]:
    """List the task values that a notebook sets."""
    return {word.arg for call in calls(name) if call.func.attr == "hand_on" for word in call.keywords if word.arg}
