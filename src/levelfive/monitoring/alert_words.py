"""Alerts as people read them: titles, lines, and the notices that destinations get."""

from __future__ import annotations

from collections.abc import Sequence

from levelfive.core.texts import counted
from levelfive.core.windows import Window, iso
from levelfive.monitoring.alert_states import AlertRecord, granularity
from levelfive.monitoring.alerts import ALERTS
from levelfive.monitoring.destinations.notice import MAX_FACTS, Notice

TRIAGE = "levelfive monitoring triage --as-of TIME"
_SHOWN_SLICES = 3
# Of alarms of drift, by about how long a window is; ADR 35 says how that was found.
_WITHOUT_CHANGE = {"day": "three times a year", "week": "once in five years", "month": "once in 25 years"}


def title_of(alert: AlertRecord) -> str:
    """Name an alert in a line: `Column is broken: temp`."""
    definition = ALERTS.get(alert.alert)
    name = alert.alert if definition is None else definition.title
    return ": ".join(part for part in (name, " of ".join(filter(None, (alert.of, alert.slice)))) if part)


def line_of(alert: AlertRecord, *remarks: str) -> str:
    """Say of an open alert how urgent it is, what it is, since when, and what people say of it, as far as they do."""
    cause = f"; likely cause: {', '.join(alert.cause)}" if alert.cause else ""
    notes = "".join(f"; {remark}" for remark in remarks if remark)
    return f"{alert.severity}: {alert.alert_id} since {iso(alert.since)}: {alert.message}{cause}{notes}"


def affected(alert: AlertRecord) -> str:
    """Say how many rows an alert affects, and of which slices most; empty where that was not counted."""
    if alert.rows is None:
        return ""
    most = sorted(alert.slices, key=lambda name: (-alert.slices[name], name))[:_SHOWN_SLICES]
    slices = [f"{name} {alert.slices[name]:,}" for name in most]
    return counted(alert.rows, "row") + (f", most of {', '.join(slices)}" if slices else "")


def false_alarms(window: Window) -> str:
    """Say how often windows of about this length open an alarm of drift without a change, where that is known."""
    often = _WITHOUT_CHANGE.get(granularity(window))
    is_chance = f" Without a change, windows of this length open such an alarm about {often}." if often else ""
    return f"Moved is not harmful.{is_chance}"


def notice_of(use_case: str, alert: AlertRecord, events: str = "") -> Notice:
    """Write what a destination is told of an alert that opened or closed, and which events were known then."""
    is_open = alert.state.is_open
    facts = {
        "use case": use_case,
        "model": f"{alert.model_name}, version {alert.model_version}",
        "found" if is_open else "was": alert.message,
        "since": iso(alert.since),
        "window": str(alert.window),
        "likely cause": ", ".join(alert.cause),
        "affected": affected(alert),
        "events": events,
    }
    return Notice(
        title=f"{'Opened' if is_open else 'Closed'}: {title_of(alert)}",
        severity=alert.severity,
        facts={name: fact for name, fact in facts.items() if fact},
        what_to_do=alert.what_to_do if is_open else "",
    )


def notice_of_several(use_case: str, alerts: Sequence[AlertRecord]) -> Notice:
    """Write one notice of several alerts, the most urgent first: what has no place in it is counted."""
    open_count = sum(one.state.is_open for one in alerts)
    first_alerts = alerts[: MAX_FACTS - 2]
    facts = {"use case": use_case, **{one.alert_id: f"{_state(one)}: {one.message}" for one in first_alerts}}
    if rest := len(alerts) - len(first_alerts):
        facts["besides"] = f"{counted(rest, 'more alert')}, in the table alerts"
    return Notice(
        title=f"{counted(len(alerts), 'alert')} more: {open_count} opened, {len(alerts) - open_count} closed",
        severity=min((one.severity for one in alerts), key=lambda severity: severity.rank),
        facts=facts,
        what_to_do=f"Run `{TRIAGE}`: it says what to look at first.",
    )


def _state(alert: AlertRecord) -> str:
    return "opened" if alert.state.is_open else "closed"
