"""A use case of a few rows that is not the flights: orders of three stores, and which of them are sent back."""

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from levelfive import (
    BINARY,
    KNOWN_AT,
    LABEL,
    LABELLED,
    OUTCOME,
    PREDICTION_TIME,
    Estimator,
    FeatureTable,
    GatePolicy,
    Lookup,
    ModelSpec,
    MonitoringPolicy,
    Reveal,
    Source,
    UseCase,
    in_window,
    not_null,
)
from levelfive.core.windows import Window, iso

ORDERS_A_DAY = 24
STORES = ("north", "south", "east")
HEADER = ("order_id", "ordered_at", "store", "price", "returned", "returned_at")


def write_orders(landing: Path, window: Window) -> None:
    """Let a file with the orders of a window land: one an hour, dear ones come back more often; one has no store."""
    (landing / "orders").mkdir(parents=True, exist_ok=True)
    with (landing / "orders" / f"{window.start:%Y-%m-%d}.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for hour in window.split(timedelta(hours=24 // ORDERS_A_DAY)):
            rows.writerow(_order(hour.start))
        rows.writerow((-int(window.start.timestamp()), iso(window.start), None, 1.0, 0, iso(window.end)))


def _order(at: datetime) -> tuple[object, ...]:
    draw = np.random.default_rng(int(at.timestamp()))
    store, price = STORES[draw.integers(len(STORES))], round(float(draw.gamma(2.0, 30.0)), 2)
    returned = int(draw.random() < (0.1 if price < 60 else 0.7))
    return (int(at.timestamp()), iso(at), store, price, returned, iso(at + timedelta(hours=9)))


def spine(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """List the orders of a window."""
    orders = raw["orders"].where(in_window("ordered_at", window))
    return orders.select("order_id", "store", "price", F.col("ordered_at").alias(PREDICTION_TIME))


def labels(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Tell which orders were sent back, once that is known."""
    known = raw["orders"].where(in_window("returned_at", window))
    return known.select(
        "order_id",
        F.col("ordered_at").alias(PREDICTION_TIME),
        F.col("returned").alias(LABEL),
        F.lit(LABELLED).alias(OUTCOME),
        F.col("returned_at").alias(KNOWN_AT),
    )


def store_returns(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Count, as each return becomes known, the share of the store's orders of that hour that came back."""
    known = raw["orders"].where(in_window("returned_at", window))
    return known.groupBy("store", F.col("returned_at").alias(KNOWN_AT)).agg(F.avg("returned").alias("returned_share"))


def build(numeric: Sequence[str], categorical: Sequence[str], seed: int) -> Estimator:
    """Build a logistic regression."""
    stores = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("stores", stores, list(categorical)), ("price", "passthrough", ["price"])])
    return Pipeline([("columns", columns), ("model", LogisticRegression(random_state=seed))])


ORDERS = Source(
    name="orders",
    columns=dict(zip(HEADER, ("long", "timestamp", "string", "double", "double", "timestamp"), strict=True)),
    key=("order_id",),
    expectations=not_null("ordered_at", "store"),
    event_time="ordered_at",
    key_within=timedelta(0),
    reveals=(Reveal(("returned", "returned_at"), known_at="returned_at"),),
)
USE_CASE = UseCase(
    name="shop",
    sources=(ORDERS,),
    feature_tables=(FeatureTable("store_returns", ("store",), ("orders",), store_returns),),
    key=("order_id",),
    spine_sources=("orders",),
    spine=spine,
    label_sources=("orders",),
    labels=labels,
    maturity=timedelta(hours=12),
    model=ModelSpec(
        task=BINARY,
        spine_features=("store", "price"),
        lookups=(Lookup("store_returns", {"store": "store"}, ("returned_share",), max_age=timedelta(days=2)),),
        categorical=("store",),
        build=build,
    ),
    slices=("store",),
    gate=GatePolicy(holdout_days=10, min_days=5, min_rows=100),
    monitoring=MonitoringPolicy(min_days=2, min_rows=20),
)
