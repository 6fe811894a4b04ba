"""Who is told of alerts: once each change, within limits, again where it did not arrive, and not where it is muted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from in_memory.release import a_context
from in_memory.tables import MemoryTables
from loopback import Loopback, Reply, loopback

from levelfive.core.outbox import Rhythm
from levelfive.core.windows import Window, utc
from levelfive.errors import ConfigError
from levelfive.monitoring.alert_states import ALERTS_TABLE, AlertRecord, State
from levelfive.monitoring.alerts import ALERTS
from levelfive.monitoring.destinations.destination import RHYTHM, Destination
from levelfive.monitoring.destinations.messages import DestinationKind
from levelfive.monitoring.muted import mute
from levelfive.monitoring.telling import HOUR, NOTICES, NoticeRecord, due, messages, room, tell
from levelfive.storage.runs import Run
from levelfive.usecase.alert_rules import Severity
from levelfive.usecase.policies import MonitoringPolicy

MODEL = "levelfive.prod.flight_delay"
DAY = timedelta(days=1)
NOON = utc(2013, 6, 10, 12)
WINDOW = Window(NOON - DAY, NOON)
TEMP = "column_is_broken:temp"
QUICK = Rhythm(queue=100, batch=1, linger=0.0, pauses=(0.01,), longest_pause=0.05, flush=15.0)
POLICY = MonitoringPolicy()


def an_alert(column: str = "temp", state: State = State.OPENED, as_of: datetime = NOON, **other: object) -> AlertRecord:
    found = AlertRecord(
        model_name=MODEL,
        model_version="3",
        window=Window(as_of - DAY, as_of),
        as_of=as_of,
        alert_id=f"column_is_broken:{column}",
        alert="column_is_broken",
        state=state,
        raised=state.is_open,
        severity=Severity.WARNING,
        message=f"{column}: 100% of the rows have no value, usually 0%",
        since=WINDOW.start,
        column_name=column,
        what_to_do=ALERTS["column_is_broken"].next_step,
        rows=900,
        slices={"origin=JFK": 300, "origin=EWR": 600},
    )
    return replace(found, **other)


def told(alert: str, state: State, seq: int, *, delivered: bool = True, as_of: datetime = NOON) -> NoticeRecord:
    return NoticeRecord(
        model_name=MODEL,
        destination="webhook",
        seq=seq,
        alert_id=alert,
        state=state,
        as_of=as_of,
        delivered=delivered,
    )


@dataclass
class Place:
    """A model's alerts, and a webhook on loopback that is told of them."""

    server: Loopback
    tables: MemoryTables
    policy: MonitoringPolicy = POLICY

    def become(self, *alerts: AlertRecord) -> None:
        keys = ("alert_id", "window_start", "window_end", "as_of")
        self.tables.control_tables.add(ALERTS_TABLE, alerts, keys)

    def tell(
        self, as_of: datetime = NOON, kinds: tuple[DestinationKind, ...] = (DestinationKind.WEBHOOK,)
    ) -> list[str]:
        """Tell destinations; the titles that arrived by it."""
        before = len(self.server.calls)
        context = a_context(self.tables)
        context = replace(context, use_case=replace(context.use_case, monitoring=self.policy))
        destinations = [Destination(kind, f"{self.server.address}/{kind}", QUICK) for kind in kinds]
        tell(context, Run(self.tables, "a-run"), MODEL, destinations, as_of=as_of)
        return [call.json["title"] for call in self.server.calls[before:] if "title" in call.json]

    def rows(self) -> list[tuple[str, int, str, bool]]:
        rows = self.tables.control_tables.rows(NOTICES)
        return sorted((row["alert_id"], row["seq"], row["state"], row["delivered"]) for row in rows)


@pytest.fixture
def place() -> Iterator[Place]:
    with loopback() as server:
        yield Place(server, MemoryTables())


def test_a_destination_is_told_once_when_an_alert_opens_and_once_when_it_closes(place: Place) -> None:
    place.become(an_alert())
    said = [place.tell(), place.tell()]
    place.become(an_alert(state=State.OPEN, as_of=NOON + DAY))
    said.append(place.tell(NOON + DAY))
    place.become(an_alert(state=State.CLOSED, as_of=NOON + 2 * DAY))
    said += [place.tell(NOON + 2 * DAY), place.tell(NOON + 3 * DAY)]

    assert said == [["Opened: Column is broken: temp"], [], [], ["Closed: Column is broken: temp"], []]
    assert place.rows() == [(TEMP, 1, "opened", True), (TEMP, 2, "closed", True)]


def test_a_notice_says_what_moved_since_when_who_is_affected_and_what_to_do(place: Place) -> None:
    place.become(an_alert(cause=("wind_dir", "temp")))

    place.tell()

    (call,) = place.server.calls
    assert call.json == {
        "title": "Opened: Column is broken: temp",
        "severity": "warning",
        "facts": {
            "use case": "flight_delay",
            "model": "levelfive.prod.flight_delay, version 3",
            "found": "temp: 100% of the rows have no value, usually 0%",
            "since": "2013-06-09T12:00:00Z",
            "window": str(WINDOW),
            "likely cause": "wind_dir, temp",
            "affected": "900 rows, most of origin=EWR 600, origin=JFK 300",
        },
        "what_to_do": "Compare the column with the days before, and ask its owner what changed. More: "
        "docs/runbook.md#column-is-broken",
        "link": "",
    }


def test_each_destination_is_told_by_itself(place: Place) -> None:
    place.become(an_alert())

    place.tell(kinds=(DestinationKind.TEAMS, DestinationKind.SLACK, DestinationKind.WEBHOOK))
    place.tell(kinds=(DestinationKind.TEAMS, DestinationKind.SLACK, DestinationKind.WEBHOOK))

    assert sorted(call.path for call in place.server.calls) == ["/slack", "/teams", "/webhook"]


def test_what_did_not_arrive_is_told_by_the_next_run_and_a_closing_too(place: Place) -> None:
    place.become(an_alert())
    place.server.usual = Reply(500)
    place.tell()
    place.tell(NOON + HOUR)
    assert place.rows() == [(TEMP, 1, "opened", False)]

    place.become(an_alert(state=State.CLOSED, as_of=NOON + DAY))
    place.server.usual = Reply()

    assert place.tell(NOON + DAY) == ["Closed: Column is broken: temp"]
    assert place.tell(NOON + 2 * DAY) == []


def test_a_destination_that_is_new_is_told_of_what_is_open_and_not_of_what_is_over(place: Place) -> None:
    place.become(an_alert("wind", State.CLOSED), an_alert("temp", State.OPEN))

    assert place.tell() == ["Opened: Column is broken: temp"]


def test_a_hanging_destination_holds_the_job_up_for_a_bound_and_is_told_later(place: Place) -> None:
    place.become(an_alert())
    place.server.usual = Reply(hangs=True)
    slow = replace(QUICK, flush=0.2)
    destinations = [Destination(kind, place.server.address, slow) for kind in DestinationKind]

    begin = time.monotonic()
    tell(a_context(place.tables), Run(place.tables, "a-run"), MODEL, destinations, as_of=NOON)

    assert 0.2 <= time.monotonic() - begin < 5.0
    assert RHYTHM.flush == 10.0
    assert {delivered for *_, delivered in place.rows()} == {False}


def test_what_is_beyond_the_limit_of_an_hour_is_put_into_one_message(place: Place) -> None:
    place.policy = MonitoringPolicy(messages_an_hour=3)
    names = "abcdefghijklmn"
    place.become(*(an_alert(name) for name in names))

    said = place.tell()

    assert said == [
        "Opened: Column is broken: a",
        "Opened: Column is broken: b",
        "12 alerts more: 12 opened, 0 closed",
    ]
    facts = place.server.calls[-1].json["facts"]
    assert [name for name in facts if name.startswith("column")] == [f"column_is_broken:{name}" for name in "cdefghij"]
    assert facts["besides"] == "4 more alerts, in the table alerts"
    assert len(place.rows()) == len(names)


def test_where_the_limit_is_used_up_what_is_to_be_told_waits_and_nothing_is_lost(place: Place) -> None:
    place.policy = MonitoringPolicy(messages_an_hour=1)
    place.become(an_alert("a"))
    assert place.tell() == ["Opened: Column is broken: a"]

    later = NOON + HOUR / 2
    place.become(an_alert("b", as_of=later), an_alert("c", as_of=later))
    assert place.tell(later) == []
    place.become(an_alert("b", State.CLOSED, as_of=NOON + HOUR))

    assert place.tell(NOON + HOUR) == ["2 alerts more: 1 opened, 1 closed"]
    assert place.tell(NOON + 2 * HOUR) == []


@pytest.mark.parametrize(("minutes", "a_day", "left"), [(0, 9, 1), (59, 9, 1), (60, 9, 2), (1439, 2, 1), (1440, 2, 2)])
def test_the_limits_are_of_the_last_hour_and_of_the_last_day(minutes: int, a_day: int, left: int) -> None:
    """Two rows are of one message, and what did not arrive counts for nothing."""
    before = [told("a", State.OPENED, 1), told("b", State.OPENED, 1), told("c", State.OPENED, 2, delivered=False)]
    policy = MonitoringPolicy(messages_an_hour=2, messages_a_day=a_day)

    assert room(before, NOON + timedelta(minutes=minutes), policy) == left


def test_a_muted_alert_is_told_once_it_is_muted_no_longer_and_still_open(place: Place) -> None:
    place.become(an_alert())
    about = {"by": "ada", "reason": "a new sensor", "until": NOON + DAY, "as_of": NOON}
    mute(a_context(place.tables), MODEL, TEMP, **about)

    assert place.tell(NOON + HOUR) == []
    assert place.tell(NOON + DAY) == ["Opened: Column is broken: temp"]


def test_what_closed_while_it_was_muted_is_not_told(place: Place) -> None:
    place.become(an_alert())
    mute(a_context(place.tables), MODEL, "column_is_broken", by="ada", reason="known", until=NOON + DAY, as_of=NOON)
    place.tell(NOON + HOUR)
    place.become(an_alert(state=State.CLOSED, as_of=NOON + 2 * HOUR))

    assert place.tell(NOON + 2 * DAY) == []


def test_the_last_word_on_an_alert_counts(place: Place) -> None:
    place.become(an_alert())
    words = {"by": "ada", "reason": "known"}
    mute(a_context(place.tables), MODEL, TEMP, until=NOON + 5 * DAY, as_of=NOON, **words)
    mute(a_context(place.tables), MODEL, TEMP, until=NOON + 2 * HOUR, as_of=NOON + HOUR, **words)

    assert place.tell(NOON + HOUR) == []
    assert place.tell(NOON + 2 * HOUR) == ["Opened: Column is broken: temp"]


@pytest.mark.parametrize(
    ("alert", "until", "words"),
    [
        (
            "column_is_broken:tmp",
            NOON + DAY,
            r"there is no alert 'column_is_broken:tmp': name one that is open \(column_is_broken:temp\)",
        ),
        (TEMP, NOON, "is over as of 2013-06-10T12:00:00Z: name a later time"),
    ],
    ids=["misspelt", "over"],
)
def test_what_cannot_be_muted_is_refused(place: Place, alert: str, until: datetime, words: str) -> None:
    place.become(an_alert())

    with pytest.raises(ConfigError, match=words):
        mute(a_context(place.tables), MODEL, alert, by="ada", reason="known", until=until, as_of=NOON)


def test_who_muted_an_alert_why_and_until_when_is_written_down(place: Place) -> None:
    place.become(an_alert())

    mute(a_context(place.tables), MODEL, TEMP, by="ada", reason="a new sensor", until=NOON + DAY, as_of=NOON)

    (row,) = place.tables.control_tables.rows("annotations")
    assert (row["kind"], row["subject"]) == ("muted", f"alert of {MODEL}: {TEMP}")
    assert (row["by"], row["reason"], row["said_at"], row["until"]) == ("ada", "a new sensor", NOON, NOON + DAY)


def test_what_is_less_urgent_than_a_use_case_wants_to_be_told_is_in_the_table_alone() -> None:
    info, warning = an_alert("a", severity=Severity.INFO), an_alert("b")

    assert due([info, warning], [], POLICY) == (warning,)
    assert due([info, warning], [], MonitoringPolicy(told_from=Severity.INFO)) == (warning, info)
    assert due([info, warning], [], MonitoringPolicy(told_from=Severity.CRITICAL)) == ()


def test_an_alert_that_is_open_again_before_anybody_was_told_of_its_end_is_no_news() -> None:
    assert due([an_alert()], [told(TEMP, State.OPENED, 1)], POLICY) == ()
    assert due([an_alert()], [told(TEMP, State.OPENED, 1), told(TEMP, State.CLOSED, 2)], POLICY) == (an_alert(),)


def test_nothing_to_tell_is_no_message() -> None:
    assert messages("shop", (), 5) == ()


def test_without_destinations_nothing_is_read_or_written(place: Place) -> None:
    place.become(an_alert())

    assert place.tell(kinds=()) == []
    assert NOTICES not in place.tables.names()
