"""What an expectation cannot compare with is refused where it is written, not where files are read."""

import math
from collections.abc import Callable

import pytest

from levelfive.errors import ConfigError
from levelfive.usecase.sources import Expectation, between, matches, one_of


@pytest.mark.parametrize(
    ("expected", "args", "words"),
    [
        (one_of, ("month", 1, 2), r"one_of of column 'month' takes texts, .*, got \(1, 2\); correct the use case"),
        (one_of, ("month",), r"takes texts, at least one.*, got \(\)"),
        (between, ("x", None, 3), r"between of column 'x' takes two numbers, the lower one first, got \(None, 3\)"),
        (between, ("x", 1, "3"), "takes two numbers"),
        (between, ("x", 3, 1), "the lower one first"),
        (between, ("x", math.nan, 1), "takes two numbers"),
        (matches, ("x", None), "matches of column 'x' takes a regular expression, got None"),
    ],
)
def test_what_cannot_be_compared_with_is_refused(
    expected: Callable[..., Expectation], args: tuple[object, ...], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        expected(*args)


def test_a_limit_may_be_open() -> None:
    assert str(between("x", 0, math.inf)) == "x: not between 0 and inf"
