"""Every key has its state at every tick, as a frame of the declared types."""

from datetime import timedelta

from pyspark.sql import SparkSession

from levelfive.features.grid import Flow, GridSpec, Level, Ratio, grid_state
from levelfive.windows import Window, utc

SPEC = GridSpec(
    keys=("key", "place"),
    grid=timedelta(minutes=30),
    spans={"1h": timedelta(hours=1)},
    flows={"n": Flow("at"), "minutes": Flow("at", "minutes")},
    counts=("n",),
    ratios={"mean": Ratio("minutes", "n")},
    levels={"open": Level("at", "until", timedelta(hours=1))},
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
