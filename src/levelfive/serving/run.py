"""Runs the service until it is told to end, and then until every request has its answer."""

from __future__ import annotations

import math
import resource
import signal
import socket
import time
import types
from dataclasses import dataclass
from datetime import timedelta

import uvicorn

from levelfive.core.http import is_this_machine
from levelfive.errors import ConfigError
from levelfive.serving.service import Service

BACKLOG = 2048
MOST_FILES = 65_536


@dataclass(frozen=True)
class Address:
    """Where a service listens.

    Args:
        host: By default only this machine can ask.
        port: 0 for a free one.
        drain: How long it goes on answering once it was told to end: so long may who sends requests here take to learn
            of it.
        finish: How long the requests that it has may take after that; a body may still arrive in time.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    drain: timedelta = timedelta(seconds=5)
    finish: timedelta = timedelta(seconds=15)


class _Server(uvicorn.Server):
    """Goes on answering for a while once it was told to end, and says so; told twice, it ends."""

    def __init__(self, config: uvicorn.Config, service: Service, drain: timedelta) -> None:
        super().__init__(config)
        self._service, self._drain = service, drain.total_seconds()
        self._drained_at: float | None = None

    def handle_exit(self, sig: int, frame: types.FrameType | None) -> None:
        """Say that it ends; called by a signal, between two steps of the loop."""
        if self._drained_at is not None or sig == signal.SIGINT:
            self.should_exit = True
            return
        self._service.is_draining = True
        self._drained_at = time.monotonic() + self._drain

    async def on_tick(self, counter: int) -> bool:
        """Tell whether it ends now; the server asks ten times a second."""
        is_drained = self._drained_at is not None and time.monotonic() >= self._drained_at
        return await super().on_tick(counter) or is_drained or self._service.refusal is not None


def serve(service: Service, address: Address) -> None:
    """Serve until a signal says otherwise.

    Raises:
        ConfigError: The address cannot be listened on, or is not of this machine alone and anybody might ask.
        ModelNotFound: The registry does not have the version to serve.
    """
    if not (service.asks_for_a_token or is_this_machine(address.host)):
        raise ConfigError(
            f"{address.host} can be reached from other machines, and nobody would be asked for a token: name a file of "
            "tokens (--tokens), or listen on 127.0.0.1"
        )
    listening = _listen(address)
    config = uvicorn.Config(
        service,
        access_log=False,
        log_config=None,
        lifespan="on",
        ws="none",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(address.finish.total_seconds()),
    )
    _allow_files()
    with listening:
        host, port = listening.getsockname()[:2]
        print(f"serving on http://{host}:{port}", flush=True)
        _Server(config, service, address.drain).run(sockets=[listening])
    if service.refusal is not None:
        raise service.refusal


def check_is_free(address: Address) -> None:
    """Find out whether an address can be listened on, before what is served there is made.

    Raises:
        ConfigError: It cannot.
    """
    _listen(address).close()


def _listen(address: Address) -> socket.socket:
    try:
        return socket.create_server((address.host, address.port), backlog=BACKLOG)
    except OSError as err:
        raise ConfigError(
            f"{address.host}:{address.port} cannot be listened on: {err.strerror or err}. Name another one "
            "(--host, --port)"
        ) from err


def _allow_files() -> None:
    """Let connections that nobody asks anything by take no place from health: each is an open file."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(MOST_FILES, most)
    if limit != resource.RLIM_INFINITY and limit < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
