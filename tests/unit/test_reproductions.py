"""Two faults as they were reported, inside: sums of a grid above 2 ** 31, and a month as a length of time."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from levelfive.config import parse_length, parse_time, parse_window
from levelfive.core.windows import iso, utc
from levelfive.errors import ConfigError
from levelfive.features.grid import state_at
from levelfive.features.grid_spec import Flow, GridSpec, OpenIntervals, Ratio

HOUR = 3600
MONEY = GridSpec(
    ("store",),
    timedelta(hours=1),
    {"24h": timedelta(hours=24)},
    {"n": Flow("at"), "money": Flow("at", "money")},
    ("n", "money"),
    {"mean": Ratio("money", "n")},
    {"open": OpenIntervals("at", "end", timedelta(hours=1))},
)


@pytest.mark.parametrize(("money", "total"), [(1e8, 2.4e9), (0.4, 9.6)])
def test_a_day_of_money_is_summed_above_what_32_bits_hold_and_with_its_fraction(money: float, total: float) -> None:
    hours = np.arange(24, 48)
    columns = {"at": hours * HOUR * 1e6, "end": np.full(24, np.nan), "money": np.full(24, money)}

    state = state_at(hours * HOUR, columns.__getitem__, MONEY)

    assert state["money_24h"][-1] == pytest.approx(total, abs=1e-6)
    assert state["n_24h"][-1] == 24


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (lambda: parse_window("P1M", None, utc(2013, 3, 31, 6)), "a month has no length of its own"),
        (lambda: parse_length("P1M"), "a month has no length of its own"),
        (lambda: parse_window("P99999999D", None, utc(2013, 3, 31, 6)), "P99999999D"),
        (lambda: parse_time("9999-12-31T23:59:59-05:00"), "9999-12-31T23:59:59-05:00"),
    ],
)
def test_a_month_is_no_length_and_what_lies_beyond_the_calendar_is_refused(
    read: Callable[[], object], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        read()


def test_thirty_days_before_the_end_of_march_begin_on_its_first_day() -> None:
    assert iso(parse_window("P30D", None, utc(2013, 3, 31, 6)).start) == "2013-03-01T06:00:00Z"
