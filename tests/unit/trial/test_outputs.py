"""What is found in the rows that a use case's functions return, looked at in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from flight_delay import USE_CASE
from levelfive import BINARY
from levelfive.trial import outputs
from levelfive.trial.findings import Findings
from levelfive.usecase.model import ModelSpec

NOON, EVENING = pd.Timestamp("2024-01-01 12:00"), pd.Timestamp("2024-01-01 18:00")
MODEL = ModelSpec(BINARY, ("amount", "colour"), (), ("colour",), lambda numeric, categorical, seed: None)  # type: ignore[arg-type, return-value]  # nothing is built
SHOP = replace(USE_CASE, key=("id",), slices=(), model=MODEL)


def spine(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": ["a", "b"], "prediction_time": NOON, **changes})


def labels(**changes: Any) -> pd.DataFrame:
    given = {
        "id": ["a", "b"],
        "prediction_time": NOON,
        "label": [0.0, 1.0],
        "outcome": "labelled",
        "known_at": EVENING,
    }
    return pd.DataFrame({**given, **changes})


def test_rows_in_order_have_no_fault() -> None:
    found = [*outputs.faults_of_spine(SHOP, spine()), *outputs.faults_of_labels(SHOP, labels())]

    assert [*found, *outputs.faults_of_pairs(SHOP, spine(), labels())] == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (spine(id=["a", "a"]), "returned several rows of id a: return each id once"),
        (spine(id=["a", None]), "returned 1 rows without id, a part of the key"),
        (spine(prediction_time=[NOON, pd.NaT]), "returned 1 rows without prediction_time"),
    ],
    ids=["a key twice", "no key", "no time"],
)
def test_a_spine_at_fault_is_a_sentence(rows: pd.DataFrame, words: str) -> None:
    (fault,) = outputs.faults_of_spine(SHOP, rows)

    assert words in fault


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (labels(id=["a", "a"]), "returned several rows of id a"),
        (labels(known_at=[EVENING, NOON - pd.Timedelta("1s")]), "1 rows whose known_at lies before their prediction"),
        (labels(outcome=["labelled", None], label=[1.0, 0.0]), "returned 1 rows without outcome"),
        (labels(outcome="cancelled"), "no row with the outcome 'labelled' (outcomes: cancelled)"),
        (labels(label=[1.0, 1.0]), "all 2 labels are 1, and a classifier learns from both"),
        (labels(label=[1.0, 3.0]), "must be 0 or 1 for a binary task, got 3.0"),
    ],
    ids=["a key twice", "known before", "no outcome", "no label", "one class", "a third class"],
)
def test_labels_at_fault_are_a_sentence(rows: pd.DataFrame, words: str) -> None:
    assert words in " ".join(outputs.faults_of_labels(SHOP, rows))


@pytest.mark.parametrize(
    ("of_labels", "words"),
    [
        (labels(id=["A", "B"]), "no row of `spine` has the id of a row of `labels`"),
        (labels(prediction_time=[NOON, EVENING]), "give 1 of 2 rows another prediction_time"),
    ],
    ids=["other keys", "other times"],
)
def test_outcomes_that_do_not_fit_the_rows_are_a_sentence(of_labels: pd.DataFrame, words: str) -> None:
    (fault,) = outputs.faults_of_pairs(SHOP, spine(), of_labels)

    assert words in fault


def test_a_text_that_is_no_category_is_a_fault_and_any_number_is_none() -> None:
    (fault,) = outputs.faults_of_kinds(SHOP, {"amount": "string", "colour": "string"})

    assert "feature 'amount' is a string, and no category" in fault
    assert list(outputs.faults_of_kinds(SHOP, {"amount": "decimal(10,2)", "colour": "int"})) == []


def test_what_no_model_takes_is_a_fault_and_what_is_empty_is_a_note() -> None:
    rows = pd.DataFrame({"amount": [1.0, float("inf")], "colour": [None, None]})

    assert "'amount' is infinite in 1 rows" in " ".join(outputs.faults_of_features(SHOP, rows))
    assert "no row has a value of colour" in " ".join(outputs.notes_on_features(SHOP, rows))


def test_whole_numbers_of_two_sizes_are_compared_and_a_number_with_a_text_is_not() -> None:
    assert outputs.same_kind("int", "bigint")
    assert not outputs.same_kind("int", "string")


def test_any_error_of_a_use_case_s_code_is_a_fault_and_the_trial_goes_on() -> None:
    found = Findings()

    with found.noting("`derive` of source 'orders'"):
        raise TypeError("\nunsupported operand\nmore")

    assert found.faults == ["`derive` of source 'orders' failed: TypeError: unsupported operand. Correct it."]
