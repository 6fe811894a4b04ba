"""Feature runs that are cut at any time of day leave what one run leaves."""

from dataclasses import replace
from datetime import timedelta
from functools import reduce
from itertools import pairwise
from random import Random

import pandas as pd
import pytest
from pyspark.sql import DataFrame

from flight_delay import USE_CASE
from flight_delay.features import FEATURE_TABLES
from flight_delay.outcomes import labels
from levelfive.core.windows import Window, utc
from levelfive.data.known import as_known
from levelfive.usecase.features import FeatureTable

WINDOW = Window(utc(2013, 1, 10, 14), utc(2013, 1, 10, 23))
LABELS = FeatureTable("labels", USE_CASE.key, ("flights",), labels)
TABLES = {table.name: table for table in (*FEATURE_TABLES, LABELS) if table.timestamped}
BY_DAY = ("rotation", "labels")


def drawn(seed: int, cuts: int) -> list[Window]:
    """Cut the window at times that were drawn to the second."""
    draw = Random(seed)
    length = int((WINDOW.end - WINDOW.start).total_seconds())
    times = sorted(WINDOW.start + timedelta(seconds=draw.randrange(1, length)) for _ in range(cuts))
    ends = [WINDOW.start, *times, WINDOW.end]
    return [Window(start, end) for start, end in pairwise(ends) if start < end]


def computed(table: FeatureTable, raw: dict[str, DataFrame], windows: list[Window]) -> pd.DataFrame:
    """Compute a table window by window, each as known at its end."""

    def rows(window: Window) -> DataFrame:
        known = {source.name: as_known(raw[source.name], source, window.end) for source in USE_CASE.sources}
        return table.compute(known, window)

    found = reduce(DataFrame.unionByName, map(rows, windows)).toPandas()
    return found.sort_values([*table.keys, "known_at"], ignore_index=True)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.nightly)])
@pytest.mark.parametrize(
    "name", [name if name in BY_DAY else pytest.param(name, marks=pytest.mark.nightly) for name in TABLES]
)
def test_runs_cut_at_any_time_leave_what_one_run_leaves(january: dict[str, DataFrame], name: str, seed: int) -> None:
    """Nine hours of a table are computed at once, and in three parts."""
    at_once, in_parts = (computed(TABLES[name], january, windows) for windows in ([WINDOW], drawn(seed, 2)))

    assert len(at_once) > 20
    pd.testing.assert_frame_equal(at_once, in_parts, check_exact=True)


def test_a_table_that_leaves_out_early_departures_is_found(january: dict[str, DataFrame]) -> None:
    """Planted: the rotation takes flights only that were due by the end of a run."""
    rotation = TABLES["rotation"]

    def punctual(raw, window: Window) -> DataFrame:
        due = raw["flights"].where(raw["flights"]["sched_dep_at"] < window.end)
        return rotation.compute({**raw, "flights": due}, window)

    planted = replace(rotation, compute=punctual)

    at_once, in_parts = (computed(planted, january, windows) for windows in ([WINDOW], drawn(1, 2)))

    assert len(in_parts) < len(at_once)
