"""Days of a use case: one clock for times, dates and whole numbers."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from levelfive.core.days import DAY, date_of, day_number, day_of, number_of, start_of
from levelfive.core.windows import utc

FIRST = date(2013, 3, 9)
OFFSETS = [timedelta(0), timedelta(hours=6), -timedelta(hours=5)]


@pytest.mark.parametrize("day_starts_at", OFFSETS, ids=str)
def test_a_day_holds_the_times_from_its_start_up_to_the_next_one_s(day_starts_at: timedelta) -> None:
    start = start_of(FIRST, day_starts_at)

    times = [start - timedelta.resolution, start, start + DAY - timedelta.resolution, start + DAY]

    assert [day_of(moment, day_starts_at) for moment in times] == [FIRST - DAY, FIRST, FIRST, FIRST + DAY]


def test_a_day_begins_so_long_after_midnight_in_utc() -> None:
    assert start_of(FIRST, timedelta(hours=6)) == utc(2013, 3, 9, 6)


@pytest.mark.parametrize("day_starts_at", OFFSETS, ids=str)
@pytest.mark.parametrize("moment", [utc(2013, 3, 9, 5, 59), utc(2013, 3, 9, 6), utc(1969, 12, 31, 23), utc(1970, 1, 1)])
def test_a_number_tells_the_same_day_as_a_date(moment: datetime, day_starts_at: timedelta) -> None:
    seconds = int(moment.timestamp())

    assert date_of(day_number(seconds, day_starts_at)) == day_of(moment, day_starts_at)
    assert day_number(np.array([seconds]), day_starts_at).tolist() == [day_number(seconds, day_starts_at)]


def test_numbers_and_dates_are_turned_into_each_other() -> None:
    assert (date_of(0), date_of(-1), number_of(date(1970, 1, 3))) == (date(1970, 1, 1), date(1969, 12, 31), 2)
