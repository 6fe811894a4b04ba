"""Drift from one window to the next, computed from what `profiles` keeps of them."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from in_memory.release import Environment

from levelfive.core.windows import Window, utc
from levelfive.monitoring.comparison import Comparison
from levelfive.monitoring.consecutive import ConsecutiveDrift, ProfiledWindow, consecutive_drift, profiles_before
from levelfive.monitoring.drift_statistics import OUTSIDE_SHARE, PSI, column_drift
from levelfive.monitoring.profiling import finish
from levelfive.monitoring.records import write_profiles
from levelfive.monitoring.verdict import Subject
from levelfive.statistics.baseline import profile_baseline
from levelfive.statistics.partials import partial_categorical, partial_numeric
from levelfive.storage.runs import Run

RANDOM = np.random.default_rng(1)
WEEK = timedelta(days=7)
NOW = Window(utc(2013, 6, 3), utc(2013, 6, 10))
BEFORE, EARLIER, LONG_AGO = (Window(NOW.start - weeks * WEEK, NOW.end - weeks * WEEK) for weeks in (1, 2, 4))
DAY = Window(NOW.start - timedelta(days=1), NOW.start)


def rows(mean: float, carriers: str) -> pd.DataFrame:
    return pd.DataFrame({"wind": RANDOM.normal(mean, 1, 400), "carrier": RANDOM.choice(list(carriers), 400)})


BASELINE = profile_baseline(rows(0, "ABC"), ["carrier"], label=np.zeros(1), score=np.linspace(0, 1, 50))


def partials(values: pd.DataFrame):
    return {
        "wind": partial_numeric(values["wind"].to_numpy(), BASELINE.numeric["wind"].histogram),
        "carrier": partial_categorical(values["carrier"]),
    }


def finished(parts):
    return {column: finish(part, column, BASELINE) for column, part in parts.items()}


def stored(production: Environment, window: Window, values: pd.DataFrame, *, version: str = "2"):
    """Store a week's profiles, of the window and of its first day; what the report reads is not what is compared."""
    parts, subject = partials(values), Subject("m", version, window)
    told = [
        (subject, day, name, part, finish(part, name, BASELINE))
        for day in (None, window.start.date())
        for name, part in parts.items()
    ]
    write_profiles(Run(production.tables, "earlier"), told)
    return finished(parts)


def test_a_window_is_compared_with_the_one_before_as_if_its_rows_were_there(production: Environment) -> None:
    stored(production, EARLIER, rows(5, "C"))
    before = stored(production, BEFORE, rows(0.5, "AB"))
    now, subject = finished(partials(rows(1.5, "BD"))), Subject("m", "2", NOW)

    found = profiles_before(Run(production.tables, "now"), subject, BASELINE)
    assert found is not None
    by_column = {one.column_name: one for one in consecutive_drift(subject, found, now, BASELINE)}

    assert found.window == BEFORE
    assert set(by_column) == {"wind", "carrier"}
    for column, one in by_column.items():
        assert (one.window, one.window_cmp, one.count_delta) == (NOW, BEFORE, 0)
        usual = column_drift(column, Comparison(before[column], now[column])).statistics
        assert one.statistics == {name: value for name, value in usual.items() if name != OUTSIDE_SHARE}
    assert by_column["wind"].avg_delta == pytest.approx(1, abs=0.2)
    assert by_column["carrier"].avg_delta is None


@pytest.mark.parametrize(
    ("window", "version"),
    [(LONG_AGO, "2"), (BEFORE, "1"), (DAY, "2"), (NOW, "2")],
    ids=["long ago", "another version's bins", "a day", "the window itself"],
)
def test_other_windows_are_none_to_compare_with(production: Environment, window: Window, version: str) -> None:
    stored(production, window, rows(0, "A"), version=version)

    assert profiles_before(Run(production.tables, "now"), Subject("m", "2", NOW), BASELINE) is None


def compared(before: pd.Series, now: pd.Series, training: pd.Series | None = None) -> ConsecutiveDrift:
    """Compare a column of two windows, on the bins of a training set."""
    training = before if training is None else training
    values = pd.DataFrame({"shop": training, "price": 0.0})
    baseline = profile_baseline(values, ["shop"], label=np.zeros(1), score=np.linspace(0, 1, 50))
    parts = (partial_categorical(before), partial_categorical(now))
    old, new = (finish(part, "shop", baseline) for part in parts)
    (drift,) = consecutive_drift(Subject("m", "2", NOW), ProfiledWindow(BEFORE, {"shop": old}), {"shop": new}, baseline)
    return drift


def shops(rows: int = 20_000, several: int = 300) -> pd.Series:
    return pd.Series(RANDOM.integers(0, several, rows)).map("shop {:03}".format)


def test_of_more_categories_than_are_listed_none_vanishes_because_others_are_more_frequent() -> None:
    """Which of 300 alike are the hundred most frequent changes by the week."""
    drift = compared(shops(), shops(), training=shops())

    assert drift.statistics[PSI] < 0.05
    assert (drift.new_categories, drift.vanished_categories) == ((), ())


def test_categories_that_came_and_went_since_the_window_before_are_named() -> None:
    before, now = pd.Series(["a", "b", "c"] * 100), pd.Series(["a", "b", "d"] * 100)

    drift = compared(before, now, training=pd.Series(["a", "b"] * 100))

    assert (drift.new_categories, drift.vanished_categories) == (("d",), ("c",))
    assert drift.statistics[PSI] > 1


def test_categories_of_the_training_are_known_to_have_come_and_gone_among_any_number_of_others() -> None:
    before, now = (pd.concat([shops(), pd.Series([name] * 500)]) for name in ("known a", "known b"))
    training = pd.concat([shops(), pd.Series(["known a", "known b"] * 500)])

    drift = compared(before, now, training=training)

    assert (drift.new_categories, drift.vanished_categories) == (("known b",), ("known a",))


def test_what_the_training_does_not_have_is_no_difference_of_two_windows_alike() -> None:
    values = pd.Series(["a"] * 90 + ["x"] * 10)

    drift = compared(values, values, training=pd.Series(["a", "b"] * 50))

    assert OUTSIDE_SHARE not in drift.statistics
    assert drift.statistics[PSI] == 0
