"""Which categories are new or gone: by name, where that is no accident of few rows."""

import pandas as pd
import pytest

from levelfive.statistics.category_changes import SHOWN_CATEGORIES, new_categories, vanished_categories
from levelfive.statistics.partials import partial_categorical
from levelfive.statistics.profiles import (
    MAX_CATEGORIES,
    MAX_KNOWN,
    CategoricalProfile,
    finish_categorical,
    profile_categorical,
)


def compared(before: list[str], now: list[str]) -> tuple[CategoricalProfile, CategoricalProfile]:
    baseline = profile_categorical(pd.Series(before, dtype=object))
    return baseline, finish_categorical(partial_categorical(pd.Series(now, dtype=object)), baseline)


def test_new_and_vanished_categories_are_named_the_most_frequent_first() -> None:
    both = compared([*"AAAABBBCC"] * 100, [*"AXYYX", *"XA"] * 100)

    assert new_categories(*both) == ("X", "Y")
    assert vanished_categories(*both) == ("B", "C")


def test_rare_categories_of_the_baseline_are_not_new() -> None:
    names = [f"N{number:03}" for number in range(MAX_CATEGORIES + 50)]

    assert new_categories(*compared(names * 2, [*names[-5:], "other"])) == ("other",)


def test_where_the_baseline_has_too_many_to_know_none_is_called_new() -> None:
    names = [f"N{number:05}" for number in range(MAX_CATEGORIES + MAX_KNOWN + 1)]

    assert new_categories(*compared(names, ["other"])) == ()


@pytest.mark.parametrize(("rows", "gone"), [(99, ()), (100, ("B",))])
def test_a_category_is_gone_where_ten_rows_of_it_were_to_be_expected(rows: int, gone: tuple[str, ...]) -> None:
    assert vanished_categories(*compared([*"AAAAAAAAAB"] * 50, ["A"] * rows)) == gone


def test_of_many_the_first_are_named() -> None:
    before, now = ([f"{word}{number}" for number in range(40)] * 20 for word in ("old", "new"))

    both = compared(before, now)

    assert (len(new_categories(*both)), len(vanished_categories(*both))) == (SHOWN_CATEGORIES, SHOWN_CATEGORIES)


def test_without_rows_nothing_is_said() -> None:
    both = compared(["A"] * 100, [])

    assert (new_categories(*both), vanished_categories(*both)) == ((), ())
