"""Counts with their nouns, and names that are there twice."""

import pytest

from levelfive.core.texts import counted, repeated


@pytest.mark.parametrize(("count", "text"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (12345, "12,345 days")])
def test_only_one_thing_is_in_the_singular(count: int, text: str) -> None:
    assert counted(count, "day") == text


def test_what_is_there_more_than_once_is_listed_once_in_its_order() -> None:
    assert repeated(["b", "a", "c", "a", "b", "b"]) == ["b", "a"]
    assert repeated(iter("abc")) == []
