"""A registry that is down, overloaded or broken: a few tries, then an error that says so."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from databricks.sdk.clock import RealClock

from levelfive.errors import RegistryError
from levelfive.registry.store import CentralRegistry

MODEL = "levelfive.test.model"
TRIES = 3
PATIENCE = 25 * 60
"""Seconds that Unity Catalog is waited for at most."""
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
            if not self.path.startswith("/api/"):  # of the SDK, which asks what kind of host this is
                self.send_error(404)
                return
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


class Registries:
    """Opens the test's kind of registry at an address."""

    def __init__(self, kind: str, patch: pytest.MonkeyPatch) -> None:
        self.kind, self.patch, self.waited = kind, patch, 0.0
        patch.setattr(RealClock, "time", lambda _: self.waited)
        patch.setattr(RealClock, "sleep", lambda _, seconds: self.wait(seconds))

    def wait(self, seconds: float) -> None:
        self.waited += seconds

    def at(self, address: str) -> CentralRegistry:
        if self.kind == "server":
            return CentralRegistry(address, MODEL)
        self.patch.setenv("DATABRICKS_HOST", address)
        self.patch.setenv("DATABRICKS_TOKEN", "of-this-workspace")
        return CentralRegistry("databricks-uc", MODEL)

    def name(self, address: str) -> str:
        return address if self.kind == "server" else "databricks-uc"


@pytest.fixture(params=["server", "unity_catalog"])
def registries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Registries:
    """Few tries and no pauses, for MLflow's client and for the SDK, by which it asks Unity Catalog for minutes."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(TRIES - 1))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    return Registries(request.param, monkeypatch)


@pytest.mark.parametrize("state", [429, 500, 503])
def test_a_registry_that_recovers_is_asked_again(state: int, registries: Registries) -> None:
    with server(state, state, 200) as (address, asked):
        found = registries.at(address).find("4")

    assert (found.version, found.tags) == ("4", {"levelfive_role": "refit"})
    assert len(asked) == TRIES


@pytest.mark.parametrize("state", [429, 500, 503])
def test_a_registry_that_stays_broken_is_given_up_after_a_few_tries(state: int, registries: Registries) -> None:
    with server(state) as (address, asked), pytest.raises(RegistryError, match=f"version 4 of {MODEL}") as refused:
        registries.at(address).find("4")

    assert len(asked) >= TRIES
    assert registries.waited < PATIENCE
    assert registries.name(address) in str(refused.value)


# Not Unity Catalog: a minute for an answer is fixed in the SDK.
@pytest.mark.parametrize("registries", ["server"], indirect=True)
def test_a_registry_that_does_not_answer_in_time_is_given_up_after_a_few_tries(registries: Registries) -> None:
    registries.patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with server(200, in_time=False) as (address, asked), pytest.raises(RegistryError, match="did not answer"):
        registries.at(address).find("4")

    assert len(asked) == TRIES


def test_a_registry_that_is_down_is_named(registries: Registries) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"

    with pytest.raises(RegistryError, match=f"{registries.name(address)} did not answer"):
        registries.at(address).find("4")

    assert registries.waited < PATIENCE
