"""A value has one form in its type, however a file, a person or a table writes it."""

import pytest

from levelfive.erasure.values import canonical


@pytest.mark.parametrize(
    ("kind", "texts", "form"),
    [
        ("long", ["7", "007", " +7 "], "7"),
        ("INT", ["-0", "0"], "0"),
        ("bigint", ["9007199254740993"], "9007199254740993"),
        ("double", ["1.50", "15e-1", "1.5"], "1.5"),
        ("double", ["7", "7.0"], "7.0"),
        ("double", ["-0.0", "0"], "0.0"),
        ("float", ["0.1", "0.10000000149011612"], "0.10000000149011612"),
        ("decimal(20,2)", ["12345678901234567.89", "12345678901234567.890"], "12345678901234567.89"),
        ("decimal(38,3)", ["12345678901234567890123456789012345.678"], "12345678901234567890123456789012345.678"),
        ("decimal", ["1.5", "2"], "2"),
        ("boolean", ["true", "T", "1", "yes"], "true"),
        ("date", ["2013-05-01", "2013-5-1"], "2013-05-01"),
        ("timestamp", ["2013-05-01T06:00Z", "2013-05-01 06:00:00", "2013-05-01 08:00+02:00"], "2013-05-01T06:00:00Z"),
        ("timestamp", ["2013-05-01 06:00:00.5"], "2013-05-01T06:00:00.500000Z"),
        ("timestamp", ["2013-05-01"], "2013-05-01T00:00:00Z"),
        ("string", ["007"], "007"),
        ("array<int>", ["[1,2]"], "[1,2]"),
    ],
)
def test_ways_to_write_a_value_have_one_form(kind: str, texts: list[str], form: str) -> None:
    assert {canonical(text, kind) for text in texts} == {form}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("long", "7.5"),
        ("long", "0x7"),
        ("long", "seven"),
        ("double", "NaN"),
        ("double", "1_0"),
        ("decimal(5,2)", "a"),
        ("boolean", "perhaps"),
        ("date", "2013-02-30"),
        ("date", "2013-05-01T06:00Z"),
        ("timestamp", "12:30"),
        ("timestamp", "2013-05-01T25:00Z"),
    ],
)
def test_what_is_no_value_of_the_type_has_no_form(kind: str, text: str) -> None:
    assert canonical(text, kind) is None


def test_a_text_is_taken_as_it_stands_and_nothing_has_no_form() -> None:
    odd = "' OR 1=1 -- \"; DROP\n\\ é 7 "

    assert canonical(odd, "string") == odd
    assert canonical(None, "string") is None
