"""Tells destinations of alerts that opened or closed, once each; what does not arrive is told by the next run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from levelfive.core.parallel import in_parallel
from levelfive.monitoring.alert_history import alert_history
from levelfive.monitoring.alert_states import AlertRecord, State, current
from levelfive.monitoring.alert_words import notice_of, notice_of_several
from levelfive.monitoring.destinations.destination import Destination
from levelfive.monitoring.destinations.notice import Notice
from levelfive.monitoring.muted import mutes, unmuted
from levelfive.monitoring.noted import noted_of, notes
from levelfive.storage.records import from_row, record_of
from levelfive.storage.runs import JobContext, Run
from levelfive.telemetry.tracing import event
from levelfive.usecase.policies import MonitoringPolicy

NOTICES = "notices"

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@record_of(NOTICES)
@dataclass(frozen=True, kw_only=True)
class NoticeRecord:
    """One row of `notices`: that a destination was told of an alert, or could not be.

    Args:
        model_name: The registered model.
        destination: What was told: the kind of destination.
        seq: Counts the messages to a destination; rows of one message share it.
        alert_id: Of which alert.
        state: What was told: `opened` or `closed`.
        as_of: The logical now of the run that told it.
        delivered: Whether it arrived; else it is told again, if it still holds.
        run_id: Row of `runs`.
    """

    model_name: str
    destination: str
    seq: int
    alert_id: str
    state: State
    as_of: datetime
    delivered: bool
    run_id: str = ""


@dataclass(frozen=True)
class Message:
    """One message, and the alerts that it is about; without a notice it has to wait for the limits."""

    alerts: tuple[AlertRecord, ...]
    notice: Notice | None


def due(
    alerts: Iterable[AlertRecord], notices: Iterable[NoticeRecord], policy: MonitoringPolicy
) -> tuple[AlertRecord, ...]:
    """List the alerts of which a destination does not know what became of them, the most urgent first.

    Args:
        alerts: What the last window said of each, but for those that are muted.
        notices: What the destination was told before.
        policy: From which severity on an alert is told.
    """
    last = {row.alert_id: row for row in _in_order(notices) if row.delivered}
    failed_ids = {
        row.alert_id for row in _in_order(notices) if _is_after(row, last.get(row.alert_id)) and not row.delivered
    }

    def is_due(one: AlertRecord) -> bool:
        knows_it_open = one.alert_id in last and last[one.alert_id].state.is_open
        if one.state.is_open:
            return not knows_it_open and one.severity.rank <= policy.told_from.rank
        return knows_it_open or one.alert_id in failed_ids

    return tuple(sorted(filter(is_due, alerts), key=_urgency))


def room(notices: Iterable[NoticeRecord], as_of: datetime, policy: MonitoringPolicy) -> int:
    """Tell how many messages may go to a destination now, by the limits of an hour and of a day."""
    times = {row.seq: row.as_of for row in notices if row.delivered and row.as_of <= as_of}.values()
    of_hour, of_day = (sum(as_of - time < length for time in times) for length in (HOUR, DAY))
    return max(min(policy.messages_an_hour - of_hour, policy.messages_a_day - of_day), 0)


def messages(
    use_case: str, alerts: Sequence[AlertRecord], most: int, events_of: Callable[[AlertRecord], str] = lambda alert: ""
) -> tuple[Message, ...]:
    """Write a message for each alert; where there are more than may be sent, the last one is of all the others.

    Args:
        use_case: What the messages name.
        alerts: What is to be told, the most urgent first.
        most: So many messages at most; where it is none, what is to be told waits.
        events_of: Which events were known in an alert's time.
    """
    if not alerts or not most:
        return (Message(tuple(alerts), None),) if alerts else ()
    alone = len(alerts) if len(alerts) <= most else most - 1
    each = tuple(Message((one,), notice_of(use_case, one, events_of(one))) for one in alerts[:alone])
    others = tuple(alerts[alone:])
    return (*each, Message(others, notice_of_several(use_case, others))) if others else each


def tell(
    context: JobContext, run: Run, model_name: str, destinations: Sequence[Destination], *, as_of: datetime
) -> None:
    """Tell each destination what it does not know yet, and write down what arrived.

    It waits for `RHYTHM.flush` seconds at most. What is told and cannot be written down is told again.

    Args:
        context: Tables and use case.
        run: Which run tells.
        model_name: The registered model.
        destinations: Who is told, one of each kind.
        as_of: The logical now.

    Raises:
        TableError: What arrived cannot be written down.
    """
    if not destinations:
        return
    alerts = current(alert_history(run, model_name, as_of=as_of)).values()
    audible = unmuted(alerts, mutes(run, model_name, as_of=as_of))
    notices, events_of = _told(run, model_name, as_of), partial(noted_of, notes(run, model_name, as_of=as_of))
    jobs = []
    for one in destinations:
        before = [row for row in notices if row.destination == one.kind]
        policy = context.use_case.monitoring
        outgoing = messages(context.use_case.name, due(audible, before, policy), room(before, as_of, policy), events_of)
        jobs.append(partial(_send, one, outgoing, before, as_of))
    rows = [row for records in in_parallel(jobs, threads=len(jobs)) for row in records]
    if rows:
        of_run = [replace(row, run_id=run.run_id) for row in rows]
        run.wrote(run.tables.control_tables.add(NOTICES, of_run, ("model_name", "destination", "seq", "alert_id")))


def _told(run: Run, model_name: str, as_of: datetime) -> list[NoticeRecord]:
    rows = run.rows(NOTICES, where={"model_name": model_name})
    return [one for one in (from_row(NoticeRecord, row) for row in rows) if one.as_of <= as_of]


def _send(
    destination: Destination, outgoing: Sequence[Message], before: Sequence[NoticeRecord], as_of: datetime
) -> list[NoticeRecord]:
    """Send messages, and say of each alert whether it arrived; what failed before is not written down again."""
    if not outgoing:
        return []
    channel = destination.open()
    for one in outgoing:
        if one.notice is not None:
            channel.tell(one.notice)
        else:
            event("alerts wait for the limits of messages", level=logging.WARNING, destination=str(destination.kind))
    channel.close()
    last_rows = {row.alert_id: row for row in _in_order(before)}
    first = max((row.seq for row in before), default=0) + 1
    rows = []
    for seq, message in enumerate(outgoing, first):
        has_arrived = message.notice in channel.arrivals
        for alert in message.alerts:
            state = State.OPENED if alert.state.is_open else State.CLOSED
            last = last_rows.get(alert.alert_id)
            if has_arrived or last is None or last.delivered or last.state is not state:
                rows.append(
                    NoticeRecord(
                        model_name=alert.model_name,
                        destination=str(destination.kind),
                        seq=seq,
                        alert_id=alert.alert_id,
                        state=state,
                        as_of=as_of,
                        delivered=has_arrived,
                    )
                )
    return rows


def _urgency(alert: AlertRecord) -> tuple[object, ...]:
    return alert.severity.rank, not alert.state.is_open, alert.since, alert.alert_id


def _is_after(row: NoticeRecord, last: NoticeRecord | None) -> bool:
    return last is None or row.seq > last.seq


def _in_order(notices: Iterable[NoticeRecord]) -> list[NoticeRecord]:
    return sorted(notices, key=lambda row: row.seq)
