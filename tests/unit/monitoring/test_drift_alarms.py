"""Alarms of drift: rare without a change, nearly certain with one, of few columns, and said in one line."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from scipy.stats import binom
from seasons import ROWS, daily_counts, daily_means, dealt_anew, shares

from levelfive.core.windows import utc
from levelfive.monitoring.drift import population_stability
from levelfive.monitoring.drift_alarms import (
    TESTED_COLUMNS,
    AlarmRule,
    EarlierWindow,
    cut_off,
    discoveries_in_slices,
    drift_in_words,
    judge_drift,
    moved_most,
    open_since,
)
from levelfive.monitoring.drift_statistics import PSI, ColumnDrift
from levelfive.monitoring.usual_drift import UsualDrift, UsualPsi, usual_drift

JUNE = utc(2013, 6, 3)
WEEK = timedelta(days=7)
RULE = AlarmRule(false_discovery_rate=0.1, least_psi=0.0)


def a_column(name="temp", psi=0.5, **known):
    return ColumnDrift(name, {PSI: psi}, {}, **known)


def usual_of(*names, psi=0.1):
    """Let each column's PSI lie about a value, and a window without change a factor of e^1.99 above it at most."""
    return UsualDrift({name: UsualPsi(float(np.log(psi)), 1.0) for name in names}, np.arange(-2, 2, 0.01))


def judged(*columns, usual=None, rule=RULE, importances=None, before=()):
    usual = usual or usual_of(*(one.column for one in columns))
    return judge_drift(columns, usual, rule, importances=importances or {}, start=JUNE, before=before)


def said_before(*unusual, weeks=1, open_since=None):
    return EarlierWindow(JUNE - weeks * WEEK, frozenset(unusual), open_since or {})


class Year:
    """Judges the weeks after a baseline, one after the other."""

    def __init__(self, counts, baseline_days, baseline=None):
        self.counts, self.days = counts, baseline_days
        baseline = counts[:, :baseline_days] if baseline is None else baseline
        self.baseline = baseline.sum(axis=1)
        self.usual = usual_drift({str(place): of for place, of in enumerate(baseline)}, WEEK.days)
        self.importances = {str(place): 1 / (1 + place) for place in range(len(counts))}
        self.before: list[EarlierWindow] = []

    def weeks(self):
        for first in range(self.days, self.counts.shape[1], WEEK.days):
            yield self.judge(self.counts[:, first : first + WEEK.days].sum(axis=1))

    def judge(self, window):
        """Judge a window, and list the columns whose alarm opens."""
        start = JUNE + len(self.before) * WEEK
        distances = population_stability(self.baseline, window)
        columns = [a_column(str(place), float(psi)) for place, psi in enumerate(distances)]
        found = judge_drift(columns, self.usual, RULE, importances=self.importances, start=start, before=self.before)
        now = {one.column: one.alarm_since for one in found if one.alarm_since is not None}
        already = self.before[-1].open_since if self.before else {}
        self.before.append(EarlierWindow(start, frozenset(one.column for one in found if one.unusual), now))
        return now.keys() - already.keys()


def openings(seasons, weeks, baseline_days, columns, rows_as_independent=False):
    """Count the windows without change in which an alarm opens."""
    random = np.random.default_rng(20)
    opened = 0
    for _ in range(seasons):
        counts = daily_counts(random, columns, baseline_days + weeks * WEEK.days)
        baseline = dealt_anew(counts[:, :baseline_days], random) if rows_as_independent else None
        opened += sum(bool(columns) for columns in Year(counts, baseline_days, baseline).weeks())
    return opened


# (seasons, weeks, days of baseline, columns)
FEW = (10, 20, 90, 20)
FEW_OF_SHORT = (10, 20, 28, 20)


@pytest.mark.parametrize(
    "seasons",
    [
        FEW,
        FEW_OF_SHORT,
        pytest.param((100, 20, 90, 105), marks=pytest.mark.nightly),
        pytest.param((100, 20, 28, 105), marks=pytest.mark.nightly),
    ],
    ids=str,
)
def test_alarms_open_without_change_in_two_per_cent_of_the_windows_at_most(seasons):
    """By day a tenth of the 2,000 windows of night; the bound is the binomial's quantile of 99.9 %.

    With the window inside its baseline, those of 28 days are more.
    """
    windows = seasons[0] * seasons[1]

    assert openings(*seasons) <= binom.ppf(0.999, windows, 0.02)


def test_with_rows_as_independent_alarms_would_open_all_the_time():
    assert openings(*FEW, rows_as_independent=True) > 2 * binom.ppf(0.999, 200, 0.02)


def test_a_change_of_twice_the_limit_opens_an_alarm_in_nearly_all_seasons():
    """A mean moves so far that, on average over the weather of the baseline, PSI is twice the limit of one column."""
    random, shifts, found = np.random.default_rng(7), np.linspace(0, 6, 301), 0
    for _ in range(200):
        means = daily_means(random, 4, 90 + 3 * WEEK.days)
        baseline = random.multinomial(ROWS, shares(means[:, :90]))
        season = Year(baseline, 90)
        limit = season.usual.limit("0", RULE.false_discovery_rate / 4)
        moved = shares(means[0, :90] + shifts[:, None]).mean(axis=1)
        means[0, 90:] += shifts[np.searchsorted(population_stability(season.baseline[0], moved), 2 * limit)]
        season.counts = random.multinomial(ROWS, shares(means))
        found += any("0" in opened for opened in season.weeks())

    assert found >= 184


def test_of_many_columns_those_that_the_model_rests_on_most_are_tested():
    names = [f"x{place}" for place in range(40)]
    importances = {name: place / 780 for place, name in enumerate(names)}

    found = judged(*(a_column(name, 9.0) for name in names), importances=importances)

    assert [one.column for one in found if one.unusual] == names[: -TESTED_COLUMNS - 1 : -1]
    assert found[0].importance == 39 / 780


def test_scores_are_tested_before_all_features_as_all_of_them_come_to_it():
    importances = {f"x{place}": 1 / 40 for place in range(40)}

    found = judged(*map(a_column, [*importances, "(score)"]), importances=importances)

    assert (found[0].column, found[0].p_value is not None) == ("(score)", True)


def test_where_it_is_not_known_what_a_model_rests_on_all_columns_are_tested():
    found = judged(*(a_column(f"x{place}") for place in range(40)))

    assert all(one.p_value is not None for one in found)


def test_a_column_without_enough_days_at_training_is_not_tested():
    (found,) = judged(a_column(psi=99.0), usual=usual_of("another"))

    assert (found.p_value, found.usual, found.unusual) == (None, {}, False)


def test_what_is_usual_of_a_column_depends_on_how_many_others_have_moved():
    alone = judged(a_column("temp", 0.6), *(a_column(f"x{place}", 0.1) for place in range(9)))
    together = judged(a_column("temp", 0.6), *(a_column(f"x{place}", 9.0) for place in range(9)))

    assert [next(one for one in found if one.column == "temp").unusual for found in (alone, together)] == [False, True]


@pytest.mark.parametrize(
    ("p_values", "cut"),
    [
        ([0.01, 0.2, 0.9, 0.8], 0.025),
        ([0.03, 0.04, 0.05, 0.9], 0.075),
        ([0.09, 0.1, 0.05, 0.1], 0.1),
        ([0.03, 0.9, 0.9, 0.9], 0.025),
        ([], 0.1),
    ],
    ids=["one", "a later one takes earlier ones along", "all", "none", "nothing tested"],
)
def test_columns_are_discovered_as_benjamini_and_hochberg_do(p_values, cut):
    assert cut_off(p_values, 0.1) == pytest.approx(cut)


def test_slices_are_looked_for_within_discovered_columns_at_their_share_of_the_rate():
    p_values = {"temp": {"JFK": 0.004, "LGA": 0.006, "EWR": 0.9}, "wind": {"JFK": 0.02}}

    assert discoveries_in_slices(p_values, 20, 0.1) == {"temp": frozenset({"JFK", "LGA"}), "wind": frozenset()}
    assert discoveries_in_slices(p_values, 2, 0.1)["wind"] == frozenset({"JFK"})


@pytest.mark.parametrize(
    ("before", "unusual", "since"),
    [
        ([], True, None),
        ([said_before("temp")], True, JUNE - WEEK),
        ([said_before("temp")], False, None),
        ([said_before("temp", weeks=2), said_before()], True, JUNE - 2 * WEEK),
        ([said_before("temp", weeks=2), said_before("temp")], False, JUNE - 2 * WEEK),
        ([said_before("temp", weeks=3), said_before(weeks=2), said_before()], True, None),
        ([said_before("temp", open_since={"temp": JUNE - 9 * WEEK})], True, JUNE - 9 * WEEK),
        ([said_before("wind")], True, None),
    ],
    ids=["alone", "two running", "gone", "two of three", "still", "too long ago", "open for long", "another column"],
)
def test_an_alarm_is_open_where_two_of_the_last_three_windows_have_the_column(
    before: list[EarlierWindow], unusual: bool, since: datetime | None
):
    assert open_since("temp", JUNE, before, unusual=unusual) == since


@pytest.mark.parametrize(("least", "since"), [(0.89, JUNE - WEEK), (0.9, None)])
def test_a_change_that_does_not_matter_to_the_user_raises_no_alarm(least, since):
    (found,) = judged(a_column(psi=0.9), rule=replace(RULE, least_psi=least), before=[said_before("temp")])

    assert (found.unusual, found.alarm_since) == (True, since)


def test_of_a_column_for_which_the_use_case_sets_a_limit_that_one_counts():
    rule = replace(RULE, least_psi=0.9, limits={"price": 0.2, "wind": 2.0})

    found = judged(*(a_column(name, psi=1.0) for name in ("price", "temp", "wind")), rule=rule,
                   before=[said_before("price", "temp", "wind")])  # fmt: skip

    assert {one.column for one in found if one.alarm_since} == {"price", "temp"}


def alarmed(name, times, importance, since=JUNE):
    return ColumnDrift(name, {PSI: times}, {PSI: 1.0}, importance=importance, p_value=0.001, alarm_since=since)


def test_the_columns_that_most_of_a_change_may_come_from_are_named_first_and_scores_last():
    columns = [alarmed("(score)", 50.0, None), alarmed("far", 9.0, 0.01), alarmed("heavy", 2.0, 0.2), a_column("calm")]

    assert [one.column for one in moved_most(columns)] == ["heavy", "far", "(score)"]


def test_a_season_is_said_in_one_line():
    columns = [alarmed(f"x{place}", 2.0, 0.2 - place / 100, JUNE + place * WEEK) for place in range(12)]
    calm = [a_column(f"calm{place}", p_value=0.5) for place in range(8)]

    assert drift_in_words([*columns, *calm]) == (
        "12 of the 20 columns that the model rests on most moved together, as in a new season, since 2013-06-03: "
        "x0 (2.0 times its usual PSI, 20% of what the model rests on), "
        "x1 (2.0 times its usual PSI, 19% of what the model rests on), "
        "x2 (2.0 times its usual PSI, 18% of what the model rests on) and 9 more"
    )


def test_a_column_that_moves_alone_is_no_season():
    columns = [alarmed("temp", 2.5, None), *(a_column(f"calm{place}", p_value=0.5) for place in range(8))]

    assert drift_in_words(columns) == (
        "1 of the 9 columns that the model rests on most moved, since 2013-06-03: temp (2.5 times its usual PSI)"
    )


def test_nothing_is_said_where_no_alarm_is_open():
    assert drift_in_words([a_column(p_value=0.001)]) == ""
