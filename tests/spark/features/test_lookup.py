"""A lookup takes the newest row known at the prediction time, and nothing later."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pyspark.sql import SparkSession

from levelfive.core.windows import Window, utc
from levelfive.errors import ConfigError
from levelfive.features.lookup import assemble
from levelfive.usecase.features import Lookup

WINDOW = Window(utc(2013, 1, 1), utc(2013, 1, 2))
LOOKUP = Lookup("state", {"place": "origin"}, ("value", "seen_at"), max_age=timedelta(hours=3), prefix="at_")
FEATURES = ("at_value", "at_seen_at")


def values(
    spark: SparkSession, known: list[tuple], lookup: Lookup = LOOKUP, features: tuple[str, ...] = FEATURES
) -> dict:
    spine = spark.createDataFrame(
        [
            (1, "X", utc(2013, 1, 1, 10)),
            (2, "X", utc(2013, 1, 1, 12)),
            (3, "Y", utc(2013, 1, 1, 12)),
            (4, None, utc(2013, 1, 1, 12)),
        ],
        "id int, origin string, prediction_time timestamp",
    )
    table = spark.createDataFrame(known, "place string, known_at timestamp, value int, seen_at timestamp")
    rows = assemble(spine, [lookup], lambda name: table, WINDOW).collect()
    return {row["id"]: tuple(row[name] for name in features) for row in rows}


def test_the_newest_row_known_at_the_prediction_time_is_taken(spark: SparkSession) -> None:
    known = [("X", utc(2013, 1, 1, hour), hour, utc(2013, 1, 1, hour - 1)) for hour in (8, 9, 11, 13)]

    found = values(spark, known)

    assert found == {1: (9, 120.0), 2: (11, 120.0), 3: (None, None), 4: (None, None)}


def test_a_row_known_at_the_very_prediction_time_is_taken_and_one_a_moment_later_is_not(spark: SparkSession) -> None:
    exactly, later = utc(2013, 1, 1, 12), utc(2013, 1, 1, 12) + timedelta(microseconds=1)

    found = values(spark, [("X", exactly, 1, exactly), ("Y", later, 2, later)])

    assert {key: value for key, (value, _) in found.items()} == {1: None, 2: 1, 3: None, 4: None}


def test_a_row_older_than_the_age_limit_is_not_taken(spark: SparkSession) -> None:
    found = values(spark, [("X", utc(2013, 1, 1, 7), 7, utc(2013, 1, 1, 7))])

    assert (found[1][0], found[2][0]) == (7, None)


def test_a_column_that_the_table_lacks_is_named(spark: SparkSession) -> None:
    with pytest.raises(ConfigError, match="has no column wrong"):
        values(spark, [("X", utc(2013, 1, 1), 1, utc(2013, 1, 1))], Lookup("state", {"place": "origin"}, ("wrong",)))


GRID = Lookup("state", {"place": "origin"}, ("value", "seen_at"), grid=timedelta(hours=1), prefix="at_")


def test_the_row_of_the_last_tick_is_taken_from_a_table_on_a_grid(spark: SparkSession) -> None:
    known = [(place, utc(2013, 1, 1, hour), hour, utc(2013, 1, 1, hour)) for place in "XY" for hour in (9, 10, 11, 13)]

    found = values(spark, known, replace(GRID, columns=("value",)), features=("at_value",))

    # At 10:00 sharp the tick of 10:00 is known; at 12:00 there is no tick of 12:00, and an older one does not do.
    assert found == {1: (10,), 2: (None,), 3: (None,), 4: (None,)}


def test_a_prediction_between_two_ticks_sees_the_earlier_one(spark: SparkSession) -> None:
    known = [("X", utc(2013, 1, 1, hour), hour, utc(2013, 1, 1)) for hour in (8, 12, 16)]
    every_four_hours = replace(GRID, columns=("value",), grid=timedelta(hours=4))

    found = values(spark, known, every_four_hours, features=("at_value",))

    assert (found[1], found[2]) == ((8,), (12,))
