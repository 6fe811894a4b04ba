"""A report's account of decisions, gates, promotions and failures, in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from levelfive.reporting.data import DecisionLine, GateLine, NoteLine, PromotionLine, ReportData


@dataclass(frozen=True)
class TimelineEvent:
    """What happened at a time; `details` are reasons, each list under its word."""

    at: datetime
    kind: str
    what: str
    details: Sequence[tuple[str, Sequence[str]]]


def history(data: ReportData) -> list[TimelineEvent]:
    """Tell what was decided and what failed, each with its reasons and what would have changed it."""
    events = [
        *map(_decision, data.decisions),
        *map(_gate, data.gates),
        *map(_promotion, data.promotions),
        *map(_note, data.notes),
        *(
            TimelineEvent(line.as_of, "failure", f"Failed: {line.stage}", [("It said", [line.error])])
            for line in data.failures
        ),
    ]
    return sorted(events, key=lambda event: event.at)


def _note(line: NoteLine) -> TimelineEvent:
    what = f"{line.event}, until {line.window.end:%Y-%m-%d %H:%M} (noted by {line.by})"
    return TimelineEvent(line.window.start, "note", what, [])


def _decision(line: DecisionLine) -> TimelineEvent:
    details = [("Because", line.reasons), ("Would have changed it", line.counterfactuals)]
    return TimelineEvent(line.as_of, "decision", f"Decision: {line.action}", details)


def _gate(line: GateLine) -> TimelineEvent:
    outcome = "passed" if line.passed else "not passed"
    return TimelineEvent(line.as_of, "gate", f"Gate {outcome}: {line.verdict}", [("Because", line.reasons)])


def _promotion(line: PromotionLine) -> TimelineEvent:
    after = f", after version {line.previous}" if line.previous else ", the first champion"
    what = f"Promotion: version {line.version}{after} ({line.kind}, by {line.by})"
    return TimelineEvent(line.at, "promotion", what, [("Because", [line.reason])])
