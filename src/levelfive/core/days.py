"""Days of a use case: they begin so long after UTC midnight as it says, the same for windows, numbers and dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

import numpy as np
import numpy.typing as npt

DAY = timedelta(days=1)
EPOCH_DAY = date(1970, 1, 1)
"""Day 0: from here on, days are counted as whole numbers."""

_SECONDS = 86_400
_Seconds = TypeVar("_Seconds", int, npt.NDArray[np.int64])


def day_of(moment: datetime, day_starts_at: timedelta) -> date:
    """Tell on which day a UTC time lies."""
    return (moment - day_starts_at).date()


def start_of(day: date, day_starts_at: timedelta) -> datetime:
    """Tell when a day begins."""
    return datetime.combine(day, time(), UTC) + day_starts_at


def day_number(seconds: _Seconds, day_starts_at: timedelta) -> _Seconds:
    """Tell the number of the day of times in whole seconds since 1970."""
    return (seconds - offset_seconds(day_starts_at)) // _SECONDS


def offset_seconds(day_starts_at: timedelta) -> int:
    """Tell in whole seconds how long after UTC midnight a day begins."""
    return int(day_starts_at.total_seconds())


def date_of(number: int) -> date:
    """Turn a day's number into its date."""
    return EPOCH_DAY + number * DAY


def number_of(day: date) -> int:
    """Turn a date into its day's number."""
    return (day - EPOCH_DAY).days
