"""An answer has the numbers of the batch, of what was known at the row's prediction time."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import served
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import OrdinalEncoder
from xgboost import XGBClassifier

from levelfive import REGRESSION
from levelfive.core.windows import to_micros, utc
from levelfive.errors import ConfigError, NotServing, RequestError
from levelfive.models.package import Model
from levelfive.online.sqlite_store import SqliteStore
from levelfive.online.store import OnlineTable, Publication, Row
from levelfive.serving.scorer import Scorer
from levelfive.serving.version import ServedVersion

MICROSECOND = timedelta(microseconds=1)


def answer(scorer: Scorer, content: bytes, **asked: Any) -> Any:
    return json.loads(scorer.answer(content, request_id="r", now=served.NOW).to_json(**asked))


def features(scorer: Scorer, **fields: Any) -> dict[str, Any]:
    told = answer(scorer, served.body(**fields), with_features=True)["features"]
    return {name: feature["value"] for name, feature in told.items()}


def test_an_answer_is_the_score_of_what_was_known(scorer: Scorer, model: Model) -> None:
    seen = {"origin": "JFK", "distance": 300.5, "wind": 100.0, "delay": 12, "last_landed": 50.5, "seats": 150}
    expected = model.score(pd.DataFrame([{**seen, "engine": "jet"}]))

    told = answer(scorer, served.body(), with_features=True)

    assert told == {
        "request_id": "r",
        "scores": {"score": expected[0]},
        "model": "levelfive.test.flights",
        "version": "1",
        "reaches_to": "2013-05-01T11:00:00Z",
        "features": {
            "origin": {"value": "JFK", "known_at": None},
            "distance": {"value": 300.5, "known_at": None},
            "wind": {"value": 100.0, "known_at": "2013-05-01T10:00:00Z"},
            "delay": {"value": 12, "known_at": "2013-05-01T09:30:00Z"},
            "last_landed": {"value": 50.5, "known_at": "2013-05-01T09:30:00Z"},
            "seats": {"value": 150, "known_at": None},
            "engine": {"value": "jet", "known_at": None},
        },
    }


@pytest.mark.parametrize("path", ["fast", "general"])
def test_both_paths_give_the_same_bits_for_one_row_and_for_many(
    version: ServedVersion, store: SqliteStore, model: Model, path: str
) -> None:
    chosen = version if path == "fast" else replace(version, fast=None)
    scorer = Scorer(chosen, store.states(), store)
    rows = [served.REQUEST, {**served.REQUEST, "tailnum": None}, {**served.REQUEST, "origin": "XXX", "distance": None}]
    seen = [features(scorer, **row) for row in rows]

    many = answer(scorer, json.dumps({"requests": rows}).encode())["answers"]

    assert scorer.path == path
    assert [one["request_id"] for one in many] == ["r-0", "r-1", "r-2"]
    assert [one["scores"]["score"] for one in many] == model.score(pd.DataFrame(seen)).tolist()
    assert [answer(scorer, served.body(**row))["scores"] for row in rows] == [one["scores"] for one in many]


@pytest.mark.parametrize("fields", [{"tailnum": "N2"}, {"tailnum": None}, {"flight": 8}, {"origin": None}])
def test_a_key_that_is_not_there_is_a_missing_value(scorer: Scorer, fields: dict[str, Any]) -> None:
    missing = {"tailnum": ("seats", "engine"), "flight": ("delay", "last_landed"), "origin": ("origin", "wind")}

    seen = features(scorer, **fields)

    assert {name for name, value in seen.items() if value is None} == {*missing[next(iter(fields))]}


@pytest.mark.parametrize(
    ("time", "wind", "delay"),
    [
        ("2013-05-01T09:30:00Z", 90, 12),  # at the very time
        ("2013-05-01T09:29:59.999999Z", 90, None),  # before it became known
        ("2013-05-01T12:59:00Z", 100, 12),  # the newest tick that is there
        ("2013-05-01T00:00:00Z", 0, None),  # on a tick
        ("2013-05-01T11:30:00+01:00", 100, 12),  # in another zone
    ],
)
def test_no_row_sees_what_was_not_known_yet(
    version: ServedVersion, store: SqliteStore, time: str, wind: float, delay: float | None
) -> None:
    scorer = Scorer(version, store.states(), store)
    told = json.loads(
        scorer.answer(served.body(prediction_time=time), request_id="r", now=utc(2013, 5, 2)).to_json(
            with_features=True
        )
    )

    assert (told["features"]["wind"]["value"], told["features"]["delay"]["value"]) == (wind, delay)


def test_a_state_holds_for_its_tick_alone(version: ServedVersion, store: SqliteStore) -> None:
    weather = served.TABLES[0]
    rows = [Row(("JFK",), to_micros(utc(2013, 5, 1, hour)), (1.0 * hour,)) for hour in (8, 9)]
    store.publish(Publication(served.state(weather, 2), rows))
    scorer = Scorer(version, store.states(), store)

    winds = [features(scorer, prediction_time=f"2013-05-01T{hour}:59:59Z")["wind"] for hour in ("08", "09", "10")]

    assert winds == [8.0, 9.0, None]


def test_what_is_older_than_a_lookup_takes_is_missing(version: ServedVersion, store: SqliteStore) -> None:
    later = utc(2013, 5, 2, 10)
    served.publish(store, reaches_to=later, version=2)
    scorer = Scorer(version, store.states(), store)

    def delay(time: str) -> Any:
        content = served.body(prediction_time=time)
        told = json.loads(scorer.answer(content, request_id="r", now=later).to_json(with_features=True))
        return told["features"]["delay"]["value"]

    assert delay("2013-05-02T09:30:00Z") == 12
    assert delay("2013-05-02T09:30:00.000001Z") is None


TOO_LATE = served.REACHES_TO + 2 * served.HOUR + MICROSECOND


@pytest.mark.parametrize(
    ("time", "now", "error", "message"),
    [
        (
            served.KEPT_FROM - MICROSECOND,
            served.NOW,
            RequestError,
            "prediction_time: nothing before 2013-04-30T11:00:00Z is kept",
        ),
        (
            served.NOW + timedelta(minutes=1) + MICROSECOND,
            served.NOW,
            RequestError,
            "prediction_time: expected no time in the future",
        ),
        (
            TOO_LATE,
            TOO_LATE,
            NotServing,
            "features reach to 2013-05-01T11:00:00Z, and 2013-05-01T13:00:00.000001+00:00 lies",
        ),
    ],
)
def test_a_time_of_which_nothing_is_known_is_refused(
    scorer: Scorer, time: datetime, now: datetime, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as refused:
        scorer.answer(served.body(prediction_time=time.isoformat()), request_id="r", now=now)

    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("time", "now"),
    [
        (served.KEPT_FROM, served.NOW),
        (served.NOW + timedelta(minutes=1), served.NOW),
        (TOO_LATE - MICROSECOND, TOO_LATE),
    ],
)
def test_up_to_these_times_there_is_an_answer(scorer: Scorer, time: datetime, now: datetime) -> None:
    assert scorer.answer(served.body(prediction_time=time.isoformat()), request_id="r", now=now).scores


def test_of_many_rows_the_wrong_one_is_named(scorer: Scorer) -> None:
    content = b'{"requests": [' + served.body() + b"," + served.body(prediction_time="1999-01-01T00:00:00Z") + b"]}"

    with pytest.raises(RequestError, match=r"requests\[1\]\.prediction_time: nothing before"):
        scorer.answer(content, request_id="r", now=served.NOW)


def test_a_store_that_is_gone_is_no_fault_of_the_request(scorer: Scorer, store: SqliteStore, tmp_path: Path) -> None:
    for file in tmp_path.glob("online.db*"):
        file.unlink()

    with pytest.raises(NotServing, match="there is no online store"):
        scorer.answer(served.body(), request_id="r", now=served.NOW)


def test_a_table_whose_keys_are_of_another_type_by_now_is_no_fault_of_the_request(
    scorer: Scorer, store: SqliteStore
) -> None:
    """It was published since the service looked at the store."""
    other = replace(served.TABLES[1], key_types=("string", "string"))
    row = Row(("UA", "7"), to_micros(served.REACHES_TO - served.HOUR), (12, None))
    store.publish(Publication(served.state(other, 2), [row]))

    with pytest.raises(NotServing, match="expected a value of type string, got '7'"):
        scorer.answer(served.body(), request_id="r", now=served.NOW)


@pytest.mark.parametrize("key", ["NaN", "1E+999999999", "1" * 39])
def test_a_key_that_is_no_number_of_spark_is_refused_with_its_field(
    version: ServedVersion, store: SqliteStore, key: str
) -> None:
    numbered = replace(served.TABLES[2], key_types=("decimal",))
    store.publish(Publication(served.state(numbered, 2), [Row(("1.5",), None, (1, "jet"))]))
    scorer = Scorer(version, store.states(), store)

    assert features(scorer, tailnum=1.50)["engine"] == "jet"
    with pytest.raises(RequestError, match=r"^tailnum: expected a number of at most 38 digits"):
        scorer.answer(served.body(tailnum=key), request_id="r", now=served.NOW)


def test_a_version_without_what_it_looks_up_does_not_serve(version: ServedVersion, store: SqliteStore) -> None:
    states = {name: state for name, state in store.states().items() if name != "delays"}

    with pytest.raises(
        NotServing, match=r"the online store has no table delays: run `levelfive features publish --as-of TIME`"
    ):
        Scorer(version, states, store)


def test_a_table_that_lacks_a_column_does_not_serve(version: ServedVersion, store: SqliteStore) -> None:
    narrow = replace(served.TABLES[2], columns=("seats",), types=("bigint",))
    store.publish(Publication(served.state(narrow, 2), [Row(("N1",), None, (1,))]))

    with pytest.raises(NotServing, match="'aircraft' of the online store lacks engine"):
        Scorer(version, store.states(), store)


def test_a_version_of_before_tells_no_key(version: ServedVersion, store: SqliteStore) -> None:
    old = replace(version, model=replace(version.model, card=replace(version.model.card, key=())))

    with pytest.raises(ConfigError, match="train again by this levelfive"):
        Scorer(old, store.states(), store)


def test_what_the_model_refuses_is_the_requests_fault(store: SqliteStore) -> None:
    estimator = served.encoded(XGBClassifier(n_jobs=1, n_estimators=2))
    estimator.set_params(columns__categories=OrdinalEncoder(encoded_missing_value=-1))
    scorer = Scorer(ServedVersion("m", "1", served.fitted(estimator)), store.states(), store)

    with pytest.raises(RequestError, match="the model refuses these features: look for a text"):
        scorer.answer(served.body(origin="XXX"), request_id="r", now=served.NOW)


@pytest.fixture
def with_wind(store: SqliteStore) -> Callable[[float], SqliteStore]:
    """Let one airport's wind be a number that is none."""

    def published(wind: float) -> SqliteStore:
        rows = [Row(("JFK",), to_micros(utc(2013, 5, 1, 10)), (wind,))]
        store.publish(Publication(served.state(served.TABLES[0], 2), rows))
        return store

    return published


@pytest.mark.parametrize(("wind", "text"), [(np.inf, "Infinity"), (-np.inf, "-Infinity")])
def test_an_infinite_value_of_a_table_is_logged_as_such_as_the_batch_keeps_it(
    version: ServedVersion, with_wind: Callable[[float], SqliteStore], wind: float, text: str
) -> None:
    """JSON would have null in its place, which the log's reader takes for a missing value."""
    store = with_wind(wind)

    answers = Scorer(version, store.states(), store).answer(served.body(), request_id="r", now=served.NOW)

    assert json.loads(answers.to_json(with_features=True))["features"]["wind"]["value"] == text
    assert answers.record(0)["features"]["wind"] == text  # type: ignore[index]  # it is an object


def test_an_infinite_value_that_the_model_refuses_is_named(with_wind: Callable[[float], SqliteStore]) -> None:
    store = with_wind(np.inf)
    line = LinearRegression().fit(pd.DataFrame({"wind": [0.0, 1.0]}), [0.0, 1.0])
    card = replace(served.CARD, task=REGRESSION, features=("wind",), categorical=(), lookups=served.LOOKUPS[:1])
    scorer = Scorer(ServedVersion("m", "1", Model(line, card)), store.states(), store)

    with pytest.raises(RequestError, match="or wind, which is infinite"):
        scorer.answer(served.body(), request_id="r", now=served.NOW)


def test_a_score_that_is_none_is_no_answer(store: SqliteStore) -> None:
    line = LinearRegression().fit(pd.DataFrame({"distance": [0.0, 1.0]}), [0.0, 1.0])
    line.coef_ *= 1e300  # which not every machine's LAPACK can fit
    card = replace(served.CARD, task=REGRESSION, features=("distance",), categorical=(), lookups=())
    scorer = Scorer(ServedVersion("m", "1", Model(line, card)), store.states(), store)

    with pytest.raises(RequestError, match="a score that is not a finite number"):
        scorer.answer(served.body(distance=1e30), request_id="r", now=served.NOW)


KINDS: list[tuple[str, Any, Callable[[Any], Any], Any]] = [
    ("int", 5, lambda value: value, "5"),
    ("double", 2.5, lambda value: value, "2.5"),
    ("float", float(np.float32(0.1)), lambda value: value, "0.1"),
    ("boolean", True, lambda value: value, "true"),
    ("decimal(10,2)", "12.50", float, "12.5"),
    ("string", "8", float, "8"),
    ("date", 3, None, "1970-01-04"),
    ("timestamp", 60_000_000, lambda _: -1.0, "-1"),
]


@pytest.mark.parametrize("is_category", [False, True])
@pytest.mark.parametrize(("kind", "value", "number", "text"), KINDS, ids=[kind for kind, *_ in KINDS])
def test_values_of_tables_become_what_the_batch_makes_of_them(
    tmp_path: Path, kind: str, value: Any, number: Any, text: str, is_category: bool
) -> None:
    table = OnlineTable("aircraft", ("tailnum",), ("string",), ("seats", "engine"), (kind, kind), timestamped=False)
    store = SqliteStore(tmp_path / "kinds.db")
    store.publish(Publication(served.state(table), [Row(("N1",), None, (value, None))]))
    card = replace(
        served.CARD,
        features=("seats", "engine"),
        categorical=("seats", "engine") if is_category else (),
        lookups=(served.LOOKUPS[2],),
    )
    version = ServedVersion("m", "1", Model(served.classifier().estimator, card))
    if number is None and not is_category:
        with pytest.raises(ConfigError, match=f"the feature seats is of type {kind}"):
            Scorer(version, store.states(), store)
        return

    plan = Scorer(version, store.states(), store).plan
    row = tuple("N1" if column.name == "tailnum" else None for column in plan.columns)
    known = store.read(plan.asks([row], [0], {"aircraft": None}))  # type: ignore[dict-item]  # a table without times
    cells = plan.rows([row], [0], known)[0].cells

    assert cells == [text if is_category else number(value), None]
