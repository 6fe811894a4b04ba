"""Drift by slice: a column that moved in one slice is told of there, and only where its alarm is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from in_memory.release import Environment

from levelfive.core.windows import Window, utc
from levelfive.monitoring.drift_statistics import PSI, ColumnDrift
from levelfive.monitoring.profiling import WindowProfiles
from levelfive.monitoring.slice_drift import DRIFT_SLICES, SliceDrift, drift_in_slices, write_slice_drift
from levelfive.monitoring.verdict import Subject
from levelfive.statistics.segments import SegmentColumn
from levelfive.statistics.sliced_counts import SlicedCounts
from levelfive.storage.runs import Run

WEEK = Window(utc(2013, 6, 3), utc(2013, 6, 10))
SUBJECT = Subject("m", "2", WEEK)
COLUMNS = tuple(SegmentColumn(name, edges=(-1.0, 0.0, 1.0)) for name in ("wind", "temp"))
ORIGINS = ("EWR", "JFK", "LGA")
DAYS, EACH = 91, 300
ALARMED = ColumnDrift("wind", {PSI: 1.0}, {}, p_value=0.001, alarm_since=WEEK.start)
CALM = ColumnDrift("temp", {PSI: 0.1}, {}, p_value=0.4)


class Season:
    """Thirteen weeks of training and one window, with a common effect of each day."""

    def __init__(self, seed: int) -> None:
        """Draw the rows."""
        random = np.random.default_rng(seed)
        self.day = np.repeat(np.arange(DAYS + 7), EACH)
        daily = random.normal(0, 0.2, size=(2, DAYS + 7))
        self.rows = pd.DataFrame(
            {
                column.name: random.normal(size=self.day.size) + of[self.day]
                for column, of in zip(COLUMNS, daily, strict=True)
            }
        )
        self.origin = pd.Series(random.choice(np.array(ORIGINS, dtype=object), size=self.day.size))

    def moved(self, by: float, *origins: str) -> Season:
        inside = (self.day >= DAYS) & self.origin.isin(origins).to_numpy()
        self.rows["wind"] += by * inside
        return self

    def found(self, *drifts: ColumnDrift, least_rows: int = 100) -> tuple[SliceDrift, ...]:
        trained = self.day < DAYS
        slice_counts = SlicedCounts.of(
            COLUMNS, self.rows[trained], {"origin": self.origin[trained]}, self.day[trained], least_rows=1
        )
        later = ~trained
        counts = slice_counts.counter.count(self.rows[later], {"origin": self.origin[later]}, self.day[later] - DAYS, 7)
        days = {(WEEK.start + place * timedelta(days=1)).date(): of for place, of in enumerate(counts)}
        profiles = WindowProfiles({(day, "wind"): None for day in days}, days)  # type: ignore[dict-item]  # of it, the days alone are asked
        return drift_in_slices(SUBJECT, slice_counts, profiles, drifts, rate=0.1, least_rows=least_rows)


def unusual(found: tuple[SliceDrift, ...]) -> list[str]:
    return [one.slice_value for one in found if one.unusual]


def test_a_column_that_moved_in_one_slice_is_told_of_there_first() -> None:
    found = Season(1).moved(1.5, "JFK").found(CALM, ALARMED)

    assert {one.column_name for one in found} == {"wind"}
    assert (found[0].slice_key, found[0].slice_value, found[0].unusual) == ("origin", "JFK", True)
    assert found[0].population_stability_index > 1
    assert found[0].count == pytest.approx(7 * EACH / 3, rel=0.1)
    assert len(found) == len(ORIGINS)


def test_planted_changes_are_found_and_where_nothing_moved_hardly_a_slice_is() -> None:
    """Of 3 slices of one of two columns tested, at a rate of .10 shared by them."""
    planted = [unusual(Season(seed).moved(1.0, "EWR").found(CALM, ALARMED)) for seed in range(30)]
    nulls = [unusual(Season(seed).found(CALM, ALARMED)) for seed in range(30)]

    assert sum("EWR" in names for names in planted) >= 27
    assert sum(bool(names) for names in nulls) <= 6


def test_of_a_column_without_an_open_alarm_nothing_is_said() -> None:
    assert Season(1).moved(2.0, "JFK").found(CALM) == ()


def test_a_slice_of_few_rows_is_passed_over() -> None:
    assert Season(1).moved(2.0, "JFK").found(ALARMED, least_rows=10**6) == ()


def test_of_a_version_of_an_earlier_levelfive_nothing_is_said() -> None:
    assert drift_in_slices(SUBJECT, None, WindowProfiles({}), [ALARMED], rate=0.1, least_rows=1) == ()


def test_what_is_written_of_a_window_replaces_what_was_said_of_it(production: Environment) -> None:
    run, found = Run(production.tables, "now"), Season(1).moved(1.5, "JFK").found(ALARMED)

    another = replace(SUBJECT, window=Window(WEEK.end, WEEK.end + timedelta(days=7)))
    write_slice_drift(run, another, [replace(found[0], window=another.window)])
    for _ in range(2):
        write_slice_drift(run, SUBJECT, found)

    rows = production.tables.control_tables.rows(DRIFT_SLICES)
    assert sorted(row["slice_value"] for row in rows if row["window_end"] == WEEK.end) == list(ORIGINS)

    write_slice_drift(run, SUBJECT, ())

    (row,) = production.tables.control_tables.rows(DRIFT_SLICES)
    assert row["window_end"] == another.window.end
