"""Broken columns: a day's values against what the last accepted days show, so that a season is no fault.

Each day and column gives four values (`ValueKind`), compared with those of the recent days: the last 56 accepted days
before it. The idea is that of conformal ranks (Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random
World): a value is strange where it lies further out than any that it is compared with, here `STRETCH` times as far.
Studentised by the recent days' spread, |x - median| / max(1.4826 MAD, a floor), both sides of that comparison have one
denominator, which cancels; so it is not computed, and the floor is one of the reach itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from levelfive.monitoring.strange import (
    FLOORS,
    LEAST,
    Bools,
    Compared,
    DailyValues,
    ValueKind,
    compare_days,
    greatest,
    median,
)
from levelfive.statistics.histograms import Floats

RECENT_DAYS = 56
MIN_RECENT_DAYS = 28
MIN_ROWS = 200
# Older days are not compared with: what has been called broken for a season becomes what is usual, day by day.
OLDEST_DAYS = 112
# One for all columns and values: from 1.5 on no week of April to August of the flights is called, and from 1.75 on at
# most one in fifty simulated weeks without a change.
STRETCH = 1.75


@dataclass(frozen=True, eq=False)
class Judged:
    """What is said of each day that was to be judged; shapes (days, columns) and (days, columns, kinds).

    Args:
        enough_days: Whether there were enough recent days. Where there were not, nothing can be said.
        flags: Whether the value is strange and the change matters.
        broken: Whether the column is broken on the day: by two flagged days running, or by one far out.
        value: The day's value: a share, or a factor.
        usual: The median of the recent days, likewise; of a factor 1.
        seen_from: The smallest change that two days running would be called for: points of a share, or a factor.
            NaN where the value cannot be had, infinite where no share is large enough.
    """

    enough_days: Bools
    flags: Bools
    broken: Bools
    value: Floats
    usual: Floats
    seen_from: Floats


def judge_days(
    values: DailyValues, first: int, *, broken_before: Bools | None = None, stretch: float = STRETCH
) -> Judged:
    """Judge the days from a place on, each by the accepted days before it.

    A day that was flagged and not called waits for the next one: it is one of the recent days only once that is known,
    or a fault that stays would be what it is itself compared with.

    Args:
        values: The days before, of which the recent ones are chosen, and those to judge.
        first: Place of the first day to judge. The day before it is flagged anew, whether it was broken or not.
        broken_before: Which days before were called broken, shape (days, columns); they are not compared with.
        stretch: How many times the recent days' reach a value must lie out.
    """
    enough = values.rows >= MIN_ROWS
    broken_before = np.zeros_like(enough) if broken_before is None else broken_before

    def compare(day: int, recent: Bools) -> Compared:
        return compare_days(values, day, recent, stretch)

    return _judged(values.ordinals, enough & ~broken_before, broken_before, first, judgeable=enough, compare=compare)


def judge_volume(
    ordinals: npt.NDArray[np.int64],
    rows: Floats,
    first: int,
    *,
    broken_before: Bools | None = None,
    stretch: float = STRETCH,
) -> Judged:
    """Judge how many rows the days have, in the same way: too few are broken, more than usual are not.

    Args:
        ordinals: The days as whole numbers, increasing, shape (days,).
        rows: Rows of each day, shape (days,).
        first: Place of the first day to judge.
        broken_before: Which days before were called broken, shape (days,); they are not compared with.
        stretch: How many times the recent days' reach the number must lie out.

    Returns:
        One column and one kind: `value` and `usual` are rows, and `seen_from` is the factor by which they are fewer.
    """
    logs = np.log(np.maximum(rows, 1))[:, None]
    has_rows = (rows > 0)[:, None]
    broken_before = np.zeros_like(has_rows) if broken_before is None else broken_before[:, None]

    def compare(day: int, recent: Bools) -> Compared:
        before = np.where(recent, logs[:day], np.nan)
        middle = median(before)
        reach = np.maximum(greatest(np.abs(before - middle)), FLOORS[ValueKind.FACTOR])
        fewer, least = middle - logs[day], LEAST[ValueKind.FACTOR]
        matters = (fewer > least) & (np.exp(middle) >= MIN_ROWS)
        return Compared(
            flags=(matters & (fewer > stretch * reach))[:, None],
            far=(matters & (fewer > 2 * stretch * reach))[:, None],
            value=rows[day : day + 1, None],
            usual=np.exp(middle)[:, None],
            seen_from=np.exp(np.maximum(stretch * reach, least))[:, None],
        )

    usable, judgeable = has_rows & ~broken_before, np.ones_like(has_rows)
    return _judged(ordinals, usable, broken_before, first, judgeable=judgeable, compare=compare)


def _without_first_flags(
    ordinals: npt.NDArray[np.int64],
    usable: Bools,
    broken_before: Bools,
    first: int,
    *,
    compare: Callable[[int, Bools], Compared],
) -> Bools:
    """Do not use a flagged day that was said to be sound before the next one, by a later run, was called with it."""
    usable = usable.copy()
    for day in range(first - 1):
        suspects = usable[day] & broken_before[day + 1]
        if ordinals[day + 1] == ordinals[day] + 1 and suspects.any():
            recent = _recent(ordinals, usable, day, None)
            enough = recent.sum(axis=0) >= MIN_RECENT_DAYS
            usable[day] &= ~(suspects & enough & compare(day, recent).flags.any(axis=1))
    return usable


def _judged(
    ordinals: npt.NDArray[np.int64],
    usable: Bools,
    broken_before: Bools,
    first: int,
    *,
    judgeable: Bools,
    compare: Callable[[int, Bools], Compared],
) -> Judged:
    days, columns = usable.shape
    usable = _without_first_flags(ordinals, usable, broken_before, first, compare=compare)
    broken = np.zeros((days, columns), bool)
    by_day: list[tuple[Bools, Compared, Bools]] = []
    waiting: Bools | None = None
    for day in range(max(first - 1, 0), days):
        if day == 0 or waiting is None or ordinals[day] != ordinals[day - 1] + 1:
            waiting = None
        recent = _recent(ordinals, usable, day, waiting)
        comparison = compare(day, recent)
        enough = (recent.sum(axis=0) >= MIN_RECENT_DAYS) & judgeable[day]
        flags = comparison.flags & enough[:, None]
        running = np.zeros(columns, bool) if waiting is None else (flags & waiting).any(axis=1)
        waiting = flags
        if day < first:
            continue
        by_day.append((enough, comparison, flags))
        broken[day] = running | (comparison.far & enough[:, None]).any(axis=1)
        if day > first:
            broken[day - 1] |= running  # two days running are both broken, and neither is compared with
            usable[day - 1] &= ~running
        usable[day] &= ~broken[day]
    return _together(first, broken, by_day)


def _together(first: int, broken: Bools, by_day: Sequence[tuple[Bools, Compared, Bools]]) -> Judged:
    return Judged(
        enough_days=np.stack([enough for enough, _, _ in by_day]),
        flags=np.stack([flags for _, _, flags in by_day]),
        broken=broken[first:],
        value=np.stack([comparison.value for _, comparison, _ in by_day]),
        usual=np.stack([comparison.usual for _, comparison, _ in by_day]),
        seen_from=np.stack([comparison.seen_from for _, comparison, _ in by_day]),
    )


def _recent(ordinals: npt.NDArray[np.int64], usable: Bools, day: int, waiting: Bools | None) -> Bools:
    """Choose the last accepted days before a day, shape (day, columns)."""
    mine = usable[:day].copy()
    if waiting is not None:
        mine[-1] &= ~waiting.any(axis=1)
    mine[ordinals[:day] < ordinals[day] - OLDEST_DAYS] = False
    later = np.cumsum(mine[::-1], axis=0)[::-1]
    return np.asarray(mine & (later <= RECENT_DAYS))
