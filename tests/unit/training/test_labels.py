"""What labels have to be before a model learns from them, or is judged by them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from levelfive import BINARY, REGRESSION, Task
from levelfive.training.labels import faults_of


@pytest.mark.parametrize(
    "labels",
    [[0.0, 1.0], [0, 1], [True, False], [Decimal("0"), Decimal("1")]],
    ids=["doubles", "whole numbers", "booleans", "decimals"],
)
def test_zeros_and_ones_of_any_type_are_labels_of_a_binary_task(labels: list[object]) -> None:
    assert list(faults_of(BINARY, pd.Series(labels))) == []


@pytest.mark.parametrize(
    ("task", "labels", "words"),
    [
        (BINARY, [0.0, 1.0, 2.0, 2.0], "must be 0 or 1 for a binary task, got 2.0: correct"),
        (BINARY, [0.0, 1.0, None], "1 labelled rows have no label"),
        (BINARY, ["late", "on time"], "must be numbers, got 'late', 'on time'"),
        (REGRESSION, [3.5, float("inf")], "must be numbers from -1e+30 to 1e+30 for a regression, got inf"),
        (REGRESSION, [3.5, 1e300], "must be numbers from -1e+30 to 1e+30 for a regression, got 1e+300"),
    ],
    ids=["two", "nothing", "texts", "infinite", "huge"],
)
def test_a_label_that_is_none_of_the_task_is_said_with_what_came(task: Task, labels: list[object], words: str) -> None:
    (fault,) = faults_of(task, pd.Series(labels))

    assert words in fault


def test_a_regression_takes_any_number_that_can_be_reckoned_with() -> None:
    assert list(faults_of(REGRESSION, pd.Series([-3.5, 0.0, 1e30, -1e-300]))) == []


def test_a_classifier_needs_both_labels_and_a_regression_does_not() -> None:
    ones = np.ones(12)

    assert BINARY.cannot_be_learned(ones) == "all 12 labels are 1, and a classifier learns from both 0 and 1"
    assert BINARY.cannot_be_learned(np.array([0.0, 1.0])) == ""
    assert REGRESSION.cannot_be_learned(ones) == ""
