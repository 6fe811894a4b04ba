"""Whose rows are meant: what is given is read and refused before anything is started, and rows are told apart."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from in_memory.release import a_use_case

from levelfive.erasure.person import KeyValues, Person, parse_keys, plan
from levelfive.errors import ConfigError
from levelfive.formats.texts import MALFORMED
from levelfive.usecase.features import Lookup
from levelfive.usecase.sources import Source
from levelfive.usecase.use_case import UseCase

ORDERS = Source("orders", {"order_id": "long", "customer": "string", "on": "date"}, key=("order_id",))
RETURNS = Source("returns", {"order_id": "long", "why": "string"}, key=("order_id",))
ADA = Person(
    KeyValues(("customer", "on"), frozenset({("ada", "2013-05-01")})),
    KeyValues(("order_id",), frozenset({("7",), ("8",)})),
    kinds={"customer": "string", "on": "date", "order_id": "long"},
)


@pytest.fixture
def use_case() -> UseCase:
    found = a_use_case(sources=(ORDERS, RETURNS), feature_tables=())
    return replace(found, model=replace(found.model, lookups=()))


def test_a_value_may_hold_any_sign_and_is_taken_as_it_stands() -> None:
    assert parse_keys(["customer=a=b, 'c' --", "order_id= 7"]) == {"customer": "a=b, 'c' --", "order_id": " 7"}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ([], "whose rows"),
        (["customer"], "a key is COLUMN=VALUE"),
        (["=ada"], "a key is COLUMN=VALUE"),
        (["customer="], "a key is COLUMN=VALUE"),
        (["customer=ada", "customer=bob"], "column 'customer' is given twice"),
    ],
)
def test_what_names_nobody_is_refused(keys: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_keys(keys)


def test_the_sources_that_declare_all_columns_name_a_person_in_their_types(use_case: UseCase) -> None:
    found = plan(use_case, {"on": "2013-5-1", "customer": "ada"})

    assert found.anchors == (ORDERS,)
    assert found.person.identifiers == KeyValues(("on", "customer"), frozenset({("2013-05-01", "ada")}))
    assert plan(use_case, {"order_id": "007"}).anchors == (ORDERS, RETURNS)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            {"name": "ada"},
            "no source declares a column name; the columns are of orders: order_id, customer, on; of ret",
        ),
        ({"customer": "ada", "why": "late"}, "no source has all of customer, why: name columns of one source"),
        ({"order_id": "seven"}, "column 'order_id' is a long, and the value that was given is none"),
        ({"on": "May"}, "column 'on' is a date"),
    ],
)
def test_keys_that_no_source_could_hold_are_refused_with_the_columns_there_are(
    use_case: UseCase, keys: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        plan(use_case, keys)


def test_the_value_is_in_no_message(use_case: UseCase) -> None:
    with pytest.raises(ConfigError) as refused:
        plan(use_case, {"order_id": "very-secret"})

    assert "very-secret" not in str(refused.value)


def test_all_that_is_given_must_agree_or_a_key_of_theirs() -> None:
    assert ADA.has({"customer": "ada", "on": "2013-5-1"})
    assert not ADA.has({"customer": "ada", "on": "2013-05-02"})
    assert not ADA.has({"customer": "ada", "on": None})
    assert not ADA.has({"customer": "ada"})
    assert ADA.has({"order_id": "08", "customer": "bob", "on": "2013-05-02"})
    assert not ADA.has({"order_id": "9"})


def test_a_row_of_a_file_is_told_by_the_types_that_its_source_declares() -> None:
    rows = pa.table({"order_id": ["7", "07", "seven", None, "70"]})

    assert ADA.chosen(rows, {"order_id": "long"}) == [True, True, False, False, False]
    assert ADA.chosen(rows, {"order_id": "string"}) == [True, False, False, False, False]


def test_of_a_row_whose_cells_are_none_all_of_its_text_is_looked_at() -> None:
    texts = [
        "not as many cells: x,ada,2013-05-01,y",
        "not as many cells: adamant,2013-05-01",
        None,
        "cells: 7,8",
        "x77",
    ]
    rows = pa.table({"customer": pa.nulls(5, pa.string()), MALFORMED: texts})

    assert ADA.chosen(rows, {}) == [True, False, False, True, False]


def test_where_a_column_lacks_no_row_can_be_theirs() -> None:
    assert ADA.ways(["customer"]) == ()
    assert ADA.ways(["order_id", "x"]) == (ADA.row_keys,)
    assert replace(ADA, row_keys=KeyValues(("order_id",), frozenset())).ways(["order_id"]) == ()


def test_a_feature_table_knows_them_by_the_keys_that_a_lookup_compares_with_theirs() -> None:
    lookups = (
        Lookup("visits", {"visitor": "customer", "day": "on", "shop": "shop"}, ("n",)),
        Lookup("history", {"order": "order_id"}, ("n",)),
        Lookup("weather", {"day": "on"}, ("wind",)),
    )

    visits, history, weather = (ADA.in_table(name, lookups) for name in ("visits", "history", "weather"))

    assert visits.ways(["visitor", "day", "shop", "known_at"]) == (
        KeyValues(("visitor", "day"), frozenset({("ada", "2013-05-01")})),
    )
    assert visits.has({"visitor": "ada", "day": "2013-5-1"})
    assert not visits.has({"visitor": "bob", "day": "2013-05-01"})
    assert [history.has({"order": order}) for order in ("07", "9")] == [True, False]
    assert weather.ways(["day", "wind"]) == ()  # of all who came that day
    assert ADA.in_table("order_lines", lookups) == ADA
