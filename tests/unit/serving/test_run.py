"""A service that is ended answers all that it was asked; one that is killed keeps what was flushed."""

import http.client
import json
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import served
import serving_process

from levelfive.errors import ConfigError
from levelfive.online.sqlite_store import SqliteStore
from levelfive.serving.live import Live
from levelfive.serving.request_log import RequestLog
from levelfive.serving.run import Address, serve
from levelfive.serving.security import Tokens
from levelfive.serving.service import Service

HEADERS = {"Content-Type": "application/json"}


@pytest.fixture
def running(package: Path, store: SqliteStore, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with serving_process.running(package, tmp_path / "online.db", tmp_path / "log") as found:
        yield found


def ask_until_told_to_close(address: str, statuses: list[int], begun: threading.Event) -> None:
    """Ask over one connection, as a load balancer does, until the service says that it closes."""
    connection = http.client.HTTPConnection(address, timeout=30)
    while True:
        connection.request("POST", "/score", served.body(), HEADERS)
        answered = connection.getresponse()
        answered.read()
        statuses.append(answered.status)
        begun.set()
        if answered.getheader("connection") == "close":
            return


def without_a_body(address: str) -> socket.socket:
    """Ask for a score and send nothing of its body, once the service waits for it."""
    host = urlsplit(f"//{address}")
    connection = socket.create_connection((host.hostname, host.port), timeout=60)
    connection.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
    assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
    return connection


def ask(address: str, path: str = "/score", method: str = "POST", **headers: str) -> http.client.HTTPResponse:
    """Ask over a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request(method, path, served.body() if method == "POST" else None, {**HEADERS, **headers})
    return connection.getresponse()


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open as many connections as it may."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[1], 65_536), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def landed(folder: Path) -> list[Any]:
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return [json.loads(line)["request_id"] for line in lines]


def test_under_load_no_request_is_lost_when_it_ends(running: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    process, address = running
    statuses: list[int] = []
    begun = [threading.Event() for _ in range(4)]
    callers = [threading.Thread(target=ask_until_told_to_close, args=(address, statuses, one)) for one in begun]
    for caller in callers:
        caller.start()
    assert all(one.wait(60) for one in begun)

    process.send_signal(signal.SIGTERM)

    for caller in callers:
        caller.join(60)
    assert process.wait(60) == 0
    assert set(statuses) == {200}
    ids = landed(tmp_path / "log")
    assert len(ids) == len(set(ids)) == len(statuses)


def test_what_was_flushed_before_a_kill_lands_once(running: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    process, address = running
    connection = http.client.HTTPConnection(address, timeout=30)
    for _ in range(20):
        connection.request("POST", "/score", served.body(), HEADERS)
        assert connection.getresponse().read()
    deadline = time.monotonic() + 20
    while not any(file.stat().st_size for file in (tmp_path / "log").iterdir()):
        assert time.monotonic() < deadline
    process.kill()
    process.wait()

    RequestLog(tmp_path / "log").close()
    RequestLog(tmp_path / "log").close()

    ids = landed(tmp_path / "log")
    assert 0 < len(ids) == len(set(ids)) <= 20


def test_with_tokens_other_machines_may_reach_it(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a-secret-of-16-or-more")
    service = Service(Live(None, None), now=lambda: served.NOW, tokens=Tokens(tmp_path / "tokens"))
    with socket.create_server(("0.0.0.0", 0)) as taken, pytest.raises(ConfigError, match="cannot be listened on"):
        serve(service, Address("0.0.0.0", taken.getsockname()[1]))


def test_an_address_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port} cannot be listened on: .* Name another one"):
            serve(Service(Live(None, None), now=lambda: served.NOW), Address(port=port))


def test_a_request_that_is_no_http_is_refused_by_the_server(running: tuple[subprocess.Popen[str], str]) -> None:
    host = urlsplit(f"//{running[1]}")
    with socket.create_connection((host.hostname, host.port), timeout=30) as connection:
        connection.sendall(b"\x00\x01 nothing of HTTP\r\n\r\n")

        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_never_comes_does_not_keep_it_from_ending(
    package: Path, store: SqliteStore, tmp_path: Path
) -> None:
    with serving_process.running(package, tmp_path / "online.db", tmp_path / "log", finish=timedelta(seconds=1)) as (
        process,
        address,
    ):
        assert ask(address, **{"X-Request-Id": "answered"}).status == 200
        with without_a_body(address):
            process.send_signal(signal.SIGTERM)

            assert process.wait(60) == 0
    assert landed(tmp_path / "log") == ["answered"]


def test_more_requests_than_are_answered_at_once_are_told_so_and_health_is_told(
    package: Path, store: SqliteStore, tmp_path: Path
) -> None:
    with serving_process.running(package, tmp_path / "online.db", tmp_path / "log", at_once=2) as (_, address):
        waiting = [without_a_body(address) for _ in range(2)]

        refused = ask(address)
        statuses = [ask(address, path, "GET").status for path in ("/health/live", "/health/ready", "/metrics")]
        for connection in waiting:
            connection.close()

        assert (refused.status, refused.getheader("content-type"), refused.getheader("retry-after")) == (
            503,
            "application/json",
            "5",
        )
        told = json.load(refused)
        assert told["error"] == "2 requests are being answered: ask again later"
        assert told["request_id"] == refused.getheader("x-request-id")
        assert statuses == [200, 200, 200]


def test_connections_over_which_nobody_asks_keep_nobody_else_out(
    running: tuple[subprocess.Popen[str], str], many_files: None
) -> None:
    host = urlsplit(f"//{running[1]}")
    with ExitStack() as idle:
        for _ in range(1_200):
            idle.enter_context(socket.create_connection((host.hostname, host.port), timeout=60))

        assert [ask(running[1]).status, ask(running[1], "/health/live", "GET").status] == [200, 200]


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_who_offers_another_protocol_is_told_to_ask_without(
    running: tuple[subprocess.Popen[str], str], protocol: str
) -> None:
    """The server takes what follows for that protocol: there is no body, and nothing may be asked after it."""
    refused = ask(running[1], Connection="Upgrade, HTTP2-Settings", Upgrade=protocol)

    assert (refused.status, refused.getheader("connection")) == (400, "close")
    assert "ask without the header Upgrade" in json.load(refused)["error"]
    assert ask(running[1], Upgrade=protocol).status == 200
