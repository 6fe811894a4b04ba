"""Random orders, corrections and deletions through the stages: as of each run, what a plain account of them says."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shop
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from levelfive import Later
from levelfive.core.windows import Window, from_micros, iso, utc
from levelfive.data import job as data
from levelfive.data.known import read_as_known
from levelfive.data.landed import corrections
from levelfive.features import job as features
from levelfive.features.labels import known_labels
from levelfive.features.store import LocalFeatureStore
from levelfive.storage.runs import JobContext, Run
from levelfive.storage.tables import Tables
from levelfive.usecase.columns import KNOWN_AT, LABEL

BEGIN, DAY, DAYS = utc(2024, 1, 1), timedelta(days=1), 4
ORDERS_A_DAY, CHANGES_A_DAY = 12, 10
GONE = None


def mark_deletions(orders: DataFrame, references: Mapping[str, DataFrame]) -> DataFrame:
    """An order that costs less than nothing was never made."""
    return orders.withColumn("deleted", F.col("price") < 0)


ORDERS = replace(shop.ORDERS, later=Later.CORRECTION, derive=mark_deletions, deletion="deleted")
USE_CASE = replace(shop.USE_CASE, sources=(ORDERS,))


@dataclass(frozen=True)
class Order:
    """What a row says of an order."""

    ordered_at: datetime
    store: str
    price: float
    returned: int
    returned_at: datetime


@dataclass
class Account:
    """What was said of each order, and since when it counts: the first row always, later ones from their run on."""

    said: dict[int, list[tuple[datetime | None, Order | None]]] = field(default_factory=lambda: defaultdict(list))
    changes: dict[datetime, tuple[int, int]] = field(default_factory=dict)

    def ingest(self, rows: list[tuple[int, Order | None]], as_of: datetime) -> None:
        """Take the rows of a run, of which the last of each order counts."""
        corrected = deleted = 0
        for number, order in dict(rows).items():
            before = self.said[number]
            if not before and order is not GONE:
                before.append((None, order))
            elif before and before[-1][1] != order:
                before.append((as_of, order))
                corrected, deleted = corrected + (order is not GONE), deleted + (order is GONE)
        self.changes[as_of] = (corrected, deleted)

    def at(self, moment: datetime) -> dict[int, Order]:
        """Tell the orders as they were known at a time."""
        last = {
            number: [order for since, order in said if since is None or since <= moment][-1]
            for number, said in self.said.items()
            if said
        }
        return {number: order for number, order in last.items() if order is not GONE}


def drawn(draw: np.random.Generator, account: Account, day: Window) -> Iterator[tuple[int, Order | None]]:
    """Draw the rows of a day: its orders, and what is said otherwise of some orders, of before and of the day."""
    for place in range(ORDERS_A_DAY):
        yield int(day.start.timestamp()) + place, an_order(draw, day.start + place * timedelta(hours=2))
    # A first row that comes later than its own day would be a late one, and no correction.
    there = [number for number, said in account.said.items() if said]
    numbers = [*there, *(int(day.start.timestamp()) + place for place in range(ORDERS_A_DAY))]
    for number in draw.choice(numbers, CHANGES_A_DAY):
        said = account.said.get(int(number)) or [(None, an_order(draw, day.start))]
        order = next((order for _, order in reversed(said) if order is not GONE), None)
        kind = draw.integers(5)
        if order is None or kind == 0:
            yield int(number), GONE
        elif kind == 1 and number in there:
            # What is corrected to before the first window is not computed.
            earlier = max(BEGIN, order.ordered_at - timedelta(minutes=int(draw.integers(3000))))
            yield int(number), an_order(draw, earlier)
        elif kind == 2:
            yield int(number), replace(order, returned=1 - order.returned)
        else:
            yield int(number), replace(order, returned_at=a_return(draw, order.ordered_at))


def an_order(draw: np.random.Generator, at: datetime) -> Order:
    return Order(
        at, str(draw.choice(shop.STORES)), float(draw.integers(1, 90)), int(draw.integers(2)), a_return(draw, at)
    )


def a_return(draw: np.random.Generator, ordered_at: datetime) -> datetime:
    return ordered_at + timedelta(hours=int(draw.integers(1, 60)), minutes=1)


def deliver(landing: Path, day: Window, rows: list[tuple[int, Order | None]]) -> None:
    """Let the rows land in two files, in their order."""
    (landing / "orders").mkdir(exist_ok=True)
    for part, lines in (("a", rows[:ORDERS_A_DAY]), ("b", rows[ORDERS_A_DAY:])):
        with (landing / "orders" / f"{day.start:%Y-%m-%d}-{part}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([shop.HEADER, *(line_of(*row, day) for row in lines)])


def line_of(number: int, order: Order | None, day: Window) -> tuple[object, ...]:
    if order is GONE:
        return (number, iso(day.start), "north", -1.0, 0, iso(day.start))
    return (number, iso(order.ordered_at), order.store, order.price, order.returned, iso(order.returned_at))


def micros(rows: DataFrame, *columns: str) -> list[Any]:
    """Collect columns, times in microseconds."""
    kinds = dict(rows.dtypes)
    picked = (F.unix_micros(name).alias(name) if kinds[name] == "timestamp" else F.col(name) for name in columns)
    return rows.select(*picked).collect()


def raw_rows(context: JobContext, at: datetime) -> dict[int, Order]:
    rows = read_as_known(Run(context.tables, "test"), USE_CASE, ("orders",), at)["orders"]
    return {
        row["order_id"]: Order(from_micros(row[1]), row["store"], row["price"], row["returned"], from_micros(row[5]))
        for row in micros(rows, *shop.HEADER)
    }


def masked(orders: Mapping[int, Order], at: datetime) -> dict[int, Order]:
    """Hide what is revealed after a time."""
    hidden: Any = None
    return {
        number: order if order.returned_at <= at else replace(order, returned=hidden, returned_at=hidden)
        for number, order in orders.items()
    }


def shares(orders: Mapping[int, Order], until: datetime) -> dict[tuple[str, datetime], float]:
    """Compute the feature of the shop by hand."""
    found = defaultdict(list)
    for order in orders.values():
        if order.returned_at < until:
            found[order.store, order.returned_at].append(order.returned)
    return {key: sum(returned) / len(returned) for key, returned in found.items()}


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [1, 2])
def test_as_of_each_run_rows_features_and_labels_are_those_of_then(tables: Tables, tmp_path: Path, seed: int) -> None:
    """Four days of two files each; then the same is asked again as of each of them."""
    context, account, draw = (
        JobContext(tables, USE_CASE, LocalFeatureStore(tables)),
        Account(),
        np.random.default_rng(seed),
    )
    moments = [BEGIN + (number + 1) * DAY for number in range(DAYS)]
    for as_of in moments:
        day = Window(as_of - DAY, as_of)
        rows = list(drawn(draw, account, day))
        deliver(tmp_path, day, rows)
        account.ingest(rows, as_of)

        data.run(context, landing=tmp_path, as_of=as_of)
        features.run(context, as_of=as_of)

        computed = micros(tables.read("store_returns"), "store", KNOWN_AT, "returned_share")
        told = {(row["store"], from_micros(row[KNOWN_AT])): row["returned_share"] for row in computed}
        assert told == shares(account.at(as_of), as_of), as_of
    for as_of in moments:
        assert raw_rows(context, as_of) == masked(account.at(as_of), as_of)
        # What becomes known as a window ends is computed with the next one; corrected labels are known just before.
        labels = known_labels(Run(tables, "test"), USE_CASE, as_of - timedelta.resolution).collect()
        expected = {n: order.returned for n, order in account.at(as_of).items() if order.returned_at < as_of}
        assert {row["order_id"]: row[LABEL] for row in labels} == expected, as_of
        found = corrections(Run(tables, "test"), {"orders"}, after=as_of - DAY, until=as_of)
        assert (sum(file.corrections for file in found), sum(file.deletions for file in found)) == account.changes[
            as_of
        ]
