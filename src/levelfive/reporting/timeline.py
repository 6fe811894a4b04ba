"""A report's account of decisions, gates, promotions and failures, in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from levelfive.reporting.data import DecisionLine, GateLine, NoteLine, PromotionLine, ReportData


@dataclass(frozen=True)
class Event:
    """What happened at a time; `details` are reasons, each list under its word."""

    at: datetime
    kind: str
    what: str
    details: Sequence[tuple[str, Sequence[str]]]


def history(data: ReportData) -> list[Event]:
    """Tell what was decided and what failed, each with its reasons and what would have changed it."""
    events = [
        *map(_decision, data.decisions),
        *map(_gate, data.gates),
        *map(_promotion, data.promotions),
        *map(_note, data.notes),
        *(Event(line.as_of, "failure", f"Failed: {line.stage}", [("It said", [line.error])]) for line in data.failures),
    ]
    return sorted(events, key=lambda event: event.at)


def _note(line: NoteLine) -> Event:
    what = f"{line.event}, until {line.window.end:%Y-%m-%d %H:%M} (noted by {line.by})"
    return Event(line.window.start, "note", what, [])


def _decision(line: DecisionLine) -> Event:
    details = [("Because", line.reasons), ("Would have changed it", line.counterfactuals)]
    return Event(line.as_of, "decision", f"Decision: {line.action}", details)


def _gate(line: GateLine) -> Event:
    outcome = "passed" if line.passed else "not passed"
    return Event(line.as_of, "gate", f"Gate {outcome}: {line.verdict}", [("Because", line.reasons)])


def _promotion(line: PromotionLine) -> Event:
    after = f", after version {line.previous}" if line.previous else ", the first champion"
    what = f"Promotion: version {line.version}{after} ({line.kind}, by {line.by})"
    return Event(line.at, "promotion", what, [("Because", [line.reason])])
