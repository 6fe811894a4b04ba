"""Rows in memory of which two share a key are refused, and what failed for a reason says the reason."""

from __future__ import annotations

import pandas as pd
import pytest

from levelfive.errors import DataError, TableConflict
from levelfive.storage.keys import check_once, explained

ROWS = pd.DataFrame({"shop": ["a", "a", "b", "c", "b", "a"], "day": [1, 1, 1, 1, 1, 2]})


def test_rows_that_share_a_key_are_named_with_their_keys() -> None:
    with pytest.raises(DataError) as refused:
        check_once("labels", ("shop", "day"), ROWS, "Return each once.")

    expected = (
        "labels: expected one row of each shop, day, got several of shop a, day 1; shop b, day 1. Return each once."
    )
    assert expected == str(refused.value)


def test_no_more_than_three_examples_are_shown() -> None:
    with pytest.raises(DataError) as refused:
        check_once("labels", ("shop",), pd.DataFrame({"shop": list("aabbccdd")}), "")

    assert "several of shop a; shop b; shop c." in str(refused.value)


def test_rows_of_distinct_keys_pass() -> None:
    check_once("labels", ("shop", "day"), ROWS.drop_duplicates(), "")


def broken() -> DataError:
    raise OSError("no look is possible")


def test_the_first_reason_that_is_found_is_raised() -> None:
    with (
        pytest.raises(DataError, match="a reason") as raised,
        explained(broken, lambda: None, lambda: DataError("a reason")),
    ):
        raise ValueError("what an engine says")

    assert isinstance(raised.value.__cause__, ValueError)


@pytest.mark.parametrize("err", [ValueError("of another reason"), TableConflict("another writer")])
def test_what_has_no_reason_of_these_passes_as_it_is(err: Exception) -> None:
    looks = () if isinstance(err, ValueError) else (lambda: DataError("a reason"),)

    with pytest.raises(type(err)) as raised, explained(broken, *looks):
        raise err

    assert raised.value is err
