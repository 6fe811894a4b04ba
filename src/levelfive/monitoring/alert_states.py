"""The state of alerts: what each window says of an alert, by the windows that raised it. Pure functions of the past."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from levelfive.core.days import start_of
from levelfive.core.windows import Window
from levelfive.monitoring.alerts import ALERTS
from levelfive.monitoring.raised import Raised
from levelfive.monitoring.verdict import Subject
from levelfive.storage.records import record_of
from levelfive.usecase.alert_rules import Severity
from levelfive.usecase.policies import MonitoringPolicy

ALERTS_TABLE = "alerts"

# Up to which length a window is of a granularity: months are not of one length.
_GRANULARITIES = {
    "hour": timedelta(hours=12),
    "day": timedelta(days=3),
    "week": timedelta(days=18),
    "month": timedelta(days=180),
}


class State(StrEnum):
    """What a window says of an alert: too few windows raise it yet, it begins, it goes on, it ends."""

    PENDING = "pending"
    OPENED = "opened"
    OPEN = "open"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        """Whether somebody should look."""
        return self in (State.OPENED, State.OPEN)


@record_of(ALERTS_TABLE)
@dataclass(frozen=True, kw_only=True)
class AlertRecord(Subject):
    """One row of `alerts`: what a window says of an alert, as it was known at a time.

    Args:
        as_of: When it was said.
        alert_id: Which alert it is.
        alert: Its registered name.
        state: What the window says of it.
        raised: Whether the window itself raises it.
        severity: How urgent it is.
        message: What was found, with its numbers; where the window does not raise it, what was found last.
        since: From when on it is there, in the windows that opened it.
        found_from: From when on the window itself has it; None where it does not.
        value: What was measured, in the unit of its limit.
        column_name: The column that it is of; empty for none, as the next three.
        source: The source that it is of.
        metric: The metric that it is of.
        slice: The slice of the rows that it is of.
        cause: The columns that are its likely cause.
        what_to_do: The next step, and where the runbook says more.
        rows: How many rows of the window are affected; None where that was not counted.
        slices: The affected rows by slice.
    """

    as_of: datetime
    alert_id: str
    alert: str
    state: State
    raised: bool
    severity: Severity
    message: str
    since: datetime
    found_from: datetime | None = None
    value: float | None = None
    column_name: str = ""
    source: str = ""
    metric: str = ""
    slice: str = ""
    cause: tuple[str, ...] = ()
    what_to_do: str = ""
    rows: int | None = None
    slices: Mapping[str, int] = field(default_factory=dict)

    @property
    def of(self) -> str:
        """The column, source or metric."""
        return self.column_name or self.source or self.metric


@dataclass(frozen=True)
class WindowFindings:
    """The alerts that a window raises, whichever version scored it.

    Args:
        subject: The window, and the last version that scored it.
        as_of: When it is said.
        alerts: The alerts.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
    """

    subject: Subject
    as_of: datetime
    alerts: tuple[Raised, ...]
    day_starts_at: timedelta = timedelta(0)

    @property
    def window(self) -> Window:
        """The window."""
        return self.subject.window


def next_state(
    history: Iterable[AlertRecord], windows: Collection[Window], findings: WindowFindings, policy: MonitoringPolicy
) -> tuple[AlertRecord, ...]:
    """Say what a window, and the windows after it, say of each alert now.

    An alert is open while at least `of_them` of the last `windows` windows of some granularity raise it. So it depends
    on what each window was found to raise last, and not on when, how often or in which order windows are monitored.

    Args:
        history: Earlier rows of one model.
        windows: All windows of the model that were monitored.
        findings: What a window raises.
        policy: How many windows must raise an alert.

    Returns:
        The rows that are new: where a window says what is known, there is none.
    """
    newest_rows = _newest(history)
    now = {one.alert_id: _record(one, findings) for one in findings.alerts}
    in_order = sorted({*windows, findings.window}, key=_order)
    rows: list[AlertRecord] = []
    for alert in sorted({*now, *(of for of, _ in newest_rows)}):
        of_alert = {window: record for (of, window), record in newest_rows.items() if of == alert}
        rows += _rows_of(of_alert, now.get(alert), in_order, findings, policy=policy)
    return tuple(rows)


def current(history: Iterable[AlertRecord]) -> dict[str, AlertRecord]:
    """Find what the last window said of each alert, by the alert's id."""
    in_order = sorted(_newest(history).values(), key=lambda record: _order(record.window))
    return {record.alert_id: record for record in in_order}


def open_alerts(history: Iterable[AlertRecord]) -> tuple[AlertRecord, ...]:
    """List the alerts that are open, the most urgent first and of these the oldest."""
    alerts = (record for record in current(history).values() if record.state.is_open)
    return tuple(sorted(alerts, key=lambda record: (record.severity.rank, record.since, record.alert_id)))


def granularity(window: Window) -> str:
    """Name about how long a window is: windows of one granularity are counted together."""
    return next((name for name, most in _GRANULARITIES.items() if window.length <= most), "year")


def _newest(history: Iterable[AlertRecord]) -> dict[tuple[str, Window], AlertRecord]:
    return {(one.alert_id, one.window): one for one in sorted(history, key=lambda record: record.as_of)}


def _order(window: Window) -> tuple[datetime, datetime]:
    return window.end, window.start


def _rows_of(
    before: Mapping[Window, AlertRecord],
    now: AlertRecord | None,
    windows: Sequence[Window],
    findings: WindowFindings,
    *,
    policy: MonitoringPolicy,
) -> Iterator[AlertRecord]:
    """Give the new rows of one alert."""
    records = {window: record for window, record in before.items() if window != findings.window}
    if now is not None:
        records[findings.window] = now
    raising = {window: record for window, record in records.items() if record.raised}
    latest = now or next(iter(before.values()))
    rule = policy.rule(latest.alert, latest.of, latest.slice)
    timeline = dict(_timeline(windows, raising, rule.windows or 1, rule.of_them or 1))
    for window in windows:
        last_row = before.get(window)
        if window not in timeline and (last_row is None or last_row.state is State.CLOSED):
            continue
        state, first = timeline.get(window, (State.CLOSED, window))
        latest = records.get(window, latest)
        since = min((one.found_from for one in _between(raising, first, window) if one.found_from), default=first.start)
        row = replace(latest, window=window, as_of=findings.as_of, state=state, since=since)
        if window not in raising:
            row = replace(row, raised=False, found_from=None)
        if last_row is None or _content(row) != _content(last_row):
            yield row


def _timeline(
    windows: Sequence[Window], raising: Collection[Window], last: int, of_them: int
) -> Iterator[tuple[Window, tuple[State, Window]]]:
    """Walk through the windows of all granularities; what of one says holds for as long as such a window is.

    Yields:
        Each window that says something: its state, and the first of the windows that raise the alert since it is there.
    """
    by_granularity: dict[str, list[Window]] = {}
    first: Window | None = None
    was_open = False
    for window in windows:
        by_granularity.setdefault(granularity(window), []).append(window)
        fresh = (line for line in by_granularity.values() if window.end - line[-1].end <= line[-1].length)
        raising_windows = [[one for one in line[-last:] if one in raising] for line in fresh]
        is_open = any(len(one) >= of_them for one in raising_windows)
        first = first or min((one for line in raising_windows for one in line), key=_order, default=None)
        if first is not None:
            yield window, (_STATES[was_open, is_open], first)
        was_open, first = is_open, first if is_open else None


_STATES = {
    (False, False): State.PENDING,
    (False, True): State.OPENED,
    (True, True): State.OPEN,
    (True, False): State.CLOSED,
}


def _between(raising: Mapping[Window, AlertRecord], first: Window, last: Window) -> Iterator[AlertRecord]:
    return (one for window, one in raising.items() if _order(first) <= _order(window) <= _order(last))


def _record(one: Raised, findings: WindowFindings) -> AlertRecord:
    finding, start = one.finding, findings.window.start
    return AlertRecord(
        **vars(findings.subject),
        as_of=findings.as_of,
        alert_id=one.alert_id,
        alert=one.alert,
        state=State.PENDING,
        raised=True,
        severity=one.severity,
        message=one.text,
        since=start,
        found_from=max(start, min((start_of(day, findings.day_starts_at) for day in finding.days), default=start)),
        value=finding.value,
        column_name=finding.column,
        source=finding.source,
        metric=finding.metric,
        slice=finding.slice,
        cause=one.cause,
        what_to_do=ALERTS[one.alert].next_step,
    )


def _content(record: AlertRecord) -> tuple[object, ...]:
    """What makes a row another one: not when it was said, nor whom it affects, which follows from the rest."""
    return tuple(
        value for name, value in vars(record).items() if name not in {"as_of", "model_version", "rows", "slices"}
    )
