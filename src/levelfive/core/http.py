"""One POST over HTTP by the standard library: no redirect is followed, and nothing that happens is raised."""

from __future__ import annotations

import http.client
import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from levelfive.errors import ConfigError

SECONDS = 10.0
NO_ANSWER = 0
MAX_BYTES_READ = 256 * 1024
SECRET_OR_SETTING = "correct the secret or setting that holds it"


@dataclass(frozen=True)
class Response:
    """What a server answered.

    Args:
        status: The HTTP status; `NO_ANSWER` where none came.
        body: The answer's first bytes.
        retry_after: For how many seconds it asks to be left alone; None where it does not say.
        location: Where it sends the caller on to.
    """

    status: int
    body: bytes = b""
    retry_after: float | None = None
    location: str | None = None


def post(address: str, body: bytes, *, headers: Mapping[str, str], seconds: float = SECONDS) -> Response:
    """Send a body and read the answer, whatever its status; proxies are those of the environment.

    Args:
        address: Checked by `check_address`.
        body: What is sent.
        headers: Beside those that HTTP itself needs.
        seconds: How long to wait for the next byte, and how long for the body of the answer as a whole.
    """
    request = Request(address, data=body, headers=dict(headers), method="POST")
    try:
        with _opener().open(request, timeout=seconds) as response:
            return Response(
                response.status,
                _read(response, seconds),
                _seconds_of(response.headers.get("Retry-After")),
                response.headers.get("Location"),
            )
    except (OSError, http.client.HTTPException, ValueError):
        return Response(NO_ANSWER)


def check_address(address: str, *, of: str, remedy: str = SECRET_OR_SETTING) -> str:
    """Refuse an address that a secret must not be sent to; the error does not repeat it, as it may be a secret itself.

    Args:
        address: The address.
        of: What it is the address of, for the error.
        remedy: What to do about it, for the error.

    Raises:
        ConfigError: It is not https, nor http on this machine.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if host and (parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))):
        return address
    raise ConfigError(f"the address of {of} is no https address: {remedy}")


def _opener() -> OpenerDirector:
    """Build one that opens http and https alone, and takes redirects and errors as answers."""
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler()):
        opener.add_handler(handler)
    return opener


def _read(response: http.client.HTTPResponse, seconds: float) -> bytes:
    until, body = time.monotonic() + seconds, b""
    while len(body) < MAX_BYTES_READ and time.monotonic() < until:
        part = response.read1(MAX_BYTES_READ - len(body))
        if not part:
            break
        body += part
    return body


def _seconds_of(retry_after: str | None) -> float | None:
    """Read `Retry-After`: a number of seconds, or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def is_this_machine(host: str) -> bool:
    """Tell whether a name or address is of this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
