"""The feature tables: weather, aircraft, and the recent state of airport, carrier and destination.

Each value carries the time at which it became known. Outcomes enter by `departed_at`, `arrived_at` and
`cancelled_at`, which are null until they are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from flight_delay.sources import LATE_MINUTES
from levelfive.features.grid import AT, SINCE, GridSpec, grid_state
from levelfive.tables import in_window
from levelfive.usecase import KNOWN_AT, FeatureTable
from levelfive.windows import Window

SPANS = {"1h": timedelta(hours=1), "3h": timedelta(hours=3), "24h": timedelta(hours=24)}
# A flight counts as overdue when it has not left this long after its schedule.
OVERDUE_AFTER = timedelta(minutes=15)
OVERDUE_FOR = timedelta(hours=24)

FLOWS = (
    "departed",
    "departed_late",
    "departure_delay",
    "arrived",
    "arrived_late",
    "arrival_delay",
    "air_time_gain",
    "cancelled",
    "due",
)
LEVELS = ("overdue", "overdue_since")

WEATHER_VALUES = (
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
)
WEATHER_TRENDS = ("temp", "wind_speed", "pressure", "visib", "precip")
TREND = timedelta(hours=3)

ROTATION_HISTORY = timedelta(days=7)
TURNAROUND = timedelta(minutes=45)


def _whole(value: Column | int) -> Column:
    return (value if isinstance(value, Column) else F.lit(value)).cast("long")


def _event(at: Column | str, since: Column | str | None = None, **measures: Column | int) -> Column:
    nothing = F.lit(None).cast("long")
    at = F.col(at) if isinstance(at, str) else at
    begun = at if since is None else (F.col(since) if isinstance(since, str) else since)
    fields = [_whole(measures[name]) if name in measures else nothing for name in FLOWS + LEVELS]
    return F.struct(
        at.alias(AT),
        begun.alias(SINCE),
        *(f.alias(name) for f, name in zip(fields, FLOWS + LEVELS, strict=True)),
    )


def flight_events(flights: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Turn flights into events: departure, arrival, cancellation, becoming due, becoming overdue, no longer so.

    Args:
        flights: The raw flights as known at some time.
        keys: Columns to keep.

    Returns:
        The keys, `at`, `since` and the measures in `FLOWS` and `LEVELS`; delays in minutes.
    """
    overdue_at = F.col("sched_dep_at") + F.lit(OVERDUE_AFTER)
    minute_due = F.floor(F.unix_seconds("sched_dep_at") / 60)
    settled = F.least(F.coalesce("departed_at", "cancelled_at"), overdue_at + F.lit(OVERDUE_FOR))
    was_overdue = settled > overdue_at
    events = F.array(
        _event(
            "departed_at",
            departed=1,
            departed_late=F.col("dep_delay") >= LATE_MINUTES,
            departure_delay=F.col("dep_delay"),
        ),
        _event(
            "arrived_at",
            arrived=1,
            arrived_late=F.col("arr_delay") >= LATE_MINUTES,
            arrival_delay=F.col("arr_delay"),
            air_time_gain=F.col("dep_delay") - F.col("arr_delay"),
        ),
        _event("cancelled_at", cancelled=1),
        _event("sched_dep_at", due=1),
        F.when(was_overdue, _event(overdue_at, overdue_at, overdue=1, overdue_since=minute_due)),
        F.when(was_overdue, _event(settled, overdue_at, overdue=-1, overdue_since=-minute_due)),
    )
    return flights.select(*keys, F.explode(events).alias("event")).select(*keys, "event.*").where(F.col(AT).isNotNull())


def recent_state(
    raw: Mapping[str, DataFrame],
    window: Window,
    *,
    keys: tuple[str, ...],
    grid: timedelta,
    spans: Sequence[str],
) -> DataFrame:
    """Compute rates and means over the last hours for each key, at each tick of the grid."""
    spec = GridSpec(keys, grid, {name: SPANS[name] for name in spans}, FLOWS, LEVELS)
    flights = raw["flights"]
    near = flights.where(
        (F.col("sched_dep_at") > F.lit(window.start - timedelta(days=4))) & (F.col("sched_dep_at") < F.lit(window.end))
    )
    entities = flights.where(F.col("sched_dep_at") < F.lit(window.end)).select(*keys).distinct()
    state = grid_state(flight_events(near, keys), entities, spec, window)
    minute = F.floor(F.unix_seconds(KNOWN_AT) / 60)
    return state.select(
        *keys,
        KNOWN_AT,
        *(column for span in spans for column in _rates(span)),
        F.col("overdue").cast("int").alias("overdue"),
        F.try_divide(F.col("overdue") * minute - F.col("overdue_since"), F.col("overdue")).alias(
            "overdue_minutes_mean"
        ),
    )


def _rates(span: str) -> list[Column]:
    def ratio(what: str, of: str) -> Column:
        # null, not an error, where nothing happened
        return F.try_divide(F.col(f"{what}_{span}"), F.col(f"{of}_{span}"))

    return [
        F.col(f"departed_{span}").cast("int").alias(f"departed_{span}"),
        F.col(f"arrived_{span}").cast("int").alias(f"arrived_{span}"),
        F.col(f"cancelled_{span}").cast("int").alias(f"cancelled_{span}"),
        F.col(f"due_{span}").cast("int").alias(f"due_{span}"),
        ratio("departed_late", "departed").alias(f"departed_late_rate_{span}"),
        ratio("departure_delay", "departed").alias(f"departure_delay_{span}"),
        ratio("arrived_late", "arrived").alias(f"arrived_late_rate_{span}"),
        ratio("arrival_delay", "arrived").alias(f"arrival_delay_{span}"),
        ratio("air_time_gain", "arrived").alias(f"air_time_gain_{span}"),
    ]


def state_columns(spans: Sequence[str]) -> tuple[str, ...]:
    """Name the value columns of a state table."""
    names = (
        "departed",
        "arrived",
        "cancelled",
        "due",
        "departed_late_rate",
        "departure_delay",
        "arrived_late_rate",
        "arrival_delay",
        "air_time_gain",
    )
    return (*(f"{name}_{span}" for span in spans for name in names), "overdue", "overdue_minutes_mean")


def weather_state(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Take each weather record at the time it became known, with its change over three hours."""
    records = raw["weather"].where(
        (F.col(KNOWN_AT) >= F.lit(window.start - TREND)) & (F.col(KNOWN_AT) < F.lit(window.end))
    )
    earlier = records.select(
        "origin",
        (F.col(KNOWN_AT) + F.lit(TREND)).alias(KNOWN_AT),
        *(F.col(name).alias(f"{name}_earlier") for name in WEATHER_TRENDS),
    )
    joined = records.join(earlier, on=["origin", KNOWN_AT], how="left")
    angle = F.radians("wind_dir")
    return joined.select(
        "origin",
        KNOWN_AT,
        *WEATHER_VALUES,
        (F.col("wind_speed") * F.sin(angle)).alias("wind_east"),
        (F.col("wind_speed") * F.cos(angle)).alias("wind_north"),
        *((F.col(name) - F.col(f"{name}_earlier")).alias(f"{name}_change") for name in WEATHER_TRENDS),
    ).where(in_window(KNOWN_AT, window))


WEATHER_COLUMNS = (*WEATHER_VALUES, "wind_east", "wind_north", *(f"{name}_change" for name in WEATHER_TRENDS))


def aircraft(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Describe each aircraft."""
    return raw["planes"].select("tailnum", F.col("year").alias("built"), "seats", "engines")


def rotation(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Describe what was last known of an aircraft after each of its departures and arrivals.

    `ready_at` is the earliest time at which it could leave New York again: after its arrival, known or
    estimated from schedule and departure delay, a turnaround, the way back and another turnaround.
    """
    flights = raw["flights"].where(
        F.col("tailnum").isNotNull()
        & (F.col("sched_dep_at") > F.lit(window.start - ROTATION_HISTORY - timedelta(days=3)))
        & (F.col("sched_dep_at") < F.lit(window.end))
    )
    length = F.col("sched_arr_at") - F.col("sched_dep_at")
    expected = F.col("sched_arr_at") + F.make_dt_interval(mins=F.col("dep_delay"))
    back = F.lit(2 * TURNAROUND) + length
    left = F.struct(
        F.col("departed_at").alias(KNOWN_AT),
        F.lit(0).alias("landed"),
        F.col("dep_delay").alias("delay"),
        (expected + back).alias("ready_at"),
        F.col("departed_at").alias("last_event_at"),
    )
    landed = F.struct(
        F.col("arrived_at").alias(KNOWN_AT),
        F.lit(1).alias("landed"),
        F.col("arr_delay").alias("delay"),
        (F.col("arrived_at") + back).alias("ready_at"),
        F.col("arrived_at").alias("last_event_at"),
    )
    events = flights.select("tailnum", F.explode(F.array(left, landed)).alias("event")).select("tailnum", "event.*")
    events = events.where(F.col(KNOWN_AT).isNotNull())
    # Two events of one aircraft in one minute: the landing is the later news.
    last = {
        name: F.max_by(name, F.struct("landed", "ready_at", "delay")) for name in ("delay", "ready_at", "last_event_at")
    }
    merged = events.groupBy("tailnum", KNOWN_AT).agg(
        F.max("landed").alias("landed"),
        *(column.alias(name) for name, column in last.items()),
        F.sum(F.col("delay").cast("long")).alias("delays"),
        F.count(F.lit(1)).alias("events"),
    )
    day = Over.partitionBy("tailnum").orderBy(F.unix_seconds(KNOWN_AT)).rangeBetween(-86_400, 0)
    week = Over.partitionBy("tailnum").orderBy(F.unix_seconds(KNOWN_AT)).rangeBetween(-7 * 86_400, 0)
    return merged.select(
        "tailnum",
        KNOWN_AT,
        "landed",
        "delay",
        "ready_at",
        "last_event_at",
        (F.sum("delays").over(day) / F.sum("events").over(day)).alias("delay_24h"),
        (F.sum("delays").over(week) / F.sum("events").over(week)).alias("delay_7d"),
        F.sum("events").over(week).cast("int").alias("events_7d"),
    ).where(in_window(KNOWN_AT, window))


ROTATION_COLUMNS = ("landed", "delay", "ready_at", "last_event_at", "delay_24h", "delay_7d", "events_7d")

ORIGIN_GRID, ORIGIN_SPANS = timedelta(minutes=5), ("1h", "3h", "24h")
CARRIER_GRID, CARRIER_SPANS = timedelta(minutes=15), ("3h", "24h")
DEST_GRID, DEST_SPANS = timedelta(minutes=30), ("3h", "24h")

FEATURE_TABLES = (
    FeatureTable("weather_state", ("origin",), ("weather",), weather_state),
    FeatureTable("aircraft", ("tailnum",), ("planes",), aircraft, timestamped=False),
    FeatureTable(
        "origin_state",
        ("origin",),
        ("flights",),
        partial(recent_state, keys=("origin",), grid=ORIGIN_GRID, spans=ORIGIN_SPANS),
    ),
    FeatureTable(
        "carrier_state",
        ("carrier", "origin"),
        ("flights",),
        partial(recent_state, keys=("carrier", "origin"), grid=CARRIER_GRID, spans=CARRIER_SPANS),
    ),
    FeatureTable(
        "dest_state",
        ("dest",),
        ("flights",),
        partial(recent_state, keys=("dest",), grid=DEST_GRID, spans=DEST_SPANS),
    ),
    FeatureTable("rotation", ("tailnum",), ("flights",), rotation),
)
