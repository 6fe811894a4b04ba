"""The feature tables: weather, aircraft, and the recent state of airport, carrier and destination.

Each value carries the time at which it became known. Outcomes enter by `departed_at`, `arrived_at` and
`cancelled_at`, which are null until they are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from flight_delay.sources import EARLY_BY, LATE_MINUTES, OUTCOME_WITHIN, WEATHER_PUBLISHED_AFTER
from levelfive import KNOWN_AT, FeatureTable, Flow, GridSpec, OpenIntervals, Ratio, Window, grid_state, in_window

# A flight counts as overdue when it has not left this long after its schedule, and no longer than this.
OVERDUE_AFTER = timedelta(minutes=15)
OVERDUE_FOR = timedelta(hours=24)
# Flights scheduled longer ago than this change no state.
STATE_HISTORY = OUTCOME_WITHIN + timedelta(days=1)

FLOWS = {
    "departed": Flow("departed_at"),
    "departure_delay": Flow("departed_at", "dep_delay"),
    "arrived": Flow("arrived_at"),
    "arrived_late": Flow("arrived_at", "arrived_late"),
    "arrival_delay": Flow("arrived_at", "arr_delay"),
    "air_time_gain": Flow("arrived_at", "air_time_gain"),
    "cancelled": Flow("cancelled_at"),
    "due": Flow("sched_dep_at"),
}
RATIOS = {
    "departure_delay": Ratio("departure_delay", "departed"),
    "arrived_late_rate": Ratio("arrived_late", "arrived"),
    "arrival_delay": Ratio("arrival_delay", "arrived"),
    "air_time_gain": Ratio("air_time_gain", "arrived"),
}
OVERDUE = {"overdue": OpenIntervals("overdue_at", "settled_at", OVERDUE_FOR)}
# At an airport, whether many have just begun to wait or some wait for long says which way it goes.
WAITING = {
    "waiting": OpenIntervals("sched_dep_at", "settled_at", OVERDUE_FOR),
    "hour_overdue": OpenIntervals("hour_overdue_at", "settled_at", OVERDUE_FOR),
}


def _state(
    keys: tuple[str, ...], grid: timedelta, hours: Sequence[int], levels: Mapping[str, OpenIntervals] = OVERDUE
) -> GridSpec:
    spans = {f"{n}h": timedelta(hours=n) for n in hours}
    return GridSpec(keys, grid, spans, FLOWS, ("arrived", "cancelled", "due"), RATIOS, levels)


ORIGIN_STATE = _state(("origin",), timedelta(minutes=5), (1, 3, 24), OVERDUE | WAITING)
CARRIER_STATE = _state(("carrier", "origin"), timedelta(minutes=60), (3, 24))
DEST_STATE = _state(("dest",), timedelta(minutes=60), (3, 24))

# Temperature, dew point and pressure themselves tell the season: a model that learned them in winter is misled in
# summer. What they mean for flying is taken instead: how near fog is, and whether ice forms.
WEATHER_VALUES = ("wind_dir", "wind_speed", "wind_gust", "precip", "visib")
ICING_BELOW_FAHRENHEIT = 34
WEATHER_TRENDS = ("temp", "wind_speed", "pressure", "visib", "precip")
TREND = timedelta(hours=3)
WEATHER_GRID = timedelta(hours=1)
WEATHER_LASTS = timedelta(hours=6)
WEATHER_DATED = WEATHER_LASTS + TREND + WEATHER_PUBLISHED_AFTER

ROTATION_HISTORY = timedelta(days=7)
# Of an event within that history, the flight was due at most so long before.
ROTATION_DUE = ROTATION_HISTORY + timedelta(days=3)
HISTORY_DAYS = (7, 28)
FLIGHT_HISTORY = timedelta(days=max(HISTORY_DAYS))
FLIGHT_HISTORY_DUE = FLIGHT_HISTORY + STATE_HISTORY
DAY_SECONDS = 86_400
TURNAROUND = timedelta(minutes=45)


def recent_state(raw: Mapping[str, DataFrame], window: Window, *, spec: GridSpec) -> DataFrame:
    """Compute rates and means over the last hours for each key, at each tick of the grid; delays in minutes."""
    flights = raw["flights"].where(F.col("sched_dep_at") < F.lit(window.end + EARLY_BY))
    near = flights.where(F.col("sched_dep_at") > F.lit(window.start - STATE_HISTORY)).select(
        "*",
        (F.col("arr_delay") >= LATE_MINUTES).cast("int").alias("arrived_late"),
        (F.col("dep_delay") - F.col("arr_delay")).alias("air_time_gain"),
        (F.col("sched_dep_at") + F.lit(OVERDUE_AFTER)).alias("overdue_at"),
        (F.col("sched_dep_at") + F.lit(timedelta(hours=1))).alias("hour_overdue_at"),
        F.coalesce("departed_at", "cancelled_at").alias("settled_at"),
    )
    # A key has a state from its first flight on, wherever the window ends.
    keys = flights.groupBy(*spec.keys).agg(F.min("sched_dep_at").alias(KNOWN_AT))
    return grid_state(near, keys, spec, window)


def weather_state(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Take the last weather record known at each full hour, with its change over three hours.

    A record counts for six hours at most; an hour without one has no row.
    """
    records = raw["weather"].where(
        (F.col(KNOWN_AT) > F.lit(window.start - WEATHER_LASTS - TREND)) & (F.col(KNOWN_AT) < F.lit(window.end))
    )
    # The value of the record known exactly so long before, null where there is none.
    second = F.unix_seconds(KNOWN_AT)
    earlier = Over.partitionBy("origin").orderBy(second).rangeBetween(*(-int(TREND.total_seconds()),) * 2)
    angle = F.radians("wind_dir")
    observations = records.select(
        "origin",
        F.col(KNOWN_AT).alias("published_at"),
        *WEATHER_VALUES,
        (F.col("temp") - F.col("dewp")).alias("dew_point_spread"),
        (F.col("temp") <= ICING_BELOW_FAHRENHEIT).cast("int").alias("icing"),
        (F.col("wind_speed") * F.sin(angle)).alias("wind_east"),
        (F.col("wind_speed") * F.cos(angle)).alias("wind_north"),
        *((F.col(name) - F.max(name).over(earlier)).alias(f"{name}_change") for name in WEATHER_TRENDS),
    )
    grid = int(WEATHER_GRID.total_seconds())
    first = F.ceil(F.unix_seconds("published_at") / grid) * grid
    ticks = F.sequence(first, first + F.lit(int(WEATHER_LASTS.total_seconds()) - grid), F.lit(grid))
    hourly = observations.withColumn("tick", F.explode(ticks)).withColumn(KNOWN_AT, F.timestamp_seconds("tick"))
    hourly = hourly.where(in_window(KNOWN_AT, window))
    newest = F.max_by(F.struct(*WEATHER_COLUMNS), "published_at").alias("newest")
    return hourly.groupBy("origin", KNOWN_AT).agg(newest).select("origin", KNOWN_AT, "newest.*")


WEATHER_COLUMNS = (
    *WEATHER_VALUES,
    "dew_point_spread",
    "icing",
    "wind_east",
    "wind_north",
    *(f"{name}_change" for name in WEATHER_TRENDS),
)


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
        & (F.col("sched_dep_at") > F.lit(window.start - ROTATION_DUE))
        & (F.col("sched_dep_at") < F.lit(window.end + EARLY_BY))
    )
    events = flights.transform(_movements)
    # Two events of one aircraft in one minute: the landing is the later news.
    last = {
        name: F.max_by(name, F.struct("landed", "ready_at", "delay")) for name in ("delay", "ready_at", "last_event_at")
    }
    last_events = events.groupBy("tailnum", KNOWN_AT).agg(
        F.max("landed").alias("landed"),
        *(column.alias(name) for name, column in last.items()),
        F.sum(F.col("delay").cast("long")).alias("delays"),
        F.count(F.lit(1)).alias("events"),
    )
    day = Over.partitionBy("tailnum").orderBy(F.unix_seconds(KNOWN_AT)).rangeBetween(-DAY_SECONDS, 0)
    week = Over.partitionBy("tailnum").orderBy(F.unix_seconds(KNOWN_AT)).rangeBetween(-7 * DAY_SECONDS, 0)
    return last_events.select(
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


def _movements(flights: DataFrame) -> DataFrame:
    """Make a row of each departure and of each arrival that came about."""
    length = F.col("sched_arr_at") - F.col("sched_dep_at")
    expected_arrival = F.col("sched_arr_at") + F.make_dt_interval(mins=F.col("dep_delay"))
    back = F.lit(2 * TURNAROUND) + length
    departure = F.struct(
        F.col("departed_at").alias(KNOWN_AT),
        F.lit(0).alias("landed"),
        F.col("dep_delay").alias("delay"),
        (expected_arrival + back).alias("ready_at"),
        F.col("departed_at").alias("last_event_at"),
    )
    arrival = F.struct(
        F.col("arrived_at").alias(KNOWN_AT),
        F.lit(1).alias("landed"),
        F.col("arr_delay").alias("delay"),
        (F.col("arrived_at") + back).alias("ready_at"),
        F.col("arrived_at").alias("last_event_at"),
    )
    events = flights.select("tailnum", F.explode(F.array(departure, arrival)).alias("event"))
    return events.select("tailnum", "event.*").where(F.col(KNOWN_AT).isNotNull())


def flight_history(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Describe how a flight of the same number did over the weeks up to each of its arrivals; delays in minutes."""
    known_in = Window(window.start - FLIGHT_HISTORY, window.end)
    due = Window(window.start - FLIGHT_HISTORY_DUE, window.end + EARLY_BY)
    arrivals = raw["flights"].where(in_window("sched_dep_at", due) & in_window("arrived_at", known_in))
    number = ("carrier", "flight", "origin")
    totals = arrivals.groupBy(*number, F.col("arrived_at").alias(KNOWN_AT)).agg(
        F.count(F.lit(1)).alias("arrivals"),
        F.count_if(F.col("arr_delay") >= LATE_MINUTES).alias("late"),
        F.sum(F.col("arr_delay").cast("long")).alias("delay"),
        F.sum(F.col("dep_delay").cast("long")).alias("departure_delay"),
    )
    by_time = Over.partitionBy(*number).orderBy(F.unix_seconds(KNOWN_AT))
    columns = []
    for days in HISTORY_DAYS:
        recent = by_time.rangeBetween(-days * DAY_SECONDS, 0)
        arrival_count = F.sum("arrivals").over(recent)
        columns += [
            arrival_count.cast("int").alias(f"arrivals_{days}d"),
            (F.sum("late").over(recent) / arrival_count).alias(f"late_rate_{days}d"),
            (F.sum("delay").over(recent) / arrival_count).alias(f"delay_{days}d"),
            (F.sum("departure_delay").over(recent) / arrival_count).alias(f"departure_delay_{days}d"),
        ]
    history = totals.select(*number, KNOWN_AT, F.col(KNOWN_AT).alias("last_arrival_at"), *columns)
    return history.where(in_window(KNOWN_AT, window))


FLIGHT_HISTORY_COLUMNS = (
    "last_arrival_at",
    *(f"{name}_{n}d" for n in HISTORY_DAYS for name in ("arrivals", "late_rate", "delay", "departure_delay")),
)
ROTATION_COLUMNS = ("landed", "delay", "ready_at", "last_event_at", "delay_24h", "delay_7d", "events_7d")


# Without a lookback: a key has a state from its first flight on, which may lie any time back.
def _of_grid(name: str, spec: GridSpec) -> FeatureTable:
    return FeatureTable(name, spec.keys, ("flights",), partial(recent_state, spec=spec), grid=spec.grid)


FEATURE_TABLES = (
    FeatureTable("weather_state", ("origin",), ("weather",), weather_state, lookback=WEATHER_DATED, grid=WEATHER_GRID),
    FeatureTable("aircraft", ("tailnum",), ("planes",), aircraft, timestamped=False),
    _of_grid("origin_state", ORIGIN_STATE),
    _of_grid("carrier_state", CARRIER_STATE),
    _of_grid("dest_state", DEST_STATE),
    FeatureTable("rotation", ("tailnum",), ("flights",), rotation, lookback=ROTATION_DUE),
    FeatureTable(
        "flight_history", ("carrier", "flight", "origin"), ("flights",), flight_history, lookback=FLIGHT_HISTORY_DUE
    ),
)
