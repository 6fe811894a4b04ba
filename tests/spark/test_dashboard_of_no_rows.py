"""Before the first rows, the dashboard shows nothing, and no error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from in_memory.release import AS_OF
from pyspark.sql import SparkSession

from levelfive.notebook.dashboard import SHOWN_TABLES, make_shown_tables
from levelfive.registry.promotions import PROMOTIONS, Promotion
from levelfive.storage.tables import Tables

DASHBOARD = Path(__file__).parents[2] / "resources" / "monitoring.lvdash.json"
QUERIES = ["".join(one["queryLines"]) for one in json.loads(DASHBOARD.read_text())["datasets"]]


@pytest.fixture
def session(spark: SparkSession, tables: Tables) -> Iterator[SparkSession]:
    spark.sql(f"USE {tables.schema}")
    yield spark
    spark.sql("USE default")


def test_each_query_answers_before_there_are_rows_and_rows_may_come(session: SparkSession, tables: Tables) -> None:
    first = Promotion(1, "m", "3", None, AS_OF, "promote", "ada", "better", "", "a-run")

    make_shown_tables(tables)
    answers = [session.sql(query).collect() for query in QUERIES]
    tables.control_tables.add(PROMOTIONS, [first])
    make_shown_tables(tables)

    assert answers == [[]] * len(QUERIES)
    assert {table for query in QUERIES for table in re.findall(r"FROM (\w+)", query)} == set(SHOWN_TABLES)
    (row,) = tables.control_tables.rows(PROMOTIONS)
    assert row["version"] == "3"
