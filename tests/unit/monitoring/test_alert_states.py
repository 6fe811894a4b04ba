"""The state of alerts follows from what windows raise, however they are cut into runs, and however often they run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from levelfive.core.windows import Window, utc
from levelfive.monitoring.alert_states import (
    AlertRecord,
    State,
    WindowFindings,
    current,
    granularity,
    next_state,
    open_alerts,
)
from levelfive.monitoring.alerts import ALERTS
from levelfive.monitoring.evidence import Finding
from levelfive.monitoring.raised import Raised
from levelfive.monitoring.verdict import Subject
from levelfive.usecase.alert_rules import AlertRule, Severity
from levelfive.usecase.policies import MonitoringPolicy

DAY, WEEK = timedelta(days=1), timedelta(days=7)
BEGIN = utc(2013, 4, 1)
BROKEN, HARM = "column_is_broken", "skill_is_lost"
AT_ONCE = MonitoringPolicy()
TWO_OF_THREE = MonitoringPolicy(alerts=(AlertRule(BROKEN, windows=3, of_them=2),))


def day(number: int) -> Window:
    return Window(BEGIN + number * DAY, BEGIN + (number + 1) * DAY)


def broken(column: str = "temp", days: Iterable[date] = ()) -> Raised:
    return Raised(BROKEN, Finding(f"{column}: no values", column=column, days=tuple(days)), Severity.WARNING)


@dataclass
class Table:
    """The rows of `alerts` as runs of monitoring add them, one after the other."""

    policy: MonitoringPolicy = AT_ONCE
    rows: tuple[AlertRecord, ...] = ()
    windows: frozenset[Window] = frozenset()

    def monitor(self, window: Window, *found: Raised, as_of: datetime | None = None) -> list[tuple[str, State]]:
        """Monitor a window; what is new."""
        when = as_of or max([window.end, *(one.as_of + DAY / 24 for one in self.rows)])
        findings = WindowFindings(Subject("flights", "1", window), when, found)
        rows = next_state(self.rows, self.windows, findings, self.policy)
        self.rows += rows
        self.windows |= {window}
        return [(one.alert_id, one.state) for one in rows]

    def states(self, alert: str = f"{BROKEN}:temp") -> list[State]:
        """What the windows say of an alert, by their order."""
        newest = {one.window: one for one in sorted(self.rows, key=lambda row: row.as_of) if one.alert_id == alert}
        return [newest[window].state for window in sorted(newest, key=lambda window: (window.end, window.start))]


def test_an_alert_opens_stays_open_and_closes() -> None:
    table = Table()

    said = [table.monitor(day(number), *found) for number, found in enumerate(([], [broken()], [broken()], [], []))]

    of = f"{BROKEN}:temp"
    assert said == [[], [(of, State.OPENED)], [(of, State.OPEN)], [(of, State.CLOSED)], []]
    assert open_alerts(table.rows[:2]) == (table.rows[1],)
    assert open_alerts(table.rows) == ()


def test_a_row_says_what_was_found_of_what_and_what_to_do() -> None:
    finding = Finding(
        "skill is lost", source="flights", metric="skill", slice="origin=JFK", value=-0.25, detail="by far"
    )
    table = Table()

    table.monitor(day(0), Raised(HARM, finding, Severity.CRITICAL, ("temp", "wind")))

    (row,) = table.rows
    assert (row.source, row.metric, row.slice, row.value) == ("flights", "skill", "origin=JFK", -0.25)
    assert (row.message, row.cause) == ("skill is lost: by far", ("temp", "wind"))
    assert row.what_to_do == ALERTS[HARM].next_step
    assert (row.as_of, row.since, row.raised) == (day(0).end, day(0).start, True)


@pytest.mark.parametrize(
    ("rule", "opens"),
    [
        (AlertRule(HARM, "skill", "origin=JFK", windows=3, of_them=2), False),
        (AlertRule(HARM, "skill", windows=3, of_them=2), False),
        (AlertRule(HARM, "skill", "origin=LGA", windows=3, of_them=2), True),
        (AlertRule(HARM, "loss", "origin=JFK", windows=3, of_them=2), True),
    ],
    ids=["of both", "of the metric", "of another slice", "of another metric"],
)
def test_how_many_windows_it_takes_is_said_by_metric_and_slice(rule: AlertRule, opens: bool) -> None:
    finding = Finding("skill is lost", metric="skill", slice="origin=JFK")
    table = Table(MonitoringPolicy(alerts=(rule,)))

    ((_, state),) = table.monitor(day(0), Raised(HARM, finding, Severity.CRITICAL))

    assert state is (State.OPENED if opens else State.PENDING)


def test_an_alert_is_there_since_the_first_day_of_the_window_that_opened_it() -> None:
    table = Table()
    week = Window(BEGIN, BEGIN + WEEK)

    table.monitor(week, broken(days=[date(2013, 4, 3), date(2013, 4, 4)]))
    table.monitor(Window(week.end, week.end + WEEK), broken())

    assert {one.since for one in table.rows} == {utc(2013, 4, 3)}
    assert [one.found_from for one in table.rows] == [utc(2013, 4, 3), week.end]


def test_too_few_windows_that_raise_an_alert_leave_it_pending() -> None:
    table = Table(TWO_OF_THREE)
    raising = [True, False, False, True, False, True, False, False]

    for number, raises in enumerate(raising):
        table.monitor(day(number), *([broken()] if raises else []))

    assert table.states() == [*[State.PENDING] * 5, State.OPENED, State.CLOSED, State.PENDING]
    assert [one.since for one in table.rows if one.state is State.OPENED] == [day(3).start]


def test_a_window_of_another_length_neither_closes_an_alert_nor_counts_for_it() -> None:
    """Of a day nothing can be said of harm, which a week has shown."""
    table = Table()
    harm = Raised(HARM, Finding("no skill"), Severity.CRITICAL)

    table.monitor(Window(BEGIN, BEGIN + WEEK), harm)
    for number in range(7, 14):
        table.monitor(day(number))
    table.monitor(Window(BEGIN + WEEK, BEGIN + 2 * WEEK))

    assert table.states(HARM) == [State.OPENED, *[State.OPEN] * 6, State.CLOSED, State.CLOSED]
    assert open_alerts(table.rows) == ()


def test_what_a_longer_window_said_holds_for_as_long_as_it_is() -> None:
    table = Table()

    table.monitor(Window(BEGIN, BEGIN + WEEK), broken())
    for number in range(7, 15):
        table.monitor(day(number))

    assert table.states() == [State.OPENED, *[State.OPEN] * 7, State.CLOSED]


def test_a_window_that_is_monitored_again_and_is_well_now_takes_its_alert_back() -> None:
    table = Table()
    table.monitor(day(0), broken())

    assert table.monitor(day(0)) == [(f"{BROKEN}:temp", State.CLOSED)]
    assert open_alerts(table.rows) == ()


def test_what_is_found_later_of_an_earlier_window_changes_what_the_windows_after_it_say() -> None:
    table = Table(TWO_OF_THREE)
    for number, found in enumerate(([], [broken()], [])):
        table.monitor(day(number), *found)
    assert table.states() == [State.PENDING, State.PENDING]

    table.monitor(day(0), broken())

    assert table.states() == [State.PENDING, State.OPENED, State.OPEN]


def test_alerts_are_listed_the_most_urgent_first_and_of_these_the_oldest() -> None:
    table = Table()
    critical = replace(broken("wind"), severity=Severity.CRITICAL)
    table.monitor(day(0), broken("temp"))
    table.monitor(day(1), broken("dewp"), broken("temp"), critical)

    assert [one.column_name for one in open_alerts(table.rows)] == ["wind", "temp", "dewp"]


@pytest.mark.parametrize(
    ("days", "name"),
    [(0.5, "hour"), (1, "day"), (7, "week"), (14, "week"), (28, "month"), (31, "month"), (365, "year")],
)
def test_months_are_of_one_granularity(days: float, name: str) -> None:
    assert granularity(Window(BEGIN, BEGIN + days * DAY)) == name


RULES = st.sampled_from([AT_ONCE, TWO_OF_THREE, MonitoringPolicy(alerts=(AlertRule(BROKEN, windows=3, of_them=3),))])
COLUMNS = st.frozensets(st.sampled_from(["temp", "wind"]))
DAYS = st.lists(COLUMNS, min_size=1, max_size=6)
WEEKLY = Window(BEGIN, BEGIN + WEEK)


def last_words(table: Table) -> dict[tuple[str, Window], tuple[object, ...]]:
    """What is said last of each alert and window."""
    found = {}
    for one in sorted(table.rows, key=lambda row: row.as_of):
        withdrawn = one.state is State.CLOSED and not one.raised
        found[one.alert_id, one.window] = (one.state, one.raised, one.since if not withdrawn else None)
    return found


def monitored(policy: MonitoringPolicy, days: Sequence[frozenset[str]], order: Iterable[int]) -> Table:
    table = Table(policy)
    for place in order:
        table.monitor(day(place), *map(broken, sorted(days[place])))
    return table


@settings(deadline=None, max_examples=25)
@given(policy=RULES, days=DAYS, again=st.data())
def test_monitored_again_a_window_says_nothing_new(
    policy: MonitoringPolicy, days: list[frozenset[str]], again: st.DataObject
) -> None:
    table = monitored(policy, days, range(len(days)))
    place = again.draw(st.integers(0, len(days) - 1))

    for as_of in (day(place).end, day(len(days)).end, None):
        assert table.monitor(day(place), *map(broken, sorted(days[place])), as_of=as_of) == []


@settings(deadline=None, max_examples=25)
@given(policy=RULES, days=DAYS, order=st.data())
def test_the_order_in_which_windows_are_monitored_does_not_matter(
    policy: MonitoringPolicy, days: list[frozenset[str]], order: st.DataObject
) -> None:
    shuffled = order.draw(st.permutations(range(len(days))))

    one, other = monitored(policy, days, range(len(days))), monitored(policy, days, shuffled)

    still_there = {key: word for key, word in last_words(one).items() if word[0] is not State.CLOSED}
    assert {key: word for key, word in last_words(other).items() if word[0] is not State.CLOSED} == still_there
    assert {one.alert_id for one in open_alerts(one.rows)} == {one.alert_id for one in open_alerts(other.rows)}


@settings(deadline=None, max_examples=25)
@given(policy=RULES, days=DAYS, first=st.lists(COLUMNS, min_size=6, max_size=6), cut=st.integers(0, 6))
def test_what_was_found_first_of_windows_leaves_no_trace_once_they_are_monitored_again(
    policy: MonitoringPolicy, days: list[frozenset[str]], first: list[frozenset[str]], cut: int
) -> None:
    """Labels come in: a window says another thing later. Then all that counts is what it says last."""
    table = monitored(policy, first, range(min(cut, len(days))))
    for place, columns in enumerate(days):
        table.monitor(day(place), *map(broken, sorted(columns)))

    direct = monitored(policy, days, range(len(days)))

    assert {one.alert_id: one.since for one in open_alerts(table.rows)} == {
        one.alert_id: one.since for one in open_alerts(direct.rows)
    }


@settings(deadline=None, max_examples=25)
@given(policy=RULES, days=DAYS)
def test_one_past_gives_one_present(policy: MonitoringPolicy, days: list[frozenset[str]]) -> None:
    order = range(len(days))

    assert monitored(policy, days, order).rows == monitored(policy, days, order).rows


@settings(deadline=None, max_examples=25)
@given(policy=RULES, days=DAYS)
def test_an_alert_opens_before_it_closes_and_closes_before_it_opens_again(
    policy: MonitoringPolicy, days: list[frozenset[str]]
) -> None:
    table = monitored(policy, days, range(len(days)))

    for alert in current(table.rows):
        turns = [state for state in table.states(alert) if state in (State.OPENED, State.CLOSED)]
        assert all(state is (State.CLOSED if place % 2 else State.OPENED) for place, state in enumerate(turns))
