"""Compares the features of answers with the same features computed again, and counts by feature and day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from levelfive.core.days import date_of
from levelfive.core.windows import from_micros
from levelfive.models.package import feature_frame
from levelfive.monitoring.consistency import FeatureDay

COUNTS = ("answers", "mismatches", "missing", "extra", "behind", "valued")
SUMS = {
    "day": "long",
    "feature": "string",
    **dict.fromkeys(COUNTS, "long"),
    "total": "double",
    "greatest": "double",
    "first": "long",
}
"""What `compare` returns: a row a day and feature, with the types of its columns in Spark."""

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LoggedAnswers:
    """Answers to single requests, a row each in all parts.

    Args:
        online: The features that the model was given.
        batch: The same, computed again from the feature tables as of the prediction times.
        behind: By feature, whether what the batch has became known only when the online store had been published last,
            and the store was no further behind than it may be.
        days: The numbers of the use case's days.
        served_at: When it was answered, in microseconds.
    """

    online: pd.DataFrame
    batch: pd.DataFrame
    behind: Mapping[str, Bools]
    days: Ints
    served_at: Ints


def compare(answers: LoggedAnswers, features: Sequence[str], categorical: Sequence[str]) -> pd.DataFrame:
    """Compare features by day, after the model's own cast: numbers as float64, categories as texts.

    Args:
        answers: At least one.
        features: What to compare.
        categorical: Those of them that are categories.

    Returns:
        A row a day and feature, see `SUMS`; `total` and `greatest` are of absolute differences of numbers.
    """
    names, texts = tuple(features), tuple(name for name in features if name in categorical)
    online, batch = (feature_frame(rows, names, texts) for rows in (answers.online, answers.batch))
    days, codes = np.unique(answers.days, return_inverse=True)
    first = np.full(len(days), np.iinfo(np.int64).max)
    np.minimum.at(first, codes, answers.served_at)
    parts = []
    for name in names:
        pair = _Pair.of(online[name], batch[name], is_text=name in texts)
        masks = {
            "answers": np.ones(len(codes), bool),
            "mismatches": pair.mismatch,
            "missing": pair.missing,
            "extra": pair.extra,
            "behind": (pair.mismatch | pair.missing | pair.extra) & answers.behind[name],
            "valued": pair.comparable,
        }
        greatest = np.full(len(days), -1.0)
        np.maximum.at(greatest, codes, np.where(pair.comparable, pair.difference, -1.0))
        parts.append(
            pd.DataFrame(
                {
                    "day": days,
                    "feature": name,
                    **{what: np.bincount(codes[where], minlength=len(days)) for what, where in masks.items()},
                    "total": np.bincount(codes, np.where(pair.comparable, pair.difference, 0.0), minlength=len(days)),
                    "greatest": np.where(greatest < 0, np.nan, greatest),
                    "first": first,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)[list(SUMS)]


def feature_days(rows: Iterable[Mapping[str, object]]) -> tuple[FeatureDay, ...]:
    """Read what `compare` said of all answers, once it was added up."""
    return tuple(sorted(map(_feature_day, rows), key=lambda one: (one.day, one.feature)))


@dataclass(frozen=True)
class _Pair:
    """One feature of both sides, compared; `difference` is that of numbers."""

    mismatch: Bools
    missing: Bools
    extra: Bools
    comparable: Bools
    difference: npt.NDArray[np.float64]

    @classmethod
    def of(cls, online: pd.Series, batch: pd.Series, *, is_text: bool) -> _Pair:
        ours, theirs = online.notna().to_numpy(), batch.notna().to_numpy()
        both, same = ours & theirs, (online == batch).to_numpy()
        if is_text:
            difference, comparable = np.zeros(len(online)), np.zeros(len(online), bool)
        else:
            with np.errstate(invalid="ignore"):  # of two infinite numbers
                difference = np.where(same, 0.0, np.abs(online.to_numpy() - batch.to_numpy()))
            comparable = both
        return cls(both & ~same, theirs & ~ours, ours & ~theirs, comparable, difference)


def _feature_day(row: Mapping[str, object]) -> FeatureDay:
    counts = {name: int(str(row[name])) for name in ("day", *COUNTS, "first")}
    greatest = row["greatest"]
    has_numbers = counts["valued"] > 0 and isinstance(greatest, float) and not math.isnan(greatest)
    served_at = from_micros(counts["first"])
    assert served_at is not None
    return FeatureDay(
        day=date_of(counts["day"]),
        feature=str(row["feature"]),
        answers=counts["answers"],
        mismatches=counts["mismatches"],
        missing=counts["missing"],
        extra=counts["extra"],
        behind=counts["behind"],
        max_difference=float(str(greatest)) if has_numbers else None,
        mean_difference=float(str(row["total"])) / counts["valued"] if has_numbers else None,
        first_served_at=served_at,
    )
