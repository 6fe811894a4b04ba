"""What the service answers over HTTP, to requests that are right and to all that are not."""

import json
import re
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import served

from levelfive.online.sqlite_store import SqliteStore
from levelfive.online.store import Ask, StoredValues
from levelfive.registry.store import CentralRegistry
from levelfive.serving.bodies import Limits
from levelfive.serving.live import Live
from levelfive.serving.request_log import RequestLog
from levelfive.serving.security import RateLimit, Tokens
from levelfive.serving.service import Service
from levelfive.serving.version import ServedVersion

TOKEN = "a-secret-of-16-or-more"
PAGE = Path(__file__).parents[3] / "docs" / "serving.md"


def service_of(live: Live, **parts: Any) -> Service:
    return Service(live, now=lambda: served.NOW, **parts)


def test_a_request_is_answered(live: Live) -> None:
    answered = served.ask(service_of(live), content=served.body(), headers={"X-Request-Id": "mine"})

    assert (answered.status, answered.headers["content-type"]) == (200, "application/json")
    assert answered.headers["x-request-id"] == "mine"
    assert answered.headers["content-length"] == str(len(answered.body))
    assert answered.json == json.loads(live.scorer.answer(served.body(), request_id="mine", now=served.NOW).to_json())


def test_a_body_may_come_in_parts_and_be_answered_in_a_thread(live: Live) -> None:
    service, content = service_of(live, limits=Limits(inline_bytes=0)), served.body()

    answered = served.ask(service, "/score?features=true", parts=[content[:50], content[50:]])

    assert answered.status == 200
    assert answered.json["features"]["wind"] == {"value": 100.0, "known_at": "2013-05-01T10:00:00Z"}


@pytest.mark.parametrize("given", [None, "", "two words", "x" * 101, "a;b"])
def test_a_request_without_a_sound_id_is_given_one(live: Live, given: str | None) -> None:
    service = service_of(live)
    ids = {
        served.ask(service, content=served.body(), headers={} if given is None else {"x-request-id": given}).json[
            "request_id"
        ]
        for _ in range(3)
    }

    assert len(ids) == 3
    assert given not in ids


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"content": b"no JSON"}, 400, "the body is no JSON"),
        ({"content": served.body(distance=float("nan"))}, 400, "the body is no JSON"),
        ({"content": served.body(origin=...)}, 422, "origin: the field is missing; give it a text or null"),
        ({"content": served.body(flight="seven")}, 422, "flight: expected a whole number of 64 bits, got str"),
        ({"content": served.body(prediction_time="2099-01-01T00:00:00Z")}, 422, "expected no time in the future"),
        ({"content": served.body(prediction_time="2012-01-01T00:00:00Z")}, 422, "nothing before 2013-04-30T11:00:00Z"),
        ({"content": b'{"requests":[]}'}, 422, "requests: a request takes at least one row, got none"),
        (
            {"content": b'{"requests":[' + b",".join([served.body()] * 1001) + b"]}"},
            413,
            "requests: a request takes at most 1,000 rows",
        ),
        ({"content": b" " * (4 * 2**20)}, 400, "the body is no JSON"),
        ({"content": b" " * (4 * 2**20 + 1)}, 413, "a body has at most 4,194,304 bytes"),
        ({"content": b"{}", "headers": {"content-length": str(2**40)}}, 413, "a body has at most 4,194,304 bytes"),
        ({"parts": [b" " * 2**20] * 5}, 413, "a body has at most 4,194,304 bytes"),
        ({"content": b"{}", "headers": {"content-encoding": "gzip"}}, 415, "send the body as it is"),
        ({"method": "GET"}, 405, "score by POST"),
        ({"path": "/metrics"}, 405, "get /metrics by GET"),
        ({"path": "/scores", "method": "GET"}, 404, "there is only /score, /health/live"),
    ],
)
def test_a_request_that_is_wrong_is_told_so(live: Live, asked: dict[str, Any], status: int, says: str) -> None:
    answered = served.ask(service_of(live), **asked)

    assert answered.status == status
    assert says in answered.json["error"]
    assert set(answered.json) == {"error", "request_id"}


def test_a_hundred_thousand_rows_are_too_many_before_all_of_them_came(live: Live) -> None:
    content = b'{"requests":[' + b",".join([served.body()] * 100_000) + b"]}"
    parts = [content[begin : begin + 2**16] for begin in range(0, len(content), 2**16)]

    answered = served.ask(service_of(live), parts=parts)

    assert (answered.status, answered.headers["connection"]) == (413, "close")
    assert "send several requests" in answered.json["error"]


def test_a_store_that_went_away_is_503_and_readiness_says_why(live: Live, tmp_path: Path) -> None:
    for file in tmp_path.glob("online.db*"):
        file.unlink()
    service = service_of(live)

    answered = served.ask(service, content=served.body())
    live.refresh_states()
    ready = served.ask(service, "/health/ready", method="GET")

    assert (answered.status, answered.headers["retry-after"]) == (503, "5")
    assert "there is no online store" in answered.json["error"]
    assert ready.status == 503
    assert any("no table" in reason or "no online store" in reason for reason in ready.json["reasons"])


def test_a_store_that_somebody_keeps_for_himself_is_503_until_he_lets_go(
    version: ServedVersion, store: SqliteStore, tmp_path: Path
) -> None:
    impatient = SqliteStore(tmp_path / "online.db", patience=timedelta(milliseconds=20))
    live = Live(None, impatient)
    live.refresh_states()
    live.take(version)
    impatient.close()  # or nobody else could have it for himself
    service = service_of(live)
    with closing(sqlite3.connect(tmp_path / "online.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        kept = served.ask(service, content=served.body())
        other.execute("COMMIT")

    assert (kept.status, kept.headers["retry-after"]) == (503, "5")
    assert "is locked" in kept.json["error"]
    assert served.ask(service, content=served.body()).status == 200


def test_a_store_with_nothing_in_it_is_503_and_readiness_says_what_to_do(
    registry: CentralRegistry, tmp_path: Path
) -> None:
    live = Live(registry, SqliteStore(tmp_path / "empty.db"))
    live.refresh()

    asked, ready = (
        served.ask(service_of(live), path, served.body(), method=method)
        for path, method in (("/score", "POST"), ("/health/ready", "GET"))
    )

    assert (asked.status, asked.headers["retry-after"], ready.status) == (503, "5", 503)
    assert "run `levelfive features publish --as-of TIME`" in asked.json["error"]
    assert any("run `levelfive features publish --as-of TIME`" in reason for reason in ready.json["reasons"])


class HangingStore(SqliteStore):
    """A store whose reads hang until it is told to go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.goes_on = threading.Event()
        self.reads = 0

    def read(self, asks: Sequence[Ask]) -> list[StoredValues | None]:
        self.reads += 1
        assert self.goes_on.wait(20)
        return super().read(asks)


def test_while_a_store_hangs_each_request_is_503_in_time_and_none_is_looked_up_that_nobody_waits_for(
    version: ServedVersion, store: SqliteStore, tmp_path: Path
) -> None:
    hanging = HangingStore(tmp_path / "online.db")
    live = Live(None, hanging)
    live.refresh_states()
    live.take(version)
    service = service_of(live, limits=Limits(inline_bytes=0, answer_within=timedelta(milliseconds=50)))

    kept = [served.ask(service, content=served.body()) for _ in range(3)]
    hanging.goes_on.set()
    after = served.ask(service_of(live, limits=Limits(inline_bytes=0)), content=served.body())

    assert [(one.status, one.headers["retry-after"]) for one in kept] == [(503, "5")] * 3
    assert "no answer within 0.05 seconds" in kept[0].json["error"]
    assert (after.status, hanging.reads) == (200, 2)


def test_features_that_are_too_old_are_503(live: Live) -> None:
    service = Service(live, now=lambda: served.NOW + 2 * served.HOUR)

    answered = served.ask(service, content=served.body(prediction_time="2013-05-01T13:30:00Z"))

    assert (answered.status, answered.headers["retry-after"]) == (503, "5")
    assert "features reach to 2013-05-01T11:00:00Z" in answered.json["error"]


def test_before_a_version_is_there_it_is_live_and_not_ready(registry: CentralRegistry, store: SqliteStore) -> None:
    service = service_of(Live(registry, store))

    statuses = {
        path: served.ask(service, path, method=method, content=served.body()).status
        for path, method in (
            ("/health/live", "GET"),
            ("/health/ready", "GET"),
            ("/metrics", "GET"),
            ("/openapi.json", "GET"),
            ("/score", "POST"),
        )
    }

    assert statuses == {
        "/health/live": 200,
        "/health/ready": 503,
        "/metrics": 200,
        "/openapi.json": 503,
        "/score": 503,
    }


def test_only_who_has_a_token_may_score_and_probes_need_none(live: Live, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    service = service_of(live, tokens=Tokens(tmp_path / "tokens"))

    def status(path: str, method: str, token: str | None) -> int:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return served.ask(service, path, served.body(), method=method, headers=headers).status

    assert [status("/score", "POST", token) for token in (None, "wrong", TOKEN)] == [401, 401, 200]
    assert [status("/openapi.json", "GET", token) for token in (None, TOKEN)] == [401, 200]
    assert [status(f"/{path}", "GET", None) for path in ("health/live", "health/ready", "metrics")] == [200] * 3


@pytest.mark.parametrize(
    ("query", "has_features"),
    [
        ("features=true", True),
        ("trace=a&features=true", True),
        ("features=false", False),
        ("features=truely", False),
        ("other_features=true", False),
        ("\xff%ff&=", False),
    ],
)
def test_what_the_model_saw_is_told_to_who_asks_for_it(live: Live, query: str, has_features: bool) -> None:
    answered = served.ask(service_of(live), f"/score?{query}", served.body())

    assert (answered.status, "features" in answered.json) == (200, has_features)


def test_too_many_requests_are_told_to_wait(live: Live) -> None:
    service = service_of(live, rate=RateLimit(2, lambda: 0.0))

    answered = [served.ask(service, content=served.body()) for _ in range(3)]

    assert [one.status for one in answered] == [200, 200, 429]
    assert answered[-1].headers["retry-after"] == "1"


def test_what_is_being_shut_down_says_so_and_still_answers(live: Live) -> None:
    service = service_of(live)
    service.is_draining = True

    ready = served.ask(service, "/health/ready", method="GET")
    answered = served.ask(service, content=served.body())

    assert (ready.status, ready.json["reasons"]) == (503, ["it is being shut down"])
    assert (answered.status, answered.headers["connection"]) == (200, "close")


def test_a_fault_of_ours_shows_nobody_where_it_is(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret place in the code")

    monkeypatch.setattr(live.scorer, "answer", fail)
    monkeypatch.setattr("levelfive.telemetry.lines.LOGGER.propagate", True)

    answered = served.ask(service_of(live), content=served.body(), headers={"x-request-id": "mine"})

    assert answered.status == 500
    assert answered.json == {"error": "the service failed; its log says more of this request_id", "request_id": "mine"}
    (record,) = (one for one in caplog.records if one.getMessage() == "request_failed")
    assert "a secret place in the code" in record.telemetry["trace"]
    assert record.telemetry["request_id"] == "mine"


def test_metrics_tell_what_answered_and_how_old_features_are(live: Live, tmp_path: Path) -> None:
    service = service_of(live, log=RequestLog(tmp_path / "log"))
    served.ask(service, content=served.body())
    served.ask(service, content=b'{"requests":[' + served.body() + b"," + served.body() + b"]}")
    served.ask(service, content=b"no JSON")

    lines = served.ask(service, "/metrics", method="GET").body.decode().splitlines()

    assert {
        'levelfive_requests_total{status="200"} 2.0',
        'levelfive_requests_total{status="400"} 1.0',
        'levelfive_rows_total{path="fast"} 3.0',
        'levelfive_request_seconds_count{path="fast",route="/score"} 2.0',
        'levelfive_request_seconds_count{path="",route="/score"} 1.0',
        "levelfive_ready 1.0",
        "levelfive_swaps_total 1.0",
        'levelfive_served{model="levelfive.test.flights",path="fast",reason="",version="1"} 1.0',
        'levelfive_staleness_seconds{table="weather"} 3600.0',
        'levelfive_staleness_seconds{table="delays"} 3600.0',
        'levelfive_request_log_rows_total{outcome="written"} 0.0',
        "levelfive_request_log_ok 1.0",
    } <= set(lines)
    assert not any("aircraft" in line for line in lines)


@pytest.mark.parametrize(
    ("path", "method", "route"),
    [
        ("/score", "GET", "/score"),
        ("/health/live", "GET", "/health/live"),
        ("/health/ready", "GET", "/health/ready"),
        ("/metrics", "GET", "/metrics"),
        ("/openapi.json", "GET", "/openapi.json"),
        ("/of-a-caller", "GET", "other"),
    ],
)
def test_seconds_are_told_of_all_requests_by_routes_that_callers_cannot_add_to(
    live: Live, path: str, method: str, route: str
) -> None:
    service = service_of(live)
    served.ask(service, path, method=method)

    lines = service.metrics.text().decode().splitlines()

    counts = [line for line in lines if line.startswith("levelfive_request_seconds_count")]
    assert counts == [f'levelfive_request_seconds_count{{path="",route="{route}"}} 1.0']


def test_the_page_names_each_metric(live: Live, tmp_path: Path) -> None:
    service = service_of(live, log=RequestLog(tmp_path / "log"))
    served.ask(service, content=served.body())

    samples = re.findall(r"^(levelfive_\w+)", service.metrics.text().decode(), re.MULTILINE)

    names = {re.sub("_(bucket|count|sum)$", "", name) for name in samples if not name.endswith("_created")}
    assert "levelfive_request_seconds" in names
    assert sorted(name for name in names if f"`{name}`" not in PAGE.read_text(encoding="utf-8")) == []


def test_trouble_with_the_request_log_is_told_and_stops_nothing(live: Live, tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log")
    (tmp_path / "log").rmdir()
    service = service_of(live, log=log)
    served.ask(service, content=served.body())
    log.flush()

    ready = served.ask(service, "/health/ready", method="GET")

    (note,) = ready.json["notes"]
    assert (ready.status, note.startswith(f"request log: {tmp_path / 'log'}/requests_")) == (200, True)
    assert served.ask(service, content=served.body()).status == 200


def test_it_begins_and_ends_with_its_server(registry: CentralRegistry, store: SqliteStore, tmp_path: Path) -> None:
    import asyncio

    live, loaded = Live(registry, store), threading.Event()
    refresh = live.refresh_version
    live.refresh_version = lambda: (refresh(), loaded.set())  # type: ignore[assignment,func-returns-value,method-assign]  # says when
    service = service_of(live, log=RequestLog(tmp_path / "log"))
    steps: list[str] = []

    async def receive() -> dict[str, Any]:
        if not steps:
            return {"type": "lifespan.startup"}
        await asyncio.to_thread(loaded.wait, 20)
        live.refresh_states()
        service._log.put(live.scorer.answer(served.body(), request_id="last", now=served.NOW))  # type: ignore[union-attr]  # it has one
        return {"type": "lifespan.shutdown"}

    async def send(message: Any) -> None:
        steps.append(message["type"])

    asyncio.run(service({"type": "lifespan"}, receive, send))

    assert steps == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    (file,) = (tmp_path / "log").glob("*.jsonl")
    assert '"request_id":"last"' in file.read_text()
