"""All derived times are UTC, also on the days on which the clocks change."""

from collections.abc import Callable
from datetime import datetime

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flight_delay import USE_CASE
from flight_delay.outcomes import labels
from levelfive.core.windows import Window, from_micros, utc
from levelfive.data.known import as_known

Ingest = Callable[..., dict[str, DataFrame]]


def times(flights: DataFrame, where: str) -> tuple[datetime | None, ...]:
    row = flights.where(where).select(*(F.unix_micros(c) for c in ("sched_dep_at", "sched_arr_at"))).collect()
    assert len(row) == 1
    return tuple(from_micros(value) for value in row[0])


def test_10_march_flights_before_and_after_the_clocks_go_forward(ingest: Ingest) -> None:
    flights = ingest("2013-03", (9, 10))["flights"]

    offsets = flights.selectExpr("day", "hour(sched_dep_at) * 60 + minute(sched_dep_at) - hour * 60 - minute AS offset")

    found = {(row["day"], row["offset"] % 1440) for row in offsets.distinct().collect()}
    assert {(9, 300), (10, 240)} == found


def test_3_november_flights_after_the_clocks_go_back(ingest: Ingest) -> None:
    flights = ingest("2013-11", (2, 3))["flights"]

    offsets = flights.selectExpr("day", "hour(sched_dep_at) * 60 + minute(sched_dep_at) - hour * 60 - minute AS offset")

    found = {(row["day"], row["offset"] % 1440) for row in offsets.distinct().collect()}
    assert {(2, 240), (3, 300)} == found


def test_an_arrival_is_local_to_its_destination(january: dict[str, DataFrame]) -> None:
    houston = "flight_date = DATE'2013-01-01' AND carrier = 'UA' AND flight = 1545 AND origin = 'EWR'"

    # 05:15 in New York, 08:19 in Houston
    assert (utc(2013, 1, 1, 10, 15), utc(2013, 1, 1, 14, 19)) == times(january["flights"], houston)


def test_airports_that_the_file_lacks_have_their_zone(january: dict[str, DataFrame]) -> None:
    missing = january["flights"].where("dest IN ('BQN', 'PSE', 'SJU', 'STT')")

    zones = {row[0] for row in missing.select("dest_zone").distinct().collect()}

    assert {"America/Puerto_Rico", "America/St_Thomas"} == zones


@pytest.mark.parametrize(("minute", "records"), [(0, 0), (59, 0)])
def test_the_weather_record_of_an_hour_is_refused_within_that_hour(
    january: dict[str, DataFrame], minute: int, records: int
) -> None:
    weather = as_known(january["weather"], USE_CASE.source("weather"), utc(2013, 1, 5, 12, minute))

    assert records == weather.where("time_hour = TIMESTAMP'2013-01-05 12:00:00'").count()


def test_the_weather_record_of_an_hour_is_known_an_hour_later(january: dict[str, DataFrame]) -> None:
    weather = as_known(january["weather"], USE_CASE.source("weather"), utc(2013, 1, 5, 13))

    assert weather.where("time_hour = TIMESTAMP'2013-01-05 12:00:00'").count() == 3


def test_every_flight_has_one_outcome_once_it_is_known(january: dict[str, DataFrame]) -> None:
    outcomes = labels(january, Window(utc(2013, 1, 1), utc(2013, 3, 1)))

    counts = {row["outcome"]: row["count"] for row in outcomes.groupBy("outcome").count().collect()}

    cancelled = january["flights"].where("dep_delay IS NULL").count()
    assert january["flights"].count() == sum(counts.values())
    assert cancelled == counts["cancelled"]
