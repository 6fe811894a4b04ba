"""The questions of the template, and a team's answers to them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from levelfive.errors import ConfigError, unusable
from levelfive.project.rendering import render

SCHEMA = "databricks_template_schema.json"


def read_answers(path: Path) -> dict[str, str]:
    """Read answers from a JSON file, such as a project keeps of itself.

    Raises:
        ConfigError: It cannot be read, or is no object of texts.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ConfigError(f"the answers cannot be read: {unusable(err)}") from err
    except ValueError as err:
        raise ConfigError(f"the answers in {path} are no JSON: {err}") from err
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise ConfigError(f'the answers in {path} must be an object of texts, such as {{"task": "binary"}}')
    return content


def complete(known_answers: Mapping[str, str], schema: Mapping[str, Any]) -> dict[str, str]:
    """Answer all questions, by default where no answer was given, in the order in which they are asked.

    Args:
        known_answers: Answers by key.
        schema: What the template's schema says.

    Raises:
        ConfigError: There is no such question, or an answer is none.
    """
    questions = sorted(schema["properties"].items(), key=lambda question: question[1]["order"])
    if unknown := known_answers.keys() - schema["properties"].keys():
        question_keys = ", ".join(key for key, _ in questions)
        raise ConfigError(f"there is no question {', '.join(sorted(unknown))}; there are {question_keys}")
    answers: dict[str, str] = {}
    for key, question in questions:
        answers[key] = known_answers[key] if key in known_answers else render(question["default"], answers)
        _check(key, answers[key], question)
    return answers


def _check(key: str, answer: str, question: Mapping[str, Any]) -> None:
    if "enum" in question and answer not in question["enum"]:
        raise ConfigError(f"{key}: expected one of {', '.join(question['enum'])}, got {answer!r}")
    if "pattern" in question and not re.fullmatch(question["pattern"], answer):
        raise ConfigError(f"{key}: {question['pattern_match_failure_message']} Got {answer!r}")
