"""A column now beside the same column at training, on the same bins: what drift is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
from scipy import stats

from levelfive.errors import ConfigError
from levelfive.monitoring.drift import shares
from levelfive.statistics.histograms import Floats
from levelfive.statistics.profiles import CategoricalProfile, NumericProfile


class ColumnKind(StrEnum):
    """What a column holds."""

    NUMERIC = "numbers"
    CATEGORICAL = "categories"


_Profile = TypeVar("_Profile", bound=NumericProfile | CategoricalProfile, covariant=True)


@dataclass(frozen=True)
class Comparison(Generic[_Profile]):
    """A column now, and at training: what a drift statistic is computed from.

    Args:
        baseline: The column at training.
        current: The column now, on the baseline's bins: made by `finish_numeric` or `finish_categorical` with it.

    Raises:
        ConfigError: The current profile is not on the baseline's bins.
    """

    baseline: _Profile
    current: _Profile

    def __post_init__(self) -> None:
        """Refuse profiles that cannot be compared."""
        before, now = _bins(self.baseline), _bins(self.current)
        if before != now:
            raise ConfigError(
                f"a current profile must be on its baseline's bins, got {now} instead of {before}; make it by "
                "finish_numeric or finish_categorical with the baseline"
            )

    @property
    def kind(self) -> ColumnKind:
        """What the column holds."""
        return ColumnKind.NUMERIC if isinstance(self.baseline, NumericProfile) else ColumnKind.CATEGORICAL

    @cached_property
    def counts(self) -> tuple[Floats, Floats]:
        """Values by bin, at training and now, shape (bins,) each.

        Bins of numbers are those of the histogram, with one below and one above its range. Those of categories are the
        baseline's frequent ones, and one for all others; one that is not there now counts as absent.
        """
        return _counts(self.baseline, self.baseline), _counts(self.current, self.baseline)

    @cached_property
    def shares(self) -> tuple[Floats, Floats]:
        """Shares of the values by bin, at training and now, shape (bins,) each; NaN of a side without values."""
        before, now = self.counts
        return shares(before), shares(now)

    @cached_property
    def homogeneity(self) -> Any:
        """Pearson's test of the counts by bin, as SciPy has it: `statistic` and `pvalue`."""
        table = np.stack(self.counts)
        return stats.chi2_contingency(table[:, table.any(axis=0)])


def _bins(profile: NumericProfile | CategoricalProfile) -> object:
    return profile.histogram.edges if isinstance(profile, NumericProfile) else "categories"


def _counts(profile: NumericProfile | CategoricalProfile, baseline: NumericProfile | CategoricalProfile) -> Floats:
    if isinstance(profile, NumericProfile):
        return _floats(profile.histogram.counts)
    names = () if isinstance(baseline, NumericProfile) else baseline.frequent
    counts = [profile.frequent.get(name, 0) for name in names]
    return _floats([*counts, profile.count - sum(counts)])


def _floats(values: Any) -> Floats:
    return np.array(values, dtype=np.float64)
