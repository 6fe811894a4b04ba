"""Drift by chance: how far columns move in windows without change, by a rule that knows that days hang together."""

import math

import numpy as np
import pytest
from seasons import daily_counts

from levelfive.errors import ConfigError
from levelfive.monitoring.drift import population_stability
from levelfive.monitoring.usual_drift import MIN_BASELINE_DAYS, UsualDrift, UsualPsi, days_needed, usual_drift


def usual(columns=6, days=90, seed=0, length=7, **weather):
    counts = daily_counts(np.random.default_rng(seed), columns, days, **weather)
    return usual_drift({str(place): of.tolist() for place, of in enumerate(counts)}, length)


def limits(found, level=0.05):
    return [found.limit(column, level) for column in found.columns]


def test_weather_of_its_own_raises_what_is_usual_of_a_column():
    assert max(limits(usual(own=0.1, common=0))) < min(limits(usual(own=0.4, common=0)))


def test_longer_windows_differ_less_by_chance():
    week, fortnight, month = (np.mean(limits(usual(columns=20, length=days))) for days in (7, 14, 30))

    assert week > fortnight > month


def test_a_weekly_rhythm_does_not_make_a_whole_week_unusual():
    weekly = ([[90, 10]] * 5 + [[10, 90]] * 2) * 8

    whole, part = (usual_drift({"flag": weekly}, days).columns["flag"].middle for days in (7, 3))

    assert (whole < math.log(0.001), part > math.log(0.1)) == (True, True)


def test_the_window_is_no_part_of_what_it_is_compared_with():
    """A window of three odd days among thirty is compared with even days alone, not with days that hold it."""
    daily = [[50, 50]] * 27 + [[90, 10]] * 3

    found = usual_drift({"flag": daily}, 3)

    apart = float(population_stability(np.array([50, 50]), np.array([90, 10])))
    together = float(population_stability(np.sum(daily, axis=0), np.array([90, 10])))
    (odd,) = {round(z, 6) for z in found.nulls[-1:]}
    scale = math.log(1 / 3 + 1 / 27)
    even = math.log(1e-4) - math.log(1 / 3 + 1 / 24)
    assert odd == pytest.approx((math.log(apart) - scale - even) / 0.1)
    assert odd != pytest.approx((math.log(together) - scale - even) / 0.1)


def test_a_p_value_counts_the_nulls_that_are_as_great_and_the_window_itself():
    found = UsualDrift({"x": UsualPsi(math.log(0.1), 1.0)}, np.array([-1.0, 0.0, 1.0]))

    p_values = [found.p_value("x", 0.1 * math.exp(z)) for z in (-2, 0, 0.5, 2)]

    assert p_values == [1.0, 3 / 4, 2 / 4, 1 / 4]


@pytest.mark.parametrize("level", [0.005, 0.02, 0.05, 0.3])
def test_above_its_limit_the_p_value_of_a_column_is_at_most_the_level(level):
    found = usual()

    for column in found.columns:
        limit = found.limit(column, level)

        assert found.p_value(column, limit * 1.0001) <= level < found.p_value(column, limit * 0.9999)


def test_too_few_nulls_certify_no_level():
    assert UsualDrift({"x": UsualPsi(0.0, 1.0)}, np.arange(18.0)).limit("x", 0.05) == math.inf
    assert UsualDrift({"x": UsualPsi(0.0, 1.0)}, np.arange(19.0)).limit("x", 0.05) == pytest.approx(math.exp(18))


def test_a_constant_column_is_usual_as_long_as_it_stays_so():
    found = usual_drift({"flag": [[100, 0]] * 30}, 7)

    assert found.limit("flag", 0.05) < 0.01


def test_what_is_usual_is_the_same_each_time():
    assert limits(usual(length=10)) == limits(usual(length=10))


@pytest.mark.parametrize(("length", "needed"), [(1, MIN_BASELINE_DAYS), (7, 21), (10, 31), (30, 72), (31, 73)])
def test_a_window_needs_days_for_two_of_its_kind_and_a_block_to_compare_them_with(length, needed):
    day = [60, 40]

    assert days_needed(length) == needed
    assert set(usual_drift({"few": [day] * (needed - 1), "enough": [day] * needed}, length).columns) == {"enough"}


def test_days_without_values_are_passed_over():
    day, none = [60, 40], [0, 0]

    assert not usual_drift({"x": [day] * 20 + [none] * 9}, 7).columns


def test_a_window_without_days_is_refused():
    with pytest.raises(ConfigError, match="at least one day, got 0"):
        usual_drift({"x": [[1, 2]] * 20}, 0)


def test_deviations_are_of_the_logarithm_and_0_at_the_usual_middle():
    usual = UsualPsi(middle=np.log(0.1), spread=0.5)

    assert usual.deviations(0.1) == pytest.approx(0.0)
    assert usual.deviations(0.1 * np.exp(1.0)) == pytest.approx(2.0)
    assert usual.deviations(0.0) == usual.deviations(1e-4) < 0
