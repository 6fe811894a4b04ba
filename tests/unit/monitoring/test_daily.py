"""Which days a window is compared with, and what is found on its own."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from levelfive.core.windows import Window
from levelfive.monitoring.daily import (
    DayOfColumn,
    Known,
    days_before,
    days_of_training,
    days_of_window,
    far_outside,
    find_faults,
    find_missing_rows,
)
from levelfive.monitoring.profiling import WindowProfiles
from levelfive.monitoring.strange import LEVELS, ValueKind
from levelfive.statistics.baseline import SCORE_PROFILE, profile_baseline
from levelfive.statistics.partials import partial_numeric
from levelfive.statistics.profiles import finish_numeric, profile_numeric

DAY = timedelta(days=1)
STARTS = timedelta(hours=6)
MONDAY = date(2013, 4, 1)
START = datetime(2013, 4, 1, 6, tzinfo=UTC)
WEEK = Window(START, START + 7 * DAY)
A_DAY = DayOfColumn(900, 0, 90, 0, {level: float(place + 1) for place, level in enumerate(LEVELS)})
EMPTY = replace(A_DAY, nulls=900, most_frequent=0, quantiles={})


def days_of(column: str, day: DayOfColumn = A_DAY, *, since: date = MONDAY - 56 * DAY, days: int = 56) -> Known:
    return {(since + place * DAY, column): day for place in range(days)}


def a_row(**changed: object) -> dict[str, object]:
    made = {"day": MONDAY - DAY, "column_name": "wind", "window_start": START - 7 * DAY, "window_end": START}
    counted = {"count": 891, "num_nulls": 9, "most_frequent": 90, "far_outside": 1, "quantiles": {}, "broken": False}
    return {**made, **counted, **changed}


def missing(rows: dict[date, int], before: Known | None = None) -> list[date]:
    known = days_of(SCORE_PROFILE) if before is None else before
    return [fault.day for fault in find_missing_rows(known, rows, WEEK, STARTS)]


def test_an_empty_column_is_a_fault_on_its_day_and_what_is_usual_is_said() -> None:
    found = find_faults(days_of("wind"), {(MONDAY, "wind"): EMPTY})

    (fault,) = found.columns
    assert (fault.column, fault.day, fault.kind, fault.value, fault.usual) == (
        "wind",
        MONDAY,
        ValueKind.NULLS,
        1.0,
        0.0,
    )
    assert found.judged_columns == ("wind",)
    assert found.seen_from["wind"]["nulls"] == 0.1


def test_another_unit_is_called_in_each_week_until_somebody_looks() -> None:
    """On some days its quantiles are as they are on others of these weeks in the old unit: less seems to have moved."""
    known = days_of("distance")
    for week in range(4):
        now = {
            (MONDAY + (7 * week + place) * DAY, "distance"): replace(
                A_DAY, quantiles={level: value * factor for level, value in A_DAY.quantiles.items()}
            )
            for place, factor in enumerate((1.51, 1.41, 1.41, 1.6, 1.6, 1.61, 1.61))
        }

        faults = {(fault.day, fault.column) for fault in find_faults(known, now).columns}

        assert faults == now.keys(), week
        known |= {day: replace(of, broken=day in faults) for day, of in now.items()}


def test_without_days_before_nothing_can_be_said() -> None:
    found = find_faults({}, {(MONDAY, "wind"): EMPTY})

    assert (found.columns, found.judged_columns, found.seen_from) == ((), (), {})


def test_days_that_were_called_broken_are_not_compared_with() -> None:
    called = days_of("wind", replace(EMPTY, broken=True), since=MONDAY - 7 * DAY, days=7)

    assert find_faults({**days_of("wind"), **called}, {(MONDAY, "wind"): EMPTY}).columns


def test_the_score_is_no_data() -> None:
    assert find_faults(days_of(SCORE_PROFILE), {(MONDAY, SCORE_PROFILE): EMPTY}).columns == ()


@pytest.mark.parametrize(
    "left_out",
    [
        {"day": None},
        {"window_end": START + DAY},
        {"window_start": START - timedelta(hours=12)},
        {"day": MONDAY},
    ],
)
def test_only_whole_days_of_windows_before_are_known(left_out: dict[str, object]) -> None:
    assert days_before([a_row(**left_out)], WEEK, STARTS) == {}


def test_of_a_day_that_was_profiled_twice_the_profile_of_most_rows_counts() -> None:
    rows = [a_row(count=1), a_row(count=491, broken=True), a_row(count=11)]

    assert days_before(rows, WEEK, STARTS) == {
        (MONDAY - DAY, "wind"): DayOfColumn(500, 9, 90, 1, {}, broken=True),
    }


def test_days_that_lack_rows_are_found_also_where_there_are_none() -> None:
    rows = {MONDAY + place * DAY: 900 for place in range(7)}

    assert missing(rows) == []
    assert missing({**rows, MONDAY: 100}) == [MONDAY]
    assert missing({day: count for day, count in rows.items() if day != MONDAY + DAY}) == [MONDAY + DAY]


def test_a_weekday_that_never_has_rows_lacks_none() -> None:
    working = {key: day for key, day in days_of(SCORE_PROFILE).items() if key[0].weekday() < 5}

    assert missing({MONDAY + place * DAY: 900 for place in range(5)}, working) == []


def test_numbers_are_far_outside_only_half_a_range_beyond_it() -> None:
    histogram = profile_numeric(np.arange(101.0)).histogram

    counted = [
        far_outside(part, finish_numeric(part, histogram))
        for part in (partial_numeric(np.array(values), histogram) for values in ([50.0, 140.0], [-51.0, 151.0, 160.0]))
    ]

    assert counted == [0, 3]


def test_one_wild_number_does_not_make_all_beyond_the_range_far_outside() -> None:
    histogram = profile_numeric(np.arange(101.0)).histogram
    part = partial_numeric(np.concatenate((np.full(299, 101.0), [1e6], np.full(700, 50.0))), histogram)

    assert far_outside(part, finish_numeric(part, histogram)) == 1


def test_the_training_s_last_days_are_known_as_a_window_would_profile_them() -> None:
    days = np.repeat(np.arange(60), 50)
    wind = np.where(np.arange(days.size) % 10 == 0, np.nan, np.arange(days.size) % 7)
    features = pd.DataFrame({"wind": wind, "from": np.where(days % 2, "JFK", "EWR")})
    nothing = np.zeros(days.size)

    baseline = profile_baseline(features, ["from"], label=nothing, score=nothing, days=days)

    known = days_of_training(type(baseline).from_json(baseline.to_json()))
    assert len(known) == 2 * 56
    last = date(1970, 1, 1) + 59 * DAY
    part = partial_numeric(wind[days == 59], baseline.numeric["wind"].histogram)
    window = Window(*(datetime(1970, 3, day, tzinfo=UTC) for day in (1, 2)))
    served = days_of_window(WindowProfiles({(last, "wind"): part}), baseline, window, timedelta(0))
    assert served == {(last, "wind"): known[last, "wind"]}
    assert known[last, "from"] == DayOfColumn(50, 0, 50, 0, {})
