"""The baseline: a profile of what a model was trained on, that later windows are compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import NDArray

from levelfive.errors import ConfigError, DataError, EvidenceError
from levelfive.statistics.categories import category_texts, factorized
from levelfive.statistics.day_blocks import DayBlocks
from levelfive.statistics.histograms import Floats, Histogram, finite
from levelfive.statistics.partials import (
    Groups,
    partial_numeric,
    partials_of_codes,
    partials_of_groups,
)
from levelfive.statistics.profiles import (
    MAX_CATEGORIES,
    CategoricalProfile,
    NumericProfile,
    finish_numeric,
    profile_categorical,
    profile_numeric,
)
from levelfive.statistics.sliced_counts import SlicedCounts
from levelfive.statistics.worst_segments import TrainingLosses

LABEL_PROFILE = "(label)"  # no feature is called so: Delta refuses column names with brackets
SCORE_PROFILE = "(score)"
"""The score of a task with one score column."""

DailyCounts: TypeAlias = tuple[tuple[int, ...], ...]
"""By day, in order, and by bin: those of the histogram, or the frequent categories and the rest."""


RECENT_DAYS = 56
_BY_SLICE = ("slice_counts", "slice_outcomes")


@dataclass(frozen=True)
class RecentDay:
    """What one of the last days of a training set shows of a feature.

    Args:
        day: The use case's day, as whole days since 1970.
        rows: Rows of the day.
        nulls: Of them, without a value.
        most_frequent: Count of the most frequent value.
        quantiles: By level of `QUANTILES`, written as text; empty for categories, and without values.
    """

    day: int
    rows: int
    nulls: int
    most_frequent: int
    quantiles: Mapping[str, float]


@dataclass(frozen=True)
class Baseline:
    """Profiles of a training set's features by name, of its labels and of scores of its rows.

    Args:
        rows: Training examples.
        numeric: Profiles of the features that are numbers.
        categorical: Profiles of the features that are categories.
        label: Profile of the labels.
        scores: Profiles of the scores, by models that had not seen the rows that they scored, by what `profiled_as`
            makes of the names of the score columns; at least one.
        daily: Counts of each day that has rows, by feature name, `LABEL_PROFILE` and the names of `scores`; empty if
            the days were not given.
        recent: The last `RECENT_DAYS` days by feature name, in order; empty if the days were not given.
        losses: Of the scores, by segment; None of a version of an earlier levelfive.
        slice_counts: Counts of values by slice and day, likewise.
        slice_outcomes: The same of labels and scores, by the names of `LABEL_PROFILE` and of `scores`, likewise.
    """

    rows: int
    numeric: Mapping[str, NumericProfile]
    categorical: Mapping[str, CategoricalProfile]
    label: NumericProfile
    scores: Mapping[str, NumericProfile]
    daily: Mapping[str, DailyCounts]
    recent: Mapping[str, tuple[RecentDay, ...]] = field(default_factory=dict)
    losses: TrainingLosses | None = None
    slice_counts: SlicedCounts | None = None
    slice_outcomes: SlicedCounts | None = None

    def to_json(self) -> str:
        """Write the baseline as JSON, with null for what is not defined."""
        # The daily counts are by far the most, and `asdict` would copy them one by one.
        by_slice = {name: getattr(self, name) for name in _BY_SLICE}
        record = {**asdict(replace(self, daily={}, slice_counts=None, slice_outcomes=None)), "daily": dict(self.daily)}
        record |= {
            name: {**asdict(replace(counts, daily=())), "daily": counts.daily}
            for name, counts in by_slice.items()
            if counts is not None
        }
        return json.dumps(record, allow_nan=False, separators=(",", ":"))

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
                numeric={name: _read_numeric(profile) for name, profile in record["numeric"].items()},
                categorical={name: _read_categorical(profile) for name, profile in record["categorical"].items()},
                label=_read_numeric(record["label"]),
                scores={name: _read_numeric(one) for name, one in record["scores"].items()},
                daily={name: tuple(map(tuple, days)) for name, days in record["daily"].items()},
                recent={
                    name: tuple(RecentDay(**day) for day in days) for name, days in record.get("recent", {}).items()
                },
                losses=None if record.get("losses") is None else TrainingLosses.from_record(record["losses"]),
                **{
                    name: SlicedCounts.from_record(counts)
                    for name in _BY_SLICE
                    if (counts := record.get(name)) is not None
                },
            )
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise DataError(f"expected a baseline as Baseline.to_json writes it, got {text[:200]!r}") from err


def profiled_as(score_column: str) -> str:
    """Name what a score column is profiled as, beside features that may have its own name."""
    return f"({score_column})"


def score_column(profile_name: str) -> str:
    """Find the score column that is profiled by a name."""
    return profile_name[1:-1]


def is_score(profile_name: str) -> bool:
    """Tell whether a profiled column is no feature, but a score."""
    return profile_name.startswith("(")


def profile_baseline(
    features: pd.DataFrame,
    categorical: Sequence[str],
    *,
    label: NDArray[Any],
    score: NDArray[Any],
    days: NDArray[Any] | None = None,
    score_days: NDArray[Any] | None = None,
    score_columns: Sequence[str] = ("score",),
) -> Baseline:
    """Profile the features, labels and scores of a training set.

    Args:
        features: One row a training example, one column a feature.
        categorical: The columns that are categories; all others are numbers.
        label: Labels, shape (rows,).
        score: Scores by models that had not seen what they scored, shape (scores,), or (scores, columns) of several
            score columns; of any length, such as that of the holdout.
        days: Whole numbers of the rows' days, shape (rows,); without them there are no daily counts.
        score_days: The same of the scores. Without them, scores have daily counts only if there is one a row.
        score_columns: The names of the score columns.

    Raises:
        ConfigError: A categorical column is missing, or a numeric one holds no numbers.
        EvidenceError: There are no rows, or not one day a row or a score.
    """
    if features.empty:
        raise EvidenceError("a baseline needs at least one row and one feature, got an empty training set")
    missing = sorted(set(categorical) - set(features.columns))
    if missing:
        raise ConfigError(f"categorical features must be columns, there is no {', '.join(missing)}; see the ModelSpec")
    scores = {
        profiled_as(name): np.asarray(score)[:, index] if np.ndim(score) > 1 else score
        for index, name in enumerate(score_columns)
    }
    numbers = {name: _numbers(features[name]) for name in features.columns if name not in set(categorical)}
    baseline = Baseline(
        rows=len(features),
        numeric={name: profile_numeric(values) for name, values in numbers.items()},
        categorical={name: profile_categorical(features[name]) for name in categorical},
        label=_profile_labels(label),
        scores={name: profile_numeric(values) for name, values in scores.items()},
        daily={},
    )
    if days is None:
        return baseline
    blocks = DayBlocks.of(days, len(features))
    daily = {name: _daily_numbers(values, baseline.numeric[name].histogram, blocks) for name, values in numbers.items()}
    daily |= {name: _daily_categories(features[name], baseline.categorical[name], blocks) for name in categorical}
    daily[LABEL_PROFILE] = _daily_numbers(label, baseline.label.histogram, blocks)
    if score_days is None and len(score) == len(features):
        score_days = days
    if score_days is not None:
        of_scores = DayBlocks.of(score_days, len(score))
        daily |= {name: _daily_numbers(of, baseline.scores[name].histogram, of_scores) for name, of in scores.items()}
    return replace(baseline, daily=daily, recent=_recent(features, baseline, np.asarray(days)))


def _profile_labels(labels: NDArray[Any]) -> NumericProfile:
    """Profile labels: where they have few values, as classes do, each has a bin of its own, however rare it is."""
    values = np.unique(finite(labels))
    if not 0 < values.size <= MAX_CATEGORIES:
        return profile_numeric(labels)
    low, *others = values.tolist()
    histogram = Histogram(low, values[-1].item(), tuple(others), (), ())
    return finish_numeric(partial_numeric(labels, histogram), histogram)


def _recent(features: pd.DataFrame, baseline: Baseline, days: NDArray[Any]) -> dict[str, tuple[RecentDay, ...]]:
    there = np.unique(days)[-RECENT_DAYS:]
    late = days >= there[0]
    rows, codes = features[late], np.searchsorted(there, days[late])
    groups, recent = Groups.of(codes, there.size), dict[str, tuple[RecentDay, ...]]()
    for name in features.columns:
        if name in baseline.categorical:
            parts = partials_of_codes(*factorized(category_texts(rows[name])), codes, there.size)
            quantiles: list[Mapping[str, float]] = [{}] * there.size
        else:
            histogram = baseline.numeric[name].histogram
            parts = partials_of_groups(_numbers(rows[name])[groups.order], groups, histogram)
            quantiles = [finish_numeric(part, histogram).quantiles for part in parts]
        recent[name] = tuple(
            RecentDay(int(day), part.count + part.nulls, part.nulls, part.most_frequent, levels)
            for day, part, levels in zip(there, parts, quantiles, strict=True)
        )
    return recent


def _daily_numbers(values: NDArray[Any], histogram: Histogram, blocks: DayBlocks) -> DailyCounts:
    numbers = np.asarray(values, dtype=np.float64)
    days = blocks.codes[np.isfinite(numbers)]
    return _cross(days, histogram.bins_of(finite(numbers)), (blocks.days, len(histogram.counts)))


def _daily_categories(values: pd.Series, profile: CategoricalProfile, blocks: DayBlocks) -> DailyCounts:
    names = pd.Index(list(profile.frequent), dtype=object)
    has_value = values.notna().to_numpy()
    bins = names.get_indexer(pd.Index(category_texts(values)[has_value], dtype=object))
    days = blocks.codes[has_value]
    return _cross(days, np.where(bins < 0, len(names), bins), (blocks.days, len(names) + 1))


def _cross(days: npt.NDArray[np.intp], bins: npt.NDArray[np.intp], shape: tuple[int, int]) -> DailyCounts:
    """Count the rows of each pair of day and bin."""
    counts = np.bincount(days * shape[1] + bins, minlength=shape[0] * shape[1])
    return tuple(map(tuple, counts.reshape(shape).tolist()))


def _numbers(column: pd.Series) -> Floats:
    try:
        return np.asarray(column.astype("float64"), dtype=np.float64)
    except (TypeError, ValueError) as err:
        raise ConfigError(
            f"feature {column.name!r} must hold numbers, got {column.dropna().iloc[0]!r} ({column.dtype}); "
            "name it among the categorical features of the ModelSpec, or make it a number"
        ) from err


def _read_numeric(record: Mapping[str, Any]) -> NumericProfile:
    histogram = record["histogram"]
    bins = {name: tuple(histogram[name]) for name in ("inner_edges", "counts", "sums")}
    return NumericProfile(**{**record, "histogram": Histogram(histogram["low"], histogram["high"], **bins)})


def _read_categorical(record: Mapping[str, Any]) -> CategoricalProfile:
    others = record["others"]
    return CategoricalProfile(**{**record, "others": None if others is None else tuple(others)})
