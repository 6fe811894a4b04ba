"""Each command that a sentence of the code names stands between backticks, where it gets the home, and is one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from commands import parse

from levelfive.cli.main import cli

SOURCES = Path(__file__).parents[3] / "src" / "levelfive"
NAMES = "|".join(typer.main.get_command(cli).commands)  # type: ignore[attr-defined]  # a group has commands
NAMED = re.compile(rf"(?P<tick>`?)(?P<command>levelfive (?:{NAMES})\b[^`]*)")
WITHOUT_HOME = re.compile(rf"(?:{NAMES}) [^`]*--[^`]*")
# These can be called without a time, for other commands of theirs and a range: what they do themselves needs one.
NEED_A_TIME = ("data", "features", "monitoring", "scoring")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def texts(tree: ast.Module) -> Iterator[str]:
    """List the texts of a module, with `X` for what is put into them; not its docstrings."""
    passed = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    passed |= {id(getattr(node.body[0], "value", None)) for node in ast.walk(tree) if isinstance(node, DOCUMENTED)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            yield node.value


def commands(text: str) -> Iterator[tuple[str, bool]]:
    """List the commands of a text, and whether each is told apart from the words around it."""
    if WITHOUT_HOME.fullmatch(text):
        yield f"levelfive {text}", True
    for match in NAMED.finditer(text):
        yield match["command"], bool(match["tick"]) or match[0] == text


PRINTED = [
    (path.relative_to(SOURCES).as_posix(), command, is_apart)
    for path in sorted(SOURCES.rglob("*.py"))
    for text in texts(ast.parse(path.read_text(encoding="utf-8")))
    for command, is_apart in commands(text)
]


@pytest.mark.parametrize(("path", "command", "is_apart"), PRINTED, ids=str)
def test_a_command_that_is_named_can_be_pasted(path: str, command: str, is_apart: bool) -> None:
    context = parse(command)

    assert is_apart, f"{path} names {command} without backticks"
    if context.command.name in NEED_A_TIME:
        assert context.params["as_of"] or (context.params["begin"] and context.params["end"])


def test_commands_are_looked_at() -> None:
    assert len(PRINTED) > 30
    assert {"levelfive registry list", "levelfive status --as-of X"} <= {command for _, command, _ in PRINTED}
