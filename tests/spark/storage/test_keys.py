"""Of rows that share a key nothing is written, and those that are meant are named."""

import pytest
from pyspark.sql import functions as F

from levelfive.errors import DataError
from levelfive.storage.keys import Keyed, explained
from levelfive.storage.tables import Tables


def test_the_write_of_rows_that_share_a_key_fails_and_names_them(tables: Tables) -> None:
    numbers = tables.spark.range(6).select((F.col("id") % 4).alias("id"), F.col("id").alias("value"))
    keyed = Keyed("numbers", ("id",), numbers, "Return each once.")

    said = r"numbers: expected one row of each id, got several of id [01]; id [01]\. Return"
    with pytest.raises(DataError, match=said), explained(keyed.fault):
        tables.append("numbers", keyed.once())

    # A workspace makes the table before its rows come.
    assert not tables.exists("numbers") or tables.read("numbers").isEmpty()


def test_rows_of_distinct_keys_are_written_as_they_are(tables: Tables) -> None:
    rows = tables.spark.createDataFrame([(1, "a"), (1, None), (2, "a"), (None, "a")], "id int, place string")
    keyed = Keyed("places", ("id", "place"), rows, "")

    with explained(keyed.fault):
        tables.append("places", keyed.once())

    there = tables.read("places")
    assert there.columns == ["id", "place"]
    assert sorted(map(str, map(tuple, there.collect()))) == ["(1, 'a')", "(1, None)", "(2, 'a')", "(None, 'a')"]
