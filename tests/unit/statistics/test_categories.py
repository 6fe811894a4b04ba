"""A category has one text, whatever type its column comes in."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from levelfive.models.package import feature_frame
from levelfive.statistics.categories import category_texts, factorized
from levelfive.statistics.partials import merge, partial_categorical

NOON = datetime(2013, 1, 1, 12)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([pd.Series([3, 3]), pd.Series([3.0, 3.0]), pd.Series([3, 3], dtype="Int64"), pd.Series(["3", "3"])], "3"),
        ([pd.Series([Decimal("3.00")]), pd.Series([3.0], dtype="float32"), pd.Series([3], dtype="category")], "3"),
        ([pd.Series([0.1]), pd.Series([0.1], dtype="float32"), pd.Series([Decimal("0.10")])], "0.1"),
        ([pd.Series([1e-7]), pd.Series([Decimal("1E-7")])], "0.0000001"),
        ([pd.Series([0.0]), pd.Series([-0.0]), pd.Series([Decimal("-0.00")]), pd.Series([0])], "0"),
        ([pd.Series([Decimal(f"{10**37 + 1}.0")])], str(10**37 + 1)),
        ([pd.Series([2**62]), pd.Series([float(2**62)])], str(2**62)),
        ([pd.Series([2**62 + 1], dtype="Int64")], str(2**62 + 1)),
        ([pd.Series([True]), pd.Series([True], dtype="boolean"), pd.Series([True], dtype=object)], "true"),
        ([pd.Series([date(2013, 1, 1)])], "2013-01-01"),
        (
            [
                pd.Series([NOON]),
                pd.Series([NOON.replace(tzinfo=UTC)]),
                pd.Series([(NOON + timedelta(hours=5)).replace(tzinfo=timezone(timedelta(hours=5)))]),
            ],
            "2013-01-01T12:00:00",
        ),
        ([pd.Series([b"a"]), pd.Series([bytearray(b"a")], dtype=object).map(bytes)], "61"),
        ([pd.Series([np.inf])], "inf"),
    ],
)
def test_one_category_has_one_text_with_and_without_missing_ones(columns: list[pd.Series], expected: str) -> None:
    for column in columns:
        with_missing = column.reindex([*column.index, 99])

        assert category_texts(column).tolist() == [expected] * len(column)
        assert category_texts(with_missing).tolist() == [expected] * len(column) + [None]


@pytest.mark.parametrize("column", [pd.Series([None, None]), pd.Series([np.nan, np.nan]), pd.Series([pd.NaT, pd.NaT])])
def test_what_is_missing_is_none_and_no_category(column: pd.Series) -> None:
    assert category_texts(column).tolist() == [None, None]
    assert (partial_categorical(column).categories, partial_categorical(column).nulls) == ({}, 2)


def test_a_model_gets_the_same_whether_a_batch_has_missing_categories_or_not() -> None:
    whole, holed, empty = (pd.DataFrame({"grade": values, "x": 1}) for values in ([3, 2], [3, None], [None, None]))

    found = [feature_frame(rows, ("x", "grade"), ("grade",)) for rows in (whole, holed, empty)]

    assert [rows["grade"].tolist() for rows in found] == [["3", "2"], ["3", None], [None, None]]
    assert {tuple(map(str, rows.dtypes)) for rows in found} == {("float64", "object")}
    assert {tuple(rows.columns) for rows in found} == {("x", "grade")}


def test_texts_that_differ_behind_a_nul_are_different_categories() -> None:
    """Systems of old fill their columns with it."""
    names = ["a", "a\0", "a\0b", None, "", "\0"] * 2
    expected = {"a": 2, "a\0": 2, "a\0b": 2, "": 2, "\0": 2}

    found = partial_categorical(pd.Series(names))

    assert (found.categories, found.nulls) == (expected, 2)
    assert merge(found, found).categories == {name: 2 * count for name, count in expected.items()}
    codes, texts = factorized(pd.Series(names))
    assert [None if code < 0 else texts[code].as_py() for code in codes] == names
