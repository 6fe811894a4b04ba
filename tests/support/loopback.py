"""A real HTTP server on loopback that answers as it is told, and keeps what it was sent."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 20.0  # seconds, for what another thread does


@dataclass(frozen=True)
class Reply:
    """What the server answers; where it hangs, it does so until the server ends, and answers nothing."""

    status: int = 200
    body: object = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False


@dataclass(frozen=True)
class Call:
    """What the server was sent."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        zipped = self.headers.get("content-encoding") == "gzip"
        return json.loads(gzip.decompress(self.body) if zipped else self.body)


@dataclass
class Loopback:
    """What the server is told and was sent: replies are given in turn, and `usual` once they are used up."""

    address: str = ""
    replies: list[Reply] = field(default_factory=list)
    usual: Reply = field(default_factory=Reply)
    calls: list[Call] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: threading.Event = field(default_factory=threading.Event)

    def take(self, call: Call) -> Reply:
        with self.changed:
            self.calls.append(call)
            self.changed.notify_all()
            return self.replies.pop(0) if self.replies else self.usual

    def wait_for(self, calls: int) -> list[Call]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.calls) >= calls, PATIENCE), f"{len(self.calls)} calls came"
            return list(self.calls)


@contextmanager
def loopback(*replies: Reply) -> Iterator[Loopback]:
    """Run a server until the block ends."""
    state = Loopback(replies=list(replies))
    server = _Server(("127.0.0.1", 0), _handler(state))
    state.address = f"http://127.0.0.1:{server.server_port}"
    with running(server):
        try:
            yield state
        finally:
            state.ended.set()


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[None]:
    """Let a server answer in a thread of its own until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is gone is what some tests are about."""


def _handler(state: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = state.take(Call(self.path, headers, self.rfile.read(int(headers.get("content-length", 0)))))
            if reply.hangs:
                state.ended.wait(PATIENCE)
                return
            body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler
