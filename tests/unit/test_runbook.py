"""The runbook has a section for each alert, which says what the alert's notice says, and commands that there are."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from commands import parse

from levelfive.monitoring.alerts import ALERTS, Alert

PAGE = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ +(levelfive .*)$", PAGE, re.MULTILINE)


def section(title: str) -> str:
    found = re.findall(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, title
    return str(found[0])


@pytest.mark.parametrize("alert", ALERTS.values(), ids=lambda alert: alert.name)
def test_each_alert_has_a_section_with_its_severity_what_to_look_at_and_what_to_do(alert: Alert) -> None:
    said = " ".join(section(alert.title).split())

    assert said.startswith(f"*Severity: {alert.severity}.*")
    assert "**Look at**" in said
    assert alert.what_to_do
    assert f"**Do:** {alert.what_to_do}" in said
    assert re.search(r"levelfive \w+", said)


@pytest.mark.parametrize("alert", ALERTS.values(), ids=lambda alert: alert.name)
def test_what_a_notice_refers_to_is_the_sections_anchor(alert: Alert) -> None:
    """GitHub and mkdocs make a heading's anchor of its small letters and dashes."""
    assert alert.runbook == f"docs/runbook.md#{re.sub('[^a-z]+', '-', alert.title.lower())}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_runbook_is_one(command: str) -> None:
    assert parse(command).command.name not in ("levelfive", None)


@pytest.mark.parametrize(
    "wrong",
    ["levelfive monitoring triag --as-of x", "levelfive report --as_of x", "levelfive monitoring mute x --until y"],
)
def test_a_command_that_there_is_not_is_found(wrong: str) -> None:
    with pytest.raises(click.ClickException):
        parse(wrong)


def test_commands_are_looked_at() -> None:
    assert len(COMMANDS) > len(ALERTS)
