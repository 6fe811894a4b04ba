"""What is said of worst segments: once a week, by which weeks, and why nothing is where there is too little."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from in_memory.release import Environment, a_model

from levelfive.core.windows import Window, utc
from levelfive.models.package import Model
from levelfive.monitoring import segments as module
from levelfive.monitoring.segments import (
    WORST_SEGMENTS,
    SegmentRecord,
    look_for_segments,
    weeks_before,
    write_segments,
)
from levelfive.monitoring.verdict import Subject
from levelfive.reporting.segments import latest_segments
from levelfive.statistics.segments import BlockSums, SegmentColumn, Segments, block_of, sums_by_block
from levelfive.statistics.worst_segments import training_losses
from levelfive.storage.runs import Run

DAY, WEEK = timedelta(days=1), timedelta(days=7)
STARTS = timedelta(hours=6)
TRAINED = utc(2013, 4, 1, 6)  # a Monday
NOW = TRAINED + 10 * WEEK
GRID = Segments((SegmentColumn("distance", edges=(10.0, 20.0, 30.0)),))
WEEKS = Window(TRAINED + WEEK, TRAINED + 9 * WEEK)  # labels are old enough after 36 hours


def sums_of(first: datetime, weeks: int, *, rise: float = 0.0) -> BlockSums:
    """Add up losses of two hundred rows a day in four groups, of which the last one's rise."""
    random = np.random.default_rng(weeks)
    days = np.repeat((first - utc(1970, 1, 1)).days + np.arange(7 * weeks), 200)
    distance = random.uniform(0, 40, size=days.size)
    losses = random.gamma(2.0, 0.2, size=days.size) + rise * (distance >= 30)
    return sums_by_block(GRID, pd.DataFrame({"distance": distance}), losses, block_of(days))


def a_version(*, weeks: int = 12) -> Model:
    """Make a version whose baseline has the losses of a training of so many weeks."""
    model = a_model(TRAINED)
    losses = training_losses(GRID.columns, sums_of(TRAINED - weeks * WEEK, weeks), least_rows=500)
    baseline = replace(model.baseline, losses=losses)
    return Model(model.estimator, replace(model.card, baseline=baseline.to_json()))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Window]:
    """Which weeks were asked for, in the place of a pass of Spark, in which the last group's losses rose."""
    weeks_asked: list[Window] = []

    def segment_sums(context: object, run: Run, subject: Subject, grid: Segments, *, weeks: Window, **_: object):
        weeks_asked.append(weeks)
        return sums_of(weeks.start, round(weeks.length / WEEK), rise=0.3)

    monkeypatch.setattr(module, "segment_sums", segment_sums)
    return weeks_asked


def look(
    production: Environment, model: Model, *, end: datetime = NOW, version: str = "2", as_of: datetime | None = None
) -> tuple[SegmentRecord, ...]:
    run, subject = Run(production.tables, "now"), Subject(production.registry.name, version, Window(end - WEEK, end))
    rows = look_for_segments(production.context, run, subject, model, as_of=as_of or end)
    write_segments(run, rows)
    return rows


def test_a_segment_that_rose_is_told_in_words_with_its_columns_and_numbers(
    production: Environment, asked: list[Window]
) -> None:
    whole, worst, *others = look(production, a_version())

    assert asked == [WEEKS]
    assert (whole.segment, whole.column_names, whole.segments_compared, whole.note) == ("", (), 4, "")
    assert (worst.segment, worst.column_names, worst.worse) == ("distance from 30", ("distance",), True)
    assert not any(one.worse for one in others)
    assert worst.difference == pytest.approx(0.3, abs=0.05)
    assert worst.low is not None
    assert worst.high is not None
    assert worst.low < 0.3 < worst.high
    assert (worst.weeks, worst.blocks, worst.as_of) == (WEEKS, 8, NOW)


def test_of_the_same_weeks_nothing_is_said_twice(production: Environment, asked: list[Window]) -> None:
    model = a_version()

    said = [bool(look(production, model, end=NOW + place * DAY)) for place in range(8)]

    assert said == [True, False, True, False, False, False, False, False]
    assert len(asked) == 2
    rows = production.tables.control_tables.rows(WORST_SEGMENTS)
    assert {row["weeks_end"] for row in rows} == {WEEKS.end, WEEKS.end + WEEK}


def test_what_was_said_later_is_not_known_yet(production: Environment, asked: list[Window]) -> None:
    model = a_version()
    look(production, model, as_of=NOW + DAY)

    assert look(production, model)


def test_of_a_version_of_an_earlier_levelfive_it_is_said_that_it_knows_no_losses(
    production: Environment, asked: list[Window]
) -> None:
    (only,) = look(production, a_model(TRAINED))

    assert only.note == ("version 2 knows no losses by segment, as an earlier levelfive trained it: the next one will")
    assert (only.loss, only.worse, asked) == (None, False, [])


@pytest.mark.parametrize("weeks", [1, 3])
def test_of_a_short_training_it_is_said_that_it_was_short(
    production: Environment, asked: list[Window], weeks: int
) -> None:
    (only,) = look(production, a_version(weeks=weeks))

    assert only.note.startswith("version 2 was trained on fewer than two even and two odd weeks")
    assert asked == []


@pytest.mark.parametrize("since", [WEEK / 2, 2 * WEEK, 4 * WEEK])
def test_a_version_that_has_scored_for_less_than_four_weeks_is_waited_for_without_a_look_at_its_rows(
    production: Environment, asked: list[Window], since: timedelta
) -> None:
    (only,) = look(production, a_version(), end=TRAINED + since)

    assert only.note == ("version 2 has scored fewer than two even and two odd weeks whose labels are old enough")
    assert asked == []


def test_rows_of_too_few_weeks_are_too_little_however_long_the_version_is_there(
    production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "segment_sums", lambda *_, **__: sums_of(WEEKS.start, 3))

    (only,) = look(production, a_version())

    assert "fewer than two even and two odd weeks" in only.note


@pytest.mark.parametrize(
    ("end", "weeks"),
    [
        (TRAINED + 20 * WEEK, (TRAINED + 12 * WEEK, TRAINED + 20 * WEEK)),
        (TRAINED + 20 * WEEK - timedelta(microseconds=1), (TRAINED + 11 * WEEK, TRAINED + 19 * WEEK)),
        (TRAINED + 20 * WEEK + 6 * DAY, (TRAINED + 12 * WEEK, TRAINED + 20 * WEEK)),
        (TRAINED + 3 * WEEK, (TRAINED, TRAINED + 3 * WEEK)),
        (TRAINED + DAY, None),
        (TRAINED - WEEK, None),
    ],
)
def test_weeks_are_whole_from_monday_on_and_after_the_training(
    end: datetime, weeks: tuple[datetime, datetime] | None
) -> None:
    assert weeks_before(end, TRAINED, STARTS) == (None if weeks is None else Window(*weeks))


def test_the_report_reads_what_was_said_last_and_what_is_worse(production: Environment, asked: list[Window]) -> None:
    run, name = Run(production.tables, "report"), production.registry.name
    assert latest_segments(run, name, as_of=NOW) is None
    look(production, a_version())

    found = latest_segments(run, name, as_of=NOW)

    assert found is not None
    assert (found.version, found.weeks, found.note) == ("2", WEEKS, "")
    assert [line.segment for line in found.worse] == ["distance from 30"]
    assert found.whole is not None
    look(production, a_model(TRAINED), version="10", end=NOW + DAY)
    later = latest_segments(run, name, as_of=NOW + DAY)
    assert later is not None
    assert (later.version, later.lines) == ("10", ())
    assert latest_segments(run, name, as_of=NOW) == found
