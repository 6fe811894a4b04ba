"""Alerts that a person has muted: who, why and until when. They are kept as before, and told to nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from levelfive.core.windows import Window, iso
from levelfive.errors import ConfigError
from levelfive.monitoring.alert_history import alert_history
from levelfive.monitoring.alert_states import AlertRecord, current
from levelfive.monitoring.alerts import ALERTS
from levelfive.storage.annotations import ANNOTATIONS, MUTED, Annotation, alert_subject, annotate
from levelfive.storage.records import from_row
from levelfive.storage.runs import JobContext, Run

Mutes = Mapping[str, Annotation]
"""By an alert's id, or the name of a registered alert, which means all of that name: what was said of it last."""


def mute(
    context: JobContext, model_name: str, alert: str, *, by: str, reason: str, until: datetime, as_of: datetime
) -> Annotation:
    """Write down that an alert is told to nobody for a time.

    Args:
        context: Tables and use case.
        model_name: The registered model.
        alert: The alert's id, or the name of a registered alert: then all of that name.
        by: Who says so.
        reason: Why.
        until: From when on it is told again.
        as_of: From when on it counts.

    Raises:
        ConfigError: There is no such alert, it would be over at once, or a name or reason is missing.
    """
    if until <= as_of:
        raise ConfigError(f"until {iso(until)} is over as of {iso(as_of)}: name a later time (--until)")
    of = {"muted": alert, "by": by, "reason": reason, "until": iso(until)}
    with context.run("mute", as_of=as_of, parameters=of) as run:
        alerts = current(alert_history(run, model_name, as_of=as_of))
        if alert not in ALERTS and alert not in alerts:
            there = ", ".join([*(one.alert_id for one in alerts.values() if one.state.is_open)]) or "none"
            raise ConfigError(
                f"there is no alert {alert!r}: name one that is open ({there}), or all of {', '.join(ALERTS)}"
            )
        word = Annotation(
            kind=MUTED,
            subject=alert_subject(model_name, alert),
            window=Window(as_of, until),
            by=by,
            reason=reason,
            said_at=as_of,
            until=until,
        )
        annotate(run, word)
        return word


def mutes(run: Run, model_name: str, *, as_of: datetime) -> Mutes:
    """Find what was said last of muting each alert, as far as it counts at a time."""
    begin = alert_subject(model_name, "")
    words = sorted(
        (from_row(Annotation, row) for row in run.rows(ANNOTATIONS, where={"kind": MUTED})),
        key=lambda word: word.said_at,
    )
    last = {
        word.subject.removeprefix(begin): word
        for word in words
        if word.subject.startswith(begin) and word.said_at <= as_of
    }
    return {alert: word for alert, word in last.items() if word.until is not None and as_of < word.until}


def muted_by(words: Mutes, alert: AlertRecord) -> str:
    """Say who muted an alert, why and until when; empty where nobody did."""
    word = words.get(alert.alert_id) or words.get(alert.alert)
    return "" if word is None or word.until is None else f"{word}, until {iso(word.until)}"


def unmuted(alerts: Iterable[AlertRecord], words: Mutes) -> list[AlertRecord]:
    """Leave out the alerts that are muted."""
    return [one for one in alerts if not muted_by(words, one)]
