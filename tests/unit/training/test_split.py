"""Splits by time: no day on both sides, no random rows, and clear words when there is too little time."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from levelfive.core.windows import Window, utc
from levelfive.errors import ConfigError, EvidenceError
from levelfive.training.split import Split, blocks_of_weeks, moved_back, newest_days, split_by_holdout
from levelfive.usecase.policies import GatePolicy

POLICY = GatePolicy(holdout_days=14)
NEW_YEAR = utc(2013, 1, 1)
FIVE_WEEKS = pd.date_range("2013-01-07", "2013-02-11", freq="3h", inclusive="left")  # from a Monday


def test_the_newest_days_are_held_out_and_all_before_them_is_trained_on():
    split = split_by_holdout(utc(2013, 4, 1), NEW_YEAR, POLICY)

    assert Split(Window(NEW_YEAR, utc(2013, 3, 18)), Window(utc(2013, 3, 18), utc(2013, 4, 1))) == split


def test_no_day_lies_on_both_sides_when_as_of_lies_within_a_day():
    split = split_by_holdout(utc(2013, 4, 1, 20), NEW_YEAR, POLICY, day_starts_at=timedelta(hours=5))

    assert Window(utc(2013, 3, 18, 5), utc(2013, 4, 1, 20)) == split.holdout
    assert split.train.end == split.holdout.start


def test_rows_too_young_for_their_labels_are_on_neither_side():
    split = split_by_holdout(utc(2013, 4, 1), NEW_YEAR, POLICY, maturity=timedelta(hours=24))

    assert Window(utc(2013, 3, 17), utc(2013, 3, 31)) == split.holdout


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 60 * 24 * 300),
    st.integers(1, 30),
    st.integers(0, 72),
    st.integers(-12, 12),
)
def test_every_split_keeps_its_promises(minute, holdout_days, maturity_hours, day_starts_at_hour):
    as_of = utc(2013, 3, 1) + timedelta(minutes=minute)
    maturity, offset = timedelta(hours=maturity_hours), timedelta(hours=day_starts_at_hour)

    split = split_by_holdout(
        as_of, NEW_YEAR, replace(POLICY, holdout_days=holdout_days), maturity=maturity, day_starts_at=offset
    )

    held_out = split.holdout.end - split.holdout.start
    assert as_of - maturity == split.holdout.end
    assert timedelta(days=holdout_days) <= held_out < timedelta(days=holdout_days + 1)
    assert timedelta(0) == (split.holdout.start - NEW_YEAR - offset) % timedelta(days=1)
    assert (NEW_YEAR, split.holdout.start) == (split.train.start, split.train.end)


def test_just_enough_days_are_enough_and_a_minute_less_is_not():
    as_of = NEW_YEAR + timedelta(days=28)

    assert timedelta(days=14) == split_by_holdout(as_of, NEW_YEAR, POLICY).train.end - NEW_YEAR
    with pytest.raises(EvidenceError, match=r"needs 28.0 days of data \(14 to train on.*got 28.0 since 2013-01-01"):
        split_by_holdout(as_of, NEW_YEAR + timedelta(minutes=1), POLICY)


def test_a_single_day_to_train_on_is_enough_where_one_is_asked_for():
    split = split_by_holdout(NEW_YEAR + timedelta(days=15), NEW_YEAR, POLICY, min_train_days=1)

    assert Window(NEW_YEAR, NEW_YEAR + timedelta(days=1)) == split.train


def test_a_day_that_is_not_over_is_none_of_those_that_are_counted():
    days = [date(2013, 3, number) for number in range(1, 12)]
    policy = replace(POLICY, holdout_days=3)

    noon = newest_days(utc(2013, 3, 11, 12), policy, maturity=timedelta(0), day_starts_at=timedelta(0), days=days[:-3])
    night = newest_days(utc(2013, 3, 9), policy, maturity=timedelta(0), day_starts_at=timedelta(0), days=days)

    assert Window(utc(2013, 3, 6), utc(2013, 3, 11, 12)) == noon
    assert Window(utc(2013, 3, 6), utc(2013, 3, 9)) == night
    within = newest_days(utc(2013, 3, 8, 12), policy, maturity=timedelta(0), day_starts_at=timedelta(0), days=days)
    assert utc(2013, 3, 5) == within.start


def test_a_holdout_that_goes_back_by_one_day_says_so():
    holdout = Window(utc(2013, 3, 1), utc(2013, 3, 16))

    (said,) = moved_back(holdout, POLICY)

    assert "1 day earlier, at 2013-03-01T00:00:00Z" in said
    assert moved_back(Window(utc(2013, 3, 2), holdout.end), POLICY) == ()


def test_too_short_a_time_says_how_many_days_are_needed():
    with pytest.raises(EvidenceError, match=r"needs 43.0 days.*got 9.0 since"):
        split_by_holdout(utc(2013, 1, 10), NEW_YEAR, POLICY, maturity=timedelta(days=1), min_train_days=28)


def test_no_time_at_all_is_too_short_a_time():
    with pytest.raises(EvidenceError, match=r"needs 28\.0 days"):
        split_by_holdout(NEW_YEAR, utc(2013, 5, 1), POLICY)


def days_of(*spans):
    """List the days of some spans, their ends not included."""
    return {day.date() for first, end in spans for day in pd.date_range(first, end, inclusive="left")}


def test_the_holdout_goes_back_over_days_without_rows_and_nothing_of_it_is_trained_on():
    split = split_by_holdout(
        utc(2013, 4, 1), NEW_YEAR, POLICY, days=days_of(("2013-01-01", "2013-03-11"), ("2013-03-25", "2013-04-01"))
    )

    assert Split(Window(NEW_YEAR, utc(2013, 3, 4)), Window(utc(2013, 3, 4), utc(2013, 4, 1))) == split
    assert moved_back(split.holdout, POLICY) == (
        "the holdout begins 14 days earlier, at 2013-03-04T00:00:00Z: as many days since then have no mature labels, "
        "or are left out",
    )


@pytest.mark.parametrize("hour", [0, 5, 20])
def test_where_no_day_is_missing_the_holdout_is_where_it_was(hour):
    as_of, how = utc(2013, 4, 1, hour), {"day_starts_at": timedelta(hours=5), "maturity": timedelta(hours=36)}

    split = split_by_holdout(as_of, NEW_YEAR, POLICY, days=days_of(("2012-12-31", "2013-04-01")), **how)

    assert split_by_holdout(as_of, NEW_YEAR, POLICY, **how) == split
    assert moved_back(split.holdout, POLICY) == ()


def test_after_the_end_of_a_season_its_last_days_are_held_out():
    split = split_by_holdout(utc(2013, 9, 1), NEW_YEAR, POLICY, days=days_of(("2013-01-01", "2013-04-01")))

    assert utc(2013, 3, 18) == split.train.end == split.holdout.start


def test_the_holdout_goes_back_only_as_far_as_enough_days_are_left_to_train_on():
    split = split_by_holdout(utc(2013, 4, 1), NEW_YEAR, POLICY, days=days_of(("2013-01-01", "2013-01-20")))

    assert Window(NEW_YEAR, utc(2013, 1, 15)) == split.train


def test_without_a_day_that_could_be_held_out_it_is_said_how_many_days_have_rows():
    with pytest.raises(EvidenceError, match=r"needs 14 days with rows to train on, and later ones.*got 10 since 2013"):
        split_by_holdout(utc(2013, 4, 1), NEW_YEAR, POLICY, days=days_of(("2013-01-01", "2013-01-11")))


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(0, 89), min_size=16), st.integers(0, 47), st.integers(1, 20))
def test_whichever_days_have_rows_enough_of_them_are_trained_on_and_the_newest_held_out(places, hours, holdout_days):
    days = {(NEW_YEAR + timedelta(days=place)).date() for place in places}
    as_of, policy = NEW_YEAR + timedelta(days=90, hours=hours), replace(POLICY, holdout_days=holdout_days)

    split = split_by_holdout(as_of, NEW_YEAR, policy, days=days)

    held = [day for day in days if utc(day.year, day.month, day.day) >= split.holdout.start]
    assert held
    assert as_of == split.holdout.end
    assert split.train.end == split.holdout.start <= split_by_holdout(as_of, NEW_YEAR, policy).holdout.start
    assert len(held) <= holdout_days + 1
    assert len(held) >= min(holdout_days, len(days) - 14)


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="min_train_days=0"):
        split_by_holdout(utc(2013, 4, 1), NEW_YEAR, POLICY, min_train_days=0)
    with pytest.raises(ConfigError, match="earliest must be a time in UTC"):
        split_by_holdout(utc(2013, 4, 1), datetime(2013, 1, 1), POLICY)
    with pytest.raises(ConfigError, match="as_of must be a time in UTC"):
        split_by_holdout(datetime(2013, 4, 1), NEW_YEAR, POLICY)


@pytest.mark.parametrize(
    "times",
    [
        FIVE_WEEKS.tz_localize("UTC"),
        FIVE_WEEKS.to_numpy(),
        pd.Series(FIVE_WEEKS.tz_localize("UTC")),
        FIVE_WEEKS.as_unit("us"),
    ],
)
def test_times_may_come_in_any_form(times):
    assert (blocks_of_weeks(FIVE_WEEKS, 3) == blocks_of_weeks(times, 3)).all()


def test_a_missing_time_is_refused():
    with pytest.raises(EvidenceError, match="got 1 of 2 rows without"):
        blocks_of_weeks(pd.to_datetime(["2013-01-07", None]), 2)


def test_blocks_are_weeks_on_end_of_nearly_equal_number():
    times = pd.date_range("2013-01-07", periods=35, freq="D")

    blocks = blocks_of_weeks(times, 2)

    assert blocks.tolist() == [0] * 21 + [1] * 14
    assert blocks_of_weeks(times[::-1], 2).tolist() == blocks.tolist()[::-1]


def test_a_block_begins_with_the_use_cases_monday():
    times = pd.to_datetime(["2013-01-07 04:59", "2013-01-07 05:00"])

    assert blocks_of_weeks(times, 2, day_starts_at=timedelta(hours=5)).tolist() == [0, 1]
    assert blocks_of_weeks(times, 2).tolist() == [0, 0]


def test_fewer_weeks_than_blocks_are_a_block_each():
    assert blocks_of_weeks(pd.to_datetime(["2013-01-07", "2013-03-07"]), 5).tolist() == [0, 1]
    assert blocks_of_weeks(FIVE_WEEKS[:0], 2).tolist() == []
