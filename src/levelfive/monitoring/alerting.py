"""Keeps the table `alerts`: what a window says of each alert, and that an alert opened or closed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from levelfive.core.windows import Window, iso
from levelfive.monitoring import records
from levelfive.monitoring.affected import Affected, count_affected
from levelfive.monitoring.alert_history import alert_history
from levelfive.monitoring.alert_states import ALERTS_TABLE, AlertRecord, State, WindowFindings, current, next_state
from levelfive.monitoring.alerts import ALERTS
from levelfive.monitoring.evidence import SERVING
from levelfive.monitoring.muted import muted_by, mutes
from levelfive.monitoring.raised import Raised
from levelfive.monitoring.verdict import VERDICTS
from levelfive.monitoring.versions import JudgedVersion
from levelfive.storage.runs import JobContext, Run
from levelfive.telemetry.tracing import event

_KEYS = ("model_name", "alert_id", "window_start", "window_end", "as_of")


def update_alerts(context: JobContext, run: Run, judged_versions: Sequence[JudgedVersion], as_of: datetime) -> None:
    """Write what a window says of each alert, once its verdicts are written; say which alerts opened and closed.

    Args:
        context: Tables and use case.
        run: Which run writes.
        judged_versions: The versions that scored rows of the window, at least one.
        as_of: The logical now.
    """
    subject, use_case = judged_versions[-1].subject, context.use_case
    alerts = {one.alert_id: one for version in judged_versions for one in version.alerts}
    findings = WindowFindings(subject, as_of, tuple(alerts.values()), use_case.day_starts_at)
    history = alert_history(run, subject.model_name, as_of=as_of)
    windows = _monitored(run, subject.model_name, as_of)
    rows = next_state(history, windows, findings, use_case.monitoring)
    if not rows:
        return
    rows = with_affected(rows, count_affected(context, run, subject, _opened(rows, alerts, subject.window)))
    run.wrote(run.tables.control_tables.add(ALERTS_TABLE, rows, _KEYS))
    before, after = current(history), current([*history, *rows])
    was_open = {one.alert_id for one in before.values() if one.state.is_open}
    changed = [one for one in after.values() if (one.alert_id in was_open) != one.state.is_open]
    words = mutes(run, subject.model_name, as_of=as_of) if changed else {}
    for one in changed:
        _say(one, is_muted=bool(muted_by(words, one)))


def with_affected(rows: Iterable[AlertRecord], impacts: Mapping[str, Affected]) -> tuple[AlertRecord, ...]:
    """Put to the rows of a window that opened an alert whom it affects."""
    return tuple(
        replace(one, rows=impacts[one.alert_id].rows, slices=impacts[one.alert_id].slices)
        if one.state is State.OPENED and one.alert_id in impacts
        else one
        for one in rows
    )


def _opened(rows: Iterable[AlertRecord], alerts: Mapping[str, Raised], window: Window) -> list[Raised]:
    """List the alerts that a window opened, but for those on single requests, whose rows are not of a batch."""
    ids = {one.alert_id for one in rows if one.state is State.OPENED and one.window == window}
    return [one for one in alerts.values() if one.alert_id in ids and ALERTS[one.alert].statement != SERVING]


def _monitored(run: Run, model_name: str, as_of: datetime) -> Collection[Window]:
    columns = ("window_start", "window_end", "as_of")
    return {records.window_of(row) for row in records.of_model(run, VERDICTS, model_name, as_of, columns=columns)}


def _say(one: AlertRecord, *, is_muted: bool) -> None:
    is_open = one.state.is_open
    event(
        "alert opened" if is_open else "alert closed",
        level=logging.WARNING if is_open else logging.INFO,
        alert=one.alert_id,
        severity=str(one.severity),
        muted=is_muted,
        column=one.column_name,
        source=one.source,
        metric=one.metric,
        slice=one.slice,
        since=iso(one.since),
        window_start=iso(one.window.start),
        window_end=iso(one.window.end),
        model_version=one.model_version,
        affected_rows=one.rows,
    )
