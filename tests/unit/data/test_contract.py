"""The checks that refuse a file as a whole; the expressions are tested with Spark."""

import pytest

from levelfive.data.contract import check_header, check_share, demands
from levelfive.errors import ContractError
from levelfive.usecase.sources import Source, between, not_null

SOURCE = Source(
    name="weather",
    columns={"origin": "string", "temp": "double", "time_hour": "timestamp"},
    key=("origin", "time_hour"),
    expectations=(*not_null("origin", "temp"), between("temp", -40, 130)),
    max_quarantined_share=0.29,
)
FILE = "weather_2013-02.csv.gz"


def the_header_error(*found: str) -> str:
    with pytest.raises(ContractError) as refused:
        check_header(found, SOURCE, FILE)
    return str(refused.value)


def the_share_error(quarantined: int, reasons: dict[str, int]) -> str:
    with pytest.raises(ContractError) as refused:
        check_share(SOURCE, FILE, rows_in=100, quarantined_rows=quarantined, reasons=reasons)
    return str(refused.value)


def test_the_declared_header_passes():
    check_header(["origin", "temp", "time_hour"], SOURCE, FILE)


def test_a_header_error_says_which_file_what_was_expected_and_what_to_do():
    message = the_header_error("origin", "time_hour")

    assert message.startswith(f"{FILE}: expected the header of source 'weather', origin,temp,time_hour; got ")
    assert "Deliver the file again with the expected header, or change the columns of the source." in message


def test_missing_and_unexpected_columns_are_named():
    message = the_header_error("origin", "temperature", "time_hour")

    assert "got missing: 'temp'; unexpected: 'temperature'." in message


def test_columns_out_of_order_are_named_and_those_in_place_are_not():
    message = the_header_error("origin", "time_hour", "temp")

    assert "got out of order: 'time_hour', 'temp'." in message


def test_a_missing_column_does_not_make_the_others_out_of_order():
    assert "out of order" not in the_header_error("temp", "time_hour")


def test_a_repeated_column_is_named():
    assert "got repeated: 'temp'." in the_header_error("origin", "temp", "temp", "time_hour")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_file_with_another_delimiter_is_recognized(delimiter: str):
    message = the_header_error(delimiter.join(SOURCE.columns))

    assert f"It looks delimited by {delimiter!r}; the delimiter must be ','" in message


def test_a_file_without_a_header_is_recognized():
    message = the_header_error("EWR", "28.94", "2013-02-01T05:00:00Z")

    assert (
        "It looks like a row of data; the first line must be the header, unless the format says otherwise." in message
    )


@pytest.mark.parametrize(
    "found",
    [
        ("\ufefforigin", "temp", "time_hour"),
        ("Origin", "TEMP", "Time_Hour"),
        ("origin", " temp", "time_hour\r"),
    ],
)
def test_names_that_only_look_different_are_recognized(found: tuple[str, ...]):
    assert "differ only by case, spaces or a byte order mark" in the_header_error(*found)


def test_an_ordinary_difference_gets_no_hint():
    message = the_header_error("origin|id", "temp", "time_hour")

    assert message.endswith(
        "unexpected: 'origin|id'. Deliver the file again with the expected header, or change the columns of the source."
    )


def test_a_long_name_is_shortened():
    assert f"unexpected: '{'x' * 40}'." in the_header_error("origin", "temp", "time_hour", "x" * 1000)


def test_a_share_at_the_limit_passes():
    check_share(SOURCE, FILE, rows_in=100, quarantined_rows=29, reasons={"origin: missing": 29})


def test_a_file_without_rows_has_no_share():
    check_share(SOURCE, FILE, rows_in=0, quarantined_rows=0, reasons={})


def test_a_share_above_the_limit_is_refused_with_the_three_most_frequent_reasons():
    reasons = {"a: missing": 3, "b: missing": 0, "c: not an int": 30, "d: missing": 5, "e: not a date": 4}

    message = the_share_error(30, reasons)

    assert message.startswith(f"{FILE}: expected at most 29.00% of its rows to break the contract of source 'weather'")
    assert "got 30 of 100 (30.00%)" in message
    assert "Most frequent: c: not an int (30 rows); d: missing (5 rows); e: not a date (4 rows). " in message
    assert "Deliver the file again" in message


def test_reasons_that_no_row_has_are_not_named():
    message = the_share_error(40, {"a: missing": 40, "b: missing": 0})

    assert "Most frequent: a: missing (40 rows). " in message


def test_the_key_is_demanded_once_and_first():
    expected = (*not_null("origin", "time_hour", "temp"), between("temp", -40, 130))

    assert expected == demands(SOURCE)
