"""What people are told: a notice, whose texts may come from data and are cleaned."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from levelfive.usecase.alert_rules import Severity

MAX_TITLE, MAX_TEXT, MAX_FACTS = 150, 500, 10
"""In characters, and in facts: so that every destination takes the whole."""
_CONTROLS = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


@dataclass(frozen=True)
class Notice:
    """What people are told.

    Args:
        title: What happened, in a line.
        severity: How urgent it is.
        facts: What is known, by name; of more than `MAX_FACTS`, the first are told.
        what_to_do: The next step.
        link: An https address with more; others are left out.
    """

    title: str
    severity: Severity
    facts: Mapping[str, str] = field(default_factory=dict)
    what_to_do: str = ""
    link: str = ""

    def clean(self) -> Notice:
        """Take out what is no text to be read, such as ends of lines and marks that turn the writing round, and cut."""
        facts = {_text(name, MAX_TITLE): _text(value, MAX_TEXT) for name, value in [*self.facts.items()][:MAX_FACTS]}
        is_web = self.link.startswith("https://") and self.link == _text(self.link, len(self.link))
        return Notice(
            title=_text(self.title, MAX_TITLE),
            severity=self.severity,
            facts=facts,
            what_to_do=_text(self.what_to_do, MAX_TEXT),
            link=self.link if is_web else "",
        )


def _text(text: str, limit: int) -> str:
    readable = "".join(" " if unicodedata.category(one) in _CONTROLS else one for one in text)
    words = " ".join(readable.split())
    return words if len(words) <= limit else f"{words[: limit - 1]}…"
