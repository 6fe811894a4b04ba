"""Two computations of the same rows: what differs is told by its first row, and last digits are no difference."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from levelfive.core.windows import EPOCH, utc
from levelfive.trial.leaks import Difference, difference

KEY = ("id", "at")


def rows(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": ["a", "b", "c"], "at": [1, 2, 3], **columns})


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ([0.1 + 0.2, 1.0, 2.0], [0.3, 1.0, 2.0]),
        ([np.nan, 1.0, 2.0], [np.nan, 1.0, 2.0]),
        ([None, "x", "y"], [None, "x", "y"]),
        ([1, 2, 3], [1.0, 2.0, 3.0]),
        ([[1, 2], [], None], [[1, 2], [], None]),
    ],
)
def test_what_is_the_same_is_no_difference(early: list[Any], late: list[Any]) -> None:
    assert difference(rows(x=early), rows(x=late), KEY) is None


def test_rows_may_come_in_any_order_and_columns_too() -> None:
    one = rows(x=[1.0, 2.0, 3.0], y=["u", "v", "w"])

    assert difference(one, one.iloc[::-1][["y", "at", "x", "id"]], KEY) is None


@pytest.mark.parametrize(
    ("early", "late", "words"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.5, 3.5], ("2", "2.5")),
        ([1.0, np.nan, 3.0], [1.0, 2.5, 3.0], ("nothing", "2.5")),
        (["x", "y", "z"], ["x", "", "z"], ("y", "an empty text")),
    ],
)
def test_the_first_row_that_differs_is_told(early: list[Any], late: list[Any], words: tuple[str, str]) -> None:
    found = difference(rows(x=early), rows(x=late), KEY)

    assert found is not None
    assert (found.row, found.column, found.early, found.late) == ("id b, at 2", "x", *words)
    assert found.of_rows == 3


def test_a_row_that_only_one_has_is_told() -> None:
    whole = rows(x=[1.0, 2.0, 3.0])

    lacking = difference(whole.iloc[[0, 2]], whole, KEY)
    surplus = difference(whole, whole.iloc[[0, 2]], KEY)

    assert lacking == Difference("id b, at 2", "", "no row", "a row", 1, 3)
    assert surplus == Difference("id b, at 2", "", "a row", "no row", 1, 3)


def test_times_are_written_as_times() -> None:
    def micros(at: Any) -> int:
        return (at - EPOCH) // timedelta(microseconds=1)

    far = utc(2204, 1, 1)
    early = pd.DataFrame({"id": ["a"], "seen": [micros(utc(2024, 1, 1))]})
    late = pd.DataFrame({"id": ["a"], "seen": [micros(far)]})

    found = difference(early, late, ("id",), times=("seen",))

    assert found is not None
    assert found.between(utc(2024, 1, 2), far) == (
        "seen = 2024-01-01T00:00:00Z for id a where it knows what was known at 2024-01-02T00:00:00Z, and seen = "
        "2204-01-01T00:00:00Z where it knows what was known at 2204-01-01T00:00:00Z (1 of 1 rows differ)"
    )


def test_without_rows_there_is_no_difference() -> None:
    nothing = rows(x=[1.0, 2.0, 3.0]).iloc[:0]

    assert difference(nothing, nothing, KEY) is None
