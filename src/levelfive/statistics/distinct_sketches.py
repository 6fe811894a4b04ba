"""Sketches of the different values of a column: the least hashes, from which their number is estimated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandas.util import hash_array

SKETCH_SIZE = 256
_HASHES = 2**63  # one bit less than there is, so that a hash fits the signed integers of Spark and Arrow


def hashed_numbers(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Hash numbers; the hash is of the value alone, so that any two batches agree on it."""
    return hash_array(values) & np.uint64(_HASHES - 1)


def hashed_categories(names: Sequence[str] | NDArray[Any]) -> NDArray[np.uint64]:
    """Hash categories, as `CategoricalProfile.others` has them."""
    return hash_array(np.array(names, dtype=object)) & np.uint64(_HASHES - 1)


def least_with_counts(hashes: NDArray[np.uint64], counts: NDArray[np.int64]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sketch different values that are all there: the least hashes, increasing, and how often each came."""
    least = _least(hashes)
    return tuple(hashes[least].tolist()), tuple(counts[least].tolist())


def _least(hashes: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Find the places of the `SKETCH_SIZE` least hashes, increasing."""
    # Of even hashes, some four times as many lie below this bound, which spares an order of all of them.
    places = np.flatnonzero(hashes < np.uint64(min(4 * SKETCH_SIZE / max(hashes.size, 1), 1) * _HASHES))
    if places.size < SKETCH_SIZE:
        places = np.arange(hashes.size)
    return places[np.argsort(hashes[places])][:SKETCH_SIZE]


def merged(
    sketches: Sequence[tuple[Sequence[int], Sequence[int]]],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Put sketches together, each of hashes and how often their values came: the least hashes, and how often each."""
    hashes, counts = (np.concatenate([np.array(one[part], np.int64) for one in sketches]) for part in (0, 1))
    least, places = np.unique(hashes, return_inverse=True)
    totals = np.zeros(least.size, np.int64)
    np.add.at(totals, places, counts)
    return tuple(least[:SKETCH_SIZE].tolist()), tuple(totals[:SKETCH_SIZE].tolist())


def estimated_distinct(sketch: Sequence[int]) -> int:
    """Estimate the number of different values as (k - 1) / U, U the k-th least hash as a share of all hashes.

    Beyer, Haas, Reinwald, Sismanis and Gemulla 2007, On Synopses for Distinct-Value Estimation Under Multiset
    Operations, SIGMOD: the unbiased estimator, with a relative error of about 1 / sqrt(k - 2). A sketch such as
    HyperLogLog would not do: `CategoricalProfile.once` is told by how often the values of these hashes came.
    """
    if len(sketch) < SKETCH_SIZE:
        return len(sketch)
    return int((SKETCH_SIZE - 1) * _HASHES // (sketch[-1] + 1))
