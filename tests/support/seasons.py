"""Columns that follow a weather of their own and one common to all, each with a correlation of .4 from day to day."""

import math

import numpy as np
from scipy.stats import norm

ROWS = 200
EDGES = np.array([-math.inf, *np.linspace(-1.5, 1.5, 9), math.inf])


def daily_means(random, columns, days, *, own=0.2, common=0.5):
    """Draw the mean of each column by day, shape (columns, days): moving averages of the weather of two days."""
    weather = random.normal(size=(columns + 1, days + 1))
    weather = (weather[:, 1:] + 0.5 * weather[:, :-1]) / math.sqrt(1.25)
    return random.uniform(-common, common, columns)[:, None] * weather[:1] + own * weather[1:]


def shares(means):
    """Tell how many of the values lie in each bin, shape (columns, days, bins): they are normal with variance 1."""
    return np.diff(norm.cdf(EDGES - means[..., None]), axis=-1)


def daily_counts(random, columns, days, **weather):
    """Draw counts by column, day and bin, shape (columns, days, bins)."""
    return random.multinomial(ROWS, shares(daily_means(random, columns, days, **weather)))


def dealt_anew(counts, random):
    """Deal the rows of each column anew to the days, as if rows and not days were independent."""
    shares_of_all = counts.sum(axis=1, keepdims=True) / counts.sum(axis=(1, 2), keepdims=True)
    return random.multinomial(ROWS, np.broadcast_to(shares_of_all, counts.shape))
