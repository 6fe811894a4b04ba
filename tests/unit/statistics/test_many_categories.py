"""Columns of any number of categories, such as ids: memory is bounded, and what is frequent is counted all the same."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levelfive.statistics.distinct_sketches import SKETCH_SIZE
from levelfive.statistics.partials import CAPACITY, Partial, merge, partial_categorical, partials_of_codes
from levelfive.statistics.profiles import MAX_KNOWN, finish_categorical

BATCH = 50_000
FREQUENT = {"bot": 0.05, "guest": 0.03, "test": 0.01}


def ids(rows: int, seed: int, *, most: int = 10**7) -> pd.Series:
    """Draw visitors: nine in a hundred rows are three of them, all others come once or twice."""
    random = np.random.default_rng(seed)
    values = np.char.add("v", random.integers(0, most, rows).astype(str)).astype(object)
    draws = random.random(rows)
    low = 0.0
    for name, share in FREQUENT.items():
        values[(low <= draws) & (draws < low + share)] = name
        low += share
    return pd.Series(values)


@pytest.fixture(scope="module")
def batches() -> list[pd.Series]:
    return [ids(BATCH, seed) for seed in range(8)]


@pytest.fixture(scope="module")
def partial(batches: list[pd.Series]) -> Partial:
    return merge(*map(partial_categorical, batches))


def test_no_more_is_kept_than_there_is_room_for(partial: Partial) -> None:
    assert len(partial.categories) == CAPACITY
    assert len(partial.sketch) == len(partial.repeats) == SKETCH_SIZE
    assert partial.count == 8 * BATCH


def test_what_is_frequent_is_counted_to_the_last_value(partial: Partial, batches: list[pd.Series]) -> None:
    truth = pd.concat(batches).value_counts()
    profile = finish_categorical(partial)

    assert [*profile.frequent][:3] == [*FREQUENT]
    assert {name: profile.frequent[name] for name in FREQUENT} == {name: truth[name] for name in FREQUENT}
    assert profile.rest == partial.count - sum(profile.frequent.values())


def test_no_count_falls_short_by_more_than_is_said(partial: Partial, batches: list[pd.Series]) -> None:
    truth = pd.concat(batches).value_counts()

    short = [truth[name] - count for name, count in partial.categories.items()]

    assert 0 <= min(short) <= max(short) <= partial.dropped <= partial.count / CAPACITY


def test_how_many_there_are_is_estimated(partial: Partial, batches: list[pd.Series]) -> None:
    truth = pd.concat(batches).value_counts()
    profile = finish_categorical(partial)

    # Four standard errors of the estimators.
    assert profile.distinct == pytest.approx(len(truth), rel=4 / np.sqrt(SKETCH_SIZE - 2))
    assert profile.once == pytest.approx((truth == 1).sum(), rel=6 / np.sqrt(SKETCH_SIZE - 2))


def test_parts_that_are_put_together_otherwise_say_nearly_the_same(batches: list[pd.Series]) -> None:
    """Hashes and their counts are the same to the last one; the rarest categories may be others."""
    parts = list(map(partial_categorical, batches))
    one, other = merge(*parts), merge(merge(*parts[:3]), parts[3], merge(*parts[4:]))

    assert (one.count, one.sketch, one.repeats) == (other.count, other.sketch, other.repeats)
    assert all(one.categories[name] == other.categories[name] for name in FREQUENT)


def test_a_part_with_few_categories_joins_one_with_many(partial: Partial) -> None:
    few = partial_categorical(pd.Series(["bot"] * 100 + ["new"]))

    both = merge(partial, few)

    assert both.categories["bot"] == partial.categories["bot"] + 100
    assert (both.count, both.dropped >= partial.dropped) == (partial.count + 101, True)
    assert both.sketch == tuple(sorted({*partial.sketch, *merge(few, partial).sketch}))[:SKETCH_SIZE]


def test_up_to_the_room_there_is_all_is_exact() -> None:
    values = pd.Series([f"v{place}" for place in range(CAPACITY)] + ["v1"])
    parts = [partial_categorical(values[:7_000]), partial_categorical(values[7_000:])]

    profile = finish_categorical(merge(*parts))

    assert merge(*parts).dropped == 0
    assert (profile.distinct, profile.once, profile.frequent["v1"]) == (CAPACITY, CAPACITY - 1, 2)


def test_a_column_of_few_categories_that_becomes_one_of_ids_is_outside(partial: Partial) -> None:
    """The training knew the three frequent ones: nine values in a hundred."""
    baseline = finish_categorical(partial_categorical(pd.Series([*FREQUENT] * 10)))

    outside = finish_categorical(partial, baseline).outside

    assert outside == partial.count - sum(partial.categories[name] for name in FREQUENT)
    assert outside == pytest.approx(0.91 * partial.count, rel=0.01)


def test_where_the_training_had_too_many_nothing_is_said_to_be_outside(partial: Partial) -> None:
    many = finish_categorical(partial_categorical(pd.Series([f"k{place}" for place in range(MAX_KNOWN + 200)])))

    assert many.others is None
    assert finish_categorical(partial, many).outside is None


def test_a_baseline_of_ids_lists_no_others(partial: Partial) -> None:
    assert finish_categorical(partial).others is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 4)), max_size=40))
def test_each_group_is_counted_as_by_hand(rows: list[tuple[int, int]]) -> None:
    groups, codes = np.array(rows, dtype=np.intp).reshape(-1, 2).T

    partials = partials_of_codes(codes, pa.array(list("abcde")), groups, 4)

    for group, partial in enumerate(partials):
        counts = Counter("abcde"[code] for of, code in rows if of == group and code >= 0)
        assert list(partial.categories.items()) == sorted(counts.items())
        assert (partial.count, partial.nulls) == (counts.total(), rows.count((group, -1)))


def test_memory_grows_with_the_rows_and_not_with_days_times_ids() -> None:
    rows, days = 40_000, 365
    names = pa.array([f"v{place}" for place in range(rows)])

    tracemalloc.start()
    partials = partials_of_codes(np.arange(rows), names, np.arange(rows) % days, days)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sum(partial.count for partial in partials) == rows
    assert peak < 500 * rows < 8 * rows * days
