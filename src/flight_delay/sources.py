"""The landing files of 2013 and their contracts: flights, weather, planes, airports, airlines.

Times: `time_hour` is UTC; scheduled times are local, to New York at departure and to the destination at
arrival. All derived times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import chain

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from levelfive import Reveal, Source, between, matches, not_null, one_of

FLIGHT_KEY = ("flight_date", "carrier", "flight", "origin")
ORIGINS = ("EWR", "JFK", "LGA")
LATE_MINUTES = 15
PREDICTION_LEAD = timedelta(hours=2)

# A record labelled by its hour holds observations up to 51 minutes past it.
WEATHER_PUBLISHED_AFTER = timedelta(minutes=60)
# A cancellation carries no time; nor does a diversion. Both are assumed, and declared so in the README.
CANCELLATION_KNOWN_AFTER = timedelta(minutes=60)
DIVERSION_KNOWN_AFTER = timedelta(minutes=60)
# The contract below bounds both delays by two days.
OUTCOME_WITHIN = timedelta(days=4)
# Nor does it let a flight leave or land earlier than this before its schedule: what happens by a time was due by then.
EARLY_BY = timedelta(hours=3)

# Not in the airports file. Both territories keep Atlantic Standard Time all year.
ZONES_OF_MISSING_AIRPORTS = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}


def _minutes(column: str | Column) -> Column:
    return F.make_dt_interval(mins=column if isinstance(column, Column) else F.col(column))


def _hhmm(column: str) -> Column:
    return F.floor(F.col(column) / 100) * 60 + F.col(column) % 100


def derive_flights(flights: DataFrame, references: Mapping[str, DataFrame]) -> DataFrame:
    """Add the flight's date, its times in UTC, and what became of it, each at the time it became known.

    The actual times are the scheduled ones plus the delays, because the files date only the schedule. The
    scheduled arrival is on the first day, in the destination's zone, that puts it after the departure.
    """
    zones_by_airport = F.create_map(
        *chain.from_iterable((F.lit(k), F.lit(v)) for k, v in ZONES_OF_MISSING_AIRPORTS.items())
    )
    zones = references["airports"].select(F.col("faa").alias("dest"), F.col("tzone").alias("filed_zone"))
    zone = F.coalesce("filed_zone", F.try_element_at(zones_by_airport, F.col("dest")))
    due = F.col("time_hour") + _minutes("minute")
    midnight_there = F.date_trunc("day", F.from_utc_timestamp("sched_dep_at", F.col("dest_zone")))
    arrival = F.to_utc_timestamp(midnight_there + _minutes(_hhmm("sched_arr_time")), F.col("dest_zone"))
    next_day = F.to_utc_timestamp(midnight_there + _minutes(_hhmm("sched_arr_time") + 1440), F.col("dest_zone"))
    is_cancelled = F.col("dep_delay").isNull()
    is_diverted = ~is_cancelled & F.col("arr_delay").isNull()
    return (
        flights.join(F.broadcast(zones), on="dest", how="left")
        .withColumn("dest_zone", zone)
        .drop("filed_zone")
        .withColumn(
            "flight_date",
            F.try_make_date("year", "month", "day")
            if hasattr(F, "try_make_date")
            else F.expr("to_date(concat_ws('-', year, month, day))"),
        )
        .withColumn("sched_dep_at", due)
        .withColumn("sched_arr_at", F.when(arrival > F.col("sched_dep_at"), arrival).otherwise(next_day))
        .withColumn("departed_at", F.col("sched_dep_at") + _minutes("dep_delay"))
        .withColumn("arrived_at", F.col("sched_arr_at") + _minutes("arr_delay"))
        .withColumn("cancelled_at", F.when(is_cancelled, F.col("sched_dep_at") + F.lit(CANCELLATION_KNOWN_AFTER)))
        .withColumn("diverted_at", F.when(is_diverted, F.col("sched_arr_at") + F.lit(DIVERSION_KNOWN_AFTER)))
    )


def derive_weather(weather: DataFrame, references: Mapping[str, DataFrame]) -> DataFrame:
    """Add the time at which a record became known."""
    return weather.withColumn("known_at", F.col("time_hour") + F.lit(WEATHER_PUBLISHED_AFTER))


FLIGHTS = Source(
    name="flights",
    columns={
        "year": "int",
        "month": "int",
        "day": "int",
        "dep_time": "int",
        "sched_dep_time": "int",
        "dep_delay": "int",
        "arr_time": "int",
        "sched_arr_time": "int",
        "arr_delay": "int",
        "carrier": "string",
        "flight": "int",
        "tailnum": "string",
        "origin": "string",
        "dest": "string",
        "air_time": "int",
        "distance": "int",
        "hour": "int",
        "minute": "int",
        "time_hour": "timestamp",
    },
    key=FLIGHT_KEY,
    expectations=(
        *not_null("sched_dep_time", "sched_arr_time", "dest", "distance", "hour", "minute", "time_hour"),
        # A destination without a time zone is in neither the airports file nor the list above.
        *not_null("dest_zone"),
        one_of("origin", *ORIGINS),
        matches("carrier", "[A-Z0-9]{2}"),
        matches("dest", "[A-Z]{3}"),
        between("sched_dep_time", 0, 2359),
        between("sched_arr_time", 0, 2400),
        between("minute", 0, 59),
        between("distance", 1, 12_000),
        between("dep_delay", -120, 2880),
        between("arr_delay", -180, 2880),
        between("air_time", 10, 1200),
    ),
    derive=derive_flights,
    references=("airports",),
    event_time="sched_dep_at",
    # The key holds the date of the schedule, in New York.
    key_within=timedelta(days=2),
    reveals=(
        Reveal(("dep_time", "dep_delay", "departed_at"), known_at="departed_at"),
        Reveal(("arr_time", "arr_delay", "air_time", "arrived_at"), known_at="arrived_at"),
        Reveal(("cancelled_at",), known_at="cancelled_at"),
        Reveal(("diverted_at",), known_at="diverted_at"),
    ),
    freshness=timedelta(days=3),
)

WEATHER = Source(
    name="weather",
    columns={
        "origin": "string",
        "year": "int",
        "month": "int",
        "day": "int",
        "hour": "int",
        "temp": "double",
        "dewp": "double",
        "humid": "double",
        "wind_dir": "double",
        "wind_speed": "double",
        "wind_gust": "double",
        "precip": "double",
        "pressure": "double",
        "visib": "double",
        "time_hour": "timestamp",
    },
    key=("origin", "time_hour"),
    expectations=(
        one_of("origin", *ORIGINS),
        between("temp", -60, 130),
        between("dewp", -80, 100),
        between("humid", 0, 100),
        between("wind_dir", 0, 360),
        # The strongest gust ever measured outside a tornado is 253 mph.
        between("wind_speed", 0, 200),
        between("wind_gust", 0, 253),
        between("precip", 0, 20),
        between("pressure", 850, 1100),
        between("visib", 0, 100),
    ),
    derive=derive_weather,
    event_time="time_hour",
    key_within=timedelta(0),
    known_at="known_at",
    freshness=timedelta(days=3),
)

PLANES = Source(
    name="planes",
    columns={
        "tailnum": "string",
        "year": "int",
        "type": "string",
        "manufacturer": "string",
        "model": "string",
        "engines": "int",
        "seats": "int",
        "speed": "int",
        "engine": "string",
    },
    key=("tailnum",),
    expectations=(between("year", 1903, 2100), between("engines", 1, 12), between("seats", 1, 1000)),
)

AIRPORTS = Source(
    name="airports",
    columns={
        "faa": "string",
        "name": "string",
        "lat": "double",
        "lon": "double",
        "alt": "int",
        "tz": "int",
        "dst": "string",
        "tzone": "string",
    },
    key=("faa",),
    expectations=(between("lat", -90, 90), between("lon", -180, 180)),
)

AIRLINES = Source(name="airlines", columns={"carrier": "string", "name": "string"}, key=("carrier",))

SOURCES = (AIRPORTS, AIRLINES, PLANES, FLIGHTS, WEATHER)
