"""A use case of three feature tables, each of another kind, whose rows tests write by hand."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame

from levelfive import BINARY, FeatureTable, Lookup, ModelSpec, UseCase
from levelfive.core.windows import Window
from levelfive.storage.runs import JobContext
from levelfive.usecase.policies import ServingPolicy

GRID, MAX_AGE = timedelta(hours=1), timedelta(hours=30)


def _never(*_: object) -> Any:
    raise AssertionError("the features of this use case are written by hand")


STATE = FeatureTable("state", ("shop",), (), _never)
EVENTS = FeatureTable("events", ("shop", "size"), (), _never)
THINGS = FeatureTable("things", ("shop",), (), _never, timestamped=False)
SCHEMAS = {
    "state": "shop string, known_at timestamp, level double",
    "events": "shop string, size int, known_at timestamp, count long, seen_at timestamp",
    "things": "shop string, made date, weight decimal(12,3)",
}
LOOKUPS = (
    Lookup("state", {"shop": "shop"}, ("level",), grid=GRID),
    Lookup("events", {"shop": "shop", "size": "size"}, ("count", "seen_at"), max_age=MAX_AGE),
    Lookup("things", {"shop": "shop"}, ("weight",)),
)


def small_use_case(
    tables: Sequence[FeatureTable] = (STATE, EVENTS, THINGS),
    lookups: Sequence[Lookup] = LOOKUPS,
    serving: ServingPolicy | None = None,
) -> UseCase:
    return UseCase(
        name="small",
        sources=(),
        feature_tables=tuple(tables),
        key=("id",),
        spine_sources=(),
        spine=_never,
        label_sources=(),
        labels=_never,
        maturity=timedelta(0),
        model=ModelSpec(BINARY, (), tuple(lookups), (), _never),
        serving=serving or ServingPolicy(),
    )


def put(
    context: JobContext, table: FeatureTable, rows: Sequence[tuple[Any, ...]], window: Window, schema: str | None = None
) -> None:
    """Write the rows that became known in a window; of a table without times, all."""
    frame: DataFrame = context.tables.spark.createDataFrame(list(rows), schema or SCHEMAS[table.name])
    version = context.tables.version(table.name) if context.tables.exists(table.name) else -1
    context.features.put(table, frame, window, made_of={"versions": version})


def ticks(window: Window) -> list[datetime]:
    return [part.start for part in window.split(GRID)]
