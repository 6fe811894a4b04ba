"""Worst segments: how often chance names one, how often a planted one is found, and that the halves matter."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from levelfive.statistics.segments import BlockSums, SegmentColumn, Segments, block_of, is_odd, sums_by_block
from levelfive.statistics.worst_segments import (
    MIN_BLOCKS,
    TrainingLosses,
    WorstSegments,
    has_evidence,
    training_losses,
    worst_segments,
)

MONDAY = 15_712  # 7 January 2013
TRAINED, SINCE = 91, 56
A_DAY = 120
LEAST_ROWS = 100
RISE = 0.4
# Standard deviations of a day's effect, of mean losses of .45: on all rows, and on those of a group.
COMMON, OF_A_GROUP = 0.1, 0.1
SEASONS = 60
TOO_MANY = binom.ppf(0.999, SEASONS, 0.05)
GRID = Segments(
    (
        *(SegmentColumn(name, edges=(0.2, 0.4, 0.6, 0.8)) for name in ("wind", "rain", "load", "age")),
        SegmentColumn("origin", categories=("EWR", "JFK", "LGA")),
    )
)


@dataclass
class Season:
    """Days of rows whose losses share the day's fate: that of all rows, and that of each group of a column.

    Args:
        seed: Of all that is drawn.
        each: Rows a day.
        trained: Days of the training.
    """

    seed: int
    each: int = A_DAY
    trained: int = TRAINED

    def __post_init__(self) -> None:
        """Draw the rows."""
        random = np.random.default_rng(self.seed)
        days = self.trained + SINCE
        day = np.repeat(np.arange(days), self.each)
        columns = {column.name: random.random(day.size) for column in GRID.columns if column.categories is None}
        origins = random.choice(["EWR", "JFK", "LGA"], size=day.size)
        self.days, self.rows = day, pd.DataFrame({**columns, "origin": origins})
        self.losses = random.gamma(1.0, 0.4, size=day.size) + _moving(random, COMMON, days)[day]
        for column in GRID.columns:
            groups = column.groups_of(self.rows[column.name])
            of_groups = np.stack([_moving(random, OF_A_GROUP, days) for _ in range(column.groups)])
            self.losses += of_groups[groups, day] + 0.1 * random.random(column.groups)[groups]

    def is_in(self, since: bool) -> np.ndarray:
        return (self.days >= self.trained) == since

    def sums(self, *, since: bool, blocks: np.ndarray | None = None) -> BlockSums:
        """Add the losses up of the days of the training, or of those since."""
        there = self.is_in(since)
        of_rows = block_of(MONDAY + self.days) if blocks is None else blocks
        return sums_by_block(GRID, self.rows[there], self.losses[there], of_rows[there])

    def training(self, blocks: np.ndarray | None = None) -> TrainingLosses:
        return training_losses(GRID.columns, self.sums(since=False, blocks=blocks), least_rows=LEAST_ROWS)

    def worst(self) -> WorstSegments:
        return worst_segments(self.training(), self.sums(since=True), least_rows=LEAST_ROWS)

    def with_rise(self, rise: float, **groups: str | float) -> Season:
        """Let the losses of rows rise after the training, where columns have the groups of some values."""
        inside = self.is_in(since=True)
        for column in GRID.columns:
            if column.name in groups:
                (group,) = column.groups_of(pd.Series([groups[column.name]]))
                inside &= column.groups_of(self.rows[column.name]) == group
        self.losses = self.losses + rise * inside
        return self


def _moving(random: np.random.Generator, spread: float, days: int) -> np.ndarray:
    """Draw a day's effect: a moving average of two days, whose correlation from day to day is .4."""
    draws, weight = random.normal(size=days + 1), 0.5
    return spread * (draws[1:] + weight * draws[:-1]) / np.hypot(1, weight)


def named(found: WorstSegments) -> list[str]:
    return [GRID.in_words(one.segment) for one in found.risen if one.is_worse]


BY_NIGHT = pytest.mark.nightly


@pytest.mark.parametrize(("seasons", "most"), [(100, 12), pytest.param(500, 38, marks=BY_NIGHT)])
def test_without_a_change_chance_names_a_segment_in_one_season_of_twenty_at_most(seasons: int, most: int) -> None:
    """Seasons of 17,640 rows each are drawn; the most are high quantiles of a binomial at 5 %."""
    assert sum(bool(named(Season(seed).worst())) for seed in range(seasons)) <= most


@pytest.mark.parametrize(("seasons", "least"), [(50, 44), pytest.param(200, 184, marks=BY_NIGHT)])
def test_a_segment_whose_loss_rose_is_found_and_named_first(seasons: int, least: int) -> None:
    """A fifth of the rows of one airport; the least are what is to be expected where .95 is asked for."""
    found = [named(Season(seed).with_rise(RISE, wind=0.9, origin="JFK").worst()) for seed in range(seasons)]

    assert sum(names[:1] == ["wind from 0.8 and origin = JFK"] for names in found) >= least


def test_where_all_rows_rise_alike_it_is_said_of_all_rows() -> None:
    worst = Season(1).with_rise(0.3).worst()

    assert worst.whole.is_worse
    assert worst.whole.difference == pytest.approx(0.3, abs=0.1)
    assert (worst.whole.segment, worst.whole.rows) == (0, A_DAY * SINCE // 2)


def test_the_numbers_are_those_of_odd_weeks_against_the_trainings_odd_weeks() -> None:
    season = Season(3).with_rise(0.5, origin="JFK")
    is_odd_week = (MONDAY + season.days + 3) // 7 % 2 == 1
    jfk = (season.rows["origin"] == "JFK").to_numpy() & is_odd_week

    (one,) = (one for one in season.worst().risen if GRID.in_words(one.segment) == "origin = JFK")

    now, before = (season.losses[jfk & season.is_in(since)] for since in (True, False))
    assert (one.rows, one.rows_at_training, one.blocks) == (now.size, before.size, 8)
    assert (one.loss, one.loss_at_training) == (pytest.approx(now.mean()), pytest.approx(before.mean(), rel=1e-5))
    assert one.difference == pytest.approx(now.mean() - before.mean(), rel=1e-4)
    assert one.low + one.high == pytest.approx(2 * one.difference)


def test_a_group_that_rose_as_a_whole_is_named_itself_and_no_part_of_it() -> None:
    found = [named(Season(seed).with_rise(RISE, origin="JFK").worst()) for seed in range(40)]

    assert sum(names[:1] == ["origin = JFK"] for names in found) >= 36


def _rows_alone(season: Season) -> np.ndarray:
    """Number blocks as if rows were independent: two hundred of rows from any days of even weeks, and of odd ones."""
    drawn = np.random.default_rng(season.seed).integers(200, size=season.days.size)
    return 4 * drawn + 2 * ((MONDAY + season.days + 3) // 7 % 2)


def test_with_rows_taken_as_independent_chance_would_name_segments() -> None:
    named_any = 0
    for seed in range(SEASONS):
        season = Season(seed)
        blocks = _rows_alone(season)
        found = worst_segments(season.training(blocks), season.sums(since=True, blocks=blocks), least_rows=LEAST_ROWS)
        named_any += bool(named(found))

    assert named_any > TOO_MANY


def test_with_weeks_that_measure_what_they_found_chance_would_name_segments() -> None:
    named_any = 0
    for seed in range(SEASONS):
        season = Season(seed)
        training = training_losses(GRID.columns, _doubled(_even(season.sums(since=False))), least_rows=LEAST_ROWS)
        found = worst_segments(training, _doubled(_even(season.sums(since=True))), least_rows=LEAST_ROWS)
        named_any += bool(named(found))

    assert named_any > TOO_MANY


def _even(sums: BlockSums) -> BlockSums:
    even = ~is_odd(sums.blocks)
    return BlockSums(sums.blocks[even], sums.rows[even], sums.losses[even])


def _doubled(sums: BlockSums) -> BlockSums:
    """Let each block be one of an even week and one of an odd week."""
    blocks = 2 * np.arange(2 * sums.blocks.size)
    return BlockSums(blocks, np.repeat(sums.rows, 2, axis=0), np.repeat(sums.losses, 2, axis=0))


def test_one_wild_loss_names_no_segment() -> None:
    season = Season(4)
    season.losses[-10] = 1e12

    assert named(season.worst()) == []


def test_a_segment_of_few_rows_is_not_looked_at() -> None:
    season = Season(5).with_rise(5.0, origin="JFK", wind=0.5)
    rows = season.worst().segments_compared

    few = worst_segments(season.training(), season.sums(since=True), least_rows=10**6)

    assert rows > 100
    assert (few.segments_compared, few.risen, few.whole.rows) == (0, (), A_DAY * SINCE // 2)


def test_a_segment_that_was_there_for_few_days_is_not_looked_at() -> None:
    season = Season(5).with_rise(5.0, origin="LGA")
    late = season.days >= TRAINED + 10
    season.rows.loc[late & (season.rows["origin"] == "LGA").to_numpy(), "origin"] = "JFK"

    found = season.worst().risen

    assert not any("LGA" in GRID.in_words(one.segment) for one in found)


def test_what_more_than_half_of_the_rows_are_in_is_no_segment() -> None:
    season = Season(6)
    season.rows["origin"] = np.where(season.rows["wind"] < 0.6, "JFK", "LGA")

    found = season.with_rise(1.0, origin="JFK").worst().risen

    assert "origin = JFK" not in [GRID.in_words(one.segment) for one in found]


def test_a_training_of_less_than_two_weeks_of_each_kind_keeps_no_segments() -> None:
    season = Season(7)
    season.days = np.where(season.days < 21, season.days, TRAINED)

    assert season.training().segments == ()


@pytest.mark.parametrize(("days", "is_enough"), [(28, True), (27, True), (24, False), (14, False), (0, False)])
def test_evidence_are_two_weeks_of_each_kind(days: int, is_enough: bool) -> None:
    assert has_evidence(block_of(MONDAY + np.arange(days))) == is_enough
    assert MIN_BLOCKS == 4


def test_losses_at_training_survive_json() -> None:
    training = Season(8).training()

    assert TrainingLosses.from_record(json.loads(json.dumps(asdict(training), allow_nan=False))) == training
