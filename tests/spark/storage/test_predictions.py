"""What is written beside each prediction has one type, whatever the use case declares."""

import pytest
from pyspark.sql import SparkSession

from levelfive.storage.predictions import slices_of


@pytest.mark.parametrize(
    ("names", "expected"), [((), {}), (("place", "known"), {"place": "EWR", "known": "true"}), (("no",), {"no": None})]
)
def test_slices_are_a_map_of_texts(spark: SparkSession, names: tuple[str, ...], expected: dict[str, str]) -> None:
    rows = spark.sql("SELECT 'EWR' AS place, true AS known, CAST(NULL AS int) AS no")

    found = rows.select(slices_of(names).alias("slices"))

    assert found.schema["slices"].dataType.simpleString() == "map<string,string>"
    assert found.first()["slices"] == expected
