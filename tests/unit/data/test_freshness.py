"""Which times make a source fresh."""

from datetime import timedelta

import pytest

from levelfive.core.windows import utc
from levelfive.data.freshness import is_fresh

AS_OF = utc(2013, 3, 1, 6)
LIMIT = timedelta(days=3)
MOMENT = timedelta.resolution


@pytest.mark.parametrize(
    ("age", "fresh"),
    [(timedelta(0), True), (LIMIT, True), (LIMIT + MOMENT, False), (-MOMENT, False)],
    ids=["just now", "at the limit", "beyond the limit", "from the time to come"],
)
def test_a_row_is_fresh_up_to_the_limit_and_not_from_the_time_to_come(age: timedelta, fresh: bool) -> None:
    assert is_fresh([AS_OF - age], LIMIT, AS_OF) is fresh


def test_one_fresh_row_among_others_is_enough_and_none_is_not() -> None:
    assert is_fresh([AS_OF - 9 * LIMIT, AS_OF - MOMENT, AS_OF + LIMIT], LIMIT, AS_OF)
    assert not is_fresh([], LIMIT, AS_OF)
