"""Drift statistics: what SciPy says of the raw values, within the limits that each is registered with."""

import math
from collections import Counter
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from levelfive.errors import ConfigError
from levelfive.monitoring.comparison import ColumnKind, Comparison
from levelfive.monitoring.drift import population_stability
from levelfive.monitoring.drift_statistics import (
    DRIFT_STATISTICS,
    OUTSIDE_SHARE,
    PSI,
    ColumnDrift,
    column_drift,
    drift_statistic,
)
from levelfive.statistics.partials import partial_categorical, partial_numeric
from levelfive.statistics.profiles import (
    MAX_CATEGORIES,
    MAX_KNOWN,
    finish_categorical,
    finish_numeric,
    profile_categorical,
    profile_numeric,
)

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
    return column_drift("numbers", Comparison(baseline, later(now, baseline)))


def later(values, baseline):
    return finish_numeric(partial_numeric(np.asarray(values), baseline.histogram), baseline.histogram)


def category_drift(before, now):
    """Measure drift from raw categories."""
    baseline = profile_categorical(pd.Series(before, dtype=object))
    current = finish_categorical(partial_categorical(pd.Series(now, dtype=object)), baseline)
    return column_drift("categories", Comparison(baseline, current))


@each_move
def test_the_wasserstein_distance_is_that_of_the_raw_values(before, now):
    expected = wasserstein_distance(before, now)

    found = drift_of(before, now).statistics["wasserstein_distance"]

    assert found == pytest.approx(expected, rel=0.04, abs=0.02 * before.std())


@each_move
def test_kolmogorov_smirnov_is_at_most_that_of_the_raw_values_and_nearly_it(before, now):
    expected = ks_2samp(before, now).statistic

    found = drift_of(before, now).statistics["ks_test"]

    assert expected - 0.06 <= found <= expected + 1e-12


@each_move
def test_jensen_shannon_is_scipys_distance_between_the_bins_in_bits(before, now):
    baseline = profile_numeric(before)
    expected = jensenshannon(baseline.histogram.counts, baseline.histogram.refilled(np.sort(now)).counts, base=2)

    found = drift_of(before, now).statistics["js_distance"]

    assert found == pytest.approx(expected, abs=1e-9)


@each_move
def test_the_share_outside_is_that_of_the_raw_values(before, now):
    expected = np.mean((now < before.min()) | (now > before.max()))

    assert drift_of(before, now).statistics[OUTSIDE_SHARE] == pytest.approx(expected)


@pytest.mark.parametrize("values", [NORMAL, FLAGS, np.full(10, 0.1)], ids=["normal", "flag", "constant"])
def test_the_same_numbers_have_not_drifted(values):
    found = drift_of(values, values[::-1]).statistics

    assert found.pop("scale", 1.0) == pytest.approx(1.0, rel=0.001)
    assert set(found.values()) == {0.0}


def test_a_stray_value_outside_the_range_is_no_drift_in_psi():
    now = np.append(NORMAL, 1000.0)

    found = drift_of(NORMAL, now)

    assert found.statistics[PSI] < 0.001
    assert found.statistics[OUTSIDE_SHARE] == 1 / 6001


def test_nulls_that_become_more_are_told_apart_from_the_values():
    before, now = np.append(NORMAL[:90], [math.nan] * 10), np.append(NORMAL[:90], [math.nan, math.inf, -math.inf] * 30)

    found = drift_of(before, now)

    assert (found.statistics[PSI], found.statistics["percent_null_delta"]) == (0, pytest.approx(50 - 10))


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

    expected = {} if change is None else {"percent_null_delta": change}
    assert drift_of(before, now).statistics == expected
    assert category_drift(*names).statistics == expected


def test_a_profile_on_other_bins_is_refused():
    with pytest.raises(ConfigError, match="on its baseline's bins"):
        Comparison(profile_numeric(NORMAL), profile_numeric(NORMAL + 1))
    with pytest.raises(ConfigError, match="got categories instead of"):
        Comparison(profile_numeric(NORMAL), profile_categorical(pd.Series(["UA"])))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("AAABBC" * 50, "AABBBCCC" * 30),
        ("AAAB" * 50, "AABB" * 30),
        ("AAAB" * 50, "AABCD" * 30),
        ("A" * 50, "A" * 30),
    ],
    ids=["moved", "two bins", "some new", "one bin"],
)
def test_categories_are_compared_as_scipy_compares_them(before, now):
    known = sorted(set(before))
    old, new = Counter(before), Counter(name if name in known else "new" for name in now)
    table = np.array([[side[name] for name in [*known, *({"new"} & set(new))]] for side in (old, new)])
    expected = chi2_contingency(table)

    found = category_drift(list(before), list(now))

    assert found.statistics["chi_squared_test"] == pytest.approx(expected.statistic)
    assert found.statistics["chi_squared_test_pvalue"] == pytest.approx(expected.pvalue)
    assert found.statistics["js_distance"] == pytest.approx(jensenshannon(*table, base=2), abs=1e-9)
    assert found.statistics[PSI] == pytest.approx(population_stability(*table))
    assert found.statistics[OUTSIDE_SHARE] == pytest.approx(new["new"] / len(now))
    assert {"ks_test", "wasserstein_distance"}.isdisjoint(found.statistics)


def test_shares_are_compared_by_all_bins_and_by_the_one_that_moved_most():
    found = category_drift([*"AAAABBBC"] * 10, [*"AABBBBBD"] * 10).statistics

    assert (found["tv_distance"], found["l_infinity_distance"]) == pytest.approx((3 / 8, 2 / 8))


def test_new_and_vanished_categories_are_named_and_numbers_have_none():
    found, numbers = category_drift([*"AAAABBBC"] * 10, [*"AABBBBBD"] * 10), drift_of(NORMAL, NORMAL)

    assert (found.new, found.vanished_categories) == (("D",), ("C",))
    assert (numbers.new, numbers.vanished_categories) == ((), ())


def test_missing_categories_that_become_more_are_told_apart_from_the_others():
    found = category_drift(["UA", "AA", None, None], ["UA", "AA", None, None, None, None, None, None])

    assert (found.statistics[PSI], found.statistics["percent_null_delta"]) == (0, 75 - 50)


def test_the_same_categories_have_not_drifted():
    names = [f"N{number % 150}" for number in range(500)]

    found = category_drift(names, names)

    assert (
        found.statistics[PSI],
        found.statistics["js_distance"],
        found.statistics["chi_squared_test"],
    ) == pytest.approx((0, 0, 0), abs=1e-9)


def test_rare_categories_of_a_baseline_are_compared_though_others_have_become_frequent():
    before, now = ["UA"] * 90 + ["rare"] * 10, [f"N{number % 120}" for number in range(240)] + ["rare"]

    found = category_drift(before, now)

    assert found.statistics[OUTSIDE_SHARE] == 240 / 241


def test_rare_categories_of_a_baseline_are_not_outside():
    names = [f"N{number:03}" for number in range(250)]

    assert category_drift(names * 2, names).statistics[OUTSIDE_SHARE] == 0
    assert category_drift(names * 2, [*names, "new"]).statistics[OUTSIDE_SHARE] == 1 / 251


def test_the_share_outside_is_unknown_where_the_baseline_has_too_many_categories():
    names = [f"N{number:05}" for number in range(MAX_CATEGORIES + MAX_KNOWN + 1)]

    found = category_drift(names, [*names, "new"])

    assert (OUTSIDE_SHARE in found.statistics, found.new_share) == (False, 0)


@pytest.mark.parametrize("rows", [100, 1000])
def test_new_categories_are_usual_where_rare_ones_always_come_up(rows):
    rng = np.random.default_rng(5)
    before, now = ([f"N{number}" for number in rng.zipf(1.5, n)] for n in (5000, rows))

    same, other = category_drift(before, now), category_drift(before, [f"other {name}" for name in now])

    assert 0 < same.statistics[OUTSIDE_SHARE] < same.usual[OUTSIDE_SHARE] < 0.2
    assert (same.new_share, other.new_share) == (0, 1 - other.usual[OUTSIDE_SHARE])


def test_another_unit_multiplies_all_quantiles_and_a_season_does_not() -> None:
    miles = np.random.default_rng(5).lognormal(6.5, 0.7, 20_000)

    assert pytest.approx(1.609, rel=0.02) == drift_of(miles, miles[::3] * 1.609).statistics.get("scale")
    assert drift_of(miles, miles[::3] + 400).statistics.get("scale") is None
    assert drift_of(np.zeros(100), np.zeros(50)).statistics.get("scale") is None


def test_another_unit_is_told_of_fractions_as_of_large_numbers() -> None:
    shares = np.random.default_rng(5).lognormal(-6.5, 0.7, 20_000)

    assert pytest.approx(1.609, rel=0.02) == drift_of(shares, shares[::3] * 1.609).statistics.get("scale")


@pytest.mark.parametrize(("values", "scale"), [([1.0, 1.0, 2.0, 3.0, 4.0], 2.0), ([1.0, 1.0, 2.0, 3.0, 3.0], None)])
def test_four_different_quantiles_are_enough_to_tell_another_unit(values: list[float], scale: float | None) -> None:
    before = np.repeat(values, 20)

    assert drift_of(before, before * 2).statistics.get("scale") == pytest.approx(scale)


@each_move
def test_a_statistic_lies_within_the_limits_that_it_is_registered_with(before, now):
    for name, value in drift_of(before, now).statistics.items():
        least, greatest = DRIFT_STATISTICS[name].limits

        assert least <= value <= greatest, name


@pytest.fixture
def new_statistics():
    """Forget afterwards what a test registers. It stands here, as mutants are tested without any conftest."""
    with patch.dict(DRIFT_STATISTICS):
        yield


def test_a_statistic_is_measured_for_its_kind_of_column_and_not_where_it_is_not_finite(new_statistics):
    drift_statistic("mode", "Mode", "", kinds=(ColumnKind.CATEGORICAL,))(lambda of: 1.0)
    drift_statistic("nothing", "Nothing", "")(lambda of: math.nan)
    drift_statistic("at_most", "At most", "", usual=lambda of: 0.99)(lambda of: 0.0)

    numbers, categories = drift_of(NORMAL, NORMAL), category_drift(["UA"], ["UA"])

    assert ("mode" in numbers.statistics, "mode" in categories.statistics) == (False, True)
    assert "nothing" not in {**numbers.statistics, **categories.statistics}
    assert numbers.usual["at_most"] == categories.usual["at_most"] == 0.99


def test_two_statistics_do_not_share_a_name(new_statistics):
    with pytest.raises(ConfigError, match="there is a drift statistic 'js_distance' already"):
        drift_statistic("js_distance", "Another", "")(lambda of: 0.0)


@pytest.mark.parametrize(
    ("psi", "usual", "times", "unusual"), [(0.3, 0.2, 1.5, True), (0.2, 0.2, 1.0, False), (0.3, None, 0.0, False)]
)
def test_a_column_is_unusual_above_what_is_usual_and_not_where_that_is_not_known(psi, usual, times, unusual):
    column = ColumnDrift("carrier", {PSI: psi}, {} if usual is None else {PSI: usual})

    assert (column.times_usual, column.unusual) == (pytest.approx(times), unusual)
