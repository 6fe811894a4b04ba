"""Counts with their nouns."""

import pytest

from levelfive.core.texts import counted


@pytest.mark.parametrize(("count", "text"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (12345, "12,345 days")])
def test_only_one_thing_is_in_the_singular(count: int, text: str) -> None:
    assert counted(count, "day") == text
