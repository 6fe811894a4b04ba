"""Profiles of one column, and their mergeable parts: rows may come in any batches, the profile is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import add
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.util import hash_array

from levelfive.categories import category_texts
from levelfive.errors import ConfigError
from levelfive.histograms import Floats, Histogram, finite

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MAX_CATEGORIES = 100
MAX_KNOWN = 10_000
SKETCH_SIZE = 256

_HASHES = 2**63  # one bit less than there is, so that a hash fits the signed integers of Spark and Arrow


@dataclass(frozen=True)
class NumericProfile:
    """A numeric column; what is not defined without values is None.

    Args:
        count: Finite values.
        nulls: Values missing, NaN or infinite.
        mean: Of the values.
        std: The population's standard deviation (divided by count).
        min: The least value.
        max: The greatest value.
        quantiles: By level of `QUANTILES`, written as text; empty without values.
        histogram: Places of nearly equal counts; a frequent value has a place of its own.
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
        distinct: Different values.
        frequent: Counts of the `MAX_CATEGORIES` most frequent values, as text, the most frequent first.
        rest: Count of all other values.
        others: Hashes of the other categories (63 bits), increasing, of a baseline; None where there are more than
            `MAX_KNOWN`, so that nothing can be said to be outside.
        once: Categories with a single value.
        outside: Count of the values whose category a baseline does not have; None where that cannot be said, and 0 of a
            baseline itself.
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
        counts: Numbers by place of the baseline's histogram.
        sums: Their sums by place.
        sketch: The `SKETCH_SIZE` least hashes of the numbers (63 bits), each once, increasing.
        categories: Count of each category, as text.
        edges: Of the places: the histogram's least value, inner edges and greatest value.
        repeats: How many numbers have each hash of the sketch.
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
    categories: Mapping[str, int]
    edges: tuple[float | None, ...] = ()
    repeats: tuple[int, ...] = ()

    @property
    def most_frequent(self) -> int:
        """Count of the most frequent value, 0 without any.

        It is exact up to `SKETCH_SIZE` different numbers; of more, it is that of the most frequent among those whose
        hashes are the least. A value that fills a column leaves few others.
        """
        return max((*self.categories.values(), *self.repeats), default=0)


def partial_numeric(values: NDArray[Any], histogram: Histogram) -> Partial:
    """Summarise numbers, shape (rows,), on the edges of a histogram, whose own counts play no part."""
    ordered = np.sort(finite(values))
    return _partial_of_ordered(ordered, len(values) - ordered.size, histogram)


def _partial_of_ordered(ordered: Floats, nulls: int, histogram: Histogram) -> Partial:
    filled = histogram.refilled_by_ordered(ordered)
    sketch, repeats = _sketches(ordered, np.zeros(ordered.size, np.intp), 1)[0]
    mean = float(ordered.mean()) if ordered.size else 0.0
    return Partial(
        count=ordered.size,
        nulls=nulls,
        mean=mean,
        m2=float(np.square(ordered - mean).sum()),
        min=float(ordered[0]) if ordered.size else None,
        max=float(ordered[-1]) if ordered.size else None,
        counts=filled.counts,
        sums=filled.sums,
        sketch=sketch,
        categories={},
        edges=histogram.edges,
        repeats=repeats,
    )


def partials_of_groups(
    values: NDArray[Any], groups: NDArray[Any], n_groups: int, histogram: Histogram
) -> tuple[Partial, ...]:
    """Summarise the numbers of each group by itself, as `partial_numeric` would, in one go over all rows.

    Args:
        values: Numbers, shape (rows,).
        groups: The group of each row, 0 to n_groups - 1, shape (rows,).
        n_groups: The number of groups.
        histogram: Its edges are used, its own counts play no part.
    """
    given, codes = np.asarray(values, dtype=np.float64), np.asarray(groups)
    rows = np.bincount(codes, minlength=n_groups)
    known = np.isfinite(given)
    given, codes = given[known], codes[known]
    order = np.lexsort((given, codes))
    given, codes = given[order], codes[order]
    places = len(histogram.counts)
    cells = codes * places + histogram.places(given)
    counts = np.bincount(cells, minlength=n_groups * places).reshape(n_groups, places)
    sums = np.bincount(cells, weights=given, minlength=n_groups * places).reshape(n_groups, places)
    n = counts.sum(axis=1)
    means = np.bincount(codes, weights=given, minlength=n_groups) / np.maximum(n, 1)
    m2 = np.bincount(codes, weights=np.square(given - means[codes]), minlength=n_groups)
    ends = np.cumsum(n)
    starts = ends - n
    sketches = _sketches(given, codes, n_groups)
    return tuple(
        Partial(
            count=int(n[g]),
            nulls=int(rows[g] - n[g]),
            mean=float(means[g]),
            m2=float(m2[g]),
            min=float(given[starts[g]]) if n[g] else None,
            max=float(given[ends[g] - 1]) if n[g] else None,
            counts=tuple(counts[g].tolist()),
            sums=tuple(sums[g].tolist()),
            sketch=sketches[g][0],
            categories={},
            edges=histogram.edges,
            repeats=sketches[g][1],
        )
        for g in range(n_groups)
    )


def partial_categorical(values: pd.Series) -> Partial:
    """Count categories, shape (rows,), as the texts that `category_texts` makes of them."""
    counts = category_texts(values).value_counts()
    known = int(counts.sum())
    categories = {str(value): int(count) for value, count in counts.items()}
    return Partial(known, len(values) - known, 0.0, 0.0, None, None, (), (), (), categories)


def merge(a: Partial, b: Partial) -> Partial:
    """Put two partials of one column together, as if their rows had been summarised at once.

    Means and squared deviations follow Chan, Golub and LeVeque 1983, Algorithms for Computing the Sample
    Variance, The American Statistician 37(3), which keeps its digits where sums of squares lose them.

    Raises:
        ConfigError: The two were counted on different bins.
    """
    _require_edges(a, b.edges)
    count = a.count + b.count
    step, share = b.mean - a.mean, b.count / max(count, 1)
    hashes = Counter(dict(zip(a.sketch, a.repeats, strict=True))) + Counter(dict(zip(b.sketch, b.repeats, strict=True)))
    sketch = tuple(sorted(hashes)[:SKETCH_SIZE])
    return Partial(
        count=count,
        nulls=a.nulls + b.nulls,
        mean=a.mean + step * share,
        m2=a.m2 + b.m2 + step * step * a.count * share,
        min=min((least for least in (a.min, b.min) if least is not None), default=None),
        max=max((most for most in (a.max, b.max) if most is not None), default=None),
        counts=tuple(map(add, a.counts, b.counts)),
        sums=tuple(map(add, a.sums, b.sums)),
        sketch=sketch,
        categories=dict(Counter(a.categories) + Counter(b.categories)),
        edges=a.edges,
        repeats=tuple(hashes[one] for one in sketch),
    )


def _require_edges(partial: Partial, edges: tuple[float | None, ...]) -> None:
    if partial.edges != edges:
        raise ConfigError(
            f"partials of one column have the same places, got the edges {partial.edges} and {edges}; summarise both "
            "with the histogram of one baseline"
        )


def finish_numeric(partial: Partial, histogram: Histogram) -> NumericProfile:
    """Make the profile of the rows that a partial has seen, on the histogram that it was counted on.

    Quantiles are interpolated: a share u of a place's values is taken to lie within the share u ** c of its width
    from the lower edge, where c is such that their mean is right. So edges stay exact, and so does a value that
    fills its place alone. The outermost places hold a twentieth of the baseline and its whole tail: of a lognormal or
    Pareto one, the quantile 0.99 (or 0.01) may be that of a rank as far away as 0.04; all between 0.05 and 0.95 are
    within 0.004, but for 0.05 and 0.95 of columns with two long tails, 0.014.

    Raises:
        ConfigError: The partial was counted on other bins.
    """
    _require_edges(partial, histogram.edges)
    filled = replace(histogram, counts=partial.counts, sums=partial.sums)
    known = partial.count > 0
    return NumericProfile(
        count=partial.count,
        nulls=partial.nulls,
        mean=partial.mean if known else None,
        std=float(np.sqrt(partial.m2 / partial.count)) if known else None,
        min=partial.min,
        max=partial.max,
        quantiles=_interpolated(partial, histogram),
        histogram=filled,
        distinct=_distinct(partial.sketch),
    )


def finish_categorical(partial: Partial, baseline: CategoricalProfile | None = None) -> CategoricalProfile:
    """Make the profile of the rows that a partial has seen.

    Args:
        partial: Of a categorical column.
        baseline: What the profile will be compared with: its frequent categories are listed besides the most frequent
            ones, without which rare ones could not be compared. None for a profile that is a baseline itself.
    """
    ranked = sorted(partial.categories.items(), key=lambda item: (-item[1], item[0]))
    kept = frozenset(() if baseline is None else baseline.frequent)
    frequent = {name: n for rank, (name, n) in enumerate(ranked) if rank < MAX_CATEGORIES or name in kept}
    return CategoricalProfile(
        count=partial.count,
        nulls=partial.nulls,
        distinct=len(ranked),
        frequent=frequent,
        rest=partial.count - sum(frequent.values()),
        others=_hashes_of([name for name, _ in ranked if name not in frequent]) if baseline is None else (),
        once=sum(n == 1 for _, n in ranked),
        outside=0 if baseline is None else _outside(partial.categories, baseline),
    )


def _hashes_of(names: Sequence[str]) -> tuple[int, ...] | None:
    return None if len(names) > MAX_KNOWN else tuple(np.sort(_hashed(names)).tolist())


def _outside(categories: Mapping[str, int], baseline: CategoricalProfile) -> int | None:
    rare = [name for name in categories if name not in baseline.frequent]
    if not rare:
        return 0
    if baseline.others is None:
        return None
    new = ~np.isin(_hashed(rare), np.array(baseline.others, dtype=np.uint64))
    return sum(categories[name] for name, is_new in zip(rare, new, strict=True) if is_new)


def _hashed(names: Sequence[str]) -> NDArray[np.uint64]:
    return hash_array(np.array(names, dtype=object)) % np.uint64(_HASHES)


def profile_numeric(values: NDArray[Any]) -> NumericProfile:
    """Profile numbers, shape (rows,), of which those not finite count as nulls."""
    # Sorted once: on a year of rows, the sorts are most of the work.
    ordered = np.sort(finite(values))
    histogram = Histogram.of_ordered(ordered)
    profile = finish_numeric(_partial_of_ordered(ordered, len(values) - ordered.size, histogram), histogram)
    if profile.count == 0:
        return profile
    return replace(profile, quantiles=_by_level(np.quantile(ordered, QUANTILES).tolist()))


def profile_categorical(values: pd.Series) -> CategoricalProfile:
    """Profile categories, shape (rows,), as the texts that `category_texts` makes of them."""
    return finish_categorical(partial_categorical(values))


def _sketches(ordered: Floats, codes: NDArray[Any], n_groups: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Make the sketch of each group, and how often its values stand there; numbers are ordered by group and value.

    Each different value is hashed once, and the least hashes are kept. The hash is of the value alone, so that any two
    batches agree on it.
    """
    first = np.ones(ordered.size, dtype=bool)
    first[1:] = (ordered[1:] != ordered[:-1]) | (codes[1:] != codes[:-1])
    repeats = np.diff(np.append(np.flatnonzero(first), ordered.size))
    hashes, owners = hash_array(ordered[first] + 0.0) % np.uint64(_HASHES), codes[first]  # + 0.0 makes -0.0 the usual 0
    order = np.lexsort((hashes, owners))
    hashes, repeats = hashes[order], repeats[order]
    ends = np.cumsum(np.bincount(owners, minlength=n_groups))
    starts = np.concatenate([[0], ends[:-1]])
    kept = [slice(start, min(end, start + SKETCH_SIZE)) for start, end in zip(starts, ends, strict=True)]
    return [(tuple(hashes[some].tolist()), tuple(repeats[some].tolist())) for some in kept]


def _distinct(sketch: Sequence[int]) -> int:
    """Estimate the number of different values as (k - 1) / U, U the k-th least hash as a share of all hashes.

    Beyer, Haas, Reinwald, Sismanis and Gemulla 2007, On Synopses for Distinct-Value Estimation Under Multiset
    Operations, SIGMOD: the unbiased estimator, with a relative error of about 1 / sqrt(k - 2).
    """
    if len(sketch) < SKETCH_SIZE:
        return len(sketch)
    return int((SKETCH_SIZE - 1) * _HASHES // (sketch[-1] + 1))


def _interpolated(partial: Partial, histogram: Histogram) -> Mapping[str, float]:
    if partial.min is None or partial.max is None:
        return {}
    low = partial.min if histogram.low is None else histogram.low
    high = partial.max if histogram.high is None else histogram.high
    edges = np.clip([partial.min, low, *histogram.inner_edges, high, partial.max], partial.min, partial.max)
    counts, sums = (np.array(places, dtype=np.float64) for places in (partial.counts, partial.sums))
    reached = np.cumsum(counts)
    wanted = np.array(QUANTILES) * partial.count
    place = np.searchsorted(reached, wanted)
    filled = 1 - (reached[place] - wanted) / counts[place]
    start, width = edges[place], np.diff(edges)[place]
    # The mean of u ** c is 1 / (c + 1); a floor keeps c finite where all values stand at the lower edge.
    middle = np.clip((sums[place] / counts[place] - start) / np.where(width > 0, width, 1), 1e-12, 1)
    return _by_level((start + width * filled ** (1 / middle - 1)).tolist())


def _by_level(values: Sequence[float]) -> Mapping[str, float]:
    return {str(level): value for level, value in zip(QUANTILES, values, strict=True)}
