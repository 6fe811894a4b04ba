"""The baseline: right numbers, bins that show what a feature does, and nothing lost on the way to JSON."""

import functools
import json
import math
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from levelfive.errors import ConfigError, DataError, EvidenceError
from levelfive.statistics.baseline import LABEL_PROFILE, SCORE_PROFILE, Baseline, profile_baseline
from levelfive.statistics.histograms import MAX_BINS, Histogram, finite
from levelfive.statistics.partials import Groups, merge, partial_categorical, partial_numeric, partials_of_groups
from levelfive.statistics.profiles import (
    MAX_CATEGORIES,
    MAX_KNOWN,
    finish_categorical,
    finish_numeric,
    profile_categorical,
    profile_numeric,
)

NUMBERS = st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6), st.just(math.nan)), max_size=80)
CUTS = st.lists(st.integers(0, 80), max_size=4).map(sorted)
DAYS = np.array([20_000, 20_002, 20_000, 20_002])


def training_set(**columns):
    """Build a small training set with the given columns in place of or besides the usual ones."""
    usual = {"delay": [1.0, None, 3.0, -4.0], "carrier": ["UA", "AA", None, "UA"]}
    return pd.DataFrame({**usual, **columns})


def baseline(frame=None, categorical=("carrier",), score=(0.1, 0.8, 0.2, 0.3), days=DAYS):
    frame = training_set() if frame is None else frame
    return profile_baseline(frame, categorical, label=np.array([0, 1, 0, 0]), score=np.array(score), days=days)


def refilled(histogram, values):
    """Count values between the edges of a histogram."""
    return histogram.refilled(np.sort(finite(values)))


def merged(parts):
    """Merge partials, the last one first."""
    whole = parts[-1]
    for part in reversed(parts[:-1]):
        whole = merge(whole, part)
    return whole


def assert_same(expected, found):
    """Compare two partials: counts exactly, sums and moments up to rounding."""
    assert (expected.count, expected.nulls, expected.counts) == (found.count, found.nulls, found.counts)
    assert (expected.min, expected.max, expected.sketch) == (found.min, found.max, found.sketch)
    scale = max(abs(expected.min or 0), abs(expected.max or 0), 1)
    moments = [(side.mean / scale, side.m2 / scale**2, *np.array(side.sums) / scale) for side in (expected, found)]
    assert pytest.approx(moments[0], rel=1e-9, abs=1e-9) == moments[1]


def test_a_numeric_profile_says_what_numpy_says():
    values = np.random.default_rng(0).gamma(2, 10, 1000)

    found = profile_numeric(np.append(values, [math.nan, math.inf]))

    assert (found.count, found.nulls) == (1000, 2)
    assert pytest.approx((values.mean(), values.std())) == (found.mean, found.std)
    assert (values.min(), values.max()) == (found.min, found.max)
    assert list(found.quantiles) == ["0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99"]
    assert pytest.approx(np.quantile(values, [0.01, 0.5, 0.99])) == [
        found.quantiles[q] for q in ("0.01", "0.5", "0.99")
    ]


def test_a_continuous_feature_has_twenty_bins_of_equal_counts():
    found = profile_numeric(np.random.default_rng(0).normal(size=2000)).histogram

    assert len(found.counts) - 2 == MAX_BINS
    assert (0, *[100] * MAX_BINS, 0) == found.counts


def test_a_flag_shows_even_a_rare_value_in_a_bin_of_its_own():
    found = profile_numeric(np.array([0.0] * 97 + [1.0] * 3)).histogram

    assert (found.inner_edges, found.counts, found.sums) == ((1.0,), (0, 97, 3, 0), (0.0, 0.0, 3.0, 0.0))


def test_many_zeros_stand_by_themselves_and_the_rest_is_still_divided():
    found = profile_numeric(np.array([0.0] * 800 + list(range(1, 201)))).histogram

    assert found.counts[:2] == (0, 800)
    assert len(found.counts) > 5


def test_a_value_that_holds_two_quantiles_stands_by_itself_also_between_others():
    found = Histogram.of(np.array([*range(10), *[10] * 9, *range(19, 100)], dtype=float))

    assert found.inner_edges[1:4] == (10.0, 19.0, 20.0)
    assert found.counts[3] == 9


def test_a_histogram_of_values_is_that_of_their_profile():
    values = np.array([3.0, math.nan, 1.0, 2.0, math.inf])

    assert Histogram.of(values) == profile_numeric(values).histogram
    assert Histogram.of(np.full(3, math.nan)) == Histogram(None, None, (), (0, 0, 0), (0.0, 0.0, 0.0))


@settings(max_examples=200, deadline=None)
@given(NUMBERS)
def test_a_histogram_keeps_every_value_within_its_edges(numbers):
    values = np.array(numbers, dtype=float)
    finite = values[np.isfinite(values)]

    found = profile_numeric(values).histogram

    assert len(found.inner_edges) + 3 == len(found.counts) == len(found.sums) <= MAX_BINS + 2
    assert (found.counts[0], found.counts[-1]) == (0, 0)
    assert finite.size == sum(found.counts)
    assert pytest.approx(finite.sum(), abs=1e-3) == sum(found.sums)
    assert list(found.inner_edges) == sorted(set(found.inner_edges))
    assert all(found.counts[1:-1]) or finite.size == 0
    assert all(found.low < edge <= found.high for edge in found.inner_edges)


def test_later_values_are_counted_between_the_same_edges_and_outside_of_them():
    found = profile_numeric(np.array([1.0, 2.0, 3.0])).histogram

    later = refilled(found, np.array([-5.0, 1.0, 1.9, 3.0, 3.1, 99.0, math.nan]))

    assert Histogram(1.0, 3.0, (2.0, 3.0), (0, 1, 1, 1, 0), (0.0, 1.0, 2.0, 3.0, 0.0)) == found
    assert (found.low, found.high, found.inner_edges) == (later.low, later.high, later.inner_edges)
    assert later.counts == (1, 2, 0, 1, 2)
    assert pytest.approx((-5, 2.9, 0, 3, 102.1)) == later.sums


@settings(max_examples=100, deadline=None)
@given(NUMBERS, NUMBERS)
def test_the_place_of_a_value_is_the_one_that_it_is_counted_in(before, later):
    histogram = profile_numeric(np.array(before)).histogram
    values = np.array([value for value in later if math.isfinite(value)])

    counts = np.bincount(histogram.bins_of(values), minlength=len(histogram.counts))

    assert refilled(histogram, values).counts == tuple(counts)


def test_a_constant_feature_is_one_bin_that_later_values_leave():
    found = profile_numeric(np.full(10, 7.0))

    assert (found.mean, found.std, found.min, found.max) == (7.0, 0.0, 7.0, 7.0)
    assert found.histogram.counts == (0, 10, 0)
    assert refilled(found.histogram, np.array([6.9, 7.0, 7.1])).counts == (1, 1, 1)


def test_a_feature_without_values_has_a_profile_of_nulls():
    found = profile_numeric(np.full(3, math.nan))

    assert (found.count, found.nulls, found.mean, found.min, found.quantiles) == (0, 3, None, None, {})
    assert refilled(found.histogram, np.array([1.0, 2.0])).counts == (0, 2, 0)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, False, None], dtype="boolean"),
        pd.Series([True, False, None], dtype=object),
        pd.Series([1, 0, None], dtype="Int64"),
        pd.Series([Decimal("1.0"), Decimal("0.0"), None], dtype=object),
        pd.Series([1.0, 0.0, None], dtype="float32"),
    ],
)
def test_numbers_may_come_in_any_column_type(column):
    frame = pd.DataFrame({"flag": column})

    found = profile_baseline(frame, (), label=np.zeros(3), score=np.zeros(3)).numeric["flag"]

    assert (found.count, found.nulls, found.mean) == (2, 1, 0.5)


def test_categories_are_counted_most_frequent_first_and_ties_by_name():
    found = profile_categorical(pd.Series(["b", "a", None, "c", "c"]))

    assert list(found.frequent.items()) == [("c", 2), ("a", 1), ("b", 1)]
    assert (found.count, found.nulls, found.distinct, found.rest) == (4, 1, 3, 0)


def test_rare_categories_beyond_the_limit_are_counted_together():
    values = [f"N{number:03}" for number in range(MAX_CATEGORIES + 20)] + ["N110"]

    found = profile_categorical(pd.Series(values))

    assert (
        len(found.frequent),
        next(iter(found.frequent)),
        found.distinct,
    ) == (MAX_CATEGORIES, "N110", MAX_CATEGORIES + 20)
    assert found.rest == 20


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([True, None, True], dtype=object), {"true": 2}),
        (pd.Series([1, 2, 1]), {"1": 2, "2": 1}),
        (pd.Series(["x", "x", None], dtype=pd.CategoricalDtype(["x", "never"])), {"x": 2}),
        (pd.Series([None, None], dtype=object), {}),
    ],
)
def test_categories_become_text(column, expected):
    assert expected == profile_categorical(column).frequent


def test_a_baseline_tells_numbers_from_categories_and_adds_label_and_score():
    found = baseline()

    assert (found.rows, list(found.numeric), list(found.categorical)) == (4, ["delay"], ["carrier"])
    assert (
        found.numeric["delay"].count,
        found.numeric["delay"].nulls,
        found.numeric["delay"].mean,
    ) == (3, 1, 0.0)
    assert (found.label.mean, pytest.approx(found.scores[SCORE_PROFILE].mean)) == (0.25, 0.35)


def test_a_baseline_survives_json_also_with_empty_constant_and_infinite_columns():
    odd = training_set(empty=[math.nan] * 4, constant=[0.1] * 4, wild=[math.inf, -math.inf, 0, 1 / 3], none=[None] * 4)

    text = baseline(odd, ("carrier", "none")).to_json()

    assert baseline(odd, ("carrier", "none")) == Baseline.from_json(text)
    assert "NaN" not in text
    assert "Infinity" not in text


@settings(max_examples=50, deadline=None)
@given(NUMBERS.filter(bool))
def test_any_column_survives_json(numbers):
    found = profile_baseline(pd.DataFrame({"x": numbers}), (), label=np.zeros(1), score=np.array(numbers))

    assert found == Baseline.from_json(found.to_json())


def test_numbers_as_large_as_there_are_survive_json() -> None:
    huge = [1.7e308, 1.7e308, -1.7e308, 1e200] * 50
    frame = pd.DataFrame({"x": huge})

    found = profile_baseline(frame, (), label=np.array(huge), score=np.array(huge), days=np.repeat([1, 2], 100))

    assert found == Baseline.from_json(found.to_json())
    assert (found.numeric["x"].count, found.numeric["x"].nulls) == (200, 0)
    assert np.sum(found.daily["x"], axis=0).tolist() == list(found.numeric["x"].histogram.counts)
    groups = partials_of_groups(np.array(huge), Groups.of(np.repeat([0, 1], 100), 2), found.numeric["x"].histogram)
    assert finish_numeric(merge(*groups), found.numeric["x"].histogram).std == pytest.approx(found.numeric["x"].std)


def test_a_baseline_holds_plain_python_numbers():
    found = baseline()

    numbers = [
        found.rows,
        found.numeric["delay"].mean,
        *found.numeric["delay"].histogram.counts,
        *found.scores[SCORE_PROFILE].histogram.sums,
    ]
    assert {int, float} == {type(number) for number in numbers}


def test_the_empty_training_set_is_refused():
    with pytest.raises(EvidenceError, match="at least one row"):
        baseline(training_set().iloc[:0])


def test_a_category_that_is_no_column_is_refused():
    with pytest.raises(ConfigError, match="there is no airport"):
        baseline(categorical=("carrier", "airport"))


def test_text_in_a_numeric_feature_is_refused_with_the_way_out():
    with pytest.raises(ConfigError, match=r"'carrier' must hold numbers, got 'UA'.*among the categorical"):
        baseline(categorical=())


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"rows": 1})])
def test_other_json_is_no_baseline(text):
    with pytest.raises(DataError, match="expected a baseline"):
        Baseline.from_json(text)


def test_the_counts_of_each_day_add_up_to_the_histograms():
    found = baseline()

    assert list(found.daily) == ["delay", "carrier", LABEL_PROFILE, SCORE_PROFILE]
    for name, profile in (
        ("delay", found.numeric["delay"]),
        (LABEL_PROFILE, found.label),
        (SCORE_PROFILE, found.scores[SCORE_PROFILE]),
    ):
        assert profile.histogram.counts == tuple(map(sum, zip(*found.daily[name], strict=True)))
    assert found.daily[LABEL_PROFILE] == ((0, 2, 0, 0), (0, 1, 1, 0))


def test_the_daily_counts_of_categories_are_in_the_order_of_the_profile_with_the_rest_last():
    carriers = [None] + ["UA"] * 3 + [f"N{number:03}" for number in range(MAX_CATEGORIES)]
    days = np.array([2, 1, 2, 2] + [1] * MAX_CATEGORIES)

    found = profile_baseline(
        pd.DataFrame({"carrier": carriers}),
        ["carrier"],
        label=np.zeros(len(days)),
        score=np.zeros(1),
        days=days,
    )

    assert (next(iter(found.categorical["carrier"].frequent)), found.categorical["carrier"].rest) == ("UA", 1)
    first, second = found.daily["carrier"]
    assert (first[0], second[0], first[-1], second[-1]) == (1, 2, 1, 0)
    assert (sum(first), sum(second)) == (MAX_CATEGORIES + 1, 2)


def test_scores_of_other_rows_have_no_daily_counts():
    found = baseline(score=(0.5, 0.6))

    assert SCORE_PROFILE not in found.daily
    assert found.scores[SCORE_PROFILE].count == 2


def test_without_days_there_are_no_daily_counts():
    assert baseline(days=None).daily == {}


def test_a_baseline_wants_one_day_a_row():
    with pytest.raises(EvidenceError, match="each of 4 rows must belong to a day"):
        baseline(days=DAYS[:3])


@settings(max_examples=200, deadline=None)
@given(NUMBERS, NUMBERS, CUTS)
def test_numbers_in_any_batches_give_one_summary(before, numbers, cuts):
    histogram, values = profile_numeric(np.array(before)).histogram, np.array(numbers, dtype=float)

    parts = [partial_numeric(batch, histogram) for batch in np.split(values, cuts)]

    whole = partial_numeric(values, histogram)
    assert_same(whole, merged(parts))
    assert_same(whole, merged(parts[::-1]))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["UA", "AA", "", "true", None]), max_size=30), CUTS)
def test_categories_in_any_batches_give_one_summary(names, cuts):
    values = pd.Series(names, dtype=object)
    edges = [0, *cuts, len(values)]

    parts = [partial_categorical(values.iloc[start:end]) for start, end in pairwise(edges)]

    assert partial_categorical(values) == merged(parts) == merged(parts[::-1])
    assert profile_categorical(values) == finish_categorical(merged(parts))


def test_many_batches_keep_the_digits_of_a_small_spread_far_from_zero():
    values = 1e9 + np.random.default_rng(0).normal(size=5000)
    histogram = profile_numeric(values).histogram

    parts = [partial_numeric(batch, histogram) for batch in np.array_split(values, 100)]

    assert finish_numeric(merged(parts), histogram).std == pytest.approx(values.std(), rel=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_numbers_of_a_shorter_type_have_the_same_summary(dtype):
    short = (1000 * np.random.default_rng(0).normal(size=300)).astype(dtype)
    histogram = profile_numeric(short.astype(np.float64)).histogram

    assert partial_numeric(short.astype(np.float64), histogram) == partial_numeric(short, histogram)


@pytest.mark.parametrize("others", [np.arange(30), np.arange(10, 12)], ids=["another number", "the same number"])
def test_partials_on_other_bins_are_neither_merged_nor_finished(others):
    one, other = (profile_numeric(values).histogram for values in (np.arange(2), others))

    with pytest.raises(ConfigError, match=r"the same bins, got the edges \(0.0, 1.0, 1.0\) and "):
        merge(partial_numeric(np.arange(2), one), partial_numeric(np.arange(2), other))
    with pytest.raises(ConfigError, match="the same bins"):
        finish_numeric(partial_numeric(np.arange(2), one), other)


@pytest.mark.parametrize(
    "later",
    [
        np.random.default_rng(1).normal(0, 1, 5000),
        np.random.default_rng(1).normal(0.5, 1.3, 5000),
        np.random.default_rng(1).poisson(1, 5000) - 1.0,
    ],
    ids=["same", "moved", "whole numbers"],
)
def test_a_profile_of_partials_says_what_numpy_says(later):
    histogram = profile_numeric(np.random.default_rng(0).normal(size=5000)).histogram

    found = finish_numeric(partial_numeric(np.append(later, [math.nan, -math.inf]), histogram), histogram)

    assert (found.count, found.nulls, found.min, found.max) == (5000, 2, later.min(), later.max())
    assert pytest.approx((later.mean(), later.std())) == (found.mean, found.std)
    assert found.histogram == refilled(histogram, later)
    for level, value in found.quantiles.items():
        assert np.mean(later < value) - 0.002 <= float(level) <= np.mean(later <= value) + 0.002


def test_quantiles_of_a_flag_are_its_values():
    exact = profile_numeric(np.array([0.0] * 97 + [1.0] * 3))

    found = finish_numeric(partial_numeric(np.array([0.0] * 60 + [1.0] * 40), exact.histogram), exact.histogram)

    assert list(found.quantiles.values()) == [0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("before", [np.arange(50.0), np.full(5, 7.0), np.empty(0)], ids=["many", "constant", "none"])
def test_a_window_without_values_has_a_profile_of_nulls_on_the_same_bins(before):
    histogram = profile_numeric(before).histogram

    found = finish_numeric(partial_numeric(np.array([math.nan, math.inf]), histogram), histogram)

    assert (found.count, found.nulls, found.mean, found.std, found.min, found.max) == (0, 2, None, None, None, None)
    assert (found.quantiles, found.distinct, sum(found.histogram.counts)) == ({}, 0, 0)
    assert len(found.histogram.counts) == len(histogram.counts)


def test_values_where_the_baseline_had_none_are_profiled_all_the_same():
    histogram = profile_numeric(np.full(3, math.nan)).histogram

    found = finish_numeric(partial_numeric(np.array([1.0, 2.0, 3.0]), histogram), histogram)

    assert (found.count, found.mean, found.quantiles["0.5"]) == (3, 2.0, 2.0)


@pytest.mark.parametrize("distinct", [0, 1, 2, 255])
def test_few_distinct_values_are_counted_exactly_however_often_they_occur(distinct):
    values = np.tile(np.arange(distinct) / 7, 20)

    assert distinct == profile_numeric(values).distinct


def test_the_hashes_of_numbers_are_the_same_in_every_process():
    histogram = profile_numeric(np.zeros(1)).histogram

    assert partial_numeric(np.array([1.0, 0.5]), histogram).sketch == (306524380890059637, 3035652100526550566)


def test_both_zeros_are_one_value():
    assert profile_numeric(np.array([0.0, -0.0])).distinct == 1
    assert merged([partial_numeric(np.array([zero]), Histogram(0, 0, (), (), ())) for zero in (0.0, -0.0)]).sketch == (
        partial_numeric(np.array([0.0]), Histogram(0, 0, (), (), ())).sketch
    )


@pytest.mark.parametrize("distinct", [300, 5000, 200_000])
def test_many_distinct_values_are_estimated(distinct):
    values = np.random.default_rng(0).permutation(distinct).astype(float)

    assert profile_numeric(values).distinct == pytest.approx(distinct, rel=0.2)


def test_many_distinct_values_in_batches_are_estimated_as_at_once():
    values = np.random.default_rng(0).permutation(1000).astype(float)
    histogram = profile_numeric(values).histogram

    whole = partial_numeric(values, histogram)

    assert whole.sketch == merged([partial_numeric(batch, histogram) for batch in np.array_split(values, 3)]).sketch
    assert len(whole.sketch) == 256


def test_the_estimate_follows_from_the_last_of_the_least_hashes():
    histogram = profile_numeric(np.zeros(1)).histogram
    sketch = (*range(255), 2**55 - 1)

    full, short = (replace(partial_numeric(np.zeros(1), histogram), sketch=hashes) for hashes in (sketch, sketch[1:]))

    # The 256th least of all hashes, which are below 2 ** 63, lies at a share of 1 / 256 of them: 255 / (1 / 256).
    assert finish_numeric(full, histogram).distinct == 255 * 256
    assert finish_numeric(short, histogram).distinct == 255


def test_a_later_profile_lists_a_baselines_categories_however_rare():
    names = [f"N{number:03}" for number in range(MAX_CATEGORIES)] * 2 + ["rare", "other"]

    found = finish_categorical(
        partial_categorical(pd.Series(names)), profile_categorical(pd.Series(["rare", "absent"]))
    )

    assert (len(found.frequent), found.frequent["rare"], found.rest) == (MAX_CATEGORIES + 1, 1, 1)


def test_the_groups_of_a_batch_are_summarised_as_each_by_itself() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=3000).round(2)
    values[::7], values[5] = np.nan, np.inf
    groups = np.where(rng.random(3000) < 0.1, 0, rng.integers(2, 5, 3000))
    histogram = Histogram.of(values[:300])

    in_order = Groups.of(groups, 5)
    twice = in_order.columns(np.stack([values, -values], axis=1))

    found = partials_of_groups(twice[0], in_order, histogram)

    np.testing.assert_array_equal(twice[1], -twice[0])

    for group, ours in enumerate(found):
        alone = partial_numeric(values[groups == group], histogram)
        assert alone == replace(ours, mean=alone.mean, m2=alone.m2, sums=alone.sums)
        assert pytest.approx([alone.mean, alone.m2, *alone.sums]) == [ours.mean, ours.m2, *ours.sums]


def test_a_profile_knows_up_to_10000_rare_categories_and_no_more():
    names = [f"N{number:05}" for number in range(MAX_CATEGORIES + MAX_KNOWN)]
    later = partial_categorical(pd.Series([names[-1], "new", "new", None]))

    few, many = (profile_categorical(pd.Series([*names, *more])) for more in ([], ["one more"]))

    assert (few.rest, len(few.others), few.once, many.others) == (MAX_KNOWN, MAX_KNOWN, len(names), None)
    assert [finish_categorical(later, known).outside for known in (few, many)] == [2, None]
    assert [finish_categorical(partial_categorical(pd.Series(names[:9])), known).outside for known in (few, many)] == [
        0,
        0,
    ]


def test_the_share_of_unseen_categories_is_that_of_the_values_that_are_the_only_one():
    assert profile_categorical(pd.Series(["UA", "UA", "AA", None])).unseen_share == 1 / 3
    assert profile_categorical(pd.Series([None], dtype=object)).unseen_share == 0


def test_a_baseline_with_rare_categories_is_read_as_it_was_written():
    names = [f"N{number:03}" for number in range(150)]
    frame = training_set().reindex(range(150)).assign(carrier=names)

    written = profile_baseline(frame, ["carrier"], label=np.zeros(150), score=np.zeros(150))

    assert Baseline.from_json(written.to_json()) == written


@pytest.mark.parametrize("wild", [1e9, -1e9], ids=["far above", "far below"])
def test_one_wild_value_does_not_widen_the_range_that_later_values_are_held_against(wild: float) -> None:
    usual = np.arange(200.0)

    found = profile_numeric(np.append(usual, wild))

    assert (found.histogram.low, found.histogram.high) == (0.0, 199.0)
    assert found.histogram.counts[0] + found.histogram.counts[-1] == 1
    assert wild in (found.min, found.max)
    later = refilled(found.histogram, usual * 100)
    assert later.counts[-1] > 190


def test_rare_values_of_a_column_that_is_else_constant_are_within_its_range() -> None:
    found = profile_numeric(np.array([0.0] * 5000 + [1.0]))

    assert (found.histogram.low, found.histogram.high) == (0.0, 1.0)


def test_the_most_frequent_value_is_counted_the_same_in_any_batches() -> None:
    values = np.concatenate((np.full(400, 7.0), np.arange(200.0) % 150, [math.nan] * 5))
    np.random.default_rng(0).shuffle(values)
    histogram = profile_numeric(values).histogram

    first, *others = (partial_numeric(batch, histogram) for batch in np.array_split(values, 7))

    assert partial_numeric(values, histogram).most_frequent == 402
    assert functools.reduce(merge, others, first).most_frequent == 402
    assert partial_numeric(np.empty(0), histogram).most_frequent == 0


def test_a_baseline_written_without_its_last_days_is_read() -> None:
    days = np.arange(60) % 30
    made = profile_baseline(pd.DataFrame({"a": np.arange(60.0)}), [], label=days, score=days, days=days)
    record = json.loads(made.to_json())

    del record["recent"]

    assert Baseline.from_json(json.dumps(record)).recent == {}
    assert Baseline.from_json(made.to_json()) == made


def test_scores_of_some_rows_have_the_daily_counts_of_their_own_days():
    frame, days = pd.DataFrame({"a": np.arange(6.0)}), np.array([1, 1, 2, 2, 3, 3])

    made = profile_baseline(frame, [], label=days, score=np.array([0.1, 0.9]), days=days, score_days=np.array([2, 3]))

    assert ([sum(day) for day in made.daily[SCORE_PROFILE]], made.scores[SCORE_PROFILE].count) == ([1, 1], 2)
    assert SCORE_PROFILE not in profile_baseline(frame, [], label=days, score=np.array([0.1, 0.9]), days=days).daily
