"""Losses by segment in Spark: what pandas says of the same rows, whatever is odd about their values."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import shop
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from levelfive import Multiclass
from levelfive.core.windows import Window, utc
from levelfive.monitoring.segment_sums import segment_sums, sums_of_rows, value_name
from levelfive.monitoring.verdict import Subject
from levelfive.statistics.segments import SegmentColumn, Segments, block_of, sums_by_block
from levelfive.usecase.columns import LABEL, own

BEGIN = utc(2013, 1, 7)
WEEKS = Window(BEGIN, BEGIN + timedelta(days=14))
AS_OF = WEEKS.end + timedelta(days=1)
ROWS = 600
# A name that SQL would read as a difference, whole numbers as categories, and edges that values lie on.
GRID = Segments(
    (
        SegmentColumn("store", categories=("north", "south")),
        SegmentColumn("price-before", edges=(0.0, 0.1, 0.3)),
        SegmentColumn("shelf", categories=("7", "12")),
    )
)


def orders() -> pd.DataFrame:
    """Draw orders: some without a store, a price or a shelf; prices on the edges, -0.0 and infinity among them."""
    random = np.random.default_rng(1)
    prices = random.choice([-0.0, 0.0, 0.1, 0.1 + 2e-17, 0.2, 0.1 + 0.2, np.nan, np.inf, -1.0, 1e300], size=ROWS)
    seconds = np.arange(ROWS) * int(WEEKS.length.total_seconds()) // ROWS
    return pd.DataFrame(
        {
            "order_id": np.arange(ROWS),
            "prediction_time": pd.Timestamp(BEGIN.replace(tzinfo=None)) + pd.to_timedelta(seconds, unit="s"),
            "store": random.choice(np.array(["north", "south", "east", None], dtype=object), size=ROWS),
            "price-before": prices,
            "shelf": pd.array(random.choice([7, 12, 30], size=ROWS), dtype="Int64"),
            "score": random.uniform(0.05, 0.95, size=ROWS),
            "label": random.integers(2, size=ROWS).astype(float),
            "is_known": random.random(ROWS) < 0.9,
            "model_version": random.choice(["2", "3"], size=ROWS, p=[0.8, 0.2]),
        }
    )


def read_by(spark: SparkSession, rows: pd.DataFrame) -> SimpleNamespace:
    """Make a run that reads these orders as predictions and labels, and a shelf missing from every ninth."""
    frame = spark.createDataFrame(rows).withColumn("shelf", F.expr("if(order_id % 9 = 0, null, shelf)"))
    predictions = frame.selectExpr(
        "order_id", "prediction_time", "score", "model_version", "'shop' AS model_name", "'champion' AS role",
        "named_struct('store', store, 'price-before', `price-before`, 'shelf', shelf) AS features",
    )  # fmt: skip
    labels = frame.selectExpr(
        "order_id", "prediction_time", "label", "'labelled' AS outcome",
        "if(is_known, prediction_time, prediction_time + interval 30 days) AS known_at",
    )  # fmt: skip
    tables = {"predictions": predictions.repartition(3), "labels": labels}
    return SimpleNamespace(read=lambda name: tables[name])


def test_sums_are_those_of_pandas_on_the_same_rows(spark: SparkSession) -> None:
    """Python workers in two stages, over a join."""
    rows, context = orders(), SimpleNamespace(use_case=shop.USE_CASE)

    found = segment_sums(context, read_by(spark, rows), Subject("shop", "2", WEEKS), GRID, weeks=WEEKS, as_of=AS_OF)

    known = rows[rows["is_known"] & (rows["model_version"] == "2")]
    known = known.assign(shelf=known["shelf"].mask(known["order_id"] % 9 == 0))
    losses = -np.log(np.where(known["label"] == 1, known["score"], 1 - known["score"]))
    days = (known["prediction_time"] - pd.Timestamp("1970-01-01")).dt.days
    expected = sums_by_block(GRID, known, losses, block_of(days.to_numpy()))
    assert found.blocks.tolist() == expected.blocks.tolist()
    assert found.rows.tolist() == expected.rows.tolist()
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-12)
    by_hand = (known["price-before"] == 0) & (known["store"] == "north")
    (segment,) = (
        one for one in range(GRID.size) if GRID.in_words(one) == "store = north and price-before from 0 to 0.1"
    )
    assert found.rows[:, segment].sum() == by_hand.sum() > 0


def test_of_weeks_in_which_the_version_scored_nothing_there_are_no_blocks(spark: SparkSession) -> None:
    rows, context = orders(), SimpleNamespace(use_case=shop.USE_CASE)

    found = segment_sums(context, read_by(spark, rows), Subject("shop", "9", WEEKS), GRID, weeks=WEEKS, as_of=AS_OF)

    assert (found.blocks.size, found.rows.shape, found.losses.shape) == (0, (0, GRID.size), (0, GRID.size))


def test_rows_of_several_score_columns_are_added_and_those_that_have_no_loss_are_left_out(spark: SparkSession) -> None:
    """Three classes; labels that are none of them, or missing, and a score that is no number."""
    task, grid = Multiclass("mood", ("good", "bad", "ugly")), Segments((SegmentColumn("store", categories=("a",)),))
    drawn = np.random.default_rng(1).dirichlet((1, 1, 1), size=90)
    labels = np.arange(90) % 3.0
    labels[:2], drawn[2, 0] = (7, np.nan), np.nan
    given = pd.DataFrame(drawn, columns=list(task.score_columns)).assign(
        **{LABEL: labels, value_name(0): "a", own("day"): 15_712}
    )

    found = sums_of_rows(spark.createDataFrame(given), grid, task)

    expected = -np.log(drawn[np.arange(3, 90), labels[3:].astype(int)]).sum()
    assert found.blocks.tolist() == block_of(np.array([15_712])).tolist()
    assert (found.rows[0, 0], found.losses[0, 0]) == (87, pytest.approx(expected))
