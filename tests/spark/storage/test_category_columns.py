"""Categories have the texts that they have in Python, also where pandas makes floats of them."""

from pyspark.sql import SparkSession

from levelfive.statistics.categories import category_texts
from levelfive.storage.category_columns import with_texts


def test_whole_numbers_keep_all_digits_on_their_way_to_pandas(spark: SparkSession) -> None:
    rows = spark.sql(
        "SELECT * FROM VALUES (9007199254740993L, true, 3.0D, CAST(3 AS decimal(10, 2)), DATE'2013-01-01'),"
        " (NULL, NULL, NULL, NULL, NULL) AS rows(number, flag, share, price, day)"
    )

    found = with_texts(rows, rows.columns).toPandas()

    texts = {name: category_texts(found[name]).tolist() for name in found}
    assert texts == {
        "number": ["9007199254740993", None],
        "flag": ["true", None],
        "share": ["3", None],
        "price": ["3", None],
        "day": ["2013-01-01", None],
    }
