"""On this machine, each record is a line of JSON, with its fields apart."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from levelfive.telemetry.lines import LOGGER, configure_logging
from levelfive.telemetry.names import DRIFT
from levelfive.telemetry.records import SpanKind
from levelfive.telemetry.tracing import event, measure, span


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = (LOGGER.level, LOGGER.propagate, list(LOGGER.handlers))
    LOGGER.handlers = []
    yield
    LOGGER.level, LOGGER.propagate, LOGGER.handlers = before


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_a_line_with_its_fields_by_the_names_that_are_sent(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")

    event("rows are missing", source="flüge", first=3, by="ada")

    (line,) = lines(capsys)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "message": "rows are missing",
        "levelfive.source": "flüge",
        "levelfive.days.first": 3,
        "by": "ada",
    }


def test_spans_and_measurements_are_lines_for_who_wants_to_see_all(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug")

    with pytest.raises(ValueError, match="x"), span("score", kind=SpanKind.STEP, fields=lambda: {"run_id": "r1"}):
        raise ValueError("x")
    measure(DRIFT, 0.5, column="delay")

    step, measured = lines(capsys)
    assert (measured["message"], measured["value"], measured["unit"]) == ("levelfive.drift", 0.5, "1")
    assert measured["levelfive.column"] == "delay"
    assert (step["message"], step["kind"], step["error.type"]) == ("score", "step", "ValueError")
    assert (step["cicd.pipeline.run.id"], len(step["trace_id"])) == ("r1", 32)


@pytest.mark.parametrize(("level", "messages"), [("warning", ["b"]), ("info", ["a", "b"])])
def test_the_level_says_which_events_are_written(
    capsys: pytest.CaptureFixture[str], level: str, messages: list[str]
) -> None:
    configure_logging(level)

    event("a")
    event("b", level=logging.WARNING)
    with span("c", kind=SpanKind.STEP, fields=dict):
        pass

    assert [line["message"] for line in lines(capsys)] == messages


def test_each_event_is_written_once_however_often_logging_is_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    root = io.StringIO()
    handler = logging.StreamHandler(root)
    logging.getLogger().addHandler(handler)

    for _ in range(5):
        configure_logging("info")
    event("once")
    logging.getLogger().removeHandler(handler)

    assert [line["message"] for line in lines(capsys)] == ["once"]
    assert root.getvalue() == ""


def test_a_line_goes_to_what_is_standard_error_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook has another one in each cell."""
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    configure_logging("info")
    event("first cell")

    monkeypatch.setattr(sys, "stderr", second)
    event("second cell")

    written = [[json.loads(line)["message"] for line in one.getvalue().splitlines()] for one in (first, second)]
    assert written == [["first cell"], ["second cell"]]


def test_a_handler_of_ones_own_finds_the_fields_as_an_attribute() -> None:
    found: list[logging.LogRecord] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record)

    LOGGER.addHandler(Handler())
    LOGGER.setLevel("INFO")

    event("rows are missing", source="flights")

    assert found[0].telemetry == {"levelfive.source": "flights"}


@pytest.mark.parametrize("stream", [None, "closed"])
def test_no_standard_error_breaks_nothing(monkeypatch: pytest.MonkeyPatch, stream: str | None) -> None:
    gone = io.StringIO()
    gone.close()
    monkeypatch.setattr(sys, "stderr", None if stream is None else gone)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    configure_logging("info")

    event("said")
