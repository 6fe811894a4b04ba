"""Windows: half-open, in UTC, never empty; and times written for people and for Spark."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from levelfive.core.windows import Window, first_of, from_micros, iso, sql_literal, utc
from levelfive.errors import ConfigError

NOON = utc(2013, 1, 1, 12)
DAY = timedelta(days=1)
NEW_YORK = timezone(timedelta(hours=-5))


@pytest.mark.parametrize("moment", [datetime(2013, 1, 1, 12), NOON.astimezone(NEW_YORK)])
def test_a_window_takes_both_its_times_in_utc(moment: datetime) -> None:
    with pytest.raises(ConfigError, match="a window takes times in UTC"):
        Window(moment, NOON + DAY)
    with pytest.raises(ConfigError, match="a window takes times in UTC"):
        Window(NOON - DAY, moment)


@pytest.mark.parametrize("length", [timedelta(0), -DAY])
def test_a_window_without_any_time_in_it_is_refused(length: timedelta) -> None:
    with pytest.raises(ConfigError, match="must end after its start"):
        Window(NOON, NOON + length)


def test_the_shortest_window_is_a_window() -> None:
    assert Window(NOON, NOON + timedelta.resolution).length == timedelta.resolution


def test_a_window_is_shown_with_the_end_that_it_does_not_hold() -> None:
    assert str(Window(NOON, NOON + DAY)) == "[2013-01-01T12:00:00Z, 2013-01-02T12:00:00Z)"


@pytest.mark.parametrize(
    ("hours", "cuts"),
    [(48, [0, 24, 48]), (60, [0, 24, 48, 60]), (5, [0, 5])],
    ids=["whole lengths", "a shorter last one", "less than a length"],
)
def test_a_window_is_cut_into_consecutive_ones(hours: int, cuts: list[int]) -> None:
    edges = [NOON + timedelta(hours=hour) for hour in cuts]

    parts = list(Window(NOON, NOON + timedelta(hours=hours)).split(DAY))

    assert [Window(start, end) for start, end in pairwise(edges)] == parts


@pytest.fixture(params=["UTC0", "EST5"])
def zone_of_process(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("zone_of_process")
def test_a_time_of_another_zone_is_written_in_utc() -> None:
    moment = datetime(2013, 1, 1, 7, 8, 9, 10, tzinfo=NEW_YORK)

    assert iso(moment) == "2013-01-01T12:08:09.000010Z"
    assert sql_literal(moment) == "timestamp'2013-01-01 12:08:09.000010'"


def test_a_utc_time_begins_with_its_day_unless_told() -> None:
    assert utc(2013, 2, 3) == datetime(2013, 2, 3, 0, 0, tzinfo=UTC)
    assert utc(2013, 2, 3, 4, 5) == datetime(2013, 2, 3, 4, 5, tzinfo=UTC)


def test_microseconds_since_1970_become_a_time_and_none_stays_none() -> None:
    assert from_micros(1_357_041_600_000_001) == NOON + timedelta(microseconds=1)
    assert from_micros(0) == utc(1970, 1, 1)
    assert from_micros(None) is None


def test_a_date_of_another_century_is_not_where_the_data_begins() -> None:
    days = [NOON + number * DAY for number in range(400)]

    assert first_of(reversed(days)) == NOON
    assert first_of([*days, utc(1904, 1, 1), utc(1904, 6, 1)]) == NOON
    assert first_of([*days, NOON - 300 * DAY]) == NOON - 300 * DAY
    assert first_of([NOON]) == NOON
    assert first_of([]) is None


def test_a_length_beyond_all_times_is_one_window() -> None:
    assert [Window(NOON, NOON + DAY)] == list(Window(NOON, NOON + DAY).split(timedelta.max))


@pytest.mark.parametrize("window", [Window(NOON, NOON + DAY), Window(NOON, NOON + timedelta.resolution)], ids=str)
def test_a_window_is_read_as_it_was_shown(window: Window) -> None:
    assert Window.of_text(str(window)) == window


@pytest.mark.parametrize("text", ["", "None", "[2013-01-01T12:00:00Z)", "[2013-01-01, 2013-01-02, 2013-01-03)"])
def test_a_text_that_shows_no_window_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="a window is written as"):
        Window.of_text(text)
