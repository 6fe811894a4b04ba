"""What a run of monitoring keeps of alerts in the table, and what it says of them to telemetry."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from in_memory.release import LATER, a_context
from in_memory.tables import MemoryTables
from recorded import Kept

from levelfive.core.windows import Window, iso
from levelfive.monitoring import alerting
from levelfive.monitoring.affected import Affected
from levelfive.monitoring.alert_history import alert_history
from levelfive.monitoring.alert_states import ALERTS_TABLE, open_alerts
from levelfive.monitoring.alerting import update_alerts
from levelfive.monitoring.evidence import Finding
from levelfive.monitoring.muted import mute
from levelfive.monitoring.raised import Raised
from levelfive.monitoring.records import write_verdicts
from levelfive.monitoring.verdict import Subject, VerdictRecord
from levelfive.storage.runs import Run
from levelfive.usecase.alert_rules import Severity

MODEL, DAY = "levelfive.prod.flight_delay", timedelta(days=1)
BROKEN = Raised("column_is_broken", Finding("temp: no values", column="temp", value=1.0), Severity.WARNING)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Of which alerts the affected rows are counted, which takes Spark."""
    asked: list[list[str]] = []

    def count(context: object, run: object, subject: object, alerts: list[Raised]) -> dict[str, Affected]:
        asked.append([one.alert_id for one in alerts])
        return {one.alert_id: Affected(900, {"origin=JFK": 300}) for one in alerts}

    monkeypatch.setattr(alerting, "count_affected", count)
    return asked


def monitor(
    tables: MemoryTables, end: datetime, *found: Raised, version: str = "2", as_of: datetime | None = None
) -> None:
    """Let a window of a day be judged as the job does it."""
    subject, run, when = Subject(MODEL, version, Window(end - DAY, end)), Run(tables, "a-run"), as_of or end
    nothing = dict.fromkeys(("outside", "unusual", "harmful", "broken"), ())
    measured = {"days": 0, "rows": 0, "drifted_share": 0.0, "calibration": None, "skill": None}
    write_verdicts(run, [VerdictRecord(**vars(subject), as_of=when, **measured, **nothing)])
    update_alerts(a_context(tables), run, [SimpleNamespace(subject=subject, alerts=found)], when)


def test_an_alert_that_opens_is_a_row_with_whom_it_affects(counts: list[list[str]]) -> None:
    tables = MemoryTables()

    monitor(tables, LATER, BROKEN)

    (row,) = tables.control_tables.rows(ALERTS_TABLE)
    assert (row["alert_id"], row["state"], row["severity"]) == ("column_is_broken:temp", "opened", "warning")
    assert (row["rows"], dict(row["slices"])) == (900, {"origin=JFK": 300})
    assert row["what_to_do"].endswith("ask its owner what changed. More: docs/runbook.md#column-is-broken")
    assert (row["since"], row["found_from"], row["value"], row["message"]) == (
        LATER - DAY,
        LATER - DAY,
        1.0,
        "temp: no values",
    )


def test_telemetry_hears_that_an_alert_opened_and_that_it_closed_once_each(
    counts: list[list[str]], recorded: Kept
) -> None:
    tables = MemoryTables()
    for number, found in enumerate(([BROKEN], [BROKEN], [], [])):
        monitor(tables, LATER + number * DAY, *found)
    monitor(tables, LATER, BROKEN, as_of=LATER + 9 * DAY)

    said = [(one.name, one.fields["alert"], one.fields["window_end"]) for one in recorded.events]
    of = "column_is_broken:temp"
    assert said == [("alert opened", of, iso(LATER)), ("alert closed", of, iso(LATER + 2 * DAY))]
    opened = recorded.events[0].fields
    assert (opened["severity"], opened["column"], opened["since"], opened["affected_rows"]) == (
        "warning",
        "temp",
        iso(LATER - DAY),
        900,
    )


def test_telemetry_hears_whether_an_alert_that_opens_is_muted(counts: list[list[str]], recorded: Kept) -> None:
    tables, alert = MemoryTables(), "column_is_broken:temp"
    for number, found in enumerate(([BROKEN], [], [BROKEN])):
        monitor(tables, LATER + number * DAY, *found)
        if number == 0:
            mute(a_context(tables), MODEL, alert, by="ada", reason="known", until=LATER + 9 * DAY, as_of=LATER)

    of_alert = [(one.name, one.fields["muted"]) for one in recorded.events if one.fields.get("alert") == alert]
    assert of_alert == [("alert opened", False), ("alert closed", True), ("alert opened", True)]


def test_rows_are_counted_of_alerts_that_open_and_no_others(counts: list[list[str]]) -> None:
    tables = MemoryTables()

    for number, found in enumerate(([BROKEN], [BROKEN], [])):
        monitor(tables, LATER + number * DAY, *found)

    assert counts == [["column_is_broken:temp"], [], []]


def test_a_window_that_is_monitored_again_adds_no_row(counts: list[list[str]]) -> None:
    tables = MemoryTables()
    for as_of in (LATER, LATER, LATER + DAY):
        monitor(tables, LATER, BROKEN, as_of=as_of)

    assert len(tables.control_tables.rows(ALERTS_TABLE)) == 1


def test_an_alert_goes_on_when_another_version_scores(counts: list[list[str]]) -> None:
    tables = MemoryTables()
    monitor(tables, LATER, BROKEN, version="2")
    monitor(tables, LATER + DAY, BROKEN, version="3")

    history = alert_history(Run(tables, "later"), MODEL, as_of=LATER + DAY)
    assert [(str(one.state), one.model_version) for one in history] == [("opened", "2"), ("open", "3")]


def test_what_was_said_later_is_not_known_yet(counts: list[list[str]]) -> None:
    tables = MemoryTables()
    monitor(tables, LATER, BROKEN)
    monitor(tables, LATER, as_of=LATER + DAY)

    then, now = (alert_history(Run(tables, "later"), MODEL, as_of=LATER + days * DAY) for days in (0, 1))
    assert [one.alert_id for one in open_alerts(then)] == ["column_is_broken:temp"]
    assert open_alerts(now) == ()
