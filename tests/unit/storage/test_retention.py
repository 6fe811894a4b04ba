"""For how long old files stay, as Delta's properties say it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levelfive.config import SHORTEST_RETENTION
from levelfive.errors import ConfigError
from levelfive.storage.retention import length_of, retention

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (30 * DAY, "interval 30 days"),
        (7 * DAY + HOUR, "interval 169 hours"),
        (7 * DAY + timedelta(seconds=1), "interval 169 hours"),
    ],
)
def test_whole_days_or_whole_hours_and_never_less(length: timedelta, text: str) -> None:
    assert retention(length) == text


@given(st.timedeltas(min_value=SHORTEST_RETENTION, max_value=3650 * DAY))
def test_what_was_written_is_read_as_that_or_up_to_an_hour_more(length: timedelta) -> None:
    again = length_of(retention(length))

    assert again is not None
    assert length <= again < length + HOUR


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("interval 1 week", 7 * DAY),
        ("INTERVAL 2 DAYS", 2 * DAY),
        ("168 hours", 168 * HOUR),
        (" interval 1 hour ", HOUR),
    ],
)
def test_what_others_wrote_is_read(text: str, length: timedelta) -> None:
    assert length_of(text) == length


@pytest.mark.parametrize("text", ["", "interval 1 month", "interval 3 days 4 hours", "for ever"])
def test_other_units_are_not_guessed(text: str) -> None:
    assert length_of(text) is None


def test_less_than_a_job_may_need_is_refused() -> None:
    with pytest.raises(ConfigError, match="7 days at least"):
        retention(SHORTEST_RETENTION - timedelta(seconds=1))
