"""What is published: all of a table once, then what is new and what was computed anew, as far back as lookups reach."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from levelfive.core.windows import Window, utc
from levelfive.online.publishing import (
    PublicationPlan,
    PublishedTable,
    TableSpan,
    before,
    last_tick,
    plan_publication,
    span_of,
)
from levelfive.online.store import OnlineTable, TableState
from levelfive.usecase.features import Lookup
from levelfive.usecase.policies import ServingPolicy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AS_OF = utc(2013, 5, 10, 6)
DELAYS = OnlineTable("delays", ("carrier",), ("string",), ("delay",), ("double",), timestamped=True)
AIRCRAFT = replace(DELAYS, name="aircraft", timestamped=False)
POLICY = ServingPolicy(history=DAY)
BY_AGE = (Lookup("delays", {"carrier": "carrier"}, ("delay",), max_age=7 * DAY),)
BY_GRID = (Lookup("delays", {"carrier": "carrier"}, ("delay",), grid=HOUR),)
SPAN = TableSpan(AS_OF - 8 * DAY, AS_OF - DAY, AS_OF)
THERE = TableState(DELAYS, 4, AS_OF, AS_OF, AS_OF - DAY, AS_OF - 8 * DAY)


def a_window(begin: float, end: float) -> Window:
    """Build a window by hours after AS_OF."""
    return Window(AS_OF + begin * HOUR, AS_OF + end * HOUR)


def planned(
    source: PublishedTable, there: TableState | None = THERE, *, policy: ServingPolicy = POLICY
) -> PublicationPlan | None:
    return plan_publication(source, there, BY_AGE, policy, as_of=source.watermark or AS_OF)


def test_a_table_that_is_not_there_is_published_as_a_whole() -> None:
    assert planned(PublishedTable(DELAYS, 4, AS_OF), None) == PublicationPlan(THERE, SPAN)
    assert planned(PublishedTable(AIRCRAFT, 4), None) == PublicationPlan(TableState(AIRCRAFT, 4, AS_OF))


def test_what_is_there_is_not_published_again() -> None:
    assert planned(PublishedTable(DELAYS, 4, AS_OF)) is None
    assert planned(PublishedTable(AIRCRAFT, 4), TableState(AIRCRAFT, 4, AS_OF - DAY)) is None


def test_a_table_without_times_is_published_when_its_version_or_columns_changed() -> None:
    there, wider = TableState(AIRCRAFT, 4, AS_OF - DAY), replace(AIRCRAFT, columns=("a", "b"), types=("int", "int"))
    for source in (PublishedTable(AIRCRAFT, 5), PublishedTable(AIRCRAFT, 3), PublishedTable(wider, 4)):
        assert planned(source, there) == PublicationPlan(TableState(source.table, source.version, AS_OF))


def test_what_is_new_is_put_onto_what_is_there() -> None:
    later = AS_OF + HOUR
    state = TableState(DELAYS, 5, later, later, later - DAY, later - 8 * DAY)
    span = TableSpan(later - 8 * DAY, later - DAY, later)

    found = planned(PublishedTable(DELAYS, 5, later, (a_window(0, 1),)))

    assert found == PublicationPlan(state, span, (a_window(0, 1),), onto=4)


def test_what_was_computed_before_as_of_and_not_published_is_new() -> None:
    found = planned(PublishedTable(DELAYS, 4, AS_OF + HOUR))

    assert found is not None
    assert (found.windows, found.onto) == ((a_window(0, 1),), 4)


def test_windows_that_were_computed_anew_are_published_anew() -> None:
    found = planned(PublishedTable(DELAYS, 7, AS_OF, (a_window(-10, -8), a_window(-5, -4), a_window(-9, -7))))

    assert found is not None
    assert found.windows == (a_window(-10, -7), a_window(-5, -4))


def test_a_window_that_begins_before_what_is_kept_is_published_with_all_that_came_before() -> None:
    edge = planned(PublishedTable(DELAYS, 7, AS_OF, (a_window(-24, -23),)))
    found = planned(PublishedTable(DELAYS, 7, AS_OF, (a_window(-25, -24), a_window(-50, -49), a_window(-2, -1))))

    assert edge is not None
    assert edge.windows == (a_window(-24, -23),)
    assert found is not None
    assert found.windows == (Window(SPAN.oldest, AS_OF - DAY), a_window(-2, -1))


def test_windows_outside_of_what_is_kept_are_not_published() -> None:
    found = planned(PublishedTable(DELAYS, 7, AS_OF, (a_window(-9 * 24, -8 * 24), a_window(0, 24), a_window(-1, 24))))

    assert found is not None
    assert found.windows == (a_window(-1, 0),)


def test_a_version_without_new_rows_is_noted() -> None:
    assert planned(PublishedTable(DELAYS, 5, AS_OF)) == PublicationPlan(replace(THERE, version=5), SPAN, (), onto=4)


def test_an_earlier_publication_takes_nothing_back() -> None:
    earlier = plan_publication(PublishedTable(DELAYS, 4, AS_OF - HOUR), THERE, BY_AGE, POLICY, as_of=AS_OF - HOUR)
    with_windows = plan_publication(
        PublishedTable(DELAYS, 5, AS_OF - HOUR, (a_window(-2, 0),)), THERE, BY_AGE, POLICY, as_of=AS_OF - HOUR
    )

    assert earlier is None
    assert with_windows == PublicationPlan(replace(THERE, version=5), SPAN, (a_window(-2, 0),), onto=4)


@pytest.mark.parametrize(
    ("source", "policy"),
    [
        (PublishedTable(replace(DELAYS, columns=("a",)), 4, AS_OF), POLICY),
        (PublishedTable(replace(DELAYS, key_types=("long",)), 4, AS_OF), POLICY),
        (PublishedTable(DELAYS, 3, AS_OF), POLICY),
        (PublishedTable(DELAYS, 4, AS_OF), ServingPolicy(history=DAY + HOUR)),
    ],
    ids=["columns", "keys", "a table made anew", "a longer history"],
)
def test_what_does_not_fit_is_published_as_a_whole(source: PublishedTable, policy: ServingPolicy) -> None:
    found = planned(source, policy=policy)

    assert found is not None
    assert (found.windows, found.onto, found.state.table) == (None, None, source.table)


def test_a_lookup_that_reaches_further_back_is_published_as_a_whole() -> None:
    older = (replace(BY_AGE[0], max_age=8 * DAY),)

    found = plan_publication(PublishedTable(DELAYS, 4, AS_OF), THERE, older, POLICY, as_of=AS_OF)

    assert found == PublicationPlan(replace(THERE, oldest=AS_OF - 9 * DAY), replace(SPAN, oldest=AS_OF - 9 * DAY))
    assert plan_publication(PublishedTable(DELAYS, 4, AS_OF), found.state, older, POLICY, as_of=AS_OF) is None


def test_a_lookup_that_reaches_less_far_back_lets_rows_go() -> None:
    younger = (replace(BY_AGE[0], max_age=DAY),)

    found = plan_publication(PublishedTable(DELAYS, 4, AS_OF), THERE, younger, POLICY, as_of=AS_OF)

    assert found is not None
    assert (found.state.oldest, found.windows) == (AS_OF - 2 * DAY, ())


@pytest.mark.parametrize(
    ("reaches_to", "kept_from"),
    [
        (utc(2013, 5, 10, 6), utc(2013, 5, 9, 6)),
        (utc(2013, 5, 10, 6, 59), utc(2013, 5, 9, 6)),
        (utc(1969, 12, 31, 23, 30), utc(1969, 12, 30, 23)),
    ],
)
def test_a_grid_is_kept_from_the_tick_that_the_earliest_request_looks_up(
    reaches_to: datetime, kept_from: datetime
) -> None:
    assert span_of(BY_GRID, POLICY, reaches_to) == TableSpan(kept_from, kept_from, reaches_to)


def test_the_last_tick_is_kept_however_short_the_history() -> None:
    span = span_of(BY_GRID, ServingPolicy(history=timedelta(microseconds=1)), AS_OF)

    assert span.kept_from == AS_OF - HOUR


def test_of_lookups_that_differ_the_one_that_reaches_back_furthest_counts() -> None:
    both = (*BY_GRID, *BY_AGE, replace(BY_AGE[0], max_age=HOUR), replace(BY_GRID[0], grid=7 * HOUR))

    span = span_of(both, POLICY, AS_OF)

    assert span.kept_from == last_tick(AS_OF - DAY, 7 * HOUR) < AS_OF - DAY
    assert span.oldest == span.kept_from - 7 * DAY


def test_an_age_without_an_end_reaches_back_to_the_beginning_of_time() -> None:
    assert before(AS_OF, timedelta.max) == utc(1700, 1, 1)
