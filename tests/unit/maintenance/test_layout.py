"""By which columns large tables are clustered: those whose range Delta knows in each file."""

from dataclasses import replace

import pytest
import shop
from pyspark.sql import types as T

from levelfive.maintenance.layout import clustering, layouts

TIME, KEY = T.StructField("at", T.TimestampType()), T.StructField("id", T.LongType())


def test_tables_lie_by_the_time_that_windows_are_asked_by_and_by_the_key() -> None:
    assert layouts(shop.USE_CASE) == {
        "quarantine": ("loaded_at",),
        "raw_orders": ("ordered_at", "order_id"),
        "store_returns": ("known_at", "store"),
        "labels": ("known_at", "order_id"),
        "predictions": ("prediction_time", "order_id"),
    }


def test_where_there_is_no_time_the_key_is_left() -> None:
    (table,) = shop.USE_CASE.feature_tables
    (source,) = shop.USE_CASE.sources
    timeless = replace(
        shop.USE_CASE,
        sources=(replace(source, event_time=None, key_within=None),),
        feature_tables=(replace(table, timestamped=False),),
    )

    assert layouts(timeless)["raw_orders"] == ("order_id",)
    assert layouts(timeless)["store_returns"] == ("store",)


def test_a_time_that_is_part_of_the_key_stands_once() -> None:
    (source,) = shop.USE_CASE.sources
    keyed = replace(shop.USE_CASE, sources=(replace(source, key=("store", "ordered_at")),))

    assert layouts(keyed)["raw_orders"] == ("ordered_at", "store")


@pytest.mark.parametrize(
    "kind", [T.BooleanType(), T.BinaryType(), T.ArrayType(T.LongType()), T.MapType(T.StringType(), T.LongType())]
)
def test_what_has_no_order_is_left_out(kind: T.DataType) -> None:
    schema = T.StructType([TIME, T.StructField("flag", kind), KEY])

    assert clustering(("at", "flag", "id"), schema) == ("at", "id")


@pytest.mark.parametrize("kind", [T.StringType(), T.DateType(), T.DecimalType(9, 2), T.DoubleType(), T.IntegerType()])
def test_what_has_an_order_is_taken(kind: T.DataType) -> None:
    assert clustering(("at", "x"), T.StructType([TIME, T.StructField("x", kind)])) == ("at", "x")


def test_columns_that_the_table_lacks_are_left_out() -> None:
    assert clustering(("at", "gone", "id"), T.StructType([KEY, TIME])) == ("at", "id")


def test_no_more_columns_than_delta_takes() -> None:
    names = ("a", "b", "c", "d", "e")

    assert clustering(names, T.StructType([T.StructField(name, T.LongType()) for name in names])) == names[:4]


def test_only_columns_that_delta_keeps_statistics_of() -> None:
    """The parts of a struct count each: with thirty of them and a time, there is room for one more."""
    parts = T.StructField("features", T.StructType([T.StructField(f"x{place}", T.LongType()) for place in range(30)]))
    last = T.StructField("last", T.LongType())

    assert clustering(("at", "id", "last"), T.StructType([TIME, parts, KEY, last])) == ("at", "id")
