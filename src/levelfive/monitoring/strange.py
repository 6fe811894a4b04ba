"""How strange a day's values are against those of the recent days before it, kind by kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from levelfive.statistics.histograms import Floats

Bools = npt.NDArray[np.bool_]

LEVELS = ("0.05", "0.25", "0.5", "0.75", "0.95")
MIN_LEVELS = 3
# A level tells a factor only where its sign is that of their median on so many of the recent days.
SAME_SIGN_SHARE = 0.9
# What has turned to zero has shrunk by at least this factor, and so has what changed its sign by more than it varies:
# a thaw turns the sign of degrees as well.
SHRUNK = 1e-3


class ValueKind(StrEnum):
    """What of a day's values is compared.

    `NULLS`, `FREQUENT` and `OUTSIDE` are shares of rows or values: missing, of the most frequent value, and outside of
    all that the training has: categories that it has not, and numbers far beyond its range, as the first warm days
    after a winter lie a little beyond. `FACTOR` is the one by which all quantiles are multiplied, at least.
    """

    NULLS = "nulls"
    FACTOR = "factor"
    FREQUENT = "frequent"
    OUTSIDE = "outside"


KINDS = tuple(ValueKind)
# The least change that matters: in points of a share, and as the logarithm of a factor.
LEAST = {ValueKind.NULLS: 0.1, ValueKind.FACTOR: float(np.log(1.3)), ValueKind.FREQUENT: 0.1, ValueKind.OUTSIDE: 0.25}
# Over days in a row a factor may also be the world's: it is no other unit below this one.
LEAST_IN_A_ROW = float(np.log(1.5))
# How far a value may always reach, whatever the recent days show: arcsines of roots, and the logarithm of a factor.
FLOORS = {ValueKind.NULLS: 0.1, ValueKind.FACTOR: 0.08, ValueKind.FREQUENT: 0.1, ValueKind.OUTSIDE: 0.25}


@dataclass(frozen=True, eq=False)
class DailyValues:
    """What the days of some columns show; NaN where a column has no such value on a day.

    Args:
        ordinals: The days as whole numbers, increasing, shape (days,).
        rows: Rows of the day, values or not, shape (days, columns).
        nulls: Share of the rows without a value, likewise.
        frequent: Share of the values that are the most frequent one, likewise.
        outside: Share of the values that are new to the training, or far outside its range, likewise.
        quantiles: By level of `LEVELS`, shape (days, columns, levels).
    """

    ordinals: npt.NDArray[np.int64]
    rows: Floats
    nulls: Floats
    frequent: Floats
    outside: Floats
    quantiles: Floats

    @property
    def shares(self) -> dict[ValueKind, Floats]:
        """The three values that are shares."""
        return {ValueKind.NULLS: self.nulls, ValueKind.FREQUENT: self.frequent, ValueKind.OUTSIDE: self.outside}


@dataclass(frozen=True, eq=False)
class Compared:
    """One day against the recent days before it, shapes (columns, kinds): see `Judged`.

    Args:
        flags: Whether the value lies further out than is usual, and the change matters.
        far: Whether its flag is set, and it lies twice as far out.
        value: The day's value.
        usual: The median of the recent days.
        seen_from: The smallest change that is flagged.
    """

    flags: Bools
    far: Bools
    value: Floats
    usual: Floats
    seen_from: Floats


def compare_days(values: DailyValues, day: int, recent: Bools, stretch: float) -> Compared:
    """Compare a day with days before it.

    Args:
        values: The days.
        day: Place of the day.
        recent: Which days before it are compared with, shape (day, columns).
        stretch: How many times the recent days' reach a value must lie out.
    """
    comparisons = [
        _compare_factors(values.quantiles[: day + 1], recent, stretch)
        if kind is ValueKind.FACTOR
        else _compare_shares(values.shares[kind][: day + 1], recent, kind, stretch)
        for kind in KINDS
    ]
    flags, far, *measures = (np.stack(parts, axis=-1) for parts in zip(*comparisons, strict=True))
    return Compared(flags, far, *measures)


def _compare_shares(shares: Floats, recent: Bools, kind: ValueKind, stretch: float) -> tuple[NDArray[Any], ...]:
    angles = np.arcsin(np.sqrt(np.clip(shares, 0, 1)))
    used_days = recent.any(axis=1)
    before = np.where(recent[used_days], angles[:-1][used_days], np.nan)
    middle = median(before)
    reach = np.maximum(greatest(np.abs(before - middle)), FLOORS[kind])
    usual = np.sin(middle) ** 2
    distance, points = angles[-1] - middle, shares[-1] - usual
    if kind is ValueKind.OUTSIDE:  # a training that has seen more lets fewer values lie outside, which is no fault
        distance, points = np.maximum(distance, 0), np.maximum(points, 0)
    matters = np.abs(points) > LEAST[kind]
    farthest = middle + stretch * reach
    least = np.where(farthest < np.pi / 2, np.maximum(np.sin(farthest) ** 2 - usual, LEAST[kind]), np.inf)
    least = np.where(np.isnan(middle), np.nan, np.where(usual + least > 1, np.inf, least))
    return (
        matters & (np.abs(distance) > stretch * reach),
        matters & (np.abs(distance) > 2 * stretch * reach),
        shares[-1],
        usual,
        least,
    )


def _compare_factors(quantiles: Floats, recent: Bools, stretch: float) -> tuple[NDArray[Any], ...]:
    used_days = recent.any(axis=1)
    before = np.where(recent[used_days][:, :, None], quantiles[:-1][used_days], np.nan)
    middle = median(before)
    levels = np.concatenate((before, quantiles[-1:]))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = levels / middle
    counts = (~np.isnan(before)).sum(axis=0)
    same = (ratios[:-1] > 0).sum(axis=0) >= np.maximum(SAME_SIGN_SHARE * counts, 1)
    shifts = np.abs(levels - middle)
    as_ever = (ratios < 0) & (shifts <= 2 * stretch * greatest(shifts[:-1]))
    factors = _common(np.where(as_ever, 1.0, ratios), same)
    enough = _different(middle, same) >= MIN_LEVELS
    factors = np.where(enough, factors, np.nan)
    reach = np.maximum(greatest(np.abs(factors[:-1])), FLOORS[ValueKind.FACTOR])
    distance = np.abs(factors[-1])
    far = (distance > LEAST[ValueKind.FACTOR]) & (distance > 2 * stretch * reach)
    return (
        far | ((distance > LEAST_IN_A_ROW) & (distance > stretch * reach)),
        far,
        np.exp(factors[-1]),
        np.where(np.isnan(reach), np.nan, 1.0),
        np.exp(
            np.minimum(
                np.maximum(stretch * reach, LEAST_IN_A_ROW), np.maximum(2 * stretch * reach, LEAST[ValueKind.FACTOR])
            )
        ),
    )


def _common(ratios: Floats, same: Bools) -> Floats:
    """Find the logarithm of the factor that all levels have at least, 0 where they do not go one way."""
    usable = same & ~np.isnan(ratios)
    logs = np.log(np.fmax(ratios, SHRUNK))
    low = np.where(usable, logs, np.inf).min(axis=-1)
    high = np.where(usable, logs, -np.inf).max(axis=-1)
    factor = np.where(low > 0, low, np.where(high < 0, high, 0.0))
    return np.where(usable.any(axis=-1), factor, np.nan)


def _different(middle: Floats, same: Bools) -> npt.NDArray[np.intp]:
    """Count the levels whose usual quantiles differ: those of a constant tell a factor only once."""
    sorted_levels = np.sort(np.where(same, middle, np.nan), axis=-1)
    return np.asarray(
        (~np.isnan(sorted_levels[..., :1])).sum(axis=-1) + (np.diff(sorted_levels, axis=-1) > 0).sum(axis=-1)
    )


def median(values: Floats) -> Floats:
    """Find the median over the days of what is there, NaN where nothing is."""
    sorted_values = np.sort(np.concatenate((values, np.full((1, *values.shape[1:]), np.nan))), axis=0)
    count = (~np.isnan(sorted_values)).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    pick = (np.take_along_axis(sorted_values, place[None], axis=0)[0] for place in (np.where(count, low, 0), high))
    return np.asarray(sum(pick) / 2)


def greatest(values: Floats) -> Floats:
    """Find the greatest over the days of what is there, NaN where nothing is."""
    return np.asarray(np.fmax.reduce(values, axis=0, initial=np.nan))
