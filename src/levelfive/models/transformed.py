"""Which feature a column of a fitted transformer was made of."""

from __future__ import annotations

from collections.abc import Sequence


def feature_of(column: str, features: Sequence[str]) -> str | None:
    """Find the feature, such as `carrier` of `cat__carrier_UA`; of several, the one with the longest name."""
    names = (column, column.partition("__")[2])
    made_of = [feature for feature in features for name in names if f"{name}_".startswith(f"{feature}_")]
    return max(made_of, key=len, default=None)
