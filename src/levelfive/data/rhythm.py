"""The rhythm of a source: which days have no rows, or hardly any, although its past lets one expect them.

Nothing but counts by day is known here. Days are judged in their order, each by what was there before it:

- What is usual of a day is the median of the last `USUAL_DAYS` days that have rows; of its own weekday, where those
  hold `MIN_OF_WEEKDAY` of it. A day with less than `LEAST_SHARE` of that counts as one without rows.
- A weekday that has rows in less than `CLOSED_SHARE` of its days is closed, if another one is open: its empty days are
  none.
- Empty days in succession are a hole where so many of them are expected less than once a year: with a share p of empty
  days, k or more of them follow each other 365 (1 - p) p^k times a year. p is what the past year had, with a standard
  error added, or what chance alone gives days of so few rows (Poisson: exp(-usual)), where their number varies so.
- Days of a hole are not the past that later ones are judged by, unless holes as long come up again and again: then that
  is the rhythm.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from statistics import fmean, median, pvariance

from levelfive.core.days import DAY
from levelfive.core.windows import LONGEST_GAP

USUAL_DAYS = 56
MIN_KNOWN_DAYS = 28
MIN_OF_WEEKDAY = 4
LEAST_SHARE = 0.1
CLOSED_SHARE = 0.2
OPEN_SHARE = 0.5
YEAR_DAYS = 365
# As many holes of one length in a year are how the source is.
USUAL_HOLES = 3
# One row after a hole may be of a mistyped date.
MIN_ROWS_AFTER = 2
# Of counts that vary by chance, the variance is their mean; of those that vary less, none is 0 by chance.
LEAST_DISPERSION = 0.5
# Holes that ended longer ago are not looked for.
JUDGED_DAYS = 2 * YEAR_DAYS


@dataclass(frozen=True, order=True)
class DaySpan:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def length(self) -> int:
        """How many days it is."""
        return (self.last - self.first).days + 1

    def days(self) -> Iterator[date]:
        """List the days."""
        return (self.first + place * DAY for place in range(self.length))


@dataclass(frozen=True)
class SourceRhythm:
    """What is known of a source's days: how many have rows, and the holes among them.

    With fewer than `MIN_KNOWN_DAYS` days that have rows, nothing can be said of holes.
    """

    known_days: int
    holes: tuple[DaySpan, ...]

    @property
    def can_tell(self) -> bool:
        """Whether there is enough of a past to judge by."""
        return self.known_days >= MIN_KNOWN_DAYS


def rhythm(rows_by_day: Mapping[date, int], *, until: date) -> SourceRhythm:
    """Find the days on which rows are missing; of the days after the newest rows, nothing is said.

    Args:
        rows_by_day: How many rows were accepted of each day; days without rows may be left out.
        until: The last day that is looked at: dates beyond it, mistyped ones among them, change nothing.
    """
    spans = _together(sorted(day for day, rows in rows_by_day.items() if rows > 0 and day <= until), until)
    if not spans:
        return SourceRhythm(0, ())
    past, holes = _Past(), []
    empty, low = list[date](), list[tuple[date, int]]()
    after = sum(rows_by_day[day] for day in spans)
    for place in range((spans[-1] - spans[0]).days + 1):
        day = spans[0] + place * DAY
        rows = rows_by_day.get(day, 0)
        present = not past.is_empty(day, rows)
        if not present:
            empty.append(day)
            low += [(day, rows)] if rows else []
        if present or len(low) == MIN_KNOWN_DAYS:
            if past.begins_after(empty):
                past, empty = _Past(), []
            missed_days = past.missed(empty)
            if missed_days and after < max(MIN_ROWS_AFTER, LEAST_SHARE * past.usual(day) * present):
                break
            holes += [DaySpan(missed_days[0], missed_days[-1])] if missed_days else []
            # Hardly any rows for so long are what is usual from then on.
            past.add(empty if present and not missed_days else [], [(day, rows)] if present else low)
            empty, low = [], []
        after -= rows
    return SourceRhythm(len(spans), tuple(hole for hole in holes if (until - hole.last).days <= JUDGED_DAYS))


def _together(days: Sequence[date], until: date) -> Sequence[date]:
    """Leave out days too long ago to matter, and those before a gap of more than a year, which are mistyped."""
    days = [day for day in days if (until - day).days <= JUDGED_DAYS + YEAR_DAYS]
    gaps = (place for place, (one, other) in enumerate(pairwise(days), 1) if other - one > LONGEST_GAP)
    return days[max(gaps, default=0) :]


def _by_chance(rows: Sequence[int], usual: float) -> float:
    """Tell the share of days that have no rows by chance alone."""
    return math.exp(-usual) if pvariance(rows) >= LEAST_DISPERSION * fmean(rows) else 0.0


@dataclass
class _Past:
    """What days are judged by, oldest first.

    Attributes:
        days: The past year but for its holes, each day with its rows; 0 is an empty one.
        last: The last days that have rows.
        holes: The last day of each hole, and how many days it has.
    """

    days: list[tuple[date, int]] = field(default_factory=list)
    last: deque[tuple[date, int]] = field(default_factory=lambda: deque(maxlen=USUAL_DAYS))
    holes: list[tuple[date, int]] = field(default_factory=list)

    def is_empty(self, day: date, rows: int) -> bool:
        return rows == 0 or (self._can_tell() and rows < LEAST_SHARE * self.usual(day))

    def begins_after(self, empty: Sequence[date]) -> bool:
        """Tell whether all days before these empty ones are of mistyped dates: few, and long before the others."""
        return USUAL_DAYS < len(empty) > len(self.days) and not self._can_tell()

    def usual(self, day: date) -> float:
        """Tell how many rows such a day has."""
        same = [rows for of, rows in self.last if of.weekday() == day.weekday()]
        sample = same if len(same) >= MIN_OF_WEEKDAY else [rows for _, rows in self.last]
        return median(sample) if sample else 0.0

    def missed(self, empty: Sequence[date]) -> list[date]:
        """Choose, of empty days in a row, the first to the last that rows are missing of; none where all is usual."""
        if not empty or not self._can_tell():
            return []
        closed_weekdays = self._closed()
        expected_days = [day for day in empty if day.weekday() not in closed_weekdays]
        if not expected_days or self._times_a_year(expected_days, closed_weekdays) >= 1:
            return []
        recent = [length for last, length in self.holes if (expected_days[0] - last).days <= YEAR_DAYS]
        self.holes.append((expected_days[-1], len(expected_days)))
        if sum(length >= len(expected_days) for length in recent) >= USUAL_HOLES:
            return []
        return expected_days

    def add(self, empty: Sequence[date], present: Sequence[tuple[date, int]]) -> None:
        """Remember days that have rows, and the empty ones before them that are no hole."""
        if len(present) > 1:
            self.last.clear()
        self.days += [*((day, 0) for day in empty), *present]
        self.last.extend(present)
        while (self.days[-1][0] - self.days[0][0]).days > YEAR_DAYS:
            self.days.pop(0)

    def _times_a_year(self, expected_days: Sequence[date], closed_weekdays: frozenset[int]) -> float:
        """Expect how often a year has so many empty days in succession."""
        row_counts = [rows for day, rows in self.days if day.weekday() not in closed_weekdays]
        empty_days = sum(rows == 0 for rows in row_counts)
        share = min(1.0, (empty_days + math.sqrt(empty_days)) / len(row_counts))
        share = max(share, _by_chance(row_counts[-USUAL_DAYS:], min(self.usual(day) for day in expected_days)))
        return YEAR_DAYS * (1 - share) * share ** len(expected_days)

    def _closed(self) -> frozenset[int]:
        shares = {}
        for weekday in range(7):
            present = [rows > 0 for day, rows in self.days[-USUAL_DAYS:] if day.weekday() == weekday]
            if len(present) >= MIN_OF_WEEKDAY:
                shares[weekday] = sum(present) / len(present)
        if max(shares.values(), default=0.0) < OPEN_SHARE:
            return frozenset()
        return frozenset(weekday for weekday, share in shares.items() if share < CLOSED_SHARE)

    def _can_tell(self) -> bool:
        return len(self.last) >= MIN_KNOWN_DAYS
