"""Drift: what SciPy says of the raw values, and a threshold that knows that days hang together."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, norm, wasserstein_distance

from levelfive.errors import ConfigError, EvidenceError
from levelfive.monitoring.drift import (
    MIN_SHARE,
    Drift,
    categorical_drift,
    numeric_drift,
    population_stability,
    usual_psi,
)
from levelfive.statistics.baseline import (
    finish_categorical,
    finish_numeric,
    partial_categorical,
    partial_numeric,
    profile_categorical,
    profile_numeric,
)
from levelfive.statistics.partials import MAX_CATEGORIES, MAX_KNOWN

RANDOM = np.random.default_rng(7)
NORMAL = RANDOM.normal(size=6000)
DELAYS = RANDOM.gamma(0.7, 30, 6000) - 15
FLAGS = (RANDOM.random(6000) < 0.03).astype(float)
MOVES = {
    "none": (NORMAL, RANDOM.normal(size=4000)),
    "a little": (NORMAL, RANDOM.normal(0.3, 1, 4000)),
    "wider": (NORMAL, RANDOM.normal(0, 3, 4000)),
    "partly outside": (NORMAL, RANDOM.normal(3, 1, 4000)),
    "wholly above": (NORMAL, RANDOM.normal(50, 5, 4000)),
    "wholly below": (NORMAL, RANDOM.normal(-20, 1, 4000)),
    "into one bin": (NORMAL, RANDOM.uniform(0.40, 0.42, 4000)),
    "a long tail": (DELAYS, RANDOM.gamma(0.7, 60, 4000) - 15),
    "whole numbers": (RANDOM.poisson(3, 6000).astype(float), RANDOM.poisson(5, 4000).astype(float)),
    "a flag": (FLAGS, (RANDOM.random(4000) < 0.2).astype(float)),
    "a constant": (np.full(100, 7.0), np.full(50, 7.5)),
}
each_move = pytest.mark.parametrize(("before", "now"), MOVES.values(), ids=MOVES.keys())


def drift_of(before, now):
    """Measure drift from raw numbers."""
    baseline = profile_numeric(np.asarray(before, dtype=float))
    return numeric_drift(baseline, later(now, baseline))


def later(values, baseline):
    return finish_numeric(partial_numeric(np.asarray(values), baseline.histogram), baseline.histogram)


def category_drift(before, now):
    """Measure drift from raw categories."""
    baseline = profile_categorical(pd.Series(before, dtype=object))
    current = finish_categorical(partial_categorical(pd.Series(now, dtype=object)), baseline)
    return categorical_drift(baseline, current)


def by_day(days, *, persistence=0.0, rows=300, seed=0):
    """Draw daily counts in ten bins of a column whose daily mean persists from day to day."""
    random = np.random.default_rng(seed)
    means = random.normal(0, 0.5, days)
    for day in range(1, days):
        means[day] = persistence * means[day - 1] + math.sqrt(1 - persistence**2) * means[day]
    values = random.normal(means[:, None], 1, (days, rows))
    edges = np.linspace(-1.5, 1.5, 9)
    return [np.bincount(np.searchsorted(edges, day), minlength=10).tolist() for day in values]


def seasons(number, days):
    """Draw daily counts of one of 105 columns a season, which follow a weather of their own and one common to all.

    Either is a moving average of the weather of two days, with a correlation of .4 from day to day.
    """
    random = np.random.default_rng(105)
    loads = random.uniform(-0.5, 0.5, 105)
    weather = random.normal(size=(2, number, days + 1))
    common, own = (weather[..., 1:] + 0.5 * weather[..., :-1]) / math.sqrt(1.25)
    load = loads[np.arange(number) % 105, None]
    means = load * common + 0.2 * own
    edges = np.array([-math.inf, *np.linspace(-1.5, 1.5, 9), math.inf])
    return random.multinomial(200, np.diff(norm.cdf(edges - means[..., None]), axis=-1))


@each_move
def test_the_wasserstein_distance_is_that_of_the_raw_values(before, now):
    expected = wasserstein_distance(before, now)

    found = drift_of(before, now).wasserstein_distance

    assert found == pytest.approx(expected, rel=0.04, abs=0.02 * before.std())


@each_move
def test_kolmogorov_smirnov_is_at_most_that_of_the_raw_values_and_nearly_it(before, now):
    expected = ks_2samp(before, now).statistic

    found = drift_of(before, now).ks_test["statistic"]

    assert expected - 0.06 <= found <= expected + 1e-12


@each_move
def test_jensen_shannon_is_scipys_distance_between_the_bins_in_bits(before, now):
    baseline = profile_numeric(before)
    expected = jensenshannon(baseline.histogram.counts, baseline.histogram.refilled(np.sort(now)).counts, base=2)

    found = drift_of(before, now).js_distance

    assert found == pytest.approx(expected, abs=1e-9)


@each_move
def test_the_share_outside_is_that_of_the_raw_values(before, now):
    expected = np.mean((now < before.min()) | (now > before.max()))

    assert drift_of(before, now).outside_share == pytest.approx(expected)


@pytest.mark.parametrize("values", [NORMAL, FLAGS, np.full(10, 0.1)], ids=["normal", "flag", "constant"])
def test_the_same_numbers_have_not_drifted(values):
    nothing = Drift(0, 0, {"statistic": 0}, 0, percent_null_delta=0, outside_share=0)
    assert nothing == replace(drift_of(values, values[::-1]), scale=None)


def test_psi_is_the_sum_over_the_places():
    expected = (0.5 - 0.2) * math.log(0.5 / 0.2) + (0.5 - 0.8) * math.log(0.5 / 0.8)

    assert population_stability(np.array([2, 8]), np.array([50, 50])) == pytest.approx(expected)


def test_a_place_that_is_empty_on_one_side_counts_with_the_least_share():
    expected = (0.5 - MIN_SHARE) * math.log(0.5 / MIN_SHARE) + (0.5 - 1) * math.log(0.5)

    assert population_stability(np.array([0, 8, 0]), np.array([5, 5, 0])) == pytest.approx(expected)
    assert population_stability(np.array([5, 5, 0]), np.array([0, 8, 0])) == pytest.approx(expected)


def test_a_stray_value_outside_the_range_is_no_drift_in_psi():
    now = np.append(NORMAL, 1000.0)

    found = drift_of(NORMAL, now)

    assert found.population_stability_index < 0.001
    assert found.outside_share == 1 / 6001


def test_nulls_that_become_more_are_told_apart_from_the_values():
    before, now = np.append(NORMAL[:90], [math.nan] * 10), np.append(NORMAL[:90], [math.nan, math.inf, -math.inf] * 30)

    found = drift_of(before, now)

    assert (found.population_stability_index, found.percent_null_delta) == (0, pytest.approx(50 - 10))


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        ([math.nan] * 2, [1.0, 2.0], -100),
        ([1.0, 2.0], [math.nan] * 2, 100),
        ([math.nan] * 2, [math.nan], 0),
        ([1.0], [], None),
        ([], [1.0], None),
    ],
)
def test_a_side_without_values_has_no_distances(before, now, change):
    names = [["x" if math.isfinite(value) else None for value in side] for side in (before, now)]

    assert Drift(percent_null_delta=change) == drift_of(before, now)
    assert Drift(percent_null_delta=change) == category_drift(*names)


def test_a_profile_on_other_bins_is_refused():
    with pytest.raises(ConfigError, match="on its baseline's bins"):
        numeric_drift(profile_numeric(NORMAL), profile_numeric(NORMAL + 1))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("AAABBC" * 50, "AABBBCCC" * 30),
        ("AAAB" * 50, "AABB" * 30),
        ("AAAB" * 50, "AABCD" * 30),
        ("A" * 50, "A" * 30),
    ],
    ids=["moved", "two places", "some new", "one place"],
)
def test_categories_are_compared_as_scipy_compares_them(before, now):
    known = sorted(set(before))
    old, new = Counter(before), Counter(name if name in known else "new" for name in now)
    table = np.array([[side[name] for name in [*known, *({"new"} & set(new))]] for side in (old, new)])
    expected = chi2_contingency(table)

    found = category_drift(list(before), list(now))

    assert found.chi_squared_test == pytest.approx({"statistic": expected.statistic, "pvalue": expected.pvalue})
    assert found.js_distance == pytest.approx(jensenshannon(*table, base=2), abs=1e-9)
    assert found.population_stability_index == pytest.approx(population_stability(*table))
    assert found.outside_share == pytest.approx(new["new"] / len(now))
    assert (found.ks_test, found.wasserstein_distance) == (None, None)


def test_missing_categories_that_become_more_are_told_apart_from_the_others():
    found = category_drift(["UA", "AA", None, None], ["UA", "AA", None, None, None, None, None, None])

    assert (found.population_stability_index, found.percent_null_delta) == (0, 75 - 50)


def test_the_same_categories_have_not_drifted():
    names = [f"N{number % 150}" for number in range(500)]

    found = category_drift(names, names)

    distances = (found.population_stability_index, found.js_distance, found.chi_squared_test["statistic"])
    assert distances == pytest.approx((0, 0, 0), abs=1e-9)


def test_rare_categories_of_a_baseline_are_compared_though_others_have_become_frequent():
    before, now = ["UA"] * 90 + ["rare"] * 10, [f"N{number % 120}" for number in range(240)] + ["rare"]

    found = category_drift(before, now)

    assert found.outside_share == 240 / 241


def test_rare_categories_of_a_baseline_are_not_outside():
    names = [f"N{number:03}" for number in range(250)]

    assert category_drift(names * 2, names).outside_share == 0
    assert category_drift(names * 2, [*names, "new"]).outside_share == 1 / 251


def test_the_share_outside_is_unknown_where_the_baseline_has_too_many_categories():
    names = [f"N{number:05}" for number in range(MAX_CATEGORIES + MAX_KNOWN + 1)]

    found = category_drift(names, [*names, "new"])

    assert (found.outside_share, found.new_share) == (None, 0)


@pytest.mark.parametrize("rows", [100, 1000])
def test_new_categories_are_usual_where_rare_ones_always_come_up(rows):
    rng = np.random.default_rng(5)
    before, now = ([f"N{number}" for number in rng.zipf(1.5, n)] for n in (5000, rows))

    same, other = category_drift(before, now), category_drift(before, [f"other {name}" for name in now])

    assert 0 < same.outside_share < same.usual_outside_share < 0.2
    assert (same.new_share, other.new_share) == (0, 1 - other.usual_outside_share)


def test_a_window_like_the_baseline_is_not_unusual():
    daily = by_day(60)

    threshold = usual_psi(daily, 7, seed=0)

    assert 0 < threshold < 1
    assert population_stability(np.sum(daily, axis=0), np.sum(daily, axis=0)) < threshold


def test_identical_days_never_differ_by_chance():
    assert usual_psi([[3, 5, 0]] * 20, 7, seed=0) == pytest.approx(0, abs=1e-12)


def test_independent_days_are_rarely_called_unusual():
    flagged = 0
    for seed in range(100):
        daily = by_day(187, seed=seed)
        base, window = daily[:180], daily[180:]

        psi = population_stability(np.sum(base, axis=0), np.sum(window, axis=0))

        flagged += bool(psi > usual_psi(base, 7, seed=seed))
    assert flagged <= 5


def test_a_window_of_other_weather_is_called_unusual():
    daily = by_day(180)

    moved = np.roll(np.sum(daily[:7], axis=0), 4)

    assert population_stability(np.sum(daily, axis=0), moved) > usual_psi(daily, 7, seed=0)


def test_weather_that_persists_raises_the_threshold():
    persisting = [usual_psi(by_day(180, persistence=0.9, seed=seed), 7, seed=seed) for seed in range(5)]
    independent = [usual_psi(by_day(180, seed=seed), 7, seed=seed) for seed in range(5)]

    assert min(persisting) > max(independent)


def test_longer_windows_differ_less_by_chance():
    daily = by_day(120)

    one, week, ten, fortnight, month = (usual_psi(daily, days, seed=0) for days in (1, 7, 10, 14, 30))

    assert one > week > ten > fortnight > month


def test_a_weekly_rhythm_does_not_make_a_whole_week_unusual():
    weekly = [[90, 10]] * 5 + [[10, 90]] * 2

    assert usual_psi(weekly * 8, 7, seed=0) == pytest.approx(0, abs=1e-12)
    assert usual_psi(weekly * 8, 3, seed=0) > 0.1


def test_the_threshold_is_repeatable_and_rises_with_its_level():
    daily = by_day(30)

    assert usual_psi(daily, 10, seed=1) == usual_psi(daily, 10, seed=1)
    assert usual_psi(daily, 10, seed=1, level=0.5) < usual_psi(daily, 10, seed=1, level=0.9)


@pytest.mark.parametrize("day", [0, 19])
def test_each_day_of_the_baseline_may_be_the_window(day):
    daily = [[5, 5]] * 20
    daily[day] = [9, 1]

    threshold = usual_psi(daily, 1, seed=0, level=1.0)

    others = np.array([95, 95])
    assert threshold == pytest.approx(population_stability(others, np.array([9, 1])))


def test_a_window_does_not_go_on_from_the_baselines_last_day_to_its_first():
    odd, usual = [9, 1], [5, 5]
    daily = [odd, *[usual] * 18, odd]

    threshold = usual_psi(daily, 2, seed=0, level=1.0)

    others = np.sum(daily[2:], axis=0)
    assert threshold == pytest.approx(population_stability(others, np.add(odd, usual)))


@pytest.mark.parametrize(("days", "level", "at_most"), [(28, 0.98, 61), (28, 0.95, 131), (90, 0.98, 61)])
def test_windows_without_change_are_called_as_rarely_as_the_level_says(days, level, at_most):
    """Each of 2,000 windows is one of another season; the bounds are the binomial's quantiles of 99.9 %.

    With the window inside its baseline, 28 days call more than twice as many: this is what keeps them apart.
    """
    called = sum(
        population_stability(season[:days].sum(axis=0), season[days:].sum(axis=0))
        > usual_psi(season[:days], 7, seed=0, level=level)
        for season in seasons(2_000, days + 7)
    )

    assert called <= at_most


def test_a_window_half_of_whose_rows_have_one_value_is_called_in_nearly_all_seasons():
    called = 0
    for season in seasons(200, 97):
        base, window = season[:90], season[90:].sum(axis=0) / 2

        window[4] += window.sum()

        called += bool(population_stability(base.sum(axis=0), window) > usual_psi(base, 7, seed=0))
    assert called >= 184


def test_a_window_that_leaves_no_day_to_compare_it_with_is_no_evidence():
    with pytest.raises(EvidenceError, match="a window of 400 days leaves none of 14 baseline days"):
        usual_psi([[1, 2]] * 14, 400, seed=0)


def test_just_enough_days_with_values_are_evidence():
    assert usual_psi([[1, 2], [2, 1]] * 7, 1, seed=0) > 0


def test_too_few_days_with_values_are_no_evidence():
    with pytest.raises(EvidenceError, match="needs 14 baseline days with values, got 13"):
        usual_psi([[1, 2]] * 13 + [[0, 0]] * 9, 7, seed=0)


def test_a_window_without_days_is_refused():
    with pytest.raises(ConfigError, match="at least one day, got 0"):
        usual_psi([[1, 2]] * 20, 0, seed=0)


def test_another_unit_multiplies_all_quantiles_and_a_season_does_not() -> None:
    miles = np.random.default_rng(5).lognormal(6.5, 0.7, 20_000)

    assert pytest.approx(1.609, rel=0.02) == drift_of(miles, miles[::3] * 1.609).scale
    assert drift_of(miles, miles[::3] + 400).scale is None
    assert drift_of(np.zeros(100), np.zeros(50)).scale is None


def test_another_unit_is_told_of_fractions_as_of_large_numbers() -> None:
    shares = np.random.default_rng(5).lognormal(-6.5, 0.7, 20_000)

    assert pytest.approx(1.609, rel=0.02) == drift_of(shares, shares[::3] * 1.609).scale


@pytest.mark.parametrize(("values", "scale"), [([1.0, 1.0, 2.0, 3.0, 4.0], 2.0), ([1.0, 1.0, 2.0, 3.0, 3.0], None)])
def test_four_different_quantiles_are_enough_to_tell_another_unit(values: list[float], scale: float | None) -> None:
    before = np.repeat(values, 20)

    assert drift_of(before, before * 2).scale == pytest.approx(scale)
