"""When a column's day is called broken, what it is compared with, and how often that errs."""

from dataclasses import replace

import broken_data
import numpy as np
import pytest
from scipy import stats

from levelfive.monitoring.broken import OLDEST_DAYS, RECENT_DAYS, STRETCH, Judged, judge_days, judge_volume
from levelfive.monitoring.strange import KINDS, LEVELS, DailyValues, ValueKind

NULLS, FACTOR = KINDS.index(ValueKind.NULLS), KINDS.index(ValueKind.FACTOR)
BOUND_999 = 0.999


def some_days(nulls: list[float], **changed: np.ndarray) -> DailyValues:
    """Build days of one column of 900 rows, in which nothing but the nulls varies."""
    days = len(nulls)
    flat = np.full((days, 1), 0.2)
    quantiles = np.tile(np.arange(1.0, len(LEVELS) + 1), (days, 1, 1))
    made = DailyValues(np.arange(days), np.full((days, 1), 900.0), np.array(nulls)[:, None], flat, flat, quantiles)
    return replace(made, **changed)


def called(nulls: list[float], first: int = RECENT_DAYS, **changed: np.ndarray) -> list[bool]:
    return judge_days(some_days(nulls, **changed), first).broken[:, 0].tolist()


USUAL = [0.0] * RECENT_DAYS


@pytest.fixture(scope="module")
def year() -> DailyValues:
    return broken_data.flights_by_day()


def test_two_strange_days_running_are_broken_and_a_single_one_is_not() -> None:
    wavering = [0.0, 0.05] * (RECENT_DAYS // 2)

    assert called([*wavering, 0.2, 0.0, 0.2, 0.0]) == [False] * 4
    assert called([*wavering, 0.2, 0.2, 0.0]) == [True, True, False]


def test_a_single_day_far_out_is_broken() -> None:
    assert called([*USUAL, 0.19, 0.0]) == [True, False]


def test_a_day_between_without_rows_parts_two_strange_days() -> None:
    apart = np.array([*range(RECENT_DAYS + 1), RECENT_DAYS + 2])
    wavering = [0.0, 0.05] * (RECENT_DAYS // 2)

    assert called([*wavering, 0.2, 0.2], ordinals=apart) == [False, False]


def test_the_first_day_of_a_window_goes_on_with_the_last_before_it() -> None:
    wavering = [0.0, 0.05] * (RECENT_DAYS // 2)

    assert called([*wavering, 0.2, 0.2], first=RECENT_DAYS + 1) == [True]


def test_a_small_change_is_not_broken_however_constant_a_column_is() -> None:
    assert called([*USUAL, 0.09, 0.09]) == [False, False]


@pytest.mark.parametrize(("days", "judged"), [(27, False), (28, True)])
def test_without_28_recent_days_nothing_can_be_said(days: int, judged: bool) -> None:
    found = judge_days(some_days([0.0] * days + [1.0]), days)

    assert (found.enough_days.tolist(), found.broken.tolist()) == ([[judged]], [[judged]])


def test_days_of_few_rows_are_neither_judged_nor_compared_with() -> None:
    rows = np.full((RECENT_DAYS + 1, 1), 900.0)
    rows[-1] = 199
    assert called([*USUAL, 1.0], rows=rows) == [False]

    rows[:] = 199
    rows[-1] = 200
    assert called([*USUAL, 1.0], rows=rows) == [False]


def test_a_fault_that_stays_is_called_on_all_of_its_days() -> None:
    assert called([*USUAL, *[0.5] * 30]) == [True] * 30


def test_days_that_were_called_are_not_compared_with_later() -> None:
    nulls = [*USUAL, *[0.5] * 7, 0.5]
    refused = np.zeros((len(nulls), 1), bool)
    refused[RECENT_DAYS:] = True

    found = judge_days(some_days(nulls), len(nulls) - 1, broken_before=refused)

    assert found.broken.tolist() == [[True]]
    assert not judge_days(some_days(nulls), len(nulls) - 1).broken.any()


def test_what_was_called_for_a_season_becomes_what_is_usual() -> None:
    nulls = [*USUAL, *[0.5] * (OLDEST_DAYS + 60)]

    found = called(nulls)

    assert found[0]
    assert not found[-1]


def test_the_recent_days_are_no_more_than_56() -> None:
    wild = [0.5, *USUAL, 0.19]

    assert called(wild, first=len(wild) - 1) == [True]


def test_what_is_usual_and_the_smallest_change_seen_are_told() -> None:
    found = judge_days(some_days([*USUAL, 0.5]), RECENT_DAYS)

    assert (found.value[0, 0, NULLS], found.usual[0, 0, NULLS], found.seen_from[0, 0, NULLS]) == (0.5, 0.0, 0.1)
    assert found.seen_from[0, 0, FACTOR] == pytest.approx(np.exp(2 * STRETCH * 0.08))


@pytest.mark.parametrize("factor", [1.609, 1 / 1.609, 0.0, -1.0])
def test_another_unit_zeros_and_another_sign_are_a_factor(factor: float) -> None:
    days = some_days([*USUAL, 0.0])
    days.quantiles[-1] *= factor

    assert judge_days(days, RECENT_DAYS).broken.tolist() == [[True]]


def test_a_smaller_factor_that_is_far_out_is_flagged_too() -> None:
    days = some_days([*USUAL, 0.0])
    days.quantiles[-1] *= 1.41

    found = judge_days(days, RECENT_DAYS)

    assert found.broken.tolist() == [[True]]
    assert found.flags[0, 0].tolist() == [False, True, False, False]


def test_another_sign_is_no_factor_where_values_vary_so_much() -> None:
    """Degrees that were below zero for weeks, on the first days of a thaw."""
    days = some_days([*USUAL, 0.0, 0.0])
    frost = np.linspace(-20.0, -4.0, len(USUAL))
    days.quantiles[: len(USUAL), 0] = frost[:, None] + np.linspace(-2, 2, len(LEVELS))
    days.quantiles[len(USUAL) :, 0] = np.linspace(1, 5, len(LEVELS))

    found = judge_days(days, RECENT_DAYS)

    assert (found.broken.tolist(), found.value[:, 0, FACTOR].tolist()) == ([[False], [False]], [1.0, 1.0])


def test_quantiles_that_do_not_all_move_are_no_factor() -> None:
    days = some_days([*USUAL, 0.0])
    days.quantiles[-1, 0, 1:] *= 3

    found = judge_days(days, RECENT_DAYS)

    assert (found.broken.tolist(), found.value[0, 0, FACTOR]) == ([[False]], 1.0)


def test_fewer_values_outside_than_before_are_no_fault() -> None:
    outside = np.array([*[0.9] * RECENT_DAYS, 0.0])[:, None]

    assert called([*USUAL, 0.0], outside=outside) == [False]


def volume(rows: list[float], first: int = RECENT_DAYS) -> Judged:
    return judge_volume(np.arange(len(rows)), np.array(rows), first)


@pytest.mark.parametrize(("rows", "broken"), [([0], [True]), ([600, 600], [True, True]), ([2000, 2000], [False] * 2)])
def test_too_few_rows_are_broken_and_many_are_not(rows: list[float], broken: list[bool]) -> None:
    assert volume([*[900.0] * RECENT_DAYS, *rows]).broken[:, 0].tolist() == broken


def test_a_weekend_of_fewer_rows_is_usual_where_there_was_one_before() -> None:
    week = [900.0] * 5 + [500.0] * 2

    assert not volume(week * 10).broken.any()


def test_of_a_few_rows_a_day_nothing_is_said() -> None:
    assert not volume([150.0] * RECENT_DAYS + [0.0]).broken.any()


def test_without_any_change_two_weeks_in_a_hundred_are_called_at_most() -> None:
    assert broken_data.falsely_broken(80) <= stats.binom.ppf(BOUND_999, 80, 0.02)


@pytest.mark.nightly
def test_without_any_change_two_weeks_in_a_hundred_are_called_at_most_also_of_2000() -> None:
    """Two thousand weeks of 105 columns, each judged by its days."""
    assert broken_data.falsely_broken(2000) <= 61


def test_real_weeks_redrawn_by_day_are_hardly_ever_called(year: DailyValues) -> None:
    found = sum(bool(judge_days(week, RECENT_DAYS).broken.any()) for week in broken_data.redrawn(year, 7))

    assert found <= 8


def test_the_year_has_at_most_two_incidents_and_none_until_the_end_of_august(year: DailyValues) -> None:
    days = broken_data.broken_days(year, broken_data.TRAINED_UNTIL, np.datetime64("2014-01-01"))
    print([str(np.datetime64(day, "D")) for day in days])

    assert broken_data.incidents(days) <= 2
    assert all(np.datetime64(day, "D") >= broken_data.CHOSEN_UNTIL for day in days)


@pytest.mark.parametrize("days", [1, 7])
@pytest.mark.parametrize("name", broken_data.PLANTS)
def test_planted_faults_are_found(name: str, days: int, year: DailyValues) -> None:
    plant, column = broken_data.PLANTS[name]

    assert broken_data.found(year, plant, column, days, windows=40) >= stats.binom.ppf(1 - BOUND_999, 40, 0.95)


@pytest.mark.parametrize("step", [1, 7, 28])
@pytest.mark.parametrize("since", ["2013-06-01", "2013-10-10"])
@pytest.mark.parametrize("name", broken_data.PLANTS)
def test_a_fault_that_stays_is_called_window_after_window(name: str, since: str, step: int, year: DailyValues) -> None:
    plant, column = broken_data.PLANTS[name]

    found = broken_data.followed(year, plant, column, since, 56, step)

    assert found.sum() >= 55
    assert found[1:].all()


@pytest.mark.nightly
@pytest.mark.parametrize("days", [1, 7, 30])
@pytest.mark.parametrize("name", broken_data.PLANTS)
def test_planted_faults_are_found_in_184_of_200_windows(name: str, days: int, year: DailyValues) -> None:
    plant, column = broken_data.PLANTS[name]

    assert broken_data.found(year, plant, column, days) >= 184
