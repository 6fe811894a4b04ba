"""Reads and computes expressions, those of a template (`[...]`) and those of Data Factory (`@...`, `@{...}`).

Both are calls, texts in single quotes, numbers and members. It knows what this project uses, and refuses the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>[A-Za-z_]\w*)|(?P<sign>\?\.|[().,\[\]]))"
)
TICKS_A_SECOND = 10_000_000
YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)


class ExpressionError(Exception):
    """An expression cannot be read or computed."""


@dataclass(frozen=True)
class Literal:
    """A text or a number."""

    value: str | int


@dataclass(frozen=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Member:
    """A member of what another expression gives; a missing one is null if it is optional."""

    of: Node
    key: Node
    optional: bool = False


Node = Literal | Call | Member


@dataclass(frozen=True)
class Reference:
    """What a call without computation leads to: `activity('A').output.x` is activity, ('A',), ('output', 'x')."""

    name: str
    arguments: tuple[object, ...]
    path: tuple[object, ...]


def parse(text: str) -> Node:
    """Read one expression, without the sign that marks it as one."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(f"{text!r} cannot be read from {text[at:]!r} on")
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        at = found.end()
    node, rest = _node(tokens, text)
    if rest:
        raise ExpressionError(f"{text!r} goes on with {rest[0][1]!r} after its end")
    return node


def parts(text: str) -> list[str | Node]:
    """Split a text of Data Factory into texts and expressions."""
    if text.startswith("@") and not text.startswith("@{"):
        return [parse(text[1:])]
    found: list[str | Node] = []
    while (start := text.find("@{")) >= 0:
        end = text.find("}", start)
        if end < 0:
            raise ExpressionError(f"{text!r} has no end to its expression")
        found += [text[:start], parse(text[start + 2 : end])]
        text = text[end + 1 :]
    return [*found, text]


def is_expression(value: object) -> bool:
    """Tell whether Data Factory computes a text."""
    return isinstance(value, str) and (value.startswith("@") or "@{" in value)


def expressions(value: Any) -> Iterator[str]:
    """List the texts in a value that Data Factory computes, marked as expressions or not."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item)
    elif is_expression(value):
        yield value


def references(node: Node) -> Iterator[Reference]:
    """List what an expression refers to, each with its whole path."""
    path: list[object] = []
    while isinstance(node, Member):
        if isinstance(node.key, Literal):
            path.insert(0, node.key.value)
        else:
            yield from references(node.key)
            path.clear()
        node = node.of
    if isinstance(node, Call):
        if node.name not in FUNCTIONS:
            constants = tuple(one.value for one in node.arguments if isinstance(one, Literal))
            yield Reference(node.name, constants, tuple(path))
        for argument in node.arguments:
            yield from references(argument)


def compute(node: Node, context: Mapping[str, Callable[..., Any]]) -> Any:
    """Compute an expression; the context holds what stands for `pipeline()`, `activity('A')`, `item()` and so on."""
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Member):
        of, key = compute(node.of, context), compute(node.key, context)
        try:
            return of[key]
        except (KeyError, IndexError, TypeError) as err:
            if node.optional:
                return None
            raise ExpressionError(f"{of!r} has no {key!r}") from err
    function = {**FUNCTIONS, **context}.get(node.name)
    if function is None:
        raise ExpressionError(f"the function {node.name!r} is not known here")
    return function(*(compute(argument, context) for argument in node.arguments))


def _node(tokens: Sequence[tuple[str, str]], text: str) -> tuple[Node, Sequence[tuple[str, str]]]:
    (kind, value), rest = _first(tokens, text)
    node: Node
    if kind == "text":
        node = Literal(value[1:-1].replace("''", "'"))
    elif kind == "number":
        node = Literal(int(value))
    elif kind == "name" and rest[:1] == [("sign", "(")]:
        arguments, rest = _arguments(rest[1:], text)
        node = Call(value, arguments)
    else:
        raise ExpressionError(f"{text!r}: {value!r} is no text, number or call")
    while rest and rest[0][1] in (".", "?.", "["):
        sign, rest = rest[0][1], rest[1:]
        if sign == "[":
            key, rest = _node(rest, text)
            rest = _after("]", rest, text)
        else:
            (kind, name), rest = _first(rest, text)
            if kind != "name":
                raise ExpressionError(f"{text!r}: {name!r} is no member")
            key = Literal(name)
        node = Member(node, key, optional=sign == "?.")
    return node, rest


def _arguments(rest: Sequence[tuple[str, str]], text: str) -> tuple[tuple[Node, ...], Sequence[tuple[str, str]]]:
    found: list[Node] = []
    if rest[:1] == [("sign", ")")]:
        return (), rest[1:]
    while True:
        node, rest = _node(rest, text)
        found.append(node)
        if rest[:1] != [("sign", ",")]:
            return tuple(found), _after(")", rest, text)
        rest = rest[1:]


def _first(tokens: Sequence[tuple[str, str]], text: str) -> tuple[tuple[str, str], Sequence[tuple[str, str]]]:
    if not tokens:
        raise ExpressionError(f"{text!r} ends too early")
    return tokens[0], tokens[1:]


def _after(sign: str, tokens: Sequence[tuple[str, str]], text: str) -> Sequence[tuple[str, str]]:
    token, rest = _first(tokens, text)
    if token != ("sign", sign):
        raise ExpressionError(f"{text!r}: expected {sign!r}, got {token[1]!r}")
    return rest


def _ticks(text: str) -> int:
    since = datetime.fromisoformat(text).astimezone(UTC) - YEAR_ONE
    return (since // timedelta(seconds=1)) * TICKS_A_SECOND


def _add_days(text: str, days: int) -> str:
    return (datetime.fromisoformat(text) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# As https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions describes them.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": lambda one, other: one + other,
    "addDays": _add_days,
    "and": lambda one, other: one and other,
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "concat": lambda *texts: "".join(texts),
    "div": lambda one, other: int(one / other),
    "encodeUriComponent": lambda text: quote(text, safe=""),
    "equals": lambda one, other: one == other,
    "json": json.loads,
    "length": len,
    "less": lambda one, other: one < other,
    "lessOrEquals": lambda one, other: one <= other,
    "mod": lambda one, other: one % other,
    "mul": lambda one, other: one * other,
    "range": lambda start, count: list(range(start, start + count)),
    "skip": lambda items, count: items[count:],
    "string": _text,
    "sub": lambda one, other: one - other,
    "ticks": _ticks,
}
