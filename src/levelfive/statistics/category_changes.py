"""Which categories came up, and which did not any more, between two profiles of one column."""

from __future__ import annotations

import numpy as np

from levelfive.statistics.distinct_sketches import hashed_categories
from levelfive.statistics.profiles import CategoricalProfile

SHOWN_CATEGORIES = 10
# A category that few rows are to be expected of may well be missing by chance.
EXPECTED_ROWS = 10


def new_categories(baseline: CategoricalProfile, current: CategoricalProfile) -> tuple[str, ...]:
    """Name the categories that a baseline does not have, the most frequent first, `SHOWN_CATEGORIES` at most.

    Only frequent ones are known by name; none is named where the baseline has too many rare ones to know them.
    """
    names = [name for name in current.frequent if name not in baseline.frequent]
    if baseline.others is None or not names:
        return ()
    is_in_baseline = np.isin(hashed_categories(names), np.array(baseline.others, dtype=np.uint64))
    new = [name for name, is_known in zip(names, is_in_baseline, strict=True) if not is_known]
    return tuple(sorted(new, key=lambda name: (-current.frequent[name], name))[:SHOWN_CATEGORIES])


def vanished_categories(baseline: CategoricalProfile, current: CategoricalProfile) -> tuple[str, ...]:
    """Name the frequent categories of a baseline that no row has any more, the most frequent first.

    At most `SHOWN_CATEGORIES`; of each, at least `EXPECTED_ROWS` rows were to be expected. The current profile lists
    the baseline's frequent categories, as `finish_categorical` makes it.
    """
    least_rows = EXPECTED_ROWS * baseline.count / max(current.count, 1)
    missing_names = [
        name for name, rows in baseline.frequent.items() if rows >= least_rows and not current.frequent.get(name)
    ]
    return tuple(sorted(missing_names, key=lambda name: (-baseline.frequent[name], name))[:SHOWN_CATEGORIES])
