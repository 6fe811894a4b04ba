"""A registry that is down, overloaded or broken: a few tries, then an error that says so."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from levelfive.errors import RegistryError
from levelfive.registry.store import CentralRegistry

MODEL = "levelfive.test.model"
TRIES = 3
FOUND = {"model_version": {"name": MODEL, "version": "4", "tags": [{"key": "levelfive_role", "value": "refit"}]}}


@contextmanager
def server(*answers: int, in_time: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Answer requests with these states of HTTP, the last one again and again; give the address and what was asked.

    What is not answered in time is answered at the end.
    """
    asked: list[str] = []
    may_answer = Event()
    if in_time:
        may_answer.set()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            may_answer.wait()
            state = answers[min(len(asked), len(answers)) - 1]
            body = json.dumps(FOUND if state == 200 else {"error_code": "INTERNAL_ERROR", "message": "broken"})
            with suppress(ConnectionError):  # of who did not wait
                self.send_response(state)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}", asked
        finally:
            may_answer.set()
            running.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(TRIES - 1))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")


@pytest.mark.parametrize("state", [429, 500, 503])
def test_a_registry_that_recovers_is_asked_again(state: int) -> None:
    with server(state, state, 200) as (uri, asked):
        found = CentralRegistry(uri, MODEL).find("4")

    assert (found.version, found.tags) == ("4", {"levelfive_role": "refit"})
    assert len(asked) == TRIES


@pytest.mark.parametrize("state", [429, 500, 503])
def test_a_registry_that_stays_broken_is_given_up_after_a_few_tries(state: int) -> None:
    with server(state) as (uri, asked), pytest.raises(RegistryError, match=f"{MODEL} 4") as refused:
        CentralRegistry(uri, MODEL).find("4")

    assert len(asked) == TRIES
    assert uri in str(refused.value)


def test_a_registry_that_does_not_answer_in_time_is_given_up_after_a_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with server(200, in_time=False) as (uri, asked), pytest.raises(RegistryError, match=f"{uri} did not answer"):
        CentralRegistry(uri, MODEL).find("4")

    assert len(asked) == TRIES


def test_a_registry_that_is_down_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}"

    with pytest.raises(RegistryError, match=f"{uri} did not answer"):
        CentralRegistry(uri, MODEL).find("4")
