"""The features that rows were scored with are looked up again by the same keys, and compared by feature and day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from in_memory.release import a_model
from pyspark.sql import functions as F
from small import EVENTS, GRID, LOOKUPS, STATE, THINGS, put, small_use_case, ticks

from levelfive.core.windows import Window, utc
from levelfive.features.store import LocalFeatureStore
from levelfive.monitoring import feature_skew
from levelfive.monitoring.feature_skew import compare_scored
from levelfive.monitoring.verdict import Subject
from levelfive.storage.predictions import FEATURES, LOOKUP_KEYS, PREDICTIONS, key_texts
from levelfive.storage.runs import JobContext, Run
from levelfive.storage.tables import Tables

FIRST, SECOND = (Window(utc(2024, 1, day), utc(2024, 1, day + 1)) for day in (2, 3))
WHOLE = Window(FIRST.start, SECOND.end)
NAMES = ("level", "count", "seen_at", "weight")
CARD = replace(a_model(utc(2024, 1, 1)).card, features=NAMES, lookups=LOOKUPS)
SUBJECT = Subject("m", "1", WHOLE)
EACH = 20


def levels(window: Window, factor: float = 1.0) -> list[tuple[Any, ...]]:
    """Make the states of two shops at each tick."""
    return [(shop, at, factor * (10.0 + at.hour)) for shop in ("a", "b") for at in ticks(window)]


@pytest.fixture
def context(tables: Tables) -> JobContext:
    """Two days of rows, scored with what the batch join gave then."""
    context = JobContext(tables, small_use_case(), LocalFeatureStore(tables))
    put(context, STATE, levels(WHOLE), WHOLE)
    put(context, EVENTS, [("a", 1, FIRST.start, 5, FIRST.start - GRID)], WHOLE)
    put(context, THINGS, [("a", date(2020, 1, 1), None), ("b", date(2020, 1, 1), Decimal(2))], WHOLE)
    rows = [
        (2 * number + day, "ab"[number % 2], 1, window.start + timedelta(hours=1, minutes=number))
        for day, window in enumerate((FIRST, SECOND))
        for number in range(EACH)
    ]
    spine = tables.spark.createDataFrame(rows, "id int, shop string, size int, prediction_time timestamp")
    scored = context.features.assemble(spine, LOOKUPS, tables.read, WHOLE)
    tables.append(
        PREDICTIONS,
        scored.select(
            "id",
            "prediction_time",
            F.struct(*NAMES).alias(FEATURES),
            key_texts(["shop", "size"], scored).alias(LOOKUP_KEYS),
            F.lit("m").alias("model_name"),
            F.lit("1").alias("model_version"),
            F.lit("champion").alias("role"),
            F.lit(WHOLE.end).alias("scored_as_of"),
        ),
    )
    return context


def compared(context: JobContext) -> dict[tuple[date, str], tuple[int, int]]:
    """Tell by day and feature how many rows were compared, and how many differ."""
    run = Run(context.tables, "a-run")
    days = compare_scored(context, run, SUBJECT, CARD, rows=2 * EACH, as_of=WHOLE.end)
    return {(one.day, one.feature): (one.answers, one.different) for one in days}


def test_a_table_that_is_written_anew_in_another_unit_is_named_by_feature_and_day(
    context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = (FIRST.start.date(), SECOND.start.date())
    assert compared(context) == {(day, name): (EACH, 0) for day in days for name in NAMES}

    put(context, STATE, levels(SECOND, 1.609344), SECOND)

    found = compared(context)
    assert {of: counts for of, counts in found.items() if counts[1]} == {(days[1], "level"): (EACH, EACH)}
    monkeypatch.setattr(feature_skew, "SAMPLED_ROWS", EACH)
    assert 0 < sum(rows for (_, name), (rows, _) in compared(context).items() if name == "level") < 2 * EACH
