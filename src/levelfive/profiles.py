"""The baseline: a profile of what a model was trained on, that later windows are compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from levelfive.errors import ConfigError, DataError, EvidenceError

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MAX_BINS = 20
MAX_CATEGORIES = 100

_Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """Counts and sums of numbers between fixed edges.

    Place 0 holds values below `low`, the last place values above `high`. Between them, place 1 + i holds
    the values with exactly i inner edges at or below them: [low, e1), [e1, e2), ..., [en, high].

    Args:
        low: The least value of the baseline, or None without values.
        high: The greatest value of the baseline, or None without values.
        inner_edges: Increasing edges e1 ... en, above `low` and at most `high`.
        counts: Values a place, of length n + 3.
        sums: Sum of the values a place, of length n + 3.
    """

    low: float | None
    high: float | None
    inner_edges: tuple[float, ...]
    counts: tuple[int, ...]
    sums: tuple[float, ...]

    def refilled(self, values: np.ndarray) -> Histogram:
        """Count other values, shape (rows,), between the same edges; those not finite are left out."""
        finite = _finite(values)
        places = 1 + np.searchsorted(self.inner_edges, finite, side="right")
        if self.low is not None and self.high is not None:
            places = np.where(finite < self.low, 0, np.where(finite > self.high, len(self.counts) - 1, places))
        counts = np.bincount(places, minlength=len(self.counts))
        sums = np.bincount(places, weights=finite, minlength=len(self.counts))
        return Histogram(self.low, self.high, self.inner_edges, tuple(counts.tolist()), tuple(sums.tolist()))


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
    """

    count: int
    nulls: int
    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    quantiles: Mapping[str, float]
    histogram: Histogram


@dataclass(frozen=True)
class CategoricalProfile:
    """A categorical column.

    Args:
        count: Values that are not missing.
        nulls: Missing values.
        distinct: Different values.
        frequent: Counts of the `MAX_CATEGORIES` most frequent values, as text, the most frequent first.
        rest: Count of all other values.
    """

    count: int
    nulls: int
    distinct: int
    frequent: Mapping[str, int]
    rest: int


@dataclass(frozen=True)
class Baseline:
    """Profiles of a training set's features by name, of its labels and of the model's scores."""

    rows: int
    numeric: Mapping[str, NumericProfile]
    categorical: Mapping[str, CategoricalProfile]
    label: NumericProfile
    score: NumericProfile

    def to_json(self) -> str:
        """Write the baseline as JSON, with null for what is not defined."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Baseline:
        """Read a baseline that `to_json` wrote.

        Raises:
            DataError: The text is not such a baseline.
        """
        try:
            record = json.loads(text)
            return cls(
                rows=record["rows"],
                numeric={name: _read_numeric(found) for name, found in record["numeric"].items()},
                categorical={name: CategoricalProfile(**found) for name, found in record["categorical"].items()},
                label=_read_numeric(record["label"]),
                score=_read_numeric(record["score"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise DataError(f"expected a baseline as Baseline.to_json writes it, got {text[:200]!r}") from err


def profile_baseline(
    features: pd.DataFrame, categorical: Sequence[str], *, label: np.ndarray, score: np.ndarray
) -> Baseline:
    """Profile the features, labels and scores of a training set.

    Args:
        features: One row a training example, one column a feature.
        categorical: The columns that are categories; all others are numbers.
        label: Labels, shape (rows,).
        score: The model's scores; of any length, such as that of the holdout.

    Raises:
        ConfigError: A categorical column is missing, or a numeric one holds no numbers.
        EvidenceError: There are no rows.
    """
    if features.empty:
        raise EvidenceError("a baseline needs at least one row and one feature, got an empty training set")
    missing = sorted(set(categorical) - set(features.columns))
    if missing:
        raise ConfigError(f"categorical features must be columns, there is no {', '.join(missing)}; see the ModelSpec")
    numeric = [name for name in features.columns if name not in set(categorical)]
    return Baseline(
        rows=len(features),
        numeric={name: profile_numeric(_numbers(features[name])) for name in numeric},
        categorical={name: profile_categorical(features[name]) for name in categorical},
        label=profile_numeric(label),
        score=profile_numeric(score),
    )


def profile_numeric(values: np.ndarray) -> NumericProfile:
    """Profile numbers, shape (rows,), of which those not finite count as nulls."""
    given = np.asarray(values, dtype=np.float64)
    finite = np.sort(_finite(given))
    nulls = given.size - finite.size
    if finite.size == 0:
        empty = Histogram(None, None, (), (0, 0, 0), (0.0, 0.0, 0.0))
        return NumericProfile(0, nulls, None, None, None, None, {}, empty)
    levels = np.quantile(finite, QUANTILES).tolist()
    return NumericProfile(
        count=finite.size,
        nulls=nulls,
        mean=float(finite.mean()),
        std=float(finite.std()),
        min=float(finite[0]),
        max=float(finite[-1]),
        quantiles={str(level): value for level, value in zip(QUANTILES, levels, strict=True)},
        histogram=_histogram(finite),
    )


def profile_categorical(values: pd.Series) -> CategoricalProfile:
    """Profile categories, shape (rows,); booleans become the texts `true` and `false`, as in Spark."""
    known = values.dropna()
    text = known.astype(object).map(lambda value: str(value).lower() if isinstance(value, bool) else str(value))
    counts = sorted(text.value_counts().items(), key=lambda item: (-item[1], str(item[0])))
    frequent = {str(value): int(count) for value, count in counts[:MAX_CATEGORIES]}
    return CategoricalProfile(
        count=len(known),
        nulls=len(values) - len(known),
        distinct=len(counts),
        frequent=frequent,
        rest=len(known) - sum(frequent.values()),
    )


def _histogram(ordered: _Floats) -> Histogram:
    edges = _inner_edges(ordered)
    places = len(edges) + 3
    empty = Histogram(float(ordered[0]), float(ordered[-1]), edges, (0,) * places, (0.0,) * places)
    return empty.refilled(ordered)


def _inner_edges(ordered: _Floats) -> tuple[float, ...]:
    """Take quantiles as edges; each repeated one, and the minimum, gives its spare edge to the next value.

    So a value that holds several quantiles, such as the 0 of a flag or of a count, stands by itself.
    """
    ranks = np.arange(1, MAX_BINS) * ordered.size // MAX_BINS
    edges, repeats = np.unique(ordered[ranks], return_counts=True)
    crowded = edges[(repeats > 1) | (edges == ordered[0])]
    after = np.searchsorted(ordered, crowded, side="right")
    spare = ordered[after[after < ordered.size]]
    return tuple(float(edge) for edge in np.union1d(edges, spare) if edge > ordered[0])


def _finite(values: np.ndarray) -> _Floats:
    numbers = np.asarray(values, dtype=np.float64)
    return np.asarray(numbers[np.isfinite(numbers)])


def _numbers(column: pd.Series) -> _Floats:
    try:
        return np.asarray(column.astype("float64"), dtype=np.float64)
    except (TypeError, ValueError) as err:
        raise ConfigError(
            f"feature {column.name!r} must hold numbers, got {column.dropna().iloc[0]!r} ({column.dtype}); "
            "name it among the categorical features of the ModelSpec, or make it a number"
        ) from err


def _read_numeric(record: Mapping[str, Any]) -> NumericProfile:
    found = record["histogram"]
    places = {name: tuple(found[name]) for name in ("inner_edges", "counts", "sums")}
    return NumericProfile(**{**record, "histogram": Histogram(found["low"], found["high"], **places)})
