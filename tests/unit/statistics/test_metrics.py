"""Metrics: equal to the reference formulas, and honest about how few independent days there are."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn import metrics as sklearn_metrics

from levelfive import BINARY, REGRESSION, Quantiles
from levelfive.errors import ConfigError, EvidenceError
from levelfive.statistics.metrics import (
    NULL_SLICE,
    evaluate,
    evaluate_slices,
    paired_difference,
    row_loss,
)

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 8).map(lambda eighths: eighths / 8), st.integers(0, 4)),
    min_size=1,
    max_size=40,
)


def late_flights(rows=3000, days=14, seed=0):
    """Draw labels, scores with ties, and days whose share of late flights differs."""
    random = np.random.default_rng(seed)
    day = random.integers(0, days, rows)
    risk = np.clip(random.beta(2, 6, rows) + random.normal(0, 0.1, days)[day], 0.01, 0.99)
    return (
        (random.random(rows) < risk).astype(float),
        np.round(random.beta(2, 6, rows) / 2 + risk / 2, 2),
        day,
    )


def auc_by_ranks(y, score):
    """Compute the area under the ROC curve from the ranks of the positives, quicker than scikit-learn."""
    positives = y.sum()
    ranks = rankdata(score)[y == 1].sum()
    return (ranks - positives * (positives + 1) / 2) / (positives * (y.size - positives))


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_auc_equals_scikit_learn_with_ties_and_any_days(rows):
    y, score, days = (np.array(column) for column in zip(*rows, strict=True))

    auc = evaluate(BINARY, y, score, days).estimates["auc"].value

    if len(set(y)) == 1:
        assert math.isnan(auc)
    else:
        assert auc == pytest.approx(sklearn_metrics.roc_auc_score(y, score), abs=1e-12)


def test_binary_metrics_equal_scikit_learn():
    y, score, days = late_flights()

    found = evaluate(BINARY, y, score, days)

    expected = {
        "auc": sklearn_metrics.roc_auc_score(y, score),
        "log_loss": sklearn_metrics.log_loss(y, score),
        "brier": sklearn_metrics.brier_score_loss(y, score),
        "calibration": score.mean() - y.mean(),
        "skill": 1 - sklearn_metrics.log_loss(y, score) / sklearn_metrics.log_loss(y, np.full(y.size, y.mean())),
    }
    assert pytest.approx(expected, abs=1e-12) == {name: e.value for name, e in found.estimates.items()}
    assert (found.rows, found.days) == (3000, 14)
    assert {(e.rows, e.days) for e in found.estimates.values()} == {(3000, 14)}
    assert pytest.approx((y.mean(), score.mean())) == (found.label_mean, found.score_mean)


def test_regression_metrics_equal_scikit_learn():
    random = np.random.default_rng(1)
    y = random.normal(1e4, 5, 500)
    score = y + random.normal(1, 2, 500)

    found = evaluate(REGRESSION, y, score, np.arange(500) % 9)

    expected = {
        "rmse": sklearn_metrics.root_mean_squared_error(y, score),
        "mae": sklearn_metrics.mean_absolute_error(y, score),
        "r2": sklearn_metrics.r2_score(y, score),
        "bias": (score - y).mean(),
    }
    assert pytest.approx(expected, rel=1e-9) == {name: e.value for name, e in found.estimates.items()}


def test_an_interval_is_that_of_resampled_blocks_of_days_computed_one_by_one():
    y, score, days = late_flights(rows=400, days=30)
    drawn = np.random.default_rng(5).integers(0, 10, (3000, 10))
    rows_of_block = [np.flatnonzero(days // 3 == block) for block in range(10)]
    rows = [np.concatenate([rows_of_block[block] for block in sample]) for sample in drawn]
    aucs = [auc_by_ranks(y[sample], score[sample]) for sample in rows]

    found = evaluate(BINARY, y, score, days, seed=1).estimates["auc"]

    # With 10 blocks the 5 % percentile is widened to the 2.7 % one.
    assert pytest.approx(np.quantile(aucs, [0.027, 0.973]), abs=0.008) == [found.low, found.high]


def test_the_same_seed_gives_the_same_intervals_whatever_the_order_of_rows():
    y, score, days = late_flights()
    shuffled = np.random.default_rng(2).permutation(y.size)

    first = evaluate(BINARY, y, score, days, seed=3).estimates["auc"]
    second = evaluate(BINARY, y[shuffled], score[shuffled], days[shuffled], seed=3).estimates["auc"]
    other = evaluate(BINARY, y, score, days, seed=4).estimates["auc"]

    assert first == second
    assert first != other


def test_days_may_be_dates():
    y, score, days = late_flights()
    dates = np.datetime64("2013-07-01") + days

    assert evaluate(BINARY, y, score, days) == evaluate(BINARY, y, score, dates)


def test_one_class_has_no_auc_but_a_loss():
    found = evaluate(BINARY, np.zeros(6), np.full(6, 0.5), np.arange(6)).estimates

    assert all(math.isnan(number) for number in (found["auc"].value, found["auc"].low, found["auc"].high))
    assert pytest.approx(math.log(2)) == found["log_loss"].value


def test_a_constant_label_has_no_r2():
    found = evaluate(REGRESSION, np.full(7, 0.1), np.linspace(0, 1, 7), np.arange(7)).estimates

    assert math.isnan(found["r2"].value)
    assert found["rmse"].value > 0


def test_one_day_has_values_without_intervals():
    y, score, _ = late_flights()

    found = evaluate(BINARY, y, score, np.zeros(y.size)).estimates.values()

    assert all(math.isfinite(estimate.value) for estimate in found)
    assert all(math.isnan(estimate.low) and math.isnan(estimate.high) for estimate in found)


@pytest.mark.parametrize(
    ("y", "score", "days", "message"),
    [
        ([], [], [], "at least one row"),
        ([0, 1], [0.5], [1, 2], "one a row"),
        ([0, 1], [0.5, 0.5], [1], "must belong to a day"),
        ([0, 1], [0.5, 0.5], [1, math.nan], "1 missing"),
        ([0, 1], [0.5, math.nan], [1, 2], "scores must be finite, got nan"),
        ([0, math.inf], [0.5, 0.5], [1, 2], "labels must be finite, got inf"),
        ([0, 2], [0.5, 0.5], [1, 2], "must be 0 or 1, got 2"),
        ([0, 1], [0.5, 1.5], [1, 2], "between 0 and 1, got 1.5"),
        ([[0], [1]], [[0.5], [0.5]], [1, 2], "one a row"),
    ],
)
def test_unusable_rows_are_refused_with_what_came(y, score, days, message):
    with pytest.raises(EvidenceError, match=message):
        evaluate(BINARY, np.array(y), np.array(score), np.array(days))


AMOUNTS = (REGRESSION, Quantiles("wait", (0.1, 0.9)))


def scores_of(task, score):
    return np.array(score) if len(task.score_columns) == 1 else np.column_stack([score, score])


@pytest.mark.parametrize("task", AMOUNTS, ids=lambda task: task.name)
@pytest.mark.parametrize(
    ("y", "score", "message"),
    [
        ([0, -1e300], [0.5, 0.5], r"must be numbers from -1e\+30 to 1e\+30, got -1e\+300 \(in 1 of 2 rows\)"),
        ([0, 1], [0.5, 1e300], r"must lie between -1e\+30 and 1e\+30, got 1e\+300"),
    ],
    ids=["label", "score"],
)
def test_an_amount_that_cannot_be_squared_is_refused(task, y, score, message):
    with pytest.raises(EvidenceError, match=message):
        evaluate(task, np.array(y), scores_of(task, score), np.arange(2))


@pytest.mark.parametrize("task", AMOUNTS, ids=lambda task: task.name)
def test_metrics_and_differences_of_the_largest_amounts_are_finite(task):
    y, score = np.array([1e30, -1e30, 1e30, 0]), scores_of(task, [-1e30, 1e30, 1e30, 0])

    found = evaluate(task, y, score, np.arange(4))
    losses = row_loss(task, y, score)

    assert all(math.isfinite(one.value) for one in found.estimates.values())
    assert math.isfinite(paired_difference(losses, losses[::-1], np.arange(4)).standard_error)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 90])
def test_a_confidence_outside_0_to_1_is_refused(confidence):
    y, score, days = late_flights(rows=50)

    with pytest.raises(ConfigError, match="between 0 and 1"):
        evaluate(BINARY, y, score, days, confidence=confidence)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        paired_difference(y, score, days, confidence=confidence)


def test_a_higher_confidence_gives_a_wider_interval():
    y, score, days = late_flights()

    narrow = evaluate(BINARY, y, score, days, confidence=0.5).estimates["auc"]
    wide = evaluate(BINARY, y, score, days, confidence=0.95).estimates["auc"]

    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_a_month_of_flights_is_evaluated_in_a_fraction_of_a_second():
    y, score, days = late_flights(rows=30_000, days=31)

    started = time.process_time()
    evaluate(BINARY, y, score, days)

    assert time.process_time() - started < 3, "it takes 0.05 s; an AUC by replicate would take 10 s"


def test_the_mean_row_loss_is_the_metric():
    y, score, days = late_flights()

    log_loss = row_loss(BINARY, y, score)
    squared = row_loss(REGRESSION, y, score)

    found = evaluate(REGRESSION, y, score, days).estimates["rmse"].value
    assert pytest.approx(sklearn_metrics.log_loss(y, score)) == log_loss.mean()
    assert pytest.approx(found**2) == squared.mean()


@pytest.mark.parametrize(
    ("y", "score", "message"), [(2, 0.5, "must be 0 or 1, got 2"), (1, 1.5, "between 0 and 1, got 1.5")]
)
def test_a_loss_of_what_is_no_probability_is_refused(y, score, message):
    with pytest.raises(EvidenceError, match=message):
        row_loss(BINARY, np.array([y]), np.array([score]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_certain_and_wrong_is_a_large_but_finite_loss(dtype):
    loss = row_loss(BINARY, np.array([1, 0, 1, 0]), np.array([0, 1, 1, 0], dtype=dtype))

    assert pytest.approx([34.5, 34.5, 0, 0], abs=0.1) == loss


def test_whole_numbers_without_a_sign_and_short_floats_lose_nothing():
    few = np.array([3, 200], dtype=np.uint8)
    score = np.array([0.1], dtype=np.float32)

    assert row_loss(REGRESSION, few, few[::-1]).tolist() == [197.0**2, 197.0**2]
    assert paired_difference(few, few[::-1], np.array([1, 1])).value == 0
    assert row_loss(BINARY, np.zeros(1), score)[0] == pytest.approx(-math.log(1 - float(score[0])), rel=1e-12)


def test_a_paired_difference_follows_the_formula_by_hand():
    first, second = np.array([3.0, 5.0, 2.0, 4.0]), np.array([1.0, 2.0, 2.0, 1.0])

    found = paired_difference(first, second, np.array(["mon", "mon", "tue", "wed"]), confidence=0.9)

    # Sums 5, 0, 3 of 2, 1, 1 rows; d = 2; residuals 1, -2, 1; se^2 = 3/2 * 6 / 16; t(2 df, .95) = 2.91999
    assert pytest.approx(2) == found.value
    assert pytest.approx(0.75) == found.standard_error
    assert pytest.approx((2 - 2.91999 * 0.75, 2 + 2.91999 * 0.75), abs=1e-4) == (found.low, found.high)
    assert (found.days, found.rows) == (3, 4)


def test_a_difference_within_one_day_has_no_interval():
    found = paired_difference(np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.array([7, 7]))

    assert found.value == 0.5
    assert all(math.isnan(number) for number in (found.standard_error, found.low, found.high))


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_swapping_the_models_mirrors_the_difference(rows):
    first, second, days = (np.array(column, dtype=float) for column in zip(*rows, strict=True))

    there, back = paired_difference(first, second, days), paired_difference(second, first, days)

    assert pytest.approx(there.value, abs=1e-12) == -back.value
    assert pytest.approx((there.low, there.high), abs=1e-9, nan_ok=True) == (-back.high, -back.low)


def test_losses_that_are_not_finite_are_refused():
    with pytest.raises(EvidenceError, match="second losses must be finite"):
        paired_difference(np.zeros(3), np.array([0, math.nan, 0]), np.arange(3))
    with pytest.raises(EvidenceError, match="one a row"):
        paired_difference(np.zeros(3), np.zeros(2), np.arange(3))


def test_with_day_effects_intervals_by_rows_miss_the_truth_and_those_by_days_hold_it():
    random = np.random.default_rng(13)
    covered_by_days, covered_by_rows, trials, truth = 0, 0, 400, 0.3
    for _ in range(trials):
        days = np.repeat(np.arange(14), random.integers(20, 60, 14))
        loss = truth + random.normal(0, 0.5, 14)[days] + random.normal(0, 1, days.size)
        nothing = np.zeros(days.size)

        by_days = paired_difference(loss, nothing, days)
        by_rows = paired_difference(loss, nothing, np.arange(days.size))

        covered_by_days += by_days.low <= truth <= by_days.high
        covered_by_rows += by_rows.low <= truth <= by_rows.high

    assert 0.86 < covered_by_days / trials < 0.94
    assert covered_by_rows / trials < 0.6


def bias_holds_0(random, effects, trial):
    """Tell whether the bias's interval holds the truth of days with such effects."""
    days = np.repeat(np.arange(effects.size), random.integers(10, 30, effects.size))
    error = effects[days] + random.normal(0, 1, days.size)
    found = evaluate(REGRESSION, np.zeros(days.size), error, days, seed=trial).estimates["bias"]
    return found.low <= 0 <= found.high


def test_intervals_of_a_month_hold_the_truth_where_days_next_to_each_other_are_alike():
    random, trials = np.random.default_rng(19), 400
    shocks = random.normal(0, 0.7, (trials, 31))
    alike = shocks[:, 1:] + 0.5 * shocks[:, :-1]  # a correlation of .4 from one day to the next

    covered = sum(bias_holds_0(random, effects, trial) for trial, effects in enumerate(alike))

    assert 0.86 < covered / trials < 0.94


def test_the_bootstrap_holds_the_truth_with_a_week_of_days():
    random = np.random.default_rng(17)
    covered, trials = 0, 200
    for trial in range(trials):
        covered += bias_holds_0(random, random.normal(0, 0.5, 7), trial)

    assert 0.85 < covered / trials < 0.95


def test_slices_are_evaluated_by_themselves_and_small_ones_left_out():
    y, score, days = late_flights(rows=1000)
    origin = np.array(["LGA"] * 500 + ["EWR"] * 450 + [None] * 40 + ["JFK"] * 10, dtype=object)

    found = evaluate_slices(BINARY, y, score, days, values=origin, min_rows=40)

    assert list(found) == [NULL_SLICE, "EWR", "LGA"]
    assert evaluate(BINARY, y[:500], score[:500], days[:500]) == found["LGA"]
    assert found[NULL_SLICE].rows == 40


def test_slices_may_be_numbers_and_none_may_be_large_enough():
    y, score, days = late_flights(rows=100)

    assert list(evaluate_slices(BINARY, y, score, days, values=days % 2, min_rows=1)) == ["0", "1"]
    assert evaluate_slices(BINARY, y, score, days, values=days, min_rows=101) == {}


@pytest.mark.parametrize("task", [BINARY, REGRESSION])
def test_a_slice_is_evaluated_as_all_rows_would_be(task):
    y, score, days = late_flights(rows=200)

    found = evaluate_slices(task, y, score, days, values=days % 2, min_rows=1, confidence=0.5, seed=7)

    even = days % 2 == 0
    assert evaluate(task, y[even], score[even], days[even], confidence=0.5, seed=7) == found["0"]


def test_slices_of_500_rows_are_large_enough_unless_told_otherwise():
    y, score, days = late_flights(rows=999)

    assert list(evaluate_slices(BINARY, y, score, days, values=np.repeat(["LGA", "EWR"], [500, 499]))) == ["LGA"]


def test_unusable_rows_are_refused_in_slices_too_small_to_be_evaluated():
    y, score, days = late_flights(rows=100)
    y[0] = 2

    with pytest.raises(EvidenceError, match="must be 0 or 1, got 2"):
        evaluate_slices(BINARY, y, score, days, values=np.arange(100), min_rows=50)


def test_slice_values_of_another_length_are_refused():
    y, score, days = late_flights(rows=100)

    with pytest.raises(EvidenceError, match="slice values must be one a row"):
        evaluate_slices(BINARY, y, score, days, values=np.zeros(99), min_rows=1)


def test_rows_without_a_value_are_no_slice_of_a_value_that_says_so():
    y, score, days = (np.tile(values, 50) for values in ([0, 1], [0.25, 0.75], [1, 2]))
    values = np.array(["(null)"] * 40 + [None] * 60, dtype=object)

    found = evaluate_slices(BINARY, y, score, days, values=values, min_rows=1)

    assert {name: part.rows for name, part in found.items()} == {"(null)": 40, NULL_SLICE: 60}


def test_slices_whose_texts_differ_behind_a_nul_are_different_slices() -> None:
    y, days = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    values = np.array(["a", "a", "a\0", None], dtype=object)

    found = evaluate_slices(BINARY, y, np.full(4, 0.5), days, values=values, min_rows=1)

    assert {name: one.rows for name, one in found.items()} == {None: 1, "a": 2, "a\0": 1}
