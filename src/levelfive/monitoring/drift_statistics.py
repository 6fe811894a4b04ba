"""Drift statistics: how far a column has moved from its baseline. Each is one function, registered with its words.

What is registered here is measured for every column of its kind, and is in the table `drift`, in the report and in
`docs/tables.md`: nothing else has to know of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
from scipy import special, stats

from levelfive.errors import ConfigError
from levelfive.monitoring.comparison import ColumnKind, Comparison
from levelfive.monitoring.drift import population_stability, usual_outside
from levelfive.statistics.category_changes import new_categories, vanished_categories
from levelfive.statistics.histograms import Floats, Histogram
from levelfive.statistics.profiles import CategoricalProfile, NumericProfile

PSI = "population_stability_index"
OUTSIDE_SHARE = "outside_share"

# Quantiles that tell a common factor, and how far the logarithms of their ratios may lie apart.
_SCALE_LEVELS = ("0.05", "0.25", "0.5", "0.75", "0.95")
_MIN_QUANTILES = 4
_SCALE_SPREAD = 0.3


Formula: TypeAlias = Callable[[Comparison[Any]], float | None]
"""Computes a statistic; None, or what is not finite, where the columns cannot tell."""


@dataclass(frozen=True)
class DriftStatistic:
    """A registered statistic.

    Args:
        name: Its key in the table `drift`: that of Databricks' data profiling, where that has it.
        title: What people call it.
        meaning: What it says, with its unit, as a sentence without its subject.
        kinds: Columns that it is of.
        limits: The least and the greatest value that it can have.
        formula: Computes it.
        usual: Computes up to where it lies without a change, if that is known.
        of_nulls: Whether it is defined where a side has rows but no values.
    """

    name: str
    title: str
    meaning: str
    kinds: frozenset[ColumnKind]
    limits: tuple[float, float]
    formula: Formula
    usual: Formula | None
    of_nulls: bool


DRIFT_STATISTICS: dict[str, DriftStatistic] = {}
"""All registered statistics by name, in the order in which they are shown."""


def drift_statistic(
    name: str,
    title: str,
    meaning: str,
    *,
    kinds: tuple[ColumnKind, ...] = (ColumnKind.NUMERIC, ColumnKind.CATEGORICAL),
    limits: tuple[float, float] = (0.0, math.inf),
    usual: Formula | None = None,
    of_nulls: bool = False,
) -> Callable[[Formula], Formula]:
    """Register a function as a drift statistic; see `DriftStatistic`.

    Raises:
        ConfigError: There is a statistic of that name.
    """

    def register(formula: Formula) -> Formula:
        if name in DRIFT_STATISTICS:
            raise ConfigError(f"there is a drift statistic {name!r} already: give this one another name")
        DRIFT_STATISTICS[name] = DriftStatistic(
            name, title, meaning, frozenset(kinds), limits, formula, usual, of_nulls
        )
        return formula

    return register


@dataclass(frozen=True)
class ColumnDrift:
    """How one column of a window differs from the baseline.

    Args:
        column: Its name.
        statistics: Every registered statistic of its kind, by name; those that are not defined are left out.
        usual: Up to where a statistic lies without a change, by its name, where that is known.
        new: Categories that the baseline does not have, the most frequent first; empty for numbers.
        vanished_categories: Frequent categories of the baseline that are not there any more, likewise.
        importance: The share of what the model rests on, 0 to 1; None where that is not known.
        p_value: Of the PSI, by windows without change; None where it was not tested.
        alarm_since: When the first window of its open alarm began; None where there is none.
    """

    column: str
    statistics: dict[str, float]
    usual: dict[str, float]
    new: tuple[str, ...] = ()
    vanished_categories: tuple[str, ...] = ()
    importance: float | None = None
    p_value: float | None = None
    alarm_since: datetime | None = None

    @property
    def times_usual(self) -> float:
        """How many times its usual value PSI is; 0 where one of them is not known."""
        return self.statistics.get(PSI, 0.0) / self.usual.get(PSI, math.inf)

    @property
    def unusual(self) -> bool:
        """Whether the column moved by more than windows without change do, and is among those that are tested."""
        return self.times_usual > 1

    @property
    def new_share(self) -> float:
        """The share of values outside the baseline that is more than usual; 0 where nothing can be said."""
        return max(self.statistics.get(OUTSIDE_SHARE, 0.0) - self.usual.get(OUTSIDE_SHARE, 0.0), 0.0)


def column_drift(column: str, comparison: Comparison[Any]) -> ColumnDrift:
    """Compute all registered statistics of a column's kind, and up to where they usually lie."""
    has_values = bool(comparison.baseline.count and comparison.current.count)
    of_column = [
        one for one in DRIFT_STATISTICS.values() if comparison.kind in one.kinds and (has_values or one.of_nulls)
    ]
    categories = (comparison.baseline, comparison.current) if comparison.kind is ColumnKind.CATEGORICAL else None
    return ColumnDrift(
        column,
        new=new_categories(*categories) if categories else (),
        vanished_categories=vanished_categories(*categories) if categories else (),
        statistics={one.name: value for one in of_column if (value := _finite(one.formula, comparison)) is not None},
        usual={
            one.name: value
            for one in of_column
            if one.usual is not None and (value := _finite(one.usual, comparison)) is not None
        },
    )


@drift_statistic(
    PSI,
    "PSI",
    "population stability index: the sum of (p - q) * ln(p / q) over the bins' shares; without a unit",
)
def psi(of: Comparison[Any]) -> float:
    """Compute the population stability index, see `population_stability`."""
    return float(population_stability(*of.counts))


@drift_statistic(
    "js_distance",
    "Jensen-Shannon",
    "distance: the square root of the divergence of the bins' shares, in bits",
    limits=(0.0, 1.0),
)
def jensen_shannon(of: Comparison[Any]) -> float:
    """Compute the distance of Endres and Schindelin 2003, A New Metric for Probability Distributions.

    Its square is Lin's divergence (1991, IEEE Transactions on Information Theory 37(1)), here in bits.
    """
    p, q = of.shares
    middle = (p + q) / 2
    nats = (special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum() / 2
    return float(np.sqrt(max(nats, 0.0) / np.log(2)))


@drift_statistic(
    "ks_test",
    "Kolmogorov-Smirnov",
    "greatest difference of the distribution functions at the bins' edges: a lower bound of the samples' statistic",
    kinds=(ColumnKind.NUMERIC,),
    limits=(0.0, 1.0),
)
def kolmogorov_smirnov(of: Comparison[NumericProfile]) -> float:
    """Compute the statistic of Smirnov 1939 on the bins; between their edges it may be greater."""
    before, now = of.shares
    return min(float(np.abs(np.cumsum(before - now)).max()), 1.0)  # sums of shares err in their last digit


@drift_statistic(
    "tv_distance",
    "Total variation",
    "share of the values that would have to change their bin",
    limits=(0.0, 1.0),
)
def total_variation(of: Comparison[Any]) -> float:
    """Compute half the sum of the absolute differences of the bins' shares."""
    before, now = of.shares
    return min(float(np.abs(before - now).sum() / 2), 1.0)


@drift_statistic(
    "l_infinity_distance",
    "L-infinity",
    "greatest difference of a bin's shares",
    limits=(0.0, 1.0),
)
def l_infinity(of: Comparison[Any]) -> float:
    """Compute the greatest absolute difference of the bins' shares."""
    before, now = of.shares
    return float(np.abs(before - now).max())


@drift_statistic(
    "wasserstein_distance",
    "Wasserstein",
    "how far a value has to be moved on average, in the column's unit",
    kinds=(ColumnKind.NUMERIC,),
)
def wasserstein(of: Comparison[NumericProfile]) -> float:
    """Compute the first Wasserstein distance with the mass of each bin at its own mean, on either side.

    So a value outside the baseline's range counts with its full way; moved to the range's edge it would not. Vallender
    1974, Calculation of the Wasserstein Distance between Probability Distributions on the Line, Theory of Probability
    and its Applications 18(4).
    """
    (old, old_means), (new, new_means) = _masses(of.baseline.histogram), _masses(of.current.histogram)
    return float(stats.wasserstein_distance(old_means, new_means, old, new))


@drift_statistic(
    "chi_squared_test",
    "Chi-squared",
    "Pearson's statistic of homogeneity",
    kinds=(ColumnKind.CATEGORICAL,),
)
def chi_squared(of: Comparison[CategoricalProfile]) -> float:
    """Compute Pearson's statistic, with Yates' correction for two bins, as SciPy has it.

    Pearson 1911, On the Probability that two Independent Distributions of Frequency are Really Samples from the Same
    Population, Biometrika 8.
    """
    return float(of.homogeneity.statistic)


@drift_statistic(
    "chi_squared_test_pvalue",
    "Chi-squared, p",
    "p-value of Pearson's statistic, which takes rows as independent",
    kinds=(ColumnKind.CATEGORICAL,),
    limits=(0.0, 1.0),
)
def chi_squared_p(of: Comparison[CategoricalProfile]) -> float:
    """Compute the p-value of `chi_squared`."""
    return float(of.homogeneity.pvalue)


def _usual_outside(of: Comparison[Any]) -> float:
    """Tell which share outside is usual: none of numbers, of categories what rare ones may well be."""
    unseen = 0.0 if of.kind is ColumnKind.NUMERIC else of.baseline.unseen_share
    return usual_outside(unseen, of.current.count)


@drift_statistic(
    OUTSIDE_SHARE,
    "Outside the training's range",
    "share of the values below or above the training's range, or of categories that the training data does not have; "
    "not known where that has more than 10,000 rare ones",
    limits=(0.0, 1.0),
    usual=_usual_outside,
)
def outside_share(of: Comparison[Any]) -> float | None:
    """Tell the share of values that the baseline does not have; None where it has too many categories to know."""
    if of.kind is ColumnKind.NUMERIC:
        return float((of.counts[1][0] + of.counts[1][-1]) / of.current.count)
    return None if of.current.outside is None else float(of.current.outside / of.current.count)


@drift_statistic(
    "percent_null_delta",
    "Change of nulls",
    "percent of the rows without a value, less that at training",
    limits=(-100.0, 100.0),
    of_nulls=True,
)
def percent_null_delta(of: Comparison[Any]) -> float | None:
    """Compute the percent of nulls now less that at training; None where a side has no rows."""
    before, now = (profile.count + profile.nulls for profile in (of.baseline, of.current))
    return 100.0 * (of.current.nulls / now - of.baseline.nulls / before) if before and now else None


@drift_statistic(
    "scale",
    "Factor",
    "factor by which all quantiles are multiplied, as another unit would; only where there is a common one",
    kinds=(ColumnKind.NUMERIC,),
)
def scale(of: Comparison[NumericProfile]) -> float | None:
    """Find the common factor of the quantiles; None where there is none, or too few other than 0 to tell."""
    levels = [level for level in _SCALE_LEVELS if level in of.baseline.quantiles and level in of.current.quantiles]
    both = [(of.baseline.quantiles[level], of.current.quantiles[level]) for level in levels]
    pairs = [(old, new) for old, new in both if old * new > 0]
    if len({old for old, _ in pairs}) < _MIN_QUANTILES:
        return None
    logs = np.log([new / old for old, new in pairs])
    return float(np.exp(np.median(logs))) if np.ptp(logs) <= _SCALE_SPREAD else None


def _finite(formula: Formula, comparison: Comparison[Any]) -> float | None:
    value = formula(comparison)
    return value if value is not None and math.isfinite(value) else None


def _masses(histogram: Histogram) -> tuple[Floats, Floats]:
    counts, sums = (np.array(of, dtype=np.float64) for of in (histogram.counts, histogram.sums))
    return counts[counts > 0], sums[counts > 0] / counts[counts > 0]
