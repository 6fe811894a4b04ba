"""Drift: how far a column has moved from its baseline, and how far it usually moves by chance.

All measures look at rows, and rows of one day are not independent: with enough of them any test calls any
difference significant. Whether a distance is unusual is told by `usual_psi`, which draws days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray
from scipy import special, stats

from levelfive.errors import ConfigError, EvidenceError
from levelfive.statistics.baseline import CategoricalProfile, Histogram, NumericProfile

MIN_SHARE = 1e-4
MIN_BASELINE_DAYS = 14
BLOCK_DAYS = 7
# Days next to each other are not independent: a block of fewer days tells no more than its share of so many.
HANGING_DAYS = 3
# Few blocks without a rare day among them show too many degrees of freedom; of b blocks, b / (b + 3) of it is taken.
RARE_BLOCKS = 3
# Quantiles that tell a common factor, and how far the logarithms of their ratios may lie apart.
SCALE_LEVELS = ("0.05", "0.25", "0.5", "0.75", "0.95")
MIN_QUANTILES = 4
SCALE_SPREAD = 0.3

_Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """Distances of a column from its baseline: None where a side has no values, or the kind of column has no such.

    The places that are compared are those of the baseline's histogram, with one below and one above its range,
    or the baseline's frequent categories and one place for all others.

    Names are those of the drift table of Databricks' data profiling, where that has the measure too.

    Args:
        population_stability_index: See `population_stability`.
        js_distance: Jensen-Shannon: the square root of the divergence in bits, from 0 to 1.
        ks_test: Kolmogorov-Smirnov, of numbers: its `statistic` is the greatest difference of the two distribution
            functions at the places' edges, from 0 to 1. Between the edges it may be greater: a lower bound of the
            samples' statistic.
        wasserstein_distance: Of numbers: how far a value has to be moved on average, in the column's own unit.
        chi_squared_test: Of categories: Pearson's `statistic` of homogeneity, and its `pvalue`, which takes rows as
            independent.
        percent_null_delta: Percent of nulls, current less baseline, from -100 to 100; None if a side has no rows.
        outside_share: Share of the current values below or above the baseline's range. Of categories: the share of
            those that the baseline does not have; None also where it has too many to know them all.
        scale: Of numbers: the factor by which all quantiles are multiplied, as another unit would; None where there
            is no such common factor, or too few quantiles other than 0 to tell.
        usual_outside_share: Of categories: the share outside that so many further rows of the baseline may well have,
            see `usual_outside`. Else 0.
    """

    population_stability_index: float | None = None
    js_distance: float | None = None
    ks_test: Mapping[str, float] | None = None
    wasserstein_distance: float | None = None
    chi_squared_test: Mapping[str, float] | None = None
    percent_null_delta: float | None = None
    outside_share: float | None = None
    scale: float | None = None
    usual_outside_share: float = 0.0

    @property
    def new_share(self) -> float:
        """The share of values outside the baseline that is more than usual; 0 where nothing can be said."""
        return max((self.outside_share or 0.0) - self.usual_outside_share, 0.0)


def numeric_drift(baseline: NumericProfile, current: NumericProfile) -> Drift:
    """Compare numbers with their baseline.

    Kolmogorov-Smirnov: Smirnov 1939. Wasserstein: Vallender 1974, Calculation of the Wasserstein Distance between
    Probability Distributions on the Line, Theory of Probability and its Applications 18(4).

    Raises:
        ConfigError: The current profile is not on the baseline's bins.
    """
    before, now = baseline.histogram, current.histogram
    if (before.low, before.high, before.inner_edges) != (now.low, now.high, now.inner_edges):
        raise ConfigError(
            f"a current profile must be on its baseline's bins, got {now.inner_edges!r} from {now.low!r} to "
            f"{now.high!r}; make it by finish_numeric with the baseline's histogram"
        )
    nulls = _percent_null_delta(baseline, current)
    if not baseline.count or not current.count:
        return Drift(percent_null_delta=nulls)
    old, new = np.array(before.counts, dtype=np.float64), np.array(now.counts, dtype=np.float64)
    return Drift(
        population_stability_index=float(population_stability(old, new)),
        js_distance=_jensen_shannon(old, new),
        ks_test={"statistic": float(np.abs(np.cumsum(_shares(old) - _shares(new))).max())},
        wasserstein_distance=_wasserstein(before, now),
        percent_null_delta=nulls,
        outside_share=(now.counts[0] + now.counts[-1]) / current.count,
        scale=_scale(baseline, current),
    )


def categorical_drift(baseline: CategoricalProfile, current: CategoricalProfile) -> Drift:
    """Compare categories with their baseline.

    A frequent category of the baseline that the current profile does not list counts as absent: make the current
    profile by `finish_categorical` with the baseline, so that it lists them all.

    Chi-squared: Pearson 1911, On the Probability that two Independent Distributions of Frequency are Really
    Samples from the Same Population, Biometrika 8; with Yates' correction for two places, as SciPy has it.
    """
    nulls = _percent_null_delta(baseline, current)
    if not baseline.count or not current.count:
        return Drift(percent_null_delta=nulls)
    same = [current.frequent.get(name, 0) for name in baseline.frequent]
    others = current.count - sum(same)
    old = np.array([*baseline.frequent.values(), baseline.rest], dtype=np.float64)
    new = np.array([*same, others], dtype=np.float64)
    table = np.stack((old, new))
    test = stats.chi2_contingency(table[:, table.any(axis=0)])
    return Drift(
        population_stability_index=float(population_stability(old, new)),
        js_distance=_jensen_shannon(old, new),
        chi_squared_test={"statistic": float(test.statistic), "pvalue": float(test.pvalue)},
        percent_null_delta=nulls,
        outside_share=None if current.outside is None else current.outside / current.count,
        usual_outside_share=usual_outside(baseline.unseen_share, current.count),
    )


def usual_outside(unseen: float, rows: int) -> float:
    """Tell which share of so many rows may well be of a category not seen before: three standard errors above `unseen`.

    Args:
        unseen: The share of all further rows of which that is to be expected, 0 to 1.
        rows: How many rows, at least one.
    """
    return min(unseen + 3 * float(np.sqrt(unseen * (1 - unseen) / rows)), 1.0)


def _scale(baseline: NumericProfile, current: NumericProfile) -> float | None:
    both = [(old, current.quantiles[level]) for level, old in baseline.quantiles.items() if level in SCALE_LEVELS]
    pairs = [(old, new) for old, new in both if old * new > 0]
    if len({old for old, _ in pairs}) < MIN_QUANTILES:
        return None
    logs = np.log([new / old for old, new in pairs])
    return float(np.exp(np.median(logs))) if np.ptp(logs) <= SCALE_SPREAD else None


def population_stability(baseline: NDArray[Any], current: NDArray[Any]) -> _Floats:
    """Compute the population stability index: the sum of (p - q) * ln(p / q) over the places' shares p and q.

    The formula is Jeffreys' divergence; its use here follows Siddiqi 2006, Credit Risk Scorecards, chapter 9.
    Shares below `MIN_SHARE` count as that, so that a place empty on one side is worth what it holds on the
    other times a bounded logarithm; one rare on both sides is worth nothing, however many rows there are.

    Args:
        baseline: Counts, shape (..., places), some of them above 0.
        current: Counts likewise.

    Returns:
        Values of at least 0, shape (...).
    """
    old = np.maximum(_shares(baseline), MIN_SHARE)
    new = np.maximum(_shares(current), MIN_SHARE)
    return np.asarray(((new - old) * np.log(new / old)).sum(axis=-1))


def usual_psi(daily: Sequence[Sequence[int]], days: int, *, seed: int, draws: int = 200, level: float = 0.99) -> float:
    """Find how large the PSI of a window against its baseline becomes by chance.

    Days, not rows, are drawn, in blocks of up to `BLOCK_DAYS` days on end: weather persists, and a week holds each
    weekday once (Kuensch 1989, The Jackknife and the Bootstrap for General Stationary Observations, Annals of
    Statistics 17(3): the moving blocks bootstrap). The days of a window are taken out of the baseline before the two
    are compared, as those of a later window are not in it either.

    A season holds few blocks, and none of them may show what happens once in a hundred windows. So the result is not
    below the level of a chi-squared variable with the windows' mean, divided by one with that of so many blocks
    (Satterthwaite 1946, An Approximate Distribution of Estimates of Variance Components, Biometrics Bulletin 2(6)).
    In simulations with day effects and lag-one autocorrelation .4, a window without change lies above the level of .99
    in 0.4 to 1.5 % of all cases with 14 to 180 baseline days, above that of .95 in 2 to 6 %.

    Args:
        daily: The baseline's counts by day, in order, and by place. Days without values are passed over.
        days: Length of the window.
        seed: Makes the draws repeatable.
        draws: Number of windows that are drawn; where there are fewer, each is taken once.
        level: Share of the windows whose PSI the result is not below; 1 for the greatest that was drawn.

    Raises:
        ConfigError: The window has no days.
        EvidenceError: The baseline has fewer than `MIN_BASELINE_DAYS` days with values, or every window takes all.
    """
    if days < 1:
        raise ConfigError(f"a window has at least one day, got {days!r}")
    counts = np.array([day for day in daily if any(day)], dtype=np.float64)
    if len(counts) < MIN_BASELINE_DAYS:
        raise EvidenceError(
            f"the usual PSI needs {MIN_BASELINE_DAYS} baseline days with values, got {len(counts)}; "
            "train on a longer window"
        )
    drawn = _drawn_days(len(counts), days, seed=seed, draws=draws)
    left = np.ones((len(drawn), len(counts)))
    np.put_along_axis(left, drawn, 0, axis=1)
    some = left.any(axis=1)
    if not some.any():
        raise EvidenceError(
            f"a window of {days} days leaves none of {len(counts)} baseline days to compare it with; "
            "look at a shorter window, or train on a longer one"
        )
    distances = population_stability(left[some] @ counts, counts[drawn[some]].sum(axis=1))
    return _level_of_few(distances, len(counts) / max(min(days, BLOCK_DAYS), HANGING_DAYS), level)


def _drawn_days(there: int, days: int, *, seed: int, draws: int) -> npt.NDArray[np.intp]:
    """Draw windows of so many days in blocks, shape (windows, days)."""
    block = min(days, BLOCK_DAYS)
    starts = there - block + 1
    if days == block and starts <= draws:
        first = np.arange(starts)[:, None, None]
    else:
        first = np.random.default_rng(seed).integers(0, starts, size=(draws, -(-days // block), 1))
    return np.asarray((first + np.arange(block)).reshape(len(first), -1)[:, :days])


def _level_of_few(distances: _Floats, blocks: float, level: float) -> float:
    """Find a level of distances that rest on so many independent blocks: their own, or that of an F distribution."""
    own, mean = float(np.quantile(distances, level)), float(distances.mean())
    spread = float(distances.var()) * blocks / (blocks - 1)
    if not spread > 0 or level >= 1:
        return own
    freedom = max(2 * mean**2 / spread * blocks / (blocks + RARE_BLOCKS), 1.0)
    return max(own, mean * float(special.fdtri(freedom, blocks * freedom, level)))


def _jensen_shannon(old: _Floats, new: _Floats) -> float:
    """Compute the distance of Endres and Schindelin 2003, A New Metric for Probability Distributions.

    Its square is Lin's divergence (1991, IEEE Transactions on Information Theory 37(1)), here in bits.
    """
    p, q = _shares(old), _shares(new)
    middle = (p + q) / 2
    nats = (special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum() / 2
    return float(np.sqrt(max(nats, 0.0) / np.log(2)))


def _wasserstein(before: Histogram, now: Histogram) -> float:
    """Compute the first Wasserstein distance with the mass of each place at its own mean, on either side.

    So a value outside the baseline's range counts with its full way; moved to the range's edge it would not.
    """
    (old, old_means), (new, new_means) = _masses(before), _masses(now)
    return float(stats.wasserstein_distance(old_means, new_means, old, new))


def _masses(histogram: Histogram) -> tuple[_Floats, _Floats]:
    counts, sums = np.array(histogram.counts, dtype=np.float64), np.array(histogram.sums)
    return counts[counts > 0], sums[counts > 0] / counts[counts > 0]


def _percent_null_delta(
    baseline: NumericProfile | CategoricalProfile, current: NumericProfile | CategoricalProfile
) -> float | None:
    before, now = baseline.count + baseline.nulls, current.count + current.nulls
    return 100 * (current.nulls / now - baseline.nulls / before) if before and now else None


def _shares(counts: NDArray[Any]) -> _Floats:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))
