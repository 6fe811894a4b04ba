"""Writes a project into a folder, from the template that travels in the wheel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from levelfive.errors import ConfigError
from levelfive.project.answers import SCHEMA, complete
from levelfive.project.rendering import render

TEMPLATE = "template"
RENDERED = ".tmpl"


def make_project(known_answers: Mapping[str, str], folder: Path, *, template: Path | None = None) -> Path:
    """Write a project.

    Args:
        known_answers: Answers to the template's questions; the others are answered by their defaults.
        folder: Where the project's own folder is made.
        template: The folder that holds the schema and the template, if not that of this levelfive.

    Returns:
        The project's folder.

    Raises:
        ConfigError: An answer is none, or a file is there already; nothing was written.
    """
    source = template or _source()
    answers = complete(known_answers, json.loads((source / SCHEMA).read_text(encoding="utf-8")))
    files = dict(_rendered(path, source / TEMPLATE, answers) for path in _files(source / TEMPLATE))
    there = [path for path in files if (folder / path).exists()]
    if there:
        raise ConfigError(
            f"{folder / there[0]} is there already: name another project, or another folder (--output-dir)"
        )
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder / answers["name"]


def _source() -> Path:
    """Find the template: in the wheel beside this module, in a checkout at its root."""
    here = Path(__file__).resolve()
    return here.parent if (here.parent / SCHEMA).exists() else here.parents[3]


def _files(template: Path) -> list[Path]:
    return sorted(path for path in template.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _rendered(path: Path, template: Path, answers: Mapping[str, str]) -> tuple[Path, bytes]:
    place = Path(render(path.relative_to(template).as_posix(), answers))
    if place.suffix != RENDERED:
        return place, path.read_bytes()
    return place.with_suffix(""), render(path.read_text(encoding="utf-8"), answers).encode()
