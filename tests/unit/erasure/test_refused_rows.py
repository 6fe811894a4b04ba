"""Refused rows are told by their cells; those that a reader could not part, by all that came of them."""

from __future__ import annotations

import json

import pytest

from levelfive.erasure.person import KeyValues, Person
from levelfive.erasure.tables import is_refused_row_of
from levelfive.formats.texts import WRONG_CELLS

KINDS = {"customer": "string", "order_id": "long"}
ADA = Person(
    KeyValues(("customer",), frozenset({("ada",)})), KeyValues(("order_id",), frozenset({("1",)})), kinds=KINDS
)


@pytest.mark.parametrize(
    ("row", "reasons", "is_theirs"),
    [
        ({"customer": "ada", "order_id": None}, ["order_id: missing"], True),
        ({"customer": "adam", "order_id": "7"}, ["order_id: not one of 1"], False),
        ({"customer": None, "order_id": "01"}, ["customer: missing"], True),
        ({"customer": "x", "order_id": "ada"}, [f"row: {WRONG_CELLS}: x,ada,1,2"], True),
        ({"customer": "x", "order_id": "y"}, [f"row: {WRONG_CELLS}: x,y,ada"], True),
        ({"customer": "x", "order_id": 'a "ada" b'}, [f"row: {WRONG_CELLS}: x"], True),
        ({"customer": "x", "order_id": "adamant"}, [f"row: {WRONG_CELLS}: x"], False),
        ({"request_id": "r", "keys": '{"order_id": 1}', "features": None}, ["scores: missing"], True),
        ({"request_id": "r", "keys": '{"order_id": 2}', "features": '{"customer": "ada"}'}, ["scores: missing"], True),
        ({"request_id": "r", "keys": '{"order_id": 2}', "features": None}, ["scores: missing"], False),
    ],
)
def test_a_refused_row(row: dict[str, str | None], reasons: list[str], is_theirs: bool) -> None:
    assert is_refused_row_of(ADA, json.dumps(row), reasons, KINDS) is is_theirs


def test_of_a_row_that_is_no_json_all_of_its_text_is_looked_at() -> None:
    assert is_refused_row_of(ADA, "no json of ada", [], KINDS)
    assert not is_refused_row_of(ADA, None, ["nothing"], KINDS)
