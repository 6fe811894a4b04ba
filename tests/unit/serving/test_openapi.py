"""The service is as it describes itself: what is valid is taken in any order, and answers are as they are told."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import served
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from levelfive.errors import RequestError
from levelfive.online.sqlite_store import SqliteStore
from levelfive.registry.store import CentralRegistry
from levelfive.serving.cells import KEYS
from levelfive.serving.live import Live
from levelfive.serving.openapi import body_schemas, openapi
from levelfive.serving.requests import MANY, Column, RequestSchema
from levelfive.serving.scorer import Scorer
from levelfive.serving.security import RateLimit, Tokens
from levelfive.serving.service import Service
from levelfive.serving.version import ServedVersion

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=5,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "prediction_time": st.sampled_from(["2013-05-01T10:20:00Z", "2013-05-01T12:20:00+02:00"]),
    "carrier": st.text(),
    "flight": st.integers(-(2**63), 2**63 - 1) | st.integers(1 - 2**53, 2**53 - 1).map(float),
    "origin": st.none() | st.text(),
    "tailnum": st.none() | st.text(),
    "distance": st.none() | st.booleans() | st.floats(width=32, allow_nan=False, allow_infinity=False),
}
SLICES = {"is_known": st.none() | st.booleans() | st.text()}
OTHERS = st.dictionaries(st.text().filter(lambda name: name not in {*FIELDS, *SLICES, MANY}), JSON_VALUES, max_size=3)


def in_any_order(fields: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Put other fields between those that count."""
    together = st.tuples(fields, OTHERS).map(lambda parts: [*parts[0].items(), *parts[1].items()])
    return together.flatmap(st.permutations).map(dict)


ROWS = in_any_order(st.fixed_dictionaries(FIELDS, optional=SLICES))
LISTS = in_any_order(st.fixed_dictionaries({MANY: st.lists(ROWS, min_size=1, max_size=3)}))
MIXTURES = in_any_order(
    st.fixed_dictionaries(FIELDS, optional={MANY: JSON_VALUES | st.lists(ROWS, max_size=2)})
) | in_any_order(st.fixed_dictionaries({MANY: JSON_VALUES | st.lists(ROWS, max_size=2)}))
WRITERS = st.sampled_from([json.dumps, lambda value: json.dumps(value, ensure_ascii=False, indent=1)])


@pytest.fixture(scope="module")
def bound(version: ServedVersion, tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """Bind a version to a store that no test changes."""
    store = SqliteStore(tmp_path_factory.mktemp("described") / "online.db")
    served.publish(store)
    return Scorer(version, store.states(), store)


@pytest.fixture(scope="module")
def request_body(bound: Scorer) -> Draft202012Validator:
    described = openapi(bound)
    schema = described["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": described["components"]})


def values(bound: Scorer, row: dict[str, Any]) -> list[Any]:
    """List what counts of a row; the time is compared elsewhere."""
    return [row.get(name) for name in bound.schema.names if name != "prediction_time"]


@given(row=ROWS, write=WRITERS)
def test_a_row_is_taken_in_whatever_order_its_fields_are(
    bound: Scorer, request_body: Draft202012Validator, row: dict[str, Any], write: Any
) -> None:
    (read,), is_many = bound.schema.read(write(row).encode())

    assert request_body.is_valid(row)
    assert not is_many
    assert list(read[1:]) == values(bound, row)


@given(body=LISTS, write=WRITERS)
def test_many_rows_are_taken_wherever_their_list_stands(
    bound: Scorer, request_body: Draft202012Validator, body: dict[str, Any], write: Any
) -> None:
    read, is_many = bound.schema.read(write(body).encode())

    assert request_body.is_valid(body)
    assert is_many
    assert [list(row[1:]) for row in read] == [values(bound, row) for row in body[MANY]]


@given(body=MIXTURES, write=WRITERS)
def test_a_body_is_taken_exactly_if_it_is_valid_by_the_description(
    bound: Scorer, request_body: Draft202012Validator, body: dict[str, Any], write: Any
) -> None:
    content = write(body).encode()
    if request_body.is_valid(body):
        assert bound.schema.read(content)[1] == (MANY in body)
    else:
        with pytest.raises(RequestError):
            bound.schema.read(content)


@pytest.mark.parametrize("kind", [*KEYS, "number", "category", "string", "long", "double", "boolean", "binary"])
def test_what_a_field_takes_is_valid_by_its_description(kind: str) -> None:
    schema = RequestSchema([Column("field", kind)])
    described, taken = Draft202012Validator(body_schemas(schema)["Row"]), []
    for value in (None, True, 7, 7.5, 2**70, "", "7.5", "text", "YWJj", "2013-05-01", "2013-05-01T10:20:00Z", [], {}):
        with suppress(RequestError):
            schema.read(json.dumps({"field": value}).encode())
            taken.append(value)

    assert [value for value in taken if not described.is_valid({"field": value})] == []
    assert len(taken) > 1


def services(live: Live, registry: CentralRegistry, store: SqliteStore, folder: Path) -> dict[str, Service]:
    """Make services that are well, and such as lack something."""
    (folder / "tokens").write_text("a-secret-of-16-or-more")
    ready, ended = (Service(live, now=lambda: served.NOW) for _ in range(2))
    ended.is_draining = True
    busy = Service(live, now=lambda: served.NOW, rate=RateLimit(1, lambda: 0.0))
    served.ask(busy, content=served.body())
    return {
        "ready": ready,
        "ended": ended,
        "busy": busy,
        "empty": Service(Live(registry, store), now=lambda: served.NOW),
        "guarded": Service(live, now=lambda: served.NOW, tokens=Tokens(folder / "tokens")),
    }


def test_each_answer_is_as_it_is_described(
    live: Live, registry: CentralRegistry, store: SqliteStore, tmp_path: Path
) -> None:
    described = openapi(live.scorer)
    found = set()
    for name, service in services(live, registry, store, tmp_path).items():
        for path, methods in described["paths"].items():
            (method,) = methods
            answered = served.ask(service, path, served.body(), method=method.upper())
            content = methods[method]["responses"][str(answered.status)]["content"]
            schema = content[answered.headers["content-type"]]["schema"]
            said = answered.body.decode() if schema == {"type": "string"} else answered.json
            Draft202012Validator({**schema, "components": described["components"]}).validate(said)
            found.add((name, path, answered.status))

    assert {status for _, _, status in found} == {200, 401, 429, 503}
    assert {("ended", "/health/ready", 503), ("empty", "/openapi.json", 503), ("guarded", "/metrics", 200)} <= found


def test_its_description_is_sound_and_takes_what_it_takes(live: Live) -> None:
    service = Service(live, now=lambda: served.NOW)
    told = served.ask(service, "/openapi.json", method="GET").json

    schemas = {f"#/components/schemas/{name}": schema for name, schema in told["components"]["schemas"].items()}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    row = Draft202012Validator(told["components"]["schemas"]["Row"])
    assert told["openapi"] == "3.1.0"
    assert row.is_valid(json.loads(served.body()))
    for wrong in (served.body(origin=...), served.body(distance="far"), served.body(flight=None), b"[]"):
        assert not row.is_valid(json.loads(wrong))
        assert served.ask(service, content=wrong).status == 422
    assert set(told["paths"]) == {"/score", "/health/live", "/health/ready", "/metrics", "/openapi.json"}
    assert set(told["paths"]["/score"]["post"]["responses"]) >= {"200", "400", "401", "413", "422", "429", "503"}
