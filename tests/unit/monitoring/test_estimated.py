"""How far an estimate is trusted: by how it did, beside the last value that was known."""

from datetime import timedelta

import pytest

from levelfive.core.windows import Window, utc
from levelfive.monitoring.estimated import LEAST_WINDOWS, PastWindow, trust

WEEK, DAY = timedelta(days=7), timedelta(days=1)
START = utc(2013, 1, 7)


def week(number, length=WEEK):
    return Window(START + number * WEEK, START + number * WEEK + length)


def past(came, error=0.0):
    """Build weeks whose metric came so, and was estimated with errors that take turns."""
    return [
        PastWindow(week(number), {"auc": value + error * (-1) ** number}, {"auc": value})
        for number, value in enumerate(came)
    ]


def found(weeks, window=None, maturity=DAY):
    return trust(weeks, window or week(len(weeks)), maturity)["auc"]


def test_an_estimate_that_beats_the_last_known_value_is_shown():
    told = found(past([0.6, 0.7] * 6, error=0.02))

    assert (told.error, told.error_of_last, told.windows) == (pytest.approx(0.02), pytest.approx(0.1), 11)
    assert told.is_shown


@pytest.mark.parametrize(("maturity", "error_of_last"), [(timedelta(0), 0.1), (WEEK, 0.1), (WEEK + DAY, 0.0)])
def test_the_last_known_value_is_of_a_window_whose_labels_were_known_then(maturity, error_of_last):
    """Weeks take turns, so that the one before is another and the one before that alike."""
    assert found(past([0.6, 0.7] * 6), maturity=maturity).error_of_last == pytest.approx(error_of_last)


def test_an_estimate_that_is_no_better_is_not_shown():
    assert not found(past([0.6, 0.6] * 8, error=0.02)).is_shown


def test_few_windows_show_nothing():
    rising = [0.5 + 0.02 * number for number in range(LEAST_WINDOWS + 1)]

    assert found(past(rising)).is_shown
    assert not found(past(rising[:-1])).is_shown


def test_the_interval_is_of_its_own_errors():
    weeks = past([0.5 + 0.05 * number for number in range(10)])
    off = [PastWindow(one.window, {"auc": one.came["auc"] - 0.01 * n}, one.came) for n, one in enumerate(weeks)]

    told = found(off)

    assert (told.windows, told.low, told.high) == (9, pytest.approx(0.01), pytest.approx(0.09))


def test_windows_of_another_length_or_that_overlap_say_nothing():
    weeks = past([0.5 + 0.05 * number for number in range(12)])

    assert trust(weeks, week(12, length=DAY), DAY) == {}
    assert found(weeks, week(11)).windows == found(weeks[:11], week(11)).windows


def test_what_was_not_estimated_or_did_not_come_is_passed_over():
    weeks = past([0.5 + 0.05 * number for number in range(12)])
    weeks[4] = PastWindow(week(4), {}, weeks[4].came)
    weeks[6] = PastWindow(week(6), weeks[6].estimates, {})

    # Neither is compared itself; the week after the second one has the value before it as its last known one.
    assert found(weeks).windows == 11 - 2
