"""A request that is wrong is told which field is, and what is wanted there."""

import pytest
import served

from levelfive.errors import ConfigError, RequestError
from levelfive.serving.requests import Column, RequestSchema, columns_of

TYPES = {"origin": "string", "carrier": "string", "flight": "long", "tailnum": "string"}


@pytest.fixture(scope="module")
def schema() -> RequestSchema:
    return RequestSchema(columns_of(served.CARD, TYPES), max_rows=3)


def test_fields_are_what_version_and_tables_ask_for() -> None:
    assert columns_of(served.CARD, TYPES) == (
        Column("prediction_time", "timestamp", takes_null=False),
        Column("carrier", "string", takes_null=False),
        Column("flight", "long", takes_null=False),
        Column("origin", "string"),
        Column("tailnum", "string"),
        Column("distance", "number"),
        Column("is_known", "scalar", is_required=False),
    )


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"", 400, "the body is no JSON: look at Input data was truncated"),
        (b"{", 400, "the body is no JSON"),
        (served.body(distance=float("nan")), 400, "the body is no JSON: look at invalid character"),
        (served.body(origin="x").replace(b'"x"', b'"\xff"'), 400, "the body is no JSON: look at its text"),
        (b'{"x":' + b"[" * 100_000, 400, "the body is no JSON"),
        (b"[]", 422, "the body: expected an object of the fields, got array"),
        (served.body(distance=...), 422, "distance: the field is missing; give it a number or null"),
        (served.body(distance="far"), 422, "distance: expected a number or null, got str"),
        (served.body(distance=1e300), 422, "distance: expected a number or null, got another one, or one out of range"),
        (served.body(flight=7.5), 422, "flight: expected a whole number of 64 bits, got 7.5"),
        (served.body(flight=-7.5), 422, "flight: expected a whole number of 64 bits, got -7.5"),
        (served.body(flight=2.0**53), 422, "flight: expected a whole number of 64 bits, got 9007199254740992.0"),
        (served.body(flight=1e300), 422, "flight: expected a whole number of 64 bits, got 1e+300"),
        (
            b'{"requests": [' + served.body() + b"," + served.body(flight=7.5) + b"]}",
            422,
            "requests[1].flight: expected a whole number of 64 bits, got 7.5",
        ),
        (served.body(flight=2**70), 422, "flight: expected a whole number of 64 bits, got"),
        (served.body(flight=None), 422, "flight: expected a whole number of 64 bits, got null"),
        (served.body(origin=3), 422, "origin: expected a text or null, got int"),
        (served.body(prediction_time="2013-05-01T12:00:00"), 422, "prediction_time: expected a time with its offset"),
        (served.body().replace(b"{", b'{"flight": 1,', 1), 422, "flight: the field is there twice; give it once"),
        (served.body().replace(b"{", b'{"fl\\u0069ght" : 1,', 1), 422, "flight: the field is there twice"),
        (served.body().replace(b"{", b'{"is_known": 1, "is_known": 2,', 1), 422, "is_known: the field is there twice"),
        (
            b'{"requests": [' + served.body() + b'], "requests": [' + served.body() + b"]}",
            422,
            "requests: the field is there twice",
        ),
        (b'{"requests": []}', 422, "requests: a request takes at least one row, got none"),
        (b'{"requests": [{}]}', 422, "requests[0].prediction_time: the field is missing"),
        (
            b'{"requests": [' + b",".join([served.body()] * 4) + b"]}",
            413,
            "requests: a request takes at most 3 rows",
        ),
    ],
)
def test_a_wrong_request_is_told_why(schema: RequestSchema, content: bytes, status: int, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        schema.read(content)

    assert refused.value.status == status
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("7", 7),
        ("7.0", 7),
        ("-7.0", -7),
        ("-0.0", 0),
        ("7e0", 7),
        (f"{2**53 - 1}.0", 2**53 - 1),
        (str(2**63 - 1), 2**63 - 1),
    ],
)
def test_a_whole_number_is_one_however_it_is_written(schema: RequestSchema, written: str, meant: int) -> None:
    row = served.body().replace(b'"flight": 7', f'"flight": {written}'.encode())
    place = schema.names.index("flight")

    for content in (row, b'{"requests": [' + row + b"]}"):
        (values,), _ = schema.read(content)

        assert (type(values[place]), values[place]) == (int, meant)


def test_rows_are_read_in_the_order_of_the_columns(schema: RequestSchema) -> None:
    content = b'{"requests": [' + served.body(is_known=True) + b"," + served.body(tailnum=None, more=1) + b"]}"

    rows, is_many = schema.read(content)

    assert is_many
    assert [row[1:] for row in rows] == [
        ("UA", 7, "JFK", "N1", 300.5, True),
        ("UA", 7, "JFK", None, 300.5, None),
    ]


def test_what_looks_like_a_name_within_a_text_is_none(schema: RequestSchema) -> None:
    content = served.body(origin='"flight": 1, "flight": 2', more={"flight": 3})

    ((_, _, flight, origin, *_),), _ = schema.read(content)

    assert (served.REQUEST["flight"], '"flight": 1, "flight": 2') == (flight, origin)


def test_a_column_that_would_be_taken_for_the_rows_is_refused() -> None:
    with pytest.raises(ConfigError, match="named 'requests' cannot be served"):
        RequestSchema([Column("requests", "number")])
