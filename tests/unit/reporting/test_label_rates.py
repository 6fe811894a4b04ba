"""What labels would be without a change: by the training's days, of which those of one week are alike."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from levelfive.reporting.label_rates import usual_label_mean
from levelfive.statistics.baseline import Baseline, profile_baseline


def trained_on(rates: list[float], rows: int = 200) -> Baseline:
    """A training whose days have these shares of label 1."""
    labels = np.concatenate([np.arange(rows) < round(rate * rows) for rate in rates]).astype(float)
    days = np.repeat(np.arange(len(rates)), rows)
    return profile_baseline(pd.DataFrame({"x": labels}), (), label=labels, score=labels, days=days)


def test_windows_without_a_change_lie_within_the_band_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    within = 0
    for _ in range(100):
        levels = random.normal(0.3, 0.05, 64).repeat(3)[:97].clip(0.01, 0.99)  # days of one weather are alike
        usual = usual_label_mean(trained_on(levels[:90].tolist(), rows=50), 7)
        assert usual is not None
        within += usual.low <= levels[90:].mean() <= usual.high

    # Of a share of 90 %, between the 0.1 % and the 99.9 % quantile of 100 windows.
    assert 80 <= within <= 98


def test_the_band_is_narrower_for_more_days() -> None:
    baseline = trained_on([0.2, 0.3, 0.4, 0.3, 0.2, 0.3, 0.3, 0.5, 0.2] * 10)

    day, month = (usual_label_mean(baseline, days) for days in (1, 30))

    assert day is not None
    assert month is not None
    assert day.value == month.value == pytest.approx(0.3, abs=1e-12)
    assert day.high - day.low > month.high - month.low > 0


def test_of_few_days_there_is_no_band() -> None:
    usual = usual_label_mean(trained_on([0.2, 0.4]), 7)

    assert usual is not None
    assert usual.value == pytest.approx(0.3)
    assert math.isnan(usual.low)
