"""Which alerts a window raises: each once, with what it is of, how urgent it is, and its likely cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from levelfive.core.texts import counted
from levelfive.monitoring.alerts import ALERTS, Alert
from levelfive.monitoring.causes import SHOWN_CAUSES, likely_causes
from levelfive.monitoring.evidence import BROKEN, SERVING, Evidence, Finding
from levelfive.usecase.alert_rules import Severity

SHOWN_COLUMNS = 8


@dataclass(frozen=True)
class Raised:
    """An alert that a window raises.

    Args:
        alert: The name of the registered alert.
        finding: What it found.
        severity: How urgent it is, as the use case has it.
        cause: The columns that are its likely cause.
    """

    alert: str
    finding: Finding
    severity: Severity
    cause: tuple[str, ...] = ()

    @property
    def alert_id(self) -> str:
        """What tells it from others, whatever the window."""
        return alert_id(self.alert, self.finding.of, self.finding.slice)

    @property
    def text(self) -> str:
        """What it says, with its numbers."""
        finding = self.finding
        return f"{finding.message}: {finding.detail}" if finding.detail else finding.message


def alert_id(alert: str, of: str = "", slice_: str = "") -> str:
    """Tell an alert from others: its name, its column, source or metric, and its slice, as far as it has them."""
    return ":".join(part for part in (alert, of, slice_) if part)


def raised(evidence: Evidence) -> tuple[Raised, ...]:
    """List the alerts that a window raises, each once."""
    by_id: dict[str, Raised] = {}
    for alert in ALERTS.values():
        for finding in _together(alert, alert.findings(evidence), evidence):
            one = _raised(alert, finding, evidence)
            by_id[one.alert_id] = _merged(by_id[one.alert_id], one) if one.alert_id in by_id else one
    return tuple(by_id.values())


def _together(alert: Alert, findings: Sequence[Finding], evidence: Evidence) -> Iterator[Finding]:
    """Put columns together that a statement lists: a season is one alert. A column with a rule has one of its own."""
    if alert.statement is None or not alert.statement.of_columns:
        yield from findings
        return
    own = {rule.of for rule in evidence.policy.alerts if rule.alert == alert.name}
    yield from (one for one in findings if not one.column or one.column in own)
    others = [one.column for one in findings if one.column and one.column not in own]
    if others:
        first = sorted(others, key=lambda name: -evidence.importance.get(name, 0.0))
        more = ", ..." if len(first) > SHOWN_COLUMNS else ""
        text = f"{counted(len(others), 'column')}: {', '.join(first[:SHOWN_COLUMNS])}{more}"
        yield Finding(text, cause=tuple(first[:SHOWN_CAUSES]))


def _raised(alert: Alert, finding: Finding, evidence: Evidence) -> Raised:
    severity = evidence.policy.rule(alert.name, finding.of, finding.slice).severity or alert.severity
    return Raised(alert.name, finding, severity, _cause(alert, finding, evidence))


def _cause(alert: Alert, finding: Finding, evidence: Evidence) -> tuple[str, ...]:
    """Name the columns that are the likely cause: those that the alert lists, or those that moved most."""
    if finding.cause is not None:
        return finding.cause
    has_cause = alert.statement not in (BROKEN, SERVING) and not finding.column and not finding.source
    return likely_causes(evidence.columns, evidence.faults.columns, evidence.importance) if has_cause else ()


def _merged(one: Raised, other: Raised) -> Raised:
    days: tuple[date, ...] = tuple(sorted({*one.finding.days, *other.finding.days}))
    lacks_values = one.finding.lacks_values and other.finding.lacks_values
    text = f"{one.text}; {other.text}"
    return replace(one, finding=replace(one.finding, message=text, detail="", days=days, lacks_values=lacks_values))
