"""Shares of bins, and how far two of them lie apart."""

import math

import numpy as np
import pytest

from levelfive.monitoring.drift import MIN_SHARE, population_stability


def test_psi_is_the_sum_over_the_bins():
    expected = (0.5 - 0.2) * math.log(0.5 / 0.2) + (0.5 - 0.8) * math.log(0.5 / 0.8)

    assert population_stability(np.array([2, 8]), np.array([50, 50])) == pytest.approx(expected)


def test_a_bin_that_is_empty_on_one_side_counts_with_the_least_share():
    expected = (0.5 - MIN_SHARE) * math.log(0.5 / MIN_SHARE) + (0.5 - 1) * math.log(0.5)

    assert population_stability(np.array([0, 8, 0]), np.array([5, 5, 0])) == pytest.approx(expected)
    assert population_stability(np.array([5, 5, 0]), np.array([0, 8, 0])) == pytest.approx(expected)
