"""What the mean label of a window would be without a change from the training, learned from the training's days."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import t

from levelfive.monitoring.usual_drift import BLOCK_DAYS, MIN_BASELINE_DAYS
from levelfive.statistics.baseline import LABEL_PROFILE, Baseline
from levelfive.statistics.metrics import Estimate

CONFIDENCE = 0.9


def usual_label_mean(baseline: Baseline, days: int) -> Estimate | None:
    """Say what the mean label of windows of so many days is without a change, and within which band it lies.

    The training's days are put together to blocks of up to a week, as rows of one week are alike. The band is that of
    a further window, so it has the error of the training's own mean in it.

    Returns:
        None where the training has no labels by day; without a band where it has too few days.
    """
    counts = np.array([day for day in baseline.daily.get(LABEL_PROFILE, ()) if any(day)], dtype=np.float64)
    mean = baseline.label.mean
    if mean is None or not len(counts):
        return None
    if len(counts) < MIN_BASELINE_DAYS:
        return Estimate(mean, math.nan, math.nan, days=len(counts), rows=baseline.rows)
    block = min(days, BLOCK_DAYS)
    histogram = baseline.label.histogram
    of_bins = np.array(histogram.sums) / np.maximum(histogram.counts, 1)
    blocks = np.add.reduceat(counts, np.arange(0, len(counts) - block + 1, block), axis=0)
    means = blocks @ of_bins / blocks.sum(axis=1)
    of_a_window = means.std(ddof=1) * math.sqrt(block * (1 / max(days, 1) + 1 / len(counts)))
    reach = float(t.ppf((1 + CONFIDENCE) / 2, len(means) - 1)) * float(of_a_window)
    return Estimate(mean, mean - reach, mean + reach, days=len(counts), rows=baseline.rows)
