"""Days as blocks: how far an interval reaches with few of them, and what two of them already tell."""

import math

import numpy as np
import pytest

from levelfive.statistics.day_blocks import DayBlocks, Floats, bootstrap, mean, mean_and_error


def levels(weights: Floats) -> Floats:
    """Give replicates from 0 to 1, evenly: the ends of their interval are the levels of its percentiles."""
    return np.linspace(0, 1, len(weights))


# The tail is that of the normal distribution below -sqrt(blocks / (blocks - 1)) * t(blocks - 1).
@pytest.mark.parametrize(
    ("days", "confidence", "tail"),
    [(30, 0.9, 0.02666), (30, 0.5, 0.22944), (2, 0.5, 0.07865), (3000, 0.9, 0.0498)],
)
def test_percentiles_are_widened_for_few_days(days: int, confidence: float, tail: float) -> None:
    _, low, high = bootstrap(levels, days, confidence=confidence, seed=0)

    assert pytest.approx((tail, 1 - tail), abs=1e-4) == (low, high)


def test_the_value_is_that_of_each_day_once() -> None:
    blocks = DayBlocks.of(np.array([3, 3, 5]), 3)

    value, low, high = bootstrap(mean(np.array([1.0, 2.0, 9.0]), blocks), blocks.days, confidence=0.5, seed=0)

    assert (value, low, high) == (4.0, 1.5, 9.0)


def test_replicates_that_are_not_defined_are_left_out() -> None:
    def half(weights: Floats) -> Floats:
        return np.where(np.arange(len(weights)) % 2, math.nan, 0.25)

    assert bootstrap(half, 7, confidence=0.9, seed=0) == (0.25, 0.25, 0.25)


def test_two_days_have_an_error() -> None:
    blocks = DayBlocks.of(np.array(["mon", "tue"]), 2)

    # Residuals 1 and -1; se^2 = 2/1 * 2 / 4.
    assert mean_and_error(np.array([3.0, 1.0]), blocks) == (2.0, 1.0)


def test_rows_are_counted_and_added_up_by_day() -> None:
    blocks = DayBlocks.of(np.array([9, 7, 9]), 3)

    assert (blocks.days, blocks.rows.tolist()) == (2, [1, 2])
    assert blocks.sums(np.array([0.5, 3.0, 1.0])).tolist() == [3.0, 1.5]


@pytest.mark.parametrize(("days", "blocks"), [(1, 1), (9, 9), (10, 5), (14, 7), (15, 5), (16, 6), (30, 10)])
def test_days_that_follow_each_other_are_joined_where_five_blocks_are_left(days: int, blocks: int) -> None:
    joined = DayBlocks.of(np.arange(days), days).joined()

    assert joined.days == blocks
    assert joined.codes.tolist() == sorted(joined.codes.tolist())
    assert set(joined.codes.tolist()) == set(range(blocks))
