"""What arrives at an ingestion endpoint, what is sent again, and that nothing of it can hold a job up."""

import json
import logging
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from ingestion import AT_ONCE, KEY, arrived, component, envelopes, of_kind, said
from loopback import Loopback, Reply, loopback

from levelfive.core.outbox import Rhythm
from levelfive.errors import ConfigError
from levelfive.telemetry.application_insights.connection import parse_connection
from levelfive.telemetry.application_insights.envelopes import duration, envelope
from levelfive.telemetry.names import ATTRIBUTES, COUNTS, DRIFT
from levelfive.telemetry.records import Event, Measurement, SpanKind
from levelfive.telemetry.tracing import connect, event, flush, measure, span

PATIENCE = 20.0
RESOURCE = {
    "service.name": "levelfive",
    "service.version": "0.1.0",
    "service.instance.id": "0" * 32,
    "deployment.environment.name": "qa",
}


def bodies(server: Loopback) -> list[list[str]]:
    """The messages of each call."""
    return [[data["message"] for data in of_kind("MessageData", envelopes(call))] for call in server.calls]


def sent_by(server: Loopback, *names: str, rhythm: Rhythm = AT_ONCE) -> None:
    connect(component(server, rhythm=rhythm))
    for name in names:
        event(name)
    flush()


def test_a_run_arrives_as_a_request_its_steps_as_dependencies_and_all_in_one_trace(endpoint: Loopback) -> None:
    connect(component(endpoint))
    about = {"use_case": "flights", "stage": "scoring", "run_id": "r1"}

    with span("scoring", kind=SpanKind.RUN, fields=lambda: about):
        event("run started", level=logging.WARNING)
        with span("score", kind=SpanKind.STEP, fields=dict):
            measure(COUNTS["scored"], 41)

    found = arrived(endpoint)
    request, dependency = of_kind("RequestData", found)[0], of_kind("RemoteDependencyData", found)[0]
    message, metric = of_kind("MessageData", found)[0], of_kind("MetricData", found)[0]
    assert (request["name"], request["success"], request["responseCode"]) == ("scoring", True, "0")
    assert (dependency["name"], dependency["success"], dependency["type"]) == ("score", True, "InProc")
    assert (message["message"], message["severityLevel"]) == ("run started", "Warning")
    assert metric["metrics"] == [{"name": "levelfive.rows.scored", "kind": "Measurement", "value": 41.0}]
    by_type = {one["data"]["baseType"]: one["tags"] for one in found}
    assert len({tags["ai.operation.id"] for tags in by_type.values()}) == 1
    assert "ai.operation.parentId" not in by_type["RequestData"]
    assert by_type["RemoteDependencyData"]["ai.operation.parentId"] == request["id"]
    assert by_type["MessageData"]["ai.operation.parentId"] == request["id"]
    assert by_type["MetricData"]["ai.operation.parentId"] == dependency["id"]
    assert {tags["ai.operation.name"] for tags in by_type.values()} == {"scoring"}
    for name, value in {
        "levelfive.use_case": "flights",
        "cicd.pipeline.name": "scoring",
        "cicd.pipeline.run.id": "r1",
        "deployment.environment.name": "qa",
    }.items():
        assert said(name, found) == [value] * 4
    assert said("cicd.pipeline.result", found) == said("cicd.pipeline.task.run.result", found) == ["success"]
    assert said("cicd.pipeline.task.name", found) == ["score"]


@pytest.mark.parametrize(("error", "result"), [(ValueError, "failure"), (KeyboardInterrupt, "cancellation")])
def test_a_run_that_fails_says_the_class_of_its_error_and_not_its_text(
    endpoint: Loopback, error: type[BaseException], result: str
) -> None:
    connect(component(endpoint))

    with (
        pytest.raises(error),
        span("data", kind=SpanKind.RUN, fields=dict),
        span("judge", kind=SpanKind.STEP, fields=dict),
    ):
        raise error("/home/ada/secret.csv")

    found = arrived(endpoint)
    spans = [*of_kind("RequestData", found), *of_kind("RemoteDependencyData", found)]
    assert [one["success"] for one in spans] == [False, False]
    assert said("error.type", found) == [error.__name__] * 2
    assert said("cicd.pipeline.result", found) == said("cicd.pipeline.task.run.result", found) == [result]
    assert "secret.csv" not in json.dumps(found)  # a shorter text may be a part of an id, by chance


def test_only_the_fields_that_are_listed_leave_the_machine(endpoint: Loopback) -> None:
    connect(component(endpoint))

    event("rows are missing", source="flights", by="ada@example.com", landing="/home/ada", password="s3cret")
    flush()

    properties = of_kind("MessageData", arrived(endpoint))[0]["properties"]
    assert properties == {"deployment.environment.name": "qa", "levelfive.source": "flights"}


def test_every_attribute_and_every_kind_of_value_can_be_sent() -> None:
    fields = dict.fromkeys(ATTRIBUTES, "x") | {"unusual": True, "as_of": datetime(2013, 4, 1, tzinfo=UTC), "column": 3}

    written = envelope(
        Event(at=datetime(2026, 1, 2, tzinfo=UTC), fields=fields, name="e" * 5000, level=logging.INFO),
        key=KEY,
        resource=RESOURCE,
    )

    data = json.loads(written)["data"]["baseData"]
    assert len(data["message"]) == 1024
    assert data["properties"].keys() == {one.name for one in ATTRIBUTES.values()} | {"deployment.environment.name"}
    assert data["properties"]["levelfive.drift.unusual"] == "true"
    assert data["properties"]["levelfive.as_of"] == "2013-04-01T00:00:00.000000Z"
    assert data["properties"]["levelfive.column"] == "3"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "00.00:00:00.000000"), (0.9999999, "00.00:00:01.000000"), (93784.25, "01.02:03:04.250000")],
)
def test_a_duration_is_written_as_the_schema_does(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_left_out(endpoint: Loopback, value: float) -> None:
    connect(component(endpoint))

    measure(DRIFT, value, column="delay")
    measure(DRIFT, 0.5, column="delay")
    flush()

    assert [data["metrics"][0]["value"] for data in of_kind("MetricData", arrived(endpoint))] == [0.5]


def test_setting_it_up_again_in_each_cell_sends_everything_once_and_as_one_process(endpoint: Loopback) -> None:
    for cell in range(5):
        connect(component(endpoint))
        event("said", first=cell)
    measure(DRIFT, 0.5)
    flush()
    threads = [one.name for one in threading.enumerate()].count("levelfive-telemetry")
    flush()
    connect(None)

    found = arrived(endpoint)
    assert threads == 1
    assert said("levelfive.days.first", found) == ["0", "1", "2", "3", "4"]
    assert len(of_kind("MetricData", found)) == 1
    assert len({one["tags"]["ai.cloud.roleInstance"] for one in found}) == 1


def test_another_environment_takes_the_place_of_the_one_before(endpoint: Loopback) -> None:
    connect(component(endpoint, environment="qa"))
    event("before")
    connect(component(endpoint, environment="prod"))
    event("after")
    flush()

    assert said("deployment.environment.name", arrived(endpoint)) == ["qa", "prod"]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_a_busy_endpoint_did_not_take_is_sent_again(endpoint: Loopback, status: int) -> None:
    endpoint.replies = [Reply(status), Reply(status)]

    sent_by(endpoint, "a")

    assert bodies(endpoint) == [["a"], ["a"], ["a"]]


@pytest.mark.parametrize("retry_after", ["0", format_datetime(datetime(2000, 1, 1, tzinfo=UTC), usegmt=True)])
def test_an_endpoint_is_left_alone_for_as_long_as_it_says(endpoint: Loopback, retry_after: str) -> None:
    endpoint.replies = [Reply(503, headers={"Retry-After": retry_after})]

    sent_by(endpoint, "a", rhythm=replace(AT_ONCE, pauses=(PATIENCE * 10,)))

    assert bodies(endpoint) == [["a"], ["a"]]


def test_an_endpoint_that_wants_to_be_left_alone_is_not_asked_before(endpoint: Loopback) -> None:
    endpoint.replies = [Reply(429, headers={"Retry-After": "3600"})]

    sent_by(endpoint, "a", rhythm=replace(AT_ONCE, flush=0.5))

    assert bodies(endpoint) == [["a"]]


def test_of_a_batch_that_was_partly_accepted_only_what_may_succeed_is_sent_again(endpoint: Loopback) -> None:
    refused = [{"index": 0, "statusCode": 400}, {"index": 2, "statusCode": 503}, {"index": 9, "statusCode": 503}]
    endpoint.replies = [Reply(206, {"itemsReceived": 3, "itemsAccepted": 1, "errors": refused})]

    sent_by(endpoint, "wrong", "taken", "busy", rhythm=replace(AT_ONCE, linger=PATIENCE, batch=3))

    assert bodies(endpoint) == [["wrong", "taken", "busy"], ["busy"]]


@pytest.mark.parametrize("status", [400, 402, 404, 439])
def test_what_is_refused_for_good_is_not_sent_again_and_said_once(
    endpoint: Loopback, status: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("levelfive"), "propagate", True)
    endpoint.usual = Reply(status)

    sent_by(endpoint, "a")
    flush()

    assert bodies(endpoint) == [["a"]]
    warnings = [one.getMessage() for one in caplog.records if "did not reach" in one.getMessage()]
    assert [warning.split(" did")[0] for warning in warnings] == ["1 records"]


def test_an_answer_that_cannot_be_read_loses_nothing_and_sends_nothing_twice(endpoint: Loopback) -> None:
    endpoint.replies = [Reply(206, "<html>"), Reply(206, {"errors": None}), Reply(200, "<html>")]
    connect(component(endpoint))

    for name in ("a", "b", "c"):
        event(name)
        flush()

    assert bodies(endpoint) == [["a"], ["b"], ["c"]]


def test_an_endpoint_that_moved_is_followed_and_remembered(endpoint: Loopback) -> None:
    with loopback(Reply(308, headers={"Location": f"{endpoint.address}/v2.1/track"})) as moved:
        sent_by(moved, "a")
        event("b")
        flush()

    assert bodies(moved) == [["a"]]
    assert bodies(endpoint) == [["a"], ["b"]]


@pytest.mark.parametrize("location", ["https://example.com/v2.1/track", "http://example.com/", "file:///etc/passwd"])
def test_the_key_follows_to_no_other_kind_of_address(endpoint: Loopback, location: str) -> None:
    endpoint.replies = [Reply(307, headers={"Location": location})]

    sent_by(endpoint, "a")

    assert bodies(endpoint) == [["a"], ["a"]]


def test_a_hanging_endpoint_holds_a_job_up_once_and_for_no_longer_than_a_flush_may_take(endpoint: Loopback) -> None:
    endpoint.usual = Reply(hangs=True)
    connect(component(endpoint, rhythm=replace(AT_ONCE, linger=0.0, flush=0.5)))

    begin = time.monotonic()
    for _ in range(20):
        with span("scoring", kind=SpanKind.RUN, fields=dict):
            event("run started")
    took = time.monotonic() - begin

    assert 0.5 <= took < 5.0


def test_an_endpoint_that_nobody_listens_at_costs_a_job_nothing_but_a_flush() -> None:
    with loopback() as gone:
        place = component(gone, rhythm=replace(AT_ONCE, linger=0.0))
    connect(place)

    event("a")
    flush()  # ends once the record is given up


def test_an_endpoint_that_is_back_gets_what_waited(endpoint: Loopback) -> None:
    endpoint.replies = [Reply(503), Reply(503)]
    connect(component(endpoint, rhythm=replace(AT_ONCE, pauses=(0.01,) * 3)))

    event("while it was away")
    flush()

    assert bodies(endpoint)[-1] == ["while it was away"]


def test_records_of_many_threads_all_arrive(endpoint: Loopback) -> None:
    connect(component(endpoint))
    threads = [threading.Thread(target=lambda: [event("from a thread") for _ in range(50)]) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flush()

    assert len(arrived(endpoint)) == 400


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (f"InstrumentationKey={KEY}", "https://dc.services.visualstudio.com/v2.1/track"),
        (
            f"IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/;InstrumentationKey={KEY};"
            "LiveEndpoint=https://westeurope.livediagnostics.monitor.azure.com/;ApplicationId=1",
            "https://westeurope-5.in.applicationinsights.azure.com/v2.1/track",
        ),
    ],
)
def test_a_connection_string_says_where_to_send_and_for_whom(text: str, address: str) -> None:
    connection = parse_connection(text)

    assert (connection.address, connection.key) == (address, KEY)
    assert KEY not in repr(connection)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "InstrumentationKey=not-a-key",
        f"InstrumentationKey={KEY};IngestionEndpoint=http://example.com/",
        f"InstrumentationKey={KEY};IngestionEndpoint=ftp://127.0.0.1/",
        f"InstrumentationKey={KEY};IngestionEndpoint=https://[/",
    ],
)
def test_a_connection_string_that_is_none_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_connection(text)

    assert "Application Insights" in str(refusal.value)
    assert not any(part and part in str(refusal.value) for part in ("not-a-key", KEY, "example.com", "ftp"))


def test_the_time_of_a_record_is_in_utc() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))

    written = envelope(Measurement(at=at, fields={}, metric=DRIFT, value=1.0), key=KEY, resource=RESOURCE)

    assert json.loads(written)["time"] == "2026-01-02T01:04:05.000006Z"
