"""No value known later than the prediction time enters a row: hiding the future changes no row of the past."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flight_delay import USE_CASE
from flight_delay.features import rotation, weather_state
from levelfive.core.windows import Window, utc
from levelfive.data.known import as_known
from levelfive.features.lookup import assemble
from levelfive.usecase.columns import KNOWN_AT, PREDICTION_TIME
from levelfive.usecase.features import FeatureTable, Lookup
from levelfive.usecase.use_case import UseCase

END = utc(2013, 1, 20, 6)
MOMENTS = [utc(2013, 1, 10, 17, 3), utc(2013, 1, 13, 23, 30)]


def stored(frame: DataFrame) -> DataFrame:
    """Cut a frame off from what it was computed of, as a table does."""
    return frame.sparkSession.createDataFrame(frame.toArrow())


def rows_of(use_case: UseCase, raw: Mapping[str, DataFrame], now: datetime, until: datetime) -> pd.DataFrame:
    """Rebuild all features as known at `now`, for the rows of the day before `until`."""
    known = {source.name: as_known(raw[source.name], source, now) for source in use_case.sources}
    window = Window(until - timedelta(hours=20), until + timedelta(microseconds=1))
    computed = Window(window.start - timedelta(days=2), until + timedelta(hours=1))
    tables = {table.name: stored(table.compute(known, computed)) for table in use_case.feature_tables}
    rows = assemble(stored(use_case.spine(known, window)), use_case.model.lookups, tables.__getitem__, window)
    return rows.toPandas().sort_values([PREDICTION_TIME, *use_case.key], ignore_index=True)


def assert_future_changes_nothing(use_case: UseCase, raw: Mapping[str, DataFrame], moment: datetime) -> None:
    truncated, whole = rows_of(use_case, raw, moment, moment), rows_of(use_case, raw, END, moment)

    assert len(whole) > 500
    pd.testing.assert_frame_equal(truncated, whole, check_exact=True)


@pytest.mark.parametrize("moment", [MOMENTS[0], pytest.param(MOMENTS[1], marks=pytest.mark.nightly)], ids=str)
def test_hiding_the_future_changes_no_row_of_the_past(january: dict[str, DataFrame], moment: datetime) -> None:
    """All features of a day, computed twice from three weeks."""
    assert_future_changes_nothing(USE_CASE, january, moment)


def weather_by_its_label(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Leak: the record of hour h, used from h on."""
    return weather_state(raw, window).withColumn(KNOWN_AT, F.col(KNOWN_AT) - F.lit(timedelta(hours=1)))


def later_flight(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Leak: what the aircraft does within the next six hours."""
    return rotation(raw, window).withColumn(KNOWN_AT, F.col(KNOWN_AT) - F.lit(timedelta(hours=6)))


def label_itself(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Leak: the arrival delay, as if known at the prediction time."""
    early = F.col("sched_dep_at") - F.lit(timedelta(hours=2))
    return raw["flights"].select(*USE_CASE.key, early.alias(KNOWN_AT), F.col("arr_delay").alias("delay"))


def with_only(table: FeatureTable, lookup: Lookup) -> UseCase:
    """Leave out all other tables: the leak alone must be found, and what is computed is little."""
    return replace(USE_CASE, feature_tables=(table,), model=replace(USE_CASE.model, lookups=(lookup,)))


def with_leak(name: str, compute: Callable[[Mapping[str, DataFrame], Window], DataFrame]) -> UseCase:
    lookup = next(lookup for lookup in USE_CASE.model.lookups if lookup.table == name)
    return with_only(replace(USE_CASE.feature_table(name), compute=compute), lookup)


def with_label() -> UseCase:
    table = FeatureTable("peek", USE_CASE.key, ("flights",), label_itself)
    keys = {key: key for key in USE_CASE.key}
    return with_only(table, Lookup("peek", keys, ("delay",), max_age=timedelta(days=1), prefix="peek_"))


@pytest.mark.parametrize(
    "leaking",
    [
        with_leak("weather_state", weather_by_its_label),
        pytest.param(with_leak("rotation", later_flight), marks=pytest.mark.nightly),
        pytest.param(with_label(), marks=pytest.mark.nightly),
    ],
    ids=["weather by its label hour", "the aircraft's later flight", "the label as a feature"],
)
def test_a_planted_leak_is_found(january: dict[str, DataFrame], leaking: UseCase) -> None:
    with pytest.raises(AssertionError):
        assert_future_changes_nothing(leaking, january, MOMENTS[0])
