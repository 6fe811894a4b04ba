"""How often data are called broken that are not, and how often those that are: on simulated days and on the flights.

    python benchmarks/broken_data.py                prints the tables of docs/broken-data.md
    python benchmarks/broken_data.py --stretches    prints what `STRETCH` rests on: April to August, and simulations

Of the flights, the columns are those of the landing files, with the weather known two hours before. The constants were
chosen on April to August; the rest of the year shows whether they hold.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from levelfive.monitoring.broken import RECENT_DAYS, STRETCH, judge_days, judge_volume
from levelfive.monitoring.strange import LEVELS, Bools, DailyValues, ValueKind
from levelfive.statistics.histograms import Floats

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
NUMBERS = ("hour", "minute", "sched_dep_time", "sched_arr_time", "distance", "flight")
NUMBERS += ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
CATEGORIES = ("carrier", "origin", "dest")
COLUMNS = (*NUMBERS, *CATEGORIES)
TRAINED_UNTIL, CHOSEN_UNTIL = np.datetime64("2013-04-01"), np.datetime64("2013-09-01")
KILOMETRES_A_MILE = 1.609344
SIMULATED_COLUMNS = 105
WINDOWS = 200


def flights_by_day(fixtures: Path = FIXTURES) -> DailyValues:
    """Summarise the year of flights by New York's days; the columns are `COLUMNS`."""
    flights, weather = (
        pd.concat([pd.read_csv(file) for file in sorted((fixtures / source).glob("*.gz"))])
        for source in ("flights", "weather")
    )
    flights["time"] = pd.to_datetime(flights["time_hour"])
    weather["time"] = pd.to_datetime(weather["time_hour"]) + pd.Timedelta("3h")
    measured = list(NUMBERS[6:])
    weather = weather[["origin", "time", *measured]].drop_duplicates(["origin", "time"])
    rows = flights.merge(weather, on=["origin", "time"], how="left")
    days = pd.to_datetime(rows[["year", "month", "day"]]).to_numpy("datetime64[D]")
    return by_day(rows, days)


def by_day(rows: pd.DataFrame, days: np.ndarray) -> DailyValues:
    """Summarise the rows of each day as monitoring does, compared with those before `TRAINED_UNTIL`."""
    ordinals, codes = np.unique(days.astype(np.int64), return_inverse=True)
    trained, shape = days < TRAINED_UNTIL, (ordinals.size, len(COLUMNS))
    counts = np.repeat(np.bincount(codes)[:, None].astype(float), len(COLUMNS), axis=1)
    nulls, frequent, outside = (np.full(shape, np.nan) for _ in range(3))
    quantiles = np.full((*shape, len(LEVELS)), np.nan)
    for place, name in enumerate(COLUMNS):
        values, strange = _numbers(rows[name], trained) if name in NUMBERS else _codes(rows[name], trained)
        order = np.lexsort((values, codes))
        starts = np.searchsorted(codes[order], np.arange(1, ordinals.size))
        for day, mine in enumerate(np.split(order, starts)):
            known = mine[~np.isnan(values[mine])]
            nulls[day, place] = 1 - known.size / mine.size
            if known.size:
                frequent[day, place] = np.unique(values[known], return_counts=True)[1].max() / known.size
                outside[day, place] = strange[known].mean()
            if known.size and name in NUMBERS:
                quantiles[day, place] = np.quantile(values[known], [float(level) for level in LEVELS])
    return DailyValues(ordinals, counts, nulls, frequent, outside, quantiles)


def _numbers(column: pd.Series, trained: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = column.to_numpy(np.float64)
    low, high = np.nanmin(values[trained]), np.nanmax(values[trained])
    margin = (high - low) / 2
    return values, (values < low - margin) | (values > high + margin)


def _codes(column: pd.Series, trained: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    codes, _ = pd.factorize(column)
    return np.where(codes < 0, np.nan, codes.astype(float)), ~np.isin(codes, np.unique(codes[trained]))


def moving_average(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Draw a standard normal series over the first axis whose lag-one autocorrelation is .4."""
    drawn = rng.standard_normal((shape[0] + 1, *shape[1:]))
    return (drawn[1:] + 0.5 * drawn[:-1]) / np.sqrt(1.25)


def unchanged(seed: int, windows: int, *, days: int = 7, columns: int = SIMULATED_COLUMNS) -> DailyValues:
    """Draw windows in which nothing changes, with the recent days before them, as windows x columns columns.

    All columns of a window share the day's effect, which makes three tenths of their variance.
    """
    rng, length = np.random.default_rng(seed), RECENT_DAYS + days
    common = moving_average(rng, (length, windows, 1))
    spread = rng.uniform(0.02, 0.22, windows * columns)
    level = np.arcsin(np.sqrt(rng.uniform(0.02, 0.9, windows * columns)))

    def moves() -> Floats:
        own = moving_average(rng, (length, windows, columns))
        return spread * (np.sqrt(0.3) * common + np.sqrt(0.7) * own).reshape(length, -1)

    shares = [np.sin(np.clip(level + moves(), 0, np.pi / 2)) ** 2 for _ in range(2)]
    quantiles = np.exp(np.linspace(0, 1.6, len(LEVELS)) + moves()[..., None])
    return DailyValues(np.arange(length), np.full_like(shares[0], 900.0), *shares, 0.2 * shares[0], quantiles)


def falsely_broken(windows: int, *, stretch: float = STRETCH, at_once: int = 40) -> int:
    """Count the windows of a week without any change that have a broken column."""
    found = 0
    for seed in range(windows // at_once):
        broken = judge_days(unchanged(seed, at_once), RECENT_DAYS, stretch=stretch).broken
        found += int(broken.any(axis=0).reshape(at_once, -1).any(axis=1).sum())
    return found


def taken(values: DailyValues, places: np.ndarray) -> DailyValues:
    """Take some days, and number them anew, as if they followed each other."""
    return DailyValues(
        np.arange(places.size),
        values.rows[places],
        values.nulls[places],
        values.frequent[places],
        values.outside[places],
        values.quantiles[places],
    )


def redrawn(values: DailyValues, days: int, *, windows: int = WINDOWS) -> Iterator[DailyValues]:
    """Redraw windows and the days before them, without replacement, from the second quarter."""
    quarter = np.flatnonzero(
        (values.ordinals >= np.int64(TRAINED_UNTIL.astype(np.int64)))
        & (values.ordinals < np.datetime64("2013-07-01").astype(np.int64))
    )
    rng = np.random.default_rng(0)
    for _ in range(windows):
        yield taken(values, rng.permutation(quarter)[: RECENT_DAYS + days])


def broken_days(values: DailyValues, since: np.datetime64, until: np.datetime64, stretch: float = STRETCH) -> list[int]:
    """List the days on which some column is broken, of consecutive ones, as whole numbers."""
    first, last = np.searchsorted(values.ordinals, [since.astype(np.int64), until.astype(np.int64)])
    broken = judge_days(taken_until(values, int(last)), int(first), stretch=stretch).broken.any(axis=1)
    return [int(day) for day in values.ordinals[first:last][broken]]


def taken_until(values: DailyValues, last: int) -> DailyValues:
    """Leave out the days from a place on."""
    return replace(taken(values, np.arange(last)), ordinals=values.ordinals[:last])


def incidents(days: list[int]) -> int:
    """Count the runs of days on end."""
    return sum(day - 1 not in days for day in days)


def weeks(days: list[int]) -> int:
    """Count the weeks, from `TRAINED_UNTIL` on, that hold one of the days."""
    return len({(day - int(TRAINED_UNTIL.astype(np.int64))) // 7 for day in days})


Plant = Callable[[DailyValues, int, slice], None]


def kilometres(values: DailyValues, column: int, days: slice) -> None:
    """Write a column in kilometres."""
    values.quantiles[days, column] *= KILOMETRES_A_MILE


def empty(values: DailyValues, column: int, days: slice) -> None:
    """Leave a column without values."""
    values.nulls[days, column] = 1.0
    values.frequent[days, column] = values.outside[days, column] = np.nan
    values.quantiles[days, column] = np.nan


def nulls_19(values: DailyValues, column: int, days: slice) -> None:
    """Lose 19 % of a column's values."""
    values.nulls[days, column] += 0.19 * (1 - values.nulls[days, column])


def stuck(values: DailyValues, column: int, days: slice) -> None:
    """Let a sensor give its last middle value."""
    values.frequent[days, column] = 1.0
    values.quantiles[days, column] = values.quantiles[days.start - 1, column, LEVELS.index("0.5")]


def new_codes(values: DailyValues, column: int, days: slice) -> None:
    """Write all of a column in codes that the training does not have."""
    values.outside[days, column] = 1.0


def cut(values: DailyValues, column: int, days: slice) -> None:
    """Lose seven tenths of the rows."""
    values.rows[days] *= 0.3


PLANTS: dict[str, tuple[Plant, str]] = {
    "kilometres for miles": (kilometres, "distance"),
    "an empty column": (empty, "temp"),
    "nulls from 0 to 19 %": (nulls_19, "carrier"),
    "a stuck sensor": (stuck, "temp"),
    "a stuck sensor (pressure)": (stuck, "pressure"),
    "codes of another system": (new_codes, "carrier"),
    "a cut file (30 % of the rows)": (cut, "carrier"),
}


def followed(values: DailyValues, plant: Plant, column: str, since: str, days: int, step: int) -> Bools:
    """Plant a change that stays, and judge its days a window after the other, as monitoring does.

    Args:
        values: The year.
        plant: What is planted.
        column: Into which column.
        since: The first day of the change.
        days: How many days are judged.
        step: Days of a window; what it says of them, later windows know.

    Returns:
        Which days were called.
    """
    place, first = COLUMNS.index(column), int(np.searchsorted(values.ordinals, np.datetime64(since).astype(np.int64)))
    cells = {name: of[:, [place]] for name, of in vars(values).items() if name != "ordinals"}  # copies
    mine = replace(values, **cells)
    plant(mine, 0, slice(first, first + days))
    broken = np.zeros(mine.rows.shape, bool)
    for start in range(first, first + days, step):
        end = min(start + step, first + days)
        window = taken_until(mine, end)
        if plant is cut:
            judged = judge_volume(window.ordinals, window.rows[:, 0], start, broken_before=broken[:end, 0])
        else:
            judged = judge_days(window, start, broken_before=broken[:end])
        broken[start:end] = judged.broken
    return broken[first : first + days, 0]


def found(values: DailyValues, plant: Plant, column: str, days: int, *, windows: int = WINDOWS) -> int:
    """Count in how many redrawn windows a planted change is called."""
    place, count = COLUMNS.index(column), 0
    mine = replace(values, **{name: cells[:, [place]] for name, cells in vars(values).items() if name != "ordinals"})
    for window in redrawn(mine, days, windows=windows):
        plant(window, 0, slice(RECENT_DAYS, RECENT_DAYS + days))
        if plant is cut:
            judged = judge_volume(window.ordinals, window.rows[:, 0], RECENT_DAYS)
        else:
            judged = judge_days(window, RECENT_DAYS)
        count += bool(judged.broken.any())
    return count


def smallest(values: DailyValues) -> dict[str, tuple[float, ...]]:
    """Tell the smallest change that is called after two days, by column and kind, at the end of June."""
    last = int(np.searchsorted(values.ordinals, np.datetime64("2013-07-01").astype(np.int64)))
    seen = judge_days(taken_until(values, last), last - 1).seen_from[-1]
    return {name: tuple(seen[place]) for place, name in enumerate(COLUMNS)}


def _print_tables(values: DailyValues) -> None:
    end = np.datetime64("2014-01-01")
    redrawn_week = sum(bool(judge_days(of, RECENT_DAYS).broken.any()) for of in redrawn(values, 7))
    whole, chosen = broken_days(values, TRAINED_UNTIL, end), broken_days(values, TRAINED_UNTIL, CHOSEN_UNTIL)
    print("| nothing planted | called |\n|---|---|")
    print(f"| simulated weeks of {SIMULATED_COLUMNS} columns, lag-one .4 | {falsely_broken(2000)} of 2,000 |")
    print(f"| weeks redrawn by day from April to June | {redrawn_week} of {WINDOWS} |")
    print(f"| consecutive weeks, April to August | {weeks(chosen)} of 22 |")
    print(f"| consecutive weeks, April to December | {weeks(whole)} of 40, in {incidents(whole)} incidents |\n")
    print("| planted | column | a day | a week | a month |\n|---|---|---|---|---|")
    for name, (plant, column) in PLANTS.items():
        cells = " | ".join(str(found(values, plant, column, days)) for days in (1, 7, 30))
        print(f"| {name} | `{column}` | {cells} |")
    print(f"\n| column | {' | '.join(ValueKind)} |\n|---|---|---|---|---|")
    for name, seen in smallest(values).items():
        shown = ("not" if not np.isfinite(one) else f"{one:.2f}" for one in seen)
        print(f"| `{name}` | {' | '.join(shown)} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stretches", action="store_true")
    arguments, values = parser.parse_args(), flights_by_day()
    if not arguments.stretches:
        _print_tables(values)
        return
    print("| stretch | days called, April to August | simulated weeks of 400 |\n|---|---|---|")
    for stretch in (1.0, 1.25, 1.5, 1.75, 2.0):
        called = len(broken_days(values, TRAINED_UNTIL, CHOSEN_UNTIL, stretch))
        print(f"| {stretch} | {called} of 153 | {falsely_broken(400, stretch=stretch)} |")


if __name__ == "__main__":
    main()
