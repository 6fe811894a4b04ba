"""Segments: how values are grouped, which rows are in which segment, and the blocks that losses are added by."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from levelfive.core.days import number_of
from levelfive.statistics.histograms import LARGEST
from levelfive.statistics.profiles import profile_categorical, profile_numeric
from levelfive.statistics.segments import (
    CATEGORIES,
    GROUPS,
    SegmentColumn,
    Segments,
    block_of,
    categorical_column,
    is_odd,
    numeric_column,
    sums_by_block,
)

WIND = SegmentColumn("wind", edges=(0.0, 0.1, 0.30000000000000004))
ORIGIN = SegmentColumn("origin", categories=("EWR", "JFK"))
GATE = SegmentColumn("gate-no", categories=("7", "12"))
GRID = Segments((WIND, ORIGIN, GATE))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1.0, "wind below 0"),
        (-0.0, "wind from 0 to 0.1"),
        (0.0, "wind from 0 to 0.1"),
        (0.1, "wind from 0.1 to 0.3"),
        (0.1 + 0.2, "wind from 0.3"),
        (1e300, "wind from 0.3"),
        (math.nan, "wind missing"),
        (math.inf, "wind missing"),
        (-math.inf, "wind missing"),
    ],
)
def test_a_number_is_in_the_group_from_its_edge_on(value: float, words: str) -> None:
    (group,) = WIND.groups_of(pd.Series([value]))

    assert WIND.in_words(group) == words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pd.Series([7, 12, 30]), ["gate-no = 7", "gate-no = 12", "gate-no rare or new"]),
        (pd.Series([7.0, np.nan, 12.0]), ["gate-no = 7", "gate-no missing", "gate-no = 12"]),
        (pd.Series(["7", None, "07"], dtype=object), ["gate-no = 7", "gate-no missing", "gate-no rare or new"]),
        (pd.Series([12, None], dtype="Int64"), ["gate-no = 12", "gate-no missing"]),
        (pd.Series([None, None], dtype=object), ["gate-no missing", "gate-no missing"]),
    ],
    ids=["whole numbers", "made floats", "texts", "nullable", "all missing"],
)
def test_a_category_is_meant_by_its_text(values: pd.Series, words: list[str]) -> None:
    assert [GATE.in_words(group) for group in GATE.groups_of(values)] == words


def test_numbers_are_cut_into_groups_of_nearly_equal_counts_on_edges_of_their_profile() -> None:
    values = np.random.default_rng(1).lognormal(size=5000)
    profile = profile_numeric(values)

    column = numeric_column("wind", profile)

    assert set(column.edges) <= set(profile.histogram.inner_edges)
    counts = np.bincount(column.groups_of(pd.Series(values)), minlength=column.groups)
    assert counts.tolist() == pytest.approx([1000] * GROUPS + [0], abs=10)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.append(np.zeros(95), np.ones(5)), ["is_late below 1", "is_late from 1", "is_late missing"]),
        (np.full(100, 3.0), ["is_late known", "is_late missing"]),
        (np.full(100, np.nan), ["is_late known", "is_late missing"]),
    ],
    ids=["a flag", "a constant", "no value"],
)
def test_few_different_numbers_are_few_groups(values: np.ndarray, words: list[str]) -> None:
    column = numeric_column("is_late", profile_numeric(values))

    assert [column.in_words(group) for group in range(column.groups)] == words


def test_the_most_frequent_categories_have_a_group_each() -> None:
    values = pd.Series([str(name) for name in range(30) for _ in range(40 - name)])

    column = categorical_column("tail", profile_categorical(values))

    assert column.categories == tuple(str(name) for name in range(CATEGORIES))


def test_each_segment_has_a_number_of_its_own_and_words_that_say_which_rows_are_in_it() -> None:
    words = [GRID.in_words(segment) for segment in range(GRID.size)]

    assert (GRID.size, len(set(words))) == (1 + 5 + 4 + 4 + 20 + 20 + 16, GRID.size)
    assert (words[0], words[1], words[6]) == ("", "wind below 0", "origin = EWR")
    assert words[-1] == "origin missing and gate-no missing"
    assert [words[GRID.segment_of(place, 1)] for place in range(3)] == [
        "wind from 0 to 0.1",
        "origin = JFK",
        "gate-no = 12",
    ]


def test_losses_are_added_by_segment_and_block_as_pandas_adds_them() -> None:
    random = np.random.default_rng(2)
    rows = pd.DataFrame(
        {
            "wind": random.choice([-1.0, 0.05, 0.2, 5.0, np.nan], size=500),
            "origin": random.choice(np.array(["EWR", "JFK", "LGA", None], dtype=object), size=500),
            "gate-no": random.choice([7, 12, 30], size=500),
        }
    )
    losses, blocks = random.gamma(1.0, size=500), random.choice([8, 3, 5], size=500)

    sums = sums_by_block(GRID, rows, losses, blocks)

    assert sums.blocks.tolist() == [3, 5, 8]
    for segment in range(GRID.size):
        inside = np.ones(500, dtype=bool)
        for place, group in GRID.groups_in(segment).items():
            column = GRID.columns[place]
            inside &= column.groups_of(rows[column.name]) == group
        expected = pd.Series(losses[inside]).groupby(blocks[inside]).agg(["size", "sum"]).reindex([3, 5, 8]).fillna(0)
        assert sums.rows[:, segment].tolist() == expected["size"].tolist()
        assert sums.losses[:, segment].tolist() == pytest.approx(expected["sum"].tolist())


def test_a_loss_beyond_all_numbers_of_use_counts_as_the_largest() -> None:
    sums = sums_by_block(Segments((WIND,)), {"wind": pd.Series([0.0])}, np.array([np.inf]), np.array([0]))

    assert sums.losses[0, 0] == LARGEST


def test_a_week_is_two_blocks_from_monday_on_and_weeks_take_turns_also_at_new_year() -> None:
    monday = number_of(date(2020, 12, 21))
    blocks = block_of(monday + np.arange(21))

    assert (blocks - blocks[0]).tolist() == [0] * 3 + [1] * 4 + [2] * 3 + [3] * 4 + [4] * 3 + [5] * 4
    odd = is_odd(blocks)
    assert odd.tolist() == [*[odd[0]] * 7, *[not odd[0]] * 7, *[odd[0]] * 7]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_groups_end_at_edges_of_the_profile_wherever_most_values_lie(share: float) -> None:
    values = np.concatenate((np.zeros(int(1000 * share)), np.linspace(1, 2, 1000 - int(1000 * share))))
    for sign in (1.0, -1.0):
        profile = profile_numeric(sign * values)

        column = numeric_column("x", profile)

        assert set(column.edges) <= set(profile.histogram.inner_edges)
        sizes = np.bincount(column.groups_of(pd.Series(sign * values)), minlength=column.groups)
        assert sizes.sum() == 1000
        assert sizes[:-1].max() <= max(2 * 1000 / GROUPS, 1000 * share + 1000 / GROUPS)
