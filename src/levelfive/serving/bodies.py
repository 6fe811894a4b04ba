"""The bodies of requests, as far as they are taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from levelfive.errors import ConfigError, RequestError

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""Of ASGI: gives the next part of a request."""

MAX_BYTES = 4 * 2**20
BODY_WITHIN = timedelta(seconds=10)
ANSWER_WITHIN = timedelta(seconds=5)
INLINE_BYTES = 32 * 2**10
AT_ONCE = 1000
_CLOSE = {"connection": "close"}  # the rest of the body is not read


class Gone(Exception):
    """Who asked has gone away."""


@dataclass(frozen=True)
class Limits:
    """What a service takes, and how it shares its time out.

    Args:
        max_bytes: Of a body.
        body_within: How long a body may take to arrive.
        answer_within: How long an answer that a thread gives may take, the wait for the thread included.
        at_once: How many requests for scores are answered at the same time; health is told whatever their number.
        inline_bytes: A longer body is answered in a thread, so that others need not wait for it; 0 where each look at
            the store may take its time.
        threads: How many of these there are: one, where the store is a file, which answers as fast as Python asks.
        poll: How often the registry is asked for its champion.

    Raises:
        ConfigError: The registry would be asked without a pause.
    """

    max_bytes: int = MAX_BYTES
    body_within: timedelta = BODY_WITHIN
    answer_within: timedelta = ANSWER_WITHIN
    at_once: int = AT_ONCE
    inline_bytes: int = INLINE_BYTES
    threads: int = 1
    poll: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        """Check what a person set."""
        if self.poll <= timedelta(0):
            raise ConfigError("between two looks at the registry lies a time such as PT30S, got 0 (--poll)")


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limits: Limits) -> bytes:
    """Read a body, as far as it is not too long.

    Raises:
        Gone: Who asked has gone away.
        RequestError: It is too long, encoded, or takes too long to arrive, or the server takes it for another protocol.
    """
    if b"upgrade" in headers and b"upgrade" in headers.get(b"connection", b"").lower():
        raise RequestError(
            "only HTTP/1.1 is spoken: ask without the header Upgrade (in Java, HttpClient.Version.HTTP_1_1)",
            status=400,
            headers=_CLOSE,
        )
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise RequestError("send the body as it is: it is encoded", status=415)
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > limits.max_bytes:
        raise _too_long(limits)
    try:
        async with asyncio.timeout(limits.body_within.total_seconds()):
            return await _whole(receive, limits)
    except TimeoutError as err:
        raise RequestError("the body did not arrive in time: send it at once", status=408, headers=_CLOSE) from err


async def _whole(receive: Receive, limits: Limits) -> bytes:
    body, has_more = bytearray(), True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += message.get("body", b"")
        if len(body) > limits.max_bytes:
            raise _too_long(limits)
        has_more = message.get("more_body", False)
    return bytes(body)


def _too_long(limits: Limits) -> RequestError:
    why = f"a body has at most {limits.max_bytes:,} bytes: send several requests"
    return RequestError(why, status=413, headers=_CLOSE)
