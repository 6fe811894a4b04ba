"""Drift by chance: a threshold that knows that days hang together."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from levelfive.errors import ConfigError, EvidenceError
from levelfive.monitoring.drift import MIN_SHARE, population_stability, usual_psi


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


def test_psi_is_the_sum_over_the_bins():
    expected = (0.5 - 0.2) * math.log(0.5 / 0.2) + (0.5 - 0.8) * math.log(0.5 / 0.8)

    assert population_stability(np.array([2, 8]), np.array([50, 50])) == pytest.approx(expected)


def test_a_bin_that_is_empty_on_one_side_counts_with_the_least_share():
    expected = (0.5 - MIN_SHARE) * math.log(0.5 / MIN_SHARE) + (0.5 - 1) * math.log(0.5)

    assert population_stability(np.array([0, 8, 0]), np.array([5, 5, 0])) == pytest.approx(expected)
    assert population_stability(np.array([5, 5, 0]), np.array([0, 8, 0])) == pytest.approx(expected)


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
