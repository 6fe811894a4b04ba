"""A windowed state on a grid counts exactly what became known within the span, at every tick."""

from datetime import timedelta

import pytest
from pyspark.sql import SparkSession

from levelfive.errors import ConfigError
from levelfive.features.grid import GridSpec, grid_state
from levelfive.windows import Window, utc

SPEC = GridSpec(
    ("key",), timedelta(minutes=30), {"1h": timedelta(hours=1), "2h": timedelta(hours=2)}, ("n",), ("open",)
)
EVENTS_SCHEMA = "key string, at timestamp, since timestamp, n long, open long"


def state(spark: SparkSession, events: list[tuple], window: Window, keys: tuple[str, ...] = ("a",)) -> dict:
    frame = spark.createDataFrame(events, EVENTS_SCHEMA)
    entities = spark.createDataFrame([(key,) for key in keys], "key string")
    rows = grid_state(frame, entities, SPEC, window).selectExpr(
        "key", "unix_seconds(known_at) AS t", "n_1h", "n_2h", "open"
    )
    return {(r["key"], r["t"]): (r["n_1h"], r["n_2h"], r["open"]) for r in rows.collect()}


def test_an_event_counts_from_its_tick_until_the_span_is_over(spark: SparkSession) -> None:
    at = utc(2013, 1, 1, 10, 10)
    window = Window(utc(2013, 1, 1, 10), utc(2013, 1, 1, 13))

    found = state(spark, [("a", at, at, 1, None)], window)

    expected = {
        (10, 0): (0, 0, 0),
        (10, 30): (1, 1, 0),
        (11, 0): (1, 1, 0),
        (11, 30): (0, 1, 0),
        (12, 0): (0, 1, 0),
        (12, 30): (0, 0, 0),
    }
    assert found == {("a", int(utc(2013, 1, 1, h, m).timestamp())): v for (h, m), v in expected.items()}


def test_an_event_on_a_tick_is_known_at_that_tick(spark: SparkSession) -> None:
    at = utc(2013, 1, 1, 10, 30)

    found = state(spark, [("a", at, at, 1, None)], Window(utc(2013, 1, 1, 10), utc(2013, 1, 1, 11)))

    assert [found["a", int(utc(2013, 1, 1, 10, m).timestamp())][0] for m in (0, 30)] == [0, 1]


def test_a_key_without_events_has_a_row_at_every_tick(spark: SparkSession) -> None:
    at = utc(2013, 1, 1, 10)

    found = state(spark, [("a", at, at, 1, None)], Window(at, utc(2013, 1, 1, 12)), keys=("a", "b"))

    assert [value for (key, _), value in sorted(found.items()) if key == "b"] == [(0, 0, 0)] * 4


def test_a_level_falls_again_and_forgets_what_began_before_the_longest_span(spark: SparkSession) -> None:
    began, ended = utc(2013, 1, 1, 10, 5), utc(2013, 1, 1, 10, 50)
    old = utc(2013, 1, 1, 7)
    events = [
        ("a", began, began, None, 1),
        ("a", ended, began, None, -1),
        ("a", utc(2013, 1, 1, 10, 20), old, None, -1),
    ]

    found = state(spark, events, Window(utc(2013, 1, 1, 10), utc(2013, 1, 1, 12)))

    assert [value[2] for _, value in sorted(found.items())] == [0, 1, 0, 0]


def test_cutting_the_window_differently_gives_the_same_rows(spark: SparkSession) -> None:
    whole = Window(utc(2013, 1, 1, 6), utc(2013, 1, 1, 12))
    moments = [utc(2013, 1, 1, 3 + i // 4, 7 + 13 * (i % 4)) for i in range(36)]
    events = [("ab"[i % 2], at, at, i, None) for i, at in enumerate(moments)]

    parts = [state(spark, events, part, keys=("a", "b")) for part in whole.split(timedelta(hours=1))]

    assert state(spark, events, whole, keys=("a", "b")) == {k: v for part in parts for k, v in part.items()}


def test_a_span_that_is_no_multiple_of_the_grid_is_refused() -> None:
    with pytest.raises(ConfigError, match="multiple of the grid"):
        GridSpec(("key",), timedelta(minutes=30), {"odd": timedelta(minutes=45)}, ("n",))
