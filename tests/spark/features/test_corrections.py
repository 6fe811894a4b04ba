"""What was corrected is computed anew from the earliest time it touches, and what was known before stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import shop
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from levelfive import Later
from levelfive.core.windows import Window, iso, utc
from levelfive.data import job as data
from levelfive.features import job as features
from levelfive.features.job import FeaturesResult
from levelfive.features.labels import known_labels
from levelfive.features.store import LocalFeatureStore
from levelfive.storage.runs import JobContext, Run
from levelfive.storage.tables import Tables

BEGIN = utc(2024, 1, 1)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def mark_deletions(orders: DataFrame, references: Mapping[str, DataFrame]) -> DataFrame:
    """An order that costs less than nothing was never made."""
    return orders.withColumn("deleted", F.col("price") < 0)


ORDERS = replace(shop.ORDERS, later=Later.CORRECTION, derive=mark_deletions, deletion="deleted")
USE_CASE = replace(shop.USE_CASE, sources=(ORDERS,))


class Shop:
    def __init__(self, tables: Tables, landing: Path) -> None:
        self.context = JobContext(tables, USE_CASE, LocalFeatureStore(tables))
        self.landing = landing

    def lives(self, day: int) -> FeaturesResult:
        """Let a day's orders land, ingest them at its end, and compute."""
        shop.write_orders(self.landing, Window(BEGIN + day * DAY, BEGIN + (day + 1) * DAY))
        as_of = BEGIN + (day + 1) * DAY
        data.run(self.context, landing=self.landing, as_of=as_of)
        return features.run(self.context, as_of=as_of)

    def corrects(self, *orders: tuple[datetime, float, int]) -> None:
        """Let a file land that says otherwise of orders: their time, their price, and whether they came back."""
        lines = [",".join(shop.HEADER)]
        for at, price, returned in orders:
            lines.append(f"{int(at.timestamp())},{iso(at)},north,{price},{returned},{iso(at + 9 * HOUR)}")
        (self.landing / "orders" / "z-corrections.csv").write_text("\n".join([*lines, ""]))

    def labels(self, as_of: datetime) -> dict[int, float]:
        rows = known_labels(Run(self.context.tables, "test"), USE_CASE, as_of).collect()
        assert len({row["order_id"] for row in rows}) == len(rows)
        return {row["order_id"]: row["label"] for row in rows}

    def shares(self) -> dict[tuple[str, datetime], float]:
        rows = self.context.tables.read("store_returns").collect()
        return {(row["store"], row["known_at"]): row["returned_share"] for row in rows}


@pytest.fixture
def orders(tables: Tables, tmp_path: Path) -> Shop:
    return Shop(tables, tmp_path)


@pytest.mark.nightly
def test_what_was_corrected_is_computed_anew_and_what_was_known_before_stays(orders: Shop) -> None:
    """Four days of a shop, of which the fourth brings a correction and a deletion of the second."""
    for day in range(3):
        orders.lives(day)
    # What became known at the end of a window is computed with the next one.
    before = BEGIN + 3 * DAY - timedelta.resolution
    then = orders.labels(before)
    shares = orders.shares()
    wrong, never = BEGIN + DAY + 2 * HOUR, BEGIN + DAY + 5 * HOUR
    other = 1 - int(then[int(wrong.timestamp())])
    orders.corrects((wrong, 50.0, other), (never, -1.0, 0))

    result = orders.lives(3)

    now = BEGIN + 4 * DAY
    assert result.window == Window(wrong, now)
    assert orders.labels(before) == then
    assert orders.labels(now - timedelta.resolution * 2).keys() >= then.keys()
    known = orders.labels(now)
    assert known[int(wrong.timestamp())] == other
    assert int(never.timestamp()) not in known
    rest = then.keys() - {int(wrong.timestamp()), int(never.timestamp())}
    assert {order: known[order] for order in rest} == {order: then[order] for order in rest}
    assert len(known) == 4 * 24 - 9 - 1
    # The corrected order is one of the north by now, and the deleted one of nobody.
    changed = {key for key in shares.keys() | orders.shares().keys() if key[1] < datetime(2024, 1, 3, 15)}
    changed = {key for key in changed if shares.get(key) != orders.shares().get(key)}
    assert {at for _, at in changed} <= {moment.replace(tzinfo=None) + 9 * HOUR for moment in (wrong, never)}
    assert orders.shares()["north", wrong.replace(tzinfo=None) + 9 * HOUR] == other

    again = features.run(orders.context, as_of=now)

    assert again.window == result.window
    assert (orders.labels(before), orders.labels(now)) == (then, known)

    later = orders.lives(4)

    assert later.window == Window(now, now + DAY)
    assert {order: orders.labels(now + DAY)[order] for order in known} == known
