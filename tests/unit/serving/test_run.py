"""A service that is ended answers all that it was asked; one that is killed keeps what was flushed."""

import http.client
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
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
