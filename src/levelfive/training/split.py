"""Splits by time: a holdout of the newest days, and blocks of whole weeks. Never by random rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levelfive.core.days import DAY, day_of, start_of
from levelfive.core.texts import counted
from levelfive.core.windows import Window, is_utc, iso
from levelfive.errors import ConfigError, EvidenceError, require
from levelfive.usecase.policies import GatePolicy

MIN_TRAIN_DAYS = 14

_A_MONDAY = datetime(2000, 1, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Split:
    """Prediction times to train on, and the later ones to judge by, which start where the former end."""

    train: Window
    holdout: Window

    @property
    def whole(self) -> Window:
        """Both together."""
        return Window(self.train.start, self.holdout.end)


def split_by_holdout(
    as_of: datetime,
    earliest: datetime,
    policy: GatePolicy,
    *,
    maturity: timedelta = timedelta(0),
    day_starts_at: timedelta = timedelta(0),
    min_train_days: int = MIN_TRAIN_DAYS,
    days: Collection[date] | None = None,
) -> Split:
    """Hold out the newest days before `as_of`, and train on all that lies before them.

    The holdout starts with a day of the use case, so that no day lies on both sides: it is up to a day
    longer than `policy.holdout_days`. Only days that have rows count: it goes back over those that have none, as far
    as `min_train_days` that have some are left to train on.

    Args:
        as_of: The logical now, in UTC.
        earliest: The first prediction time that there is data for, in UTC.
        policy: Says how many days are held out.
        maturity: Rows younger than this are left out. Outcomes that become known first differ from those
            that follow (the late ones follow), so that young rows with a label are a biased choice.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
        min_train_days: The least length of the training window.
        days: The use case's days that have rows to learn from; by default, all have.

    Raises:
        ConfigError: A time is not in UTC, or `min_train_days` is below 1.
        EvidenceError: The time since `earliest` is too short, or no day is left to hold out.
    """
    for name, moment in (("as_of", as_of), ("earliest", earliest)):
        demand = f"{name} must be a time in UTC"
        require(is_utc(moment), demand, got=moment, remedy="set its time zone", error=ConfigError)
    if min_train_days < 1:
        raise ConfigError(f"a split needs at least 1 day to train on, got min_train_days={min_train_days}")
    newest = partial(newest_days, as_of, policy, maturity=maturity, day_starts_at=day_starts_at)
    holdout = newest()
    if holdout.start - earliest < min_train_days * DAY:
        required_days = (as_of - holdout.start) / DAY + min_train_days
        raise EvidenceError(
            f"a training as of {iso(as_of)} needs {required_days:.1f} days of data ({min_train_days} to train on, "
            f"{policy.holdout_days} or more to hold out, the rest too young), got "
            f"{(as_of - earliest) / DAY:.1f} since {iso(earliest)}; "
            "take a later as_of, load older data or lower holdout_days"
        )
    if days is None:
        return Split(Window(earliest, holdout.start), holdout)
    starts = _starts(days, day_starts_at, before=holdout.end)
    spare = starts[min_train_days:] or [holdout.start]
    holdout = Window(min(holdout.start, max(newest(days=days).start, spare[0])), holdout.end)
    if not any(start >= holdout.start for start in starts):
        raise EvidenceError(
            f"a training as of {iso(as_of)} needs {min_train_days} days with rows to train on, and later ones to hold "
            f"out, got {len(starts)} since {iso(earliest)}; take a later as_of or load older data"
        )
    return Split(Window(earliest, holdout.start), holdout)


def moved_back(holdout: Window, policy: GatePolicy) -> tuple[str, ...]:
    """Say how far a holdout goes back over days without rows; nothing where it does not."""
    days = holdout.length // DAY - policy.holdout_days
    if days < 1:
        return ()
    return (
        f"the holdout begins {counted(days, 'day')} earlier, at {iso(holdout.start)}: as many days since "
        "then have no mature labels, or are left out",
    )


def newest_days(
    as_of: datetime,
    policy: GatePolicy,
    *,
    maturity: timedelta,
    day_starts_at: timedelta,
    days: Collection[date] | None = None,
) -> Window:
    """Find the newest days that a model is judged by; see `split_by_holdout`."""
    end = as_of - maturity
    start = start_of(day_of(end - policy.holdout_days * DAY, day_starts_at), day_starts_at)
    if days is not None:
        whole = [one for one in _starts(days, day_starts_at, before=end) if one + DAY <= end]
        start = min([start, *whole[-policy.holdout_days :]])
    return Window(start, end)


def blocks_of_weeks(
    times: pd.Series | pd.DatetimeIndex | NDArray[Any], n_blocks: int, *, day_starts_at: timedelta = timedelta(0)
) -> NDArray[np.intp]:
    """Cut whole weeks, Monday to Sunday, into contiguous blocks of nearly equal numbers of weeks that have rows.

    Random rows would put rows of one day, and of one aircraft's rotation, on both sides of a cut.

    Args:
        times: Prediction times, shape (rows,); those without a time zone are taken as UTC.
        n_blocks: The number of blocks, at least 1; with fewer weeks, each is a block.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.

    Returns:
        The block of each row, from 0 on in the order of time, shape (rows,).

    Raises:
        EvidenceError: A time is missing.
    """
    weeks, week_of_row = np.unique(_weeks(times, day_starts_at), return_inverse=True)
    return np.asarray(week_of_row * min(n_blocks, weeks.size) // max(weeks.size, 1))


def _weeks(times: pd.Series | pd.DatetimeIndex | NDArray[Any], day_starts_at: timedelta) -> NDArray[Any]:
    moments = pd.DatetimeIndex(pd.to_datetime(times, utc=True))
    if moments.hasnans:
        raise EvidenceError(
            f"every row needs a prediction time to be put into a week, got "
            f"{pd.isna(moments).sum()} of {len(moments)} rows without one; leave them out"
        )
    return np.asarray((moments - _A_MONDAY - day_starts_at) // timedelta(weeks=1))


def _starts(days: Collection[date], day_starts_at: timedelta, *, before: datetime) -> list[datetime]:
    starts = (start_of(day, day_starts_at) for day in sorted(days))
    return [start for start in starts if start < before]
