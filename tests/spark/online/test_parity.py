"""What lookups find in an online store is what the batch join finds, to the last bit."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from online_features import batch_features, differences, online_features
from small import put, small_use_case

from levelfive import FeatureTable, Lookup
from levelfive.core.windows import Window, utc
from levelfive.features.store import LocalFeatureStore
from levelfive.online import job
from levelfive.online.store import OnlineStore
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.usecase.policies import ServingPolicy

HOUR, SECOND, MICROSECOND = timedelta(hours=1), timedelta(seconds=1), timedelta(microseconds=1)
MAX_AGE = timedelta(hours=3)
T, BEFORE_1970 = utc(2013, 5, 1, 12), utc(1969, 12, 31, 22)
WHOLE = Window(utc(1960, 1, 1), utc(2020, 1, 1))
SHOPS = ("", " ", " a", "a", "A", "a ", "é", "e\u0301", "\U0001f6eb", "null")
# Two keys, of a text and a number; of the values, each in another type.
ROW = (
    "shop string, size int, known_at timestamp, fraction double, share float, whole long, short smallint, "
    "flag boolean, text string, day date, moment timestamp, amount decimal(38,10)"
)
COLUMNS = ("fraction", "share", "whole", "short", "flag", "text", "day", "moment", "amount")
CATEGORICAL = ("text", "day", "share", "short", "flag")
KEY_ROWS = {
    "by_day": ("day date, value int", [(date(1969, 12, 31), 1), (date(2013, 5, 1), 2)]),
    "by_moment": ("moment timestamp, value int", [(BEFORE_1970 + MICROSECOND, 1), (T, 2)]),
    "by_number": ("number double, value int", [(0.0, 1), (0.1, 2), (float("nan"), 3), (1e300, 4)]),
    "by_amount": ("amount decimal(12,2), value int", [(Decimal("1.50"), 1), (Decimal("100.00"), 2)]),
    "by_flag": ("flag boolean, value int", [(True, 1), (False, 2)]),
    "by_count": ("count long, value int", [(-(2**40), 1), (0, 2), (7, 3)]),
}
SPINE = (
    "id int, shop string, size int, day date, moment timestamp, number double, amount decimal(12,2), flag boolean, "
    "count int, prediction_time timestamp"
)


def lookups_of(table: str, **how: timedelta) -> tuple[Lookup, ...]:
    """Take every column of a table, as a number where it is one, and as a category."""
    keys = {"shop": "shop", "size": "size"}
    # The batch join makes minutes of a time only where the lookup has an age limit.
    others = {"text", "day"} if "max_age" in how else {"text", "day", "moment"}
    numbers = tuple(name for name in COLUMNS if name not in others)
    return (
        Lookup(table, keys, numbers, prefix=f"{table}_number_", **how),
        Lookup(table, keys, CATEGORICAL, prefix=f"{table}_", **how),
    )


LOOKUPS = (
    *lookups_of("on_grid", grid=HOUR),
    *lookups_of("by_age", max_age=MAX_AGE),
    *(Lookup(name, {name[3:]: name[3:]}, ("value",), prefix=f"{name}_") for name in KEY_ROWS),
)
CATEGORIES = tuple(f"{table}_{name}" for table in ("on_grid", "by_age") for name in CATEGORICAL)
TABLES = (
    *(FeatureTable(name, ("shop", "size"), (), lambda raw, window: raw["none"]) for name in ("on_grid", "by_age")),
    *(FeatureTable(name, (name[3:],), (), lambda raw, window: raw["none"], timestamped=False) for name in KEY_ROWS),
)


def values(n: int, at: datetime) -> tuple[Any, ...]:
    """Make the values of a row, each of which is missing in some rows."""
    row = (
        (0.1 * n, -0.0, 5e-324, 1e300, float("nan"))[n % 5],
        (0.1, 1.5, -0.0)[n % 3],
        2**53 + n,
        n - 50,
        n % 2 == 0,
        SHOPS[n % len(SHOPS)],
        date(1970, 1, 1) + timedelta(days=n - 3),
        at - timedelta(microseconds=1_500_000 * n + 1),
        Decimal(n) / 7,
    )
    return tuple(None if (n + place) % 6 == 5 else value for place, value in enumerate(row))


def rows_at(*times: datetime) -> list[tuple[Any, ...]]:
    keys = [(shop, size) for shop in SHOPS for size in (1, -2)]
    return [
        (*key, at, *values(number, at))
        for number, (key, at) in enumerate((key, at) for key in keys for at in times)
        # Some keys have no row at some times.
        if number % 7
    ]


def spine() -> list[tuple[Any, ...]]:
    """Ask for each key around a tick, around a time at which rows became known, and around the limit of their age."""
    around = [
        moment + step
        for base in (T, BEFORE_1970)
        for moment in (base, base + 20 * SECOND, base + HOUR, base + MAX_AGE, base + 20 * SECOND + MAX_AGE)
        for step in (-MICROSECOND, timedelta(0), MICROSECOND, 0.5 * SECOND)
    ]
    shops = (*SHOPS, None, "unknown")
    rows = [(shop, size, at) for at in around for shop in shops for size in (1, -2, None)]
    others = [
        (date(1969, 12, 31), BEFORE_1970 + MICROSECOND, -0.0, Decimal("1.5"), True, 7),
        (date(2013, 5, 1), T, float("nan"), Decimal(100), False, 0),
        (date(2013, 5, 2), T + MICROSECOND, 0.1, Decimal("0.01"), None, -7),
        (None, None, None, None, True, None),
    ]
    return [(n, shop, size, *others[n % 4], at) for n, (shop, size, at) in enumerate(rows)]


@pytest.fixture
def context(tables: Tables) -> JobContext:
    serving = ServingPolicy(history=timedelta(days=20_000))
    context = JobContext(tables, small_use_case(TABLES, LOOKUPS, serving), LocalFeatureStore(tables))
    ticks = [base + n * HOUR for base in (T, BEFORE_1970) for n in (-1, 0, 1, 3)]
    between = [base + n * 20 * SECOND for base in (T, BEFORE_1970) for n in (0, 1, 2)]
    put(context, TABLES[0], rows_at(*ticks), WHOLE, ROW)
    put(context, TABLES[1], rows_at(*between), WHOLE, ROW)
    for table in TABLES[2:]:
        schema, rows = KEY_ROWS[table.name]
        put(context, table, rows, WHOLE, schema)
    return context


@pytest.mark.nightly
def test_each_row_finds_what_the_batch_join_finds(
    context: JobContext, registry: CentralRegistry, open_file: Callable[[str], OnlineStore]
) -> None:
    """More than a thousand rows, each looked up by itself, in eight feature tables."""
    store, rows = open_file("online.db"), context.tables.spark.createDataFrame(spine(), SPINE)

    job.run(context, registry, store, as_of=WHOLE.end)

    batch = context.features.assemble(rows, LOOKUPS, context.tables.read, WHOLE)
    ours = batch_features(batch, LOOKUPS, CATEGORIES, "id")
    theirs = online_features(store, rows, LOOKUPS, CATEGORIES, "id")
    assert len(ours) == len(spine())
    # There is something to compare: of each feature, values and nulls.
    assert [name for name in ours if ours[name].isna().all() or ours[name].notna().all()] == []
    assert differences(ours, theirs) == []
