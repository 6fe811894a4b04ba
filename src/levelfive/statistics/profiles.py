"""Profiles of one column, made of what its partials have counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levelfive.statistics.distinct_sketches import estimated_distinct, hashed_categories
from levelfive.statistics.histograms import Histogram, finite
from levelfive.statistics.partials import Partial, partial_categorical, partial_of_ordered, require_edges
from levelfive.statistics.rank_sketches import RankSketch

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MAX_CATEGORIES = 100
MAX_KNOWN = 10_000


@dataclass(frozen=True)
class NumericProfile:
    """A numeric column; what is not defined without values is None. Values beyond `LARGEST` count as that.

    Args:
        count: Finite values.
        nulls: Values missing, NaN or infinite.
        mean: Of the values.
        std: The population's standard deviation (divided by count).
        min: The least value.
        max: The greatest value.
        quantiles: By level of `QUANTILES`, written as text; empty without values.
        histogram: Bins of nearly equal counts; a frequent value has a bin of its own.
        distinct: Different values: exact below `SKETCH_SIZE`, above it an estimate that errs by some 6 %.
    """

    count: int
    nulls: int
    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    quantiles: Mapping[str, float]
    histogram: Histogram
    distinct: int


@dataclass(frozen=True)
class CategoricalProfile:
    """A categorical column.

    Args:
        count: Values that are not missing.
        nulls: Missing values.
        distinct: Different values: exact up to `CAPACITY`, above it an estimate that errs by some 6 %.
        frequent: Counts of the `MAX_CATEGORIES` most frequent values, as text, the most frequent first.
        rest: Count of all other values.
        others: Hashes of the other categories (63 bits), increasing, of a baseline; None where there are more than
            `MAX_KNOWN`, so that nothing can be said to be outside.
        once: Categories with a single value; an estimate where `distinct` is one.
        outside: Count of the values whose category a baseline does not have; None where that cannot be said, and 0 of a
            baseline itself. Above `CAPACITY` different values, those of known categories that were dropped count too.
    """

    count: int
    nulls: int
    distinct: int
    frequent: Mapping[str, int]
    rest: int
    others: tuple[int, ...] | None
    once: int
    outside: int | None

    @property
    def unseen_share(self) -> float:
        """The share of further values, 0 to 1, whose category is to be expected to be none of these.

        The estimator of Good 1953, The Population Frequencies of Species and the Estimation of Population Parameters,
        Biometrika 40: the share of the values that are the only one of their category.
        """
        return self.once / self.count if self.count else 0.0


def finish_numeric(partial: Partial, histogram: Histogram) -> NumericProfile:
    """Make the profile of the rows that a partial has seen, on the histogram that it was counted on.

    Quantiles are those of the values, whatever the histogram: exact up to `rank_sketches.SIZE` different ones, and of
    more, that of a rank at most 0.002 of all values away.

    Raises:
        ConfigError: The partial was counted on other bins.
    """
    require_edges(partial, histogram.edges)
    full_histogram = replace(histogram, counts=partial.counts, sums=partial.sums)
    has_values = partial.count > 0
    return NumericProfile(
        count=partial.count,
        nulls=partial.nulls,
        mean=partial.mean if has_values else None,
        std=float(np.sqrt(partial.m2 / partial.count)) if has_values else None,
        min=partial.min,
        max=partial.max,
        quantiles=_quantiles(partial.ranks),
        histogram=full_histogram,
        distinct=estimated_distinct(partial.sketch),
    )


def finish_categorical(partial: Partial, baseline: CategoricalProfile | None = None) -> CategoricalProfile:
    """Make the profile of the rows that a partial has seen.

    Args:
        partial: Of a categorical column.
        baseline: What the profile will be compared with: its frequent categories are listed besides the most frequent
            ones, without which rare ones could not be compared. None for a profile that is a baseline itself.
    """
    sorted_categories = sorted(partial.categories.items(), key=lambda item: (-item[1], item[0]))
    baseline_names = frozenset(() if baseline is None else baseline.frequent)
    frequent = {
        name: n for rank, (name, n) in enumerate(sorted_categories) if rank < MAX_CATEGORIES or name in baseline_names
    }
    distinct, once = len(sorted_categories), sum(n == 1 for _, n in sorted_categories)
    if partial.dropped:
        distinct = estimated_distinct(partial.sketch)
        once = round(distinct * sum(n == 1 for n in partial.repeats) / len(partial.repeats))
    return CategoricalProfile(
        count=partial.count,
        nulls=partial.nulls,
        distinct=distinct,
        frequent=frequent,
        rest=partial.count - sum(frequent.values()),
        others=_hashes_of([name for name, _ in sorted_categories if name not in frequent]) if baseline is None else (),
        once=once,
        outside=0 if baseline is None else _outside(partial, baseline),
    )


def _hashes_of(names: Sequence[str]) -> tuple[int, ...] | None:
    return None if len(names) > MAX_KNOWN else tuple(np.sort(hashed_categories(names)).tolist())


def _outside(partial: Partial, baseline: CategoricalProfile) -> int | None:
    categories = partial.categories
    rare = [name for name in categories if name not in baseline.frequent]
    if not rare:
        return 0
    if baseline.others is None:
        return None
    known = np.isin(hashed_categories(rare), np.array(baseline.others, dtype=np.uint64))
    rare_values = sum(categories[name] for name, is_known in zip(rare, known, strict=True) if is_known)
    return partial.count - rare_values - sum(n for name, n in categories.items() if name in baseline.frequent)


def profile_numeric(values: NDArray[Any]) -> NumericProfile:
    """Profile numbers, shape (rows,), of which those not finite count as nulls."""
    # Sorted once: on a year of rows, the sorts are most of the work.
    sorted_values = np.sort(finite(values))
    histogram = Histogram.of_ordered(sorted_values)
    profile = finish_numeric(partial_of_ordered(sorted_values, len(values) - sorted_values.size, histogram), histogram)
    if profile.count == 0:
        return profile
    return replace(profile, quantiles=_quantiles(RankSketch(sorted_values, np.ones(sorted_values.size, np.uint8))))


def profile_categorical(values: pd.Series) -> CategoricalProfile:
    """Profile categories, shape (rows,), as the texts that `category_texts` makes of them."""
    return finish_categorical(partial_categorical(values))


def _quantiles(ranks: RankSketch) -> Mapping[str, float]:
    return dict(zip(map(str, QUANTILES), ranks.quantiles(QUANTILES), strict=False))
