"""Which days of a source count as holes, and that a source with gaps of its own is left in peace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest
from numpy.random import Generator
from scipy.stats import binom

from levelfive.data.rhythm import MIN_KNOWN_DAYS, USUAL_HOLES, DaySpan, SourceRhythm, rhythm

DAY = timedelta(days=1)
# A Monday.
BEGIN = date(2013, 1, 7)


def rows_of(days: int, rows: int = 100, *, begin: date = BEGIN, closed: tuple[int, ...] = ()) -> dict[date, int]:
    """The same number of rows each day, but for closed weekdays."""
    found = (begin + place * DAY for place in range(days))
    return {day: rows for day in found if day.weekday() not in closed}


def without(rows: dict[date, int], first: int, last: int) -> dict[date, int]:
    """Take the rows of some days away, by their place from the beginning on."""
    gone = {BEGIN + place * DAY for place in range(first, last + 1)}
    return {day: count for day, count in rows.items() if day not in gone}


def span(first: int, last: int) -> DaySpan:
    return DaySpan(BEGIN + first * DAY, BEGIN + last * DAY)


def judged(rows: dict[date, int], until: date | None = None) -> SourceRhythm:
    return rhythm(rows, until=until or max(rows))


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize(("first", "last"), [(60, 60), (60, 90)], ids=["a day", "a month"])
def test_days_without_rows_before_others_are_a_hole(rows: int, first: int, last: int) -> None:
    found = judged(without(rows_of(120, rows), first, last))

    assert found.holes == (span(first, last),)


def test_late_rows_fill_a_hole() -> None:
    rows = without(rows_of(120), 60, 70)

    late = rows | rows_of(11, begin=BEGIN + 60 * DAY)

    assert (judged(rows).holes, judged(late).holes) == ((span(60, 70),), ())


def test_a_hole_is_filled_in_part() -> None:
    rows = without(rows_of(120), 60, 70) | rows_of(4, begin=BEGIN + 60 * DAY)

    assert judged(rows).holes == (span(64, 70),)


def test_of_days_after_the_newest_rows_nothing_is_said() -> None:
    assert judged(rows_of(60), until=BEGIN + 90 * DAY).holes == ()


def test_a_day_with_hardly_any_rows_is_a_hole() -> None:
    rows = rows_of(120)

    assert judged(rows | {BEGIN + 60 * DAY: 9}).holes == (span(60, 60),)
    assert judged(rows | {BEGIN + 60 * DAY: 10}).holes == ()


def test_hardly_any_rows_for_long_are_a_hole_and_then_what_is_usual() -> None:
    few = rows_of(60, 5, begin=BEGIN + 60 * DAY)

    found = judged(rows_of(60) | few)
    later = judged(without(rows_of(60) | few, 100, 101))

    assert found.holes == (span(60, 60 + MIN_KNOWN_DAYS - 1),)
    assert later.holes == (*found.holes, span(100, 101))


def test_closed_weekdays_are_no_holes_and_lie_within_one() -> None:
    rows = rows_of(120, closed=(5, 6))

    assert judged(rows).holes == ()
    assert judged(without(rows, 70, 70)).holes == (span(70, 70),)
    assert judged(without(rows, 70, 80)).holes == (span(70, 80),)


def test_a_weekday_is_compared_with_its_own() -> None:
    rows = {day: 4 if day.weekday() == 6 else 100 for day in rows_of(120)}

    assert judged(rows).holes == ()


def test_a_short_past_tells_nothing() -> None:
    short = without(rows_of(MIN_KNOWN_DAYS + 2), MIN_KNOWN_DAYS - 1, MIN_KNOWN_DAYS)
    enough = without(rows_of(MIN_KNOWN_DAYS + 2), MIN_KNOWN_DAYS, MIN_KNOWN_DAYS)

    assert (judged(short).holes, judged(enough).holes) == ((), (span(MIN_KNOWN_DAYS, MIN_KNOWN_DAYS),))
    assert (judged(rows_of(20)).can_tell, judged(rows_of(MIN_KNOWN_DAYS)).can_tell) == (False, True)
    assert judged({}, until=BEGIN) == SourceRhythm(0, ())


@pytest.mark.parametrize("rows", [1, 5, 100])
@pytest.mark.parametrize("wild", [-40_000, -300, 130, 140, 4_000], ids=str)
def test_a_mistyped_date_makes_no_hole(rows: int, wild: int) -> None:
    typed = rows_of(120, rows) | {BEGIN + wild * DAY: 1}

    found = judged(typed, until=BEGIN + 150 * DAY)
    missing = judged(without(typed, 100, 100), until=BEGIN + 150 * DAY)

    assert (found.holes, missing.holes) == ((), (span(100, 100),))


def test_what_comes_up_again_and_again_is_the_rhythm() -> None:
    rows = rows_of(400)
    gone = [150 + 40 * place for place in range(USUAL_HOLES + 2)]
    for place in gone:
        rows = without(rows, place, place)

    assert judged(rows).holes == tuple(span(place, place) for place in gone[:USUAL_HOLES])


def test_a_long_hole_hides_no_short_one_after_it() -> None:
    rows = without(without(rows_of(200), 60, 90), 150, 150)

    assert judged(rows).holes == (span(60, 90), span(150, 150))


def test_a_source_that_often_has_no_rows_lacks_them_after_a_long_time_only() -> None:
    draw = np.random.default_rng(2013)
    rows = {day: 30 for day in rows_of(300) if draw.random() < 0.4}

    assert judged(without(rows, 200, 203)).holes == ()
    (hole,) = judged(without(rows, 200, 240)).holes
    assert (hole.first <= BEGIN + 200 * DAY, hole.last >= BEGIN + 240 * DAY) == (True, True)


Counts = Callable[[Generator, date], int]


@pytest.mark.parametrize(
    "counts",
    [
        lambda draw, day: 0 if day.weekday() >= 5 else draw.poisson(50),
        lambda draw, day: 0 if day.weekday() >= 5 else draw.poisson(3),
        lambda draw, day: draw.poisson(1),
        lambda draw, day: draw.poisson(5),
        lambda draw, day: draw.poisson(30),
        lambda draw, day: draw.poisson(draw.gamma(4, 50)),
        lambda draw, day: draw.poisson(30) if draw.random() < 0.4 else 0,
        lambda draw, day: draw.poisson(30) if draw.random() < 0.9 else 0,
    ],
    ids=[
        "weekends off",
        "few, weekends off",
        "1 a day",
        "5 a day",
        "30 a day",
        "uneven",
        "40 % of days",
        "90 % of days",
    ],
)
def test_there_is_at_most_one_false_alarm_a_year(counts: Counts) -> None:
    draw, sources, years = np.random.default_rng(56), 30, 2
    alarms = 0
    for _ in range(sources):
        days = (BEGIN + place * DAY for place in range(365 * years))
        alarms += len(judged({day: int(counts(draw, day)) for day in days}).holes)

    # So many days may be the first of a false alarm, each with a chance of one in a year.
    assert alarms <= binom.ppf(0.999, sources * years * 365, 1 / 365)
