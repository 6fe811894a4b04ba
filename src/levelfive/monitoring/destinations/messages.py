"""A notice as each kind of destination takes it: pure functions from a notice that is clean to JSON.

Nothing of a notice is markup: Teams gets text runs and Slack plain texts, in which neither reads any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from levelfive.monitoring.destinations.notice import Notice
from levelfive.usecase.alert_rules import Severity


class DestinationKind(StrEnum):
    """What a destination is."""

    TEAMS = "teams"
    SLACK = "slack"
    WEBHOOK = "webhook"


_COLOURS = {Severity.CRITICAL: "Attention", Severity.WARNING: "Warning", Severity.INFO: "Accent"}
MORE = "More"


def teams(notice: Notice) -> dict[str, object]:
    """Write an adaptive card, as the trigger of a workflow in Teams takes it."""
    body = [
        _line(
            _run(f"{notice.severity.upper()}: {notice.title}", size="Large", color=_COLOURS[notice.severity], bold=True)
        ),
        *(_line(_run(f"{name}: ", bold=True), _run(value)) for name, value in notice.facts.items()),
        *([_line(_run(notice.what_to_do))] if notice.what_to_do else []),
    ]
    card: dict[str, object] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if notice.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": MORE, "url": notice.link}]
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def slack(notice: Notice) -> dict[str, object]:
    """Write a message of blocks, as an incoming webhook of Slack takes it; `text` is what notifications show."""
    title = f"{notice.severity.upper()}: {notice.title}"
    blocks: list[dict[str, object]] = [{"type": "header", "text": _plain(title[:150])}]
    if notice.facts:
        fields = [_plain(f"{name}: {value}") for name, value in notice.facts.items()]
        blocks.append({"type": "section", "fields": fields})
    if notice.what_to_do:
        blocks.append({"type": "section", "text": _plain(notice.what_to_do)})
    if notice.link:
        blocks.append({"type": "actions", "elements": [{"type": "button", "text": _plain(MORE), "url": notice.link}]})
    return {"text": _escaped(title), "blocks": blocks}


def webhook(notice: Notice) -> dict[str, object]:
    """Write the notice as it is."""
    return {
        "title": notice.title,
        "severity": str(notice.severity),
        "facts": dict(notice.facts),
        "what_to_do": notice.what_to_do,
        "link": notice.link,
    }


MESSAGES: Mapping[DestinationKind, Callable[[Notice], dict[str, object]]] = {
    DestinationKind.TEAMS: teams,
    DestinationKind.SLACK: slack,
    DestinationKind.WEBHOOK: webhook,
}


def _line(*runs: dict[str, object]) -> dict[str, object]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, *, bold: bool = False, **style: str) -> dict[str, object]:
    return {"type": "TextRun", "text": text, **({"weight": "Bolder"} if bold else {}), **style}


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    """Write out the three characters by which Slack begins links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
