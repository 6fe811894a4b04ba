"""Every key has its state at every tick, as a frame of the declared types."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from levelfive.core.windows import Window, utc
from levelfive.errors import ConfigError
from levelfive.features.grid import grid_state
from levelfive.features.grid_spec import Flow, GridSpec, OpenIntervals, Ratio
from levelfive.features.refusals import refusals_of_workers

SPEC = GridSpec(
    keys=("key", "place"),
    grid=timedelta(minutes=30),
    spans={"1h": timedelta(hours=1)},
    flows={"n": Flow("at"), "minutes": Flow("at", "minutes")},
    counts=("n",),
    ratios={"mean": Ratio("minutes", "n")},
    levels={"open": OpenIntervals("at", "until", timedelta(hours=1))},
)
SCHEMA = "key string, place int, at timestamp, until timestamp, minutes int"
WINDOW = Window(utc(2013, 1, 1, 10, 10), utc(2013, 1, 1, 11, 40))


def test_all_keys_have_a_row_at_every_tick_of_the_window(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("a", 1, utc(2013, 1, 1, 10, 45), None, 5), ("c", 3, None, None, None)], SCHEMA)
    keys = spark.createDataFrame([("a", 1), ("b", None)], "key string, place int")

    state = grid_state(rows, keys, SPEC, WINDOW)

    shown = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in state.schema)
    assert (
        shown
        == "key string, place int, known_at timestamp, n_1h int, open int, mean_1h double, open_minutes_mean double"
    )
    found = state.selectExpr("key", "place", "date_format(known_at, 'HH:mm')", *SPEC.columns).collect()
    assert sorted(tuple(row) for row in found if row["key"] == "a") == [
        ("a", 1, "10:30", 0, 0, None, None),
        ("a", 1, "11:00", 1, 1, 5.0, 15.0),
        ("a", 1, "11:30", 1, 1, 5.0, 45.0),
    ]
    others = sorted(tuple(row) for row in found if row["key"] != "a")
    assert others == [("b", None, tick, 0, 0, None, None) for tick in ("10:30", "11:00", "11:30")]


def sums(spark: SparkSession, kind: str, *values: object):
    spec = replace(SPEC, counts=("n", "minutes"))
    rows = spark.createDataFrame([("a", 1, utc(2013, 1, 1, 10, 45), None, value) for value in values], SCHEMA_OF_TEXT)
    rows = rows.withColumn("minutes", F.col("minutes").cast(kind))
    return grid_state(rows, rows.select("key", "place").distinct(), spec, WINDOW).select("minutes_1h")


SCHEMA_OF_TEXT = SCHEMA.replace("minutes int", "minutes string")


def test_what_is_whole_sums_to_longs_and_what_is_not_to_doubles(spark: SparkSession) -> None:
    whole = sums(spark, "int", "2000000000", "2000000000", None)
    fractions = sums(spark, "decimal(10,2)", "0.40", "0.20", None)

    assert [
        (f.schema[0].dataType.simpleString(), f.agg(F.max("minutes_1h")).first()[0]) for f in (whole, fractions)
    ] == [
        ("bigint", 4_000_000_000),
        ("double", 0.6000000000000001),
    ]


def test_a_sum_beyond_a_long_is_refused_by_name(spark: SparkSession) -> None:
    refused = pytest.raises(ConfigError, match="a_state: flow 'minutes' sums up to more than a long holds")

    with refused, refusals_of_workers("a_state"):
        sums(spark, "long", str(2**62), str(2**62)).collect()


def test_decimals_of_more_digits_than_a_double_has_are_refused(spark: SparkSession) -> None:
    with pytest.raises(ConfigError, match=r"'minutes', decimal\(38,2\), of which a double cannot hold all digits"):
        sums(spark, "decimal(38,2)", "1.00")


def test_a_key_has_a_state_from_the_time_on_at_which_it_is_known(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("a", 1, utc(2013, 1, 1, 10, 45), None, 5)], SCHEMA)
    known = [("a", 1, utc(2013, 1, 1, 10, 45)), ("b", 2, utc(2013, 1, 1, 11)), ("c", 3, None)]
    keys = spark.createDataFrame(known, "key string, place int, known_at timestamp")

    state = grid_state(rows, keys, SPEC, WINDOW)

    found = state.selectExpr("key", "date_format(known_at, 'HH:mm')", "n_1h").collect()
    assert sorted(map(tuple, found)) == [("a", "11:00", 1), ("a", "11:30", 1), ("b", "11:00", 0), ("b", "11:30", 0)]
