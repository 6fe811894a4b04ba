"""Mergeable parts of a column's profile: rows may come in any batches, the profile is the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from levelfive.errors import ConfigError
from levelfive.statistics import distinct_sketches
from levelfive.statistics.categories import category_texts, factorized
from levelfive.statistics.category_counts import NO_CATEGORIES, CategoryCounts
from levelfive.statistics.distinct_sketches import hashed_categories, hashed_numbers, least_with_counts
from levelfive.statistics.histograms import Floats, Histogram, finite
from levelfive.statistics.rank_sketches import NOTHING, RankSketch, starts_value

CAPACITY = 20_000
"""How many categories of a column are counted at once: more than a baseline knows, and few enough for any memory."""
_ROWS_IN_CACHE = 2048


@dataclass(frozen=True)
class Partial:
    """What some rows say of one column. All but the first two are empty for the other kind of column.

    Args:
        count: Values: finite numbers, or categories that are not missing.
        nulls: All other rows.
        mean: Of the numbers, 0 without any.
        m2: Sum of the squared deviations from the mean.
        min: The least number, or None.
        max: The greatest number, or None.
        counts: Numbers by bin of the baseline's histogram.
        sums: Their sums by bin.
        sketch: The `SKETCH_SIZE` least hashes of the numbers (63 bits), each once, increasing; of categories, where
            some were dropped.
        categories: Count of each category, as text; where there are many more than `CAPACITY`, of the most frequent
            ones.
        edges: Of the bins: the histogram's least value, inner edges and greatest value.
        repeats: How many values have each hash of the sketch.
        ranks: Of the numbers, from which their quantiles are read.
        dropped: By how much the count of a category may fall short of how often it came, as categories were dropped.
    """

    count: int
    nulls: int
    mean: float
    m2: float
    min: float | None
    max: float | None
    counts: tuple[int, ...]
    sums: tuple[float, ...]
    sketch: tuple[int, ...]
    categories: CategoryCounts
    edges: tuple[float | None, ...] = ()
    repeats: tuple[int, ...] = ()
    ranks: RankSketch = NOTHING
    dropped: int = 0

    @property
    def most_frequent(self) -> int:
        """Count of the most frequent value, 0 without any.

        It is exact up to `SKETCH_SIZE` different numbers; of more, it is that of the most frequent among those whose
        hashes are the least. A value that fills a column leaves few others.
        """
        return max(int(self.categories.counts.max(initial=0)), *self.repeats, 0)


def partial_numeric(values: NDArray[Any], histogram: Histogram) -> Partial:
    """Summarise numbers, shape (rows,), on the edges of a histogram, whose own counts play no part."""
    sorted_values = np.sort(finite(values))
    return partial_of_ordered(sorted_values, len(values) - sorted_values.size, histogram)


def partial_of_ordered(sorted_values: Floats, nulls: int, histogram: Histogram) -> Partial:
    """Summarise increasing numbers, shape (rows,), beside which others are missing."""
    full_histogram = histogram.refilled(sorted_values)
    sketch, repeats, ranks = _sketches(sorted_values)
    mean = float(sorted_values.mean()) if sorted_values.size else 0.0
    return Partial(
        count=sorted_values.size,
        nulls=nulls,
        mean=mean,
        m2=float(np.square(sorted_values - mean).sum()),
        min=float(sorted_values[0]) if sorted_values.size else None,
        max=float(sorted_values[-1]) if sorted_values.size else None,
        counts=full_histogram.counts,
        sums=full_histogram.sums,
        sketch=sketch,
        categories=NO_CATEGORIES,
        edges=histogram.edges,
        repeats=repeats,
        ranks=ranks,
    )


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows in groups.

    Args:
        order: The places of the rows, those of a group together, shape (rows,).
        ends: In this order, where each group but the last ends, shape (groups - 1,).
    """

    order: NDArray[np.intp]
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, groups: NDArray[Any], n_groups: int) -> Groups:
        """Sort rows by their group, 0 to n_groups - 1, shape (rows,)."""
        # Small whole numbers are sorted in a fraction of the time of others.
        order = np.argsort(groups.astype(np.min_scalar_type(n_groups)), kind="stable")
        return cls(order, np.cumsum(np.bincount(groups, minlength=n_groups))[:-1])

    def columns(self, rows: Floats) -> Floats:
        """Take the columns of rows, shape (rows, columns), apart: shape (columns, rows), in the order of the groups."""
        columns = np.empty(rows.shape[::-1])
        # So few at once stay in the processor's cache, which takes half of the time.
        for start in range(0, len(rows), _ROWS_IN_CACHE):
            some = slice(start, start + _ROWS_IN_CACHE)
            columns[:, some] = rows[self.order[some]].T
        return columns


def partials_of_groups(values: NDArray[Any], groups: Groups, histogram: Histogram) -> tuple[Partial, ...]:
    """Summarise the numbers of each group by itself, as `partial_numeric` would, in one go over all rows.

    Args:
        values: Numbers in the order of the groups, shape (rows,).
        groups: Of the rows.
        histogram: Its edges are used, its own counts play no part.
    """
    return tuple(partial_numeric(of_group, histogram) for of_group in np.split(values, groups.ends))


def partial_categorical(values: pd.Series) -> Partial:
    """Count categories, shape (rows,), as the texts that `category_texts` makes of them."""
    return partials_of_codes(*factorized(category_texts(values)), np.zeros(len(values), np.intp), 1)[0]


def partials_of_codes(
    codes: NDArray[Any], names: pa.StringArray, groups: NDArray[Any], n_groups: int
) -> tuple[Partial, ...]:
    """Count the categories of each group by itself, as `partial_categorical` would, in one go over all rows.

    Args:
        codes: The place of each row's category among the names, below 0 where it is missing, shape (rows,).
        names: Categories as text, each once.
        groups: The group of each row, 0 to n_groups - 1, shape (rows,).
        n_groups: The number of groups.
    """
    has_value, n_names = codes >= 0, len(names)
    rows = np.bincount(groups, minlength=n_groups)
    cells = np.asarray(groups, np.int64)[has_value] * n_names + codes[has_value]
    cells, counts = _counts_of(cells, n_groups * n_names)
    ends = np.searchsorted(cells, np.arange(n_groups + 1) * n_names)
    partials = []
    for group in range(n_groups):
        of_group = slice(*ends[group : group + 2])
        categories = CategoryCounts(names.take(pa.array(cells[of_group] - group * n_names)), counts[of_group])
        count = int(categories.counts.sum())
        nulls = int(rows[group]) - count
        # Cut only where there are twice as many as are kept: a part that is soon merged is cut there anyway.
        partial = Partial(count, nulls, 0.0, 0.0, None, None, (), (), (), categories)
        partials.append(_bounded(partial) if len(categories) > 2 * CAPACITY else partial)
    return tuple(partials)


def _counts_of(cells: NDArray[np.int64], n_cells: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the cells that are there, in order, and how often each is: few of many, as days times ids, by sorting."""
    if n_cells > cells.size:
        return np.unique(cells, return_counts=True)
    counts = np.bincount(cells, minlength=n_cells)
    there = np.flatnonzero(counts)
    return there, counts[there]


def _bounded(partial: Partial) -> Partial:
    """Drop the rarest categories where there are more than `CAPACITY`; what is left keeps its count.

    A category that is dropped in one part and comes again in others is counted short. Each time, that is by no more
    than the most frequent one that was dropped then, and of `n` values that is at most `n / CAPACITY`.
    """
    if len(partial.categories) <= CAPACITY:
        return partial
    counts, hashes = partial.categories.counts, hashed_categories(partial.categories.texts())
    by_count = np.lexsort((hashes, -counts))
    sketch = (partial.sketch, partial.repeats) if partial.dropped else least_with_counts(hashes, counts)
    return replace(
        partial,
        categories=partial.categories.taken(by_count[:CAPACITY]),
        dropped=partial.dropped + int(counts[by_count[CAPACITY]]),
        sketch=sketch[0],
        repeats=sketch[1],
    )


def merge(*parts: Partial) -> Partial:
    """Put partials of one column together, as if their rows had been summarised at once.

    Give all that are there in one call: quantiles of more numbers than are kept lose a little in each.

    Raises:
        ConfigError: They were counted on different bins.
    """
    for other in parts[1:]:
        require_edges(parts[0], other.edges)
    dropped = sum(part.dropped for part in parts)
    sketches = [
        least_with_counts(hashed_categories(part.categories.texts()), part.categories.counts)
        if dropped and not part.dropped
        else (part.sketch, part.repeats)
        for part in parts
    ]
    sketch, repeats = distinct_sketches.merged(sketches)
    count, mean, m2 = reduce(_moments, [(part.count, part.mean, part.m2) for part in parts])
    merged = Partial(
        count=count,
        nulls=sum(part.nulls for part in parts),
        mean=mean,
        m2=m2,
        min=min((part.min for part in parts if part.min is not None), default=None),
        max=max((part.max for part in parts if part.max is not None), default=None),
        counts=tuple(map(sum, zip(*(part.counts for part in parts), strict=True))),
        sums=tuple(map(sum, zip(*(part.sums for part in parts), strict=True))),
        sketch=sketch,
        categories=CategoryCounts.added([part.categories for part in parts]),
        edges=parts[0].edges,
        repeats=repeats,
        ranks=RankSketch.merged([part.ranks for part in parts]),
        dropped=dropped,
    )
    return _bounded(merged)


def _moments(a: tuple[int, float, float], b: tuple[int, float, float]) -> tuple[int, float, float]:
    """Put counts, means and squared deviations together.

    Chan, Golub and LeVeque 1983, Algorithms for Computing the Sample Variance, The American Statistician 37(3): it
    keeps its digits where sums of squares lose them.
    """
    count = a[0] + b[0]
    step, share = b[1] - a[1], b[0] / max(count, 1)
    return count, a[1] + step * share, a[2] + b[2] + step * step * a[0] * share


def require_edges(partial: Partial, edges: tuple[float | None, ...]) -> None:
    """Refuse a partial that was counted on other bins.

    Raises:
        ConfigError: It was.
    """
    if partial.edges != edges:
        raise ConfigError(
            f"partials of one column have the same bins, got the edges {partial.edges} and {edges}; summarise both "
            "with the histogram of one baseline"
        )


def _sketches(sorted_values: Floats) -> tuple[tuple[int, ...], tuple[int, ...], RankSketch]:
    """Make the sketches of increasing numbers: the least hashes, how often their values stand there, and the ranks.

    Each different value is hashed once, and the hash is of the value alone, so that any two batches agree on it.
    """
    first = starts_value(sorted_values)
    if first.all():
        values, repeats = sorted_values, np.ones(sorted_values.size, np.int64)
    else:
        places = np.flatnonzero(first)
        values, repeats = sorted_values[places], np.diff(places, append=sorted_values.size)
    values = values + 0.0  # makes -0.0 the usual 0
    return *least_with_counts(hashed_numbers(values), repeats), RankSketch.of(values, repeats)
