"""What is known of the days of a model's columns: of its training, of earlier windows, and of the window itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from levelfive.core.days import DAY, date_of, day_of, number_of, start_of
from levelfive.core.windows import Window
from levelfive.monitoring.broken import Judged, judge_days, judge_volume
from levelfive.monitoring.faults import Fault, Faults
from levelfive.monitoring.profiling import WindowProfiles, finish
from levelfive.monitoring.strange import KINDS, LEVELS, Bools, DailyValues, ValueKind
from levelfive.statistics.baseline import SCORE_PROFILE, Baseline, is_score
from levelfive.statistics.histograms import Histogram
from levelfive.statistics.partials import Partial
from levelfive.statistics.profiles import CategoricalProfile, NumericProfile

# A number is far outside a range where it lies so many of its widths beyond it.
FAR = 0.5


@dataclass(frozen=True)
class DayOfColumn:
    """What a day shows of a column; `broken` if that was said of it."""

    rows: int
    nulls: int
    most_frequent: int
    outside: int | None
    quantiles: Mapping[str, float]
    broken: bool = False


Known = Mapping[tuple[date, str], DayOfColumn]


def far_outside(partial: Partial, profile: NumericProfile | CategoricalProfile) -> int | None:
    """Count the values that a baseline does not have: other categories, and numbers far outside its range.

    Far outside is half of the range's width beyond it.
    """
    if isinstance(profile, CategoricalProfile):
        return profile.outside
    return _far(partial, profile.histogram)


def _far(partial: Partial, histogram: Histogram) -> int:
    if histogram.low is None or histogram.high is None:
        return 0
    margin = FAR * (histogram.high - histogram.low)
    values = partial.ranks.values
    is_far = (values < histogram.low - margin) | (values > histogram.high + margin)
    return int(partial.ranks.counts[is_far].sum())


def days_of_training(baseline: Baseline) -> dict[tuple[date, str], DayOfColumn]:
    """List the training's last days; none of their values is outside of what the training has."""
    return {
        (date_of(day.day), column): DayOfColumn(day.rows, day.nulls, day.most_frequent, 0, day.quantiles)
        for column, days in baseline.recent.items()
        for day in days
    }


def days_before(rows: Iterable[Mapping[str, Any]], window: Window, day_starts_at: timedelta) -> Known:
    """List the whole days before a window that earlier windows profiled; of several profiles, that of most rows.

    Args:
        rows: Of the table `profiles`.
        window: Its start ends what is listed.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
    """
    by_day: dict[tuple[date, str], DayOfColumn] = {}
    for row in rows:
        day, of = row["day"], Window(row["window_start"], row["window_end"])
        if day is None or of.end > window.start or not _within(day, of, day_starts_at):
            continue
        of_day, total = (day, row["column_name"]), row["count"] + row["num_nulls"]
        if of_day not in by_day or by_day[of_day].rows <= total:
            by_day[of_day] = DayOfColumn(
                rows=total,
                nulls=row["num_nulls"],
                most_frequent=row["most_frequent"],
                outside=row["far_outside"],
                quantiles=dict(row["quantiles"]),
                broken=bool(row["broken"]),
            )
    return by_day


def days_of_window(profiles: WindowProfiles, baseline: Baseline, window: Window, day_starts_at: timedelta) -> Known:
    """List the whole days of a window."""
    by_day = {}
    for (day, column), partial in profiles.by_day.items():
        if _within(day, window, day_starts_at):
            profile = finish(partial, column, baseline)
            quantiles = {} if isinstance(profile, CategoricalProfile) else profile.quantiles
            outside = far_outside(partial, profile)
            rows = partial.count + partial.nulls
            by_day[day, column] = DayOfColumn(rows, partial.nulls, partial.most_frequent, outside, quantiles)
    return by_day


def find_faults(before: Known, now: Known) -> Faults:
    """Judge the columns of a window's days by the days before; see `judge_days`."""
    days = sorted({day for day, _ in now})
    columns = sorted({column for _, column in now if not is_score(column)})
    if not days or not columns:
        return Faults()
    earlier = sorted({day for day, column in before if day < days[0] and column in columns})
    days_of_columns = {**before, **now}
    values, broken_before = _values(days_of_columns, [*earlier, *days], columns)
    verdicts = judge_days(values, len(earlier), broken_before=broken_before)
    return Faults(
        columns=tuple(_faults(verdicts, days, columns)),
        judged_columns=tuple(column for place, column in enumerate(columns) if verdicts.enough_days[:, place].any()),
        seen_from={
            column: {str(kind): float(cell) for kind, cell in zip(KINDS, verdicts.seen_from[-1, place], strict=True)}
            for place, column in enumerate(columns)
            if verdicts.enough_days[-1, place]
        },
    )


def find_missing_rows(
    before: Known,
    rows: Mapping[date, int],
    window: Window,
    day_starts_at: timedelta,
    *,
    counted_column: str = SCORE_PROFILE,
) -> list[Fault]:
    """Judge the number of rows of a window's whole days; one without rows counts where its weekday had some before.

    Args:
        before: The days before; a day of `counted_column` that is broken lacked rows.
        rows: Rows of the window's days, of all versions together.
        window: Prediction times.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
        counted_column: The column whose rows are counted, as it is profiled: one of a score.
    """
    counts: dict[date, int] = {}
    for (day, _), one in before.items():
        counts[day] = max(counts.get(day, 0), one.rows)
    first = day_of(window.start, day_starts_at)
    inside = [first + place * DAY for place in range(int(window.length / DAY) + 2)]
    inside = [day for day in inside if _within(day, window, day_starts_at)]
    weekdays = {day.weekday() for day in counts}
    judged_days = [day for day in inside if rows.get(day) or day.weekday() in weekdays]
    if not judged_days:
        return []
    earlier = sorted(day for day in counts if day < judged_days[0])
    broken_before = np.array(
        [before[day, counted_column].broken if (day, counted_column) in before else False for day in earlier]
    )
    ordinals = np.array([number_of(day) for day in (*earlier, *judged_days)])
    totals = np.array([*(counts[day] for day in earlier), *(rows.get(day, 0) for day in judged_days)], dtype=np.float64)
    verdicts = judge_volume(
        ordinals,
        totals,
        len(earlier),
        broken_before=np.concatenate((broken_before, np.zeros(len(judged_days)))).astype(bool),
    )
    return [
        Fault(
            counted_column,
            day,
            ValueKind.FACTOR,
            float(verdicts.value[place, 0, 0]),
            float(verdicts.usual[place, 0, 0]),
        )
        for place, day in enumerate(judged_days)
        if verdicts.broken[place, 0]
    ]


def _within(day: date, window: Window, day_starts_at: timedelta) -> bool:
    start = start_of(day, day_starts_at)
    return window.start <= start and start + DAY <= window.end


def _values(days_of_columns: Known, days: list[date], columns: list[str]) -> tuple[DailyValues, Bools]:
    shape = (len(days), len(columns))
    rows, broken_before = np.zeros(shape), np.zeros(shape, bool)
    nulls, frequent, outside = (np.full(shape, np.nan) for _ in range(3))
    quantiles = np.full((*shape, len(LEVELS)), np.nan)
    for place in np.ndindex(shape):
        one = days_of_columns.get((days[place[0]], columns[place[1]]))
        if one is None or not one.rows:
            continue
        count = one.rows - one.nulls
        rows[place], broken_before[place], nulls[place] = one.rows, one.broken, one.nulls / one.rows
        if count:
            frequent[place] = one.most_frequent / count
            outside[place] = np.nan if one.outside is None else one.outside / count
            quantiles[place] = [one.quantiles.get(level, np.nan) for level in LEVELS]
    ordinals = np.array([number_of(day) for day in days])
    return DailyValues(ordinals, rows, nulls, frequent, outside, quantiles), broken_before


def _faults(verdicts: Judged, days: list[date], columns: list[str]) -> Iterable[Fault]:
    for day, column in zip(*np.nonzero(verdicts.broken), strict=True):
        for place in np.flatnonzero(verdicts.flags[day, column]):
            value, usual = verdicts.value[day, column, place], verdicts.usual[day, column, place]
            yield Fault(columns[column], days[day], KINDS[place], float(value), float(usual))
