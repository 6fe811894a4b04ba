"""Renders a template of the Databricks CLI: the few actions of Go's templates that ours are written with.

These are `{{.name}}`, `{{"text"}}`, `{{if eq .name "a" "b"}}`, `{{else}}`, `{{end}}`, `{{fail "sentence"}}` and
`{{(regexp "_").ReplaceAllString .name "-"}}` of a single letter, and `-` beside the braces, which takes away the white
space there. All else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from levelfive.errors import ConfigError

_ACTION = re.compile(r"\{\{(-(?=\s))?\s*(.*?)\s*((?<=\s)-)?\}\}", re.DOTALL)
_KEY = re.compile(r"\.(\w+)")
_TEXT = re.compile(r'"([^"\\]*)"')
_CONDITION = re.compile(r'if\s+eq\s+\.(\w+)((?:\s+"[^"\\]*")+)')
_REPLACED = re.compile(r'\(regexp "(\w)"\)\.ReplaceAllString\s+\.(\w+)\s+"([^"\\$]*)"')
_FAILURE = re.compile(r'fail\s+"([^"\\]*)"')


def render(text: str, answers: Mapping[str, str]) -> str:
    """Render a template.

    Args:
        text: The template.
        answers: What its keys stand for.

    Raises:
        ConfigError: The template refuses the answers, or is none of the kind that is rendered here.
    """
    pieces: list[str] = []
    visible = [True]  # of what surrounds the place, and of each condition around it
    place, trims = 0, False
    for action in _ACTION.finditer(text):
        plain = text[place : action.start()]
        plain = plain.lstrip() if trims else plain
        pieces.append((plain.rstrip() if action[1] else plain) if all(visible) else "")
        pieces.append(_act(action[2], answers, visible))
        place, trims = action.end(), bool(action[3])
    if len(visible) != 1:
        raise ConfigError("the template has a condition without an end: mend it")
    pieces.append(text[place:].lstrip() if trims else text[place:])
    return "".join(pieces)


def _act(action: str, answers: Mapping[str, str], visible: list[bool]) -> str:
    """Take an action: give the text in its place, and note what the conditions around what follows say."""
    if condition := _CONDITION.fullmatch(action):
        visible.append(_answer(condition[1], answers) in _TEXT.findall(condition[2]))
    elif action == "else" and len(visible) > 1:
        visible[-1] = not visible[-1]
    elif action == "end" and len(visible) > 1:
        visible.pop()
    elif key := _KEY.fullmatch(action):
        answer = _answer(key[1], answers)
        return answer if all(visible) else ""
    elif replacement := _REPLACED.fullmatch(action):
        answer = _answer(replacement[2], answers).replace(replacement[1], replacement[3])
        return answer if all(visible) else ""
    elif literal := _TEXT.fullmatch(action):
        return literal[1] if all(visible) else ""
    elif failure := _FAILURE.fullmatch(action):
        if all(visible):
            raise ConfigError(failure[1])
    else:
        raise ConfigError(f"the template says {action!r}, which is not rendered here: write it otherwise")
    return ""


def _answer(key: str, answers: Mapping[str, str]) -> str:
    if key not in answers:
        raise ConfigError(f"the template asks for {key!r}; the answers are {', '.join(answers)}: correct one of them")
    return answers[key]
