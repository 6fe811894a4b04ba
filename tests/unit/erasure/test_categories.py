"""What a person is called by may be a category that monitoring counts: it is counted among the others then."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from in_memory.tables import MemoryTables

from levelfive.core.windows import Window, utc
from levelfive.erasure.person import KeyValues, Person
from levelfive.erasure.profiles import Categories
from levelfive.monitoring.consecutive import DRIFT_CONSECUTIVE, ConsecutiveDrift
from levelfive.monitoring.records import DRIFT, PROFILES, DriftRecord, ProfileRecord
from levelfive.storage.records import from_row
from levelfive.storage.runs import Run

WEEK = Window(utc(2013, 5, 1), utc(2013, 5, 8))
BY_NAME = Person(KeyValues(("customer",), frozenset({("ada",)})), kinds={"customer": "string"})
PROFILE = ProfileRecord(
    model_name="m",
    model_version="1",
    window=WEEK,
    day=date(2013, 5, 1),
    column_name="customer",
    count=10,
    num_nulls=0,
    distinct_count=3,
    frequent_items={"ada": 3, "bob": 5},
    rest=2,
    most_frequent=5,
    far_outside=0,
    broken=False,
)
SHIFT = DriftRecord(
    model_name="m",
    model_version="1",
    window=WEEK,
    column_name="customer",
    statistics={},
    usual={},
    unusual=False,
    seen_from={},
    new_categories=("ada", "eve"),
    vanished_categories=("ada",),
)


@pytest.fixture
def run() -> Run:
    return Run(MemoryTables(), "a-run")


def test_a_category_is_counted_among_the_others(run: Run) -> None:
    whole, other = replace(PROFILE, day=None), replace(PROFILE, column_name="town", frequent_items={"ada": 1})
    later = replace(PROFILE, window=Window(WEEK.end, WEEK.end + timedelta(days=7)), frequent_items={"bob": 1})
    run.tables.control_tables.add(PROFILES, [PROFILE, whole, other, later])
    run.tables.control_tables.add(DRIFT, [SHIFT])

    place = Categories(run, BY_NAME)

    assert (place.count().rows, place.erase().rows, place.erase().rows) == (3, 3, 0)
    profiles = [from_row(ProfileRecord, row) for row in run.rows(PROFILES)]
    without = replace(PROFILE, frequent_items={"bob": 5}, rest=5)
    expected = [without, replace(without, day=None), other, later]
    assert sorted(profiles, key=repr) == sorted(expected, key=repr)
    (drift,) = run.rows(DRIFT)
    assert (drift["new_categories"], drift["vanished_categories"]) == (["eve"], [])
    assert {PROFILES, DRIFT} <= set(run.tables.discarded)


def test_a_person_of_several_values_is_named_by_none_of_them(run: Run) -> None:
    run.tables.control_tables.add(PROFILES, [PROFILE])
    both = Person(KeyValues(("customer", "town"), frozenset({("ada", "x")})), kinds={"customer": "string"})

    assert Categories(run, both).erase().rows == 0
    assert run.rows(PROFILES)[0]["frequent_items"] == {"ada": 3, "bob": 5}


def test_a_category_that_came_or_went_between_two_windows_is_left_out(run: Run) -> None:
    of_window = {"model_name": "m", "model_version": "1", "window": WEEK, "window_cmp": WEEK, "count_delta": 0}
    shift = ConsecutiveDrift(
        **of_window, column_name="customer", avg_delta=None, statistics={}, new_categories=("ada", "eve")
    )
    run.tables.control_tables.add(DRIFT_CONSECUTIVE, [shift])

    assert Categories(run, BY_NAME).erase().rows == 1
    (row,) = run.rows(DRIFT_CONSECUTIVE)
    assert row["new_categories"] == ["eve"]
    assert DRIFT_CONSECUTIVE in run.tables.discarded
