"""Who may ask, and how often."""

from __future__ import annotations

import hmac
import logging
import math
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from levelfive.errors import ConfigError, RequestError, unusable
from levelfive.telemetry.tracing import event

_SCHEME = b"bearer "
_LEAST = 16


class Tokens:
    """The bearer tokens of a file, one a line: several may be valid, so that one can be replaced by another.

    Args:
        path: The file.

    Raises:
        ConfigError: It cannot be read, holds no token, or one that is too short to be a secret.
    """

    def __init__(self, path: Path) -> None:
        """Read the file."""
        self._path = path
        self._digests = self._read()

    def refresh(self) -> None:
        """Read the file again; where that is not possible, the tokens of before stay valid."""
        try:
            self._digests = self._read()
        except ConfigError as err:
            event("tokens_not_read", level=logging.WARNING, why=str(err))

    def check(self, authorization: bytes | None) -> None:
        """Check what a request says of who asks.

        Args:
            authorization: The header; None where there is none.

        Raises:
            RequestError: It holds no token that is valid.
        """
        header = authorization or b""
        digest = sha256(header[len(_SCHEME) :].strip()).digest() if header[: len(_SCHEME)].lower() == _SCHEME else b""
        # Of all tokens, and of digests: how long it takes says nothing of them.
        if not max([hmac.compare_digest(digest, one) for one in self._digests]):
            raise RequestError(
                "expected a valid token, as `Authorization: Bearer TOKEN`",
                status=401,
                headers={"www-authenticate": "Bearer"},
            )

    def _read(self) -> list[bytes]:
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError as err:
            raise ConfigError(f"tokens: {unusable(err)}") from err
        tokens = [line.strip() for line in lines if line.strip()]
        if not tokens or min(map(len, tokens)) < _LEAST:
            raise ConfigError(f"tokens: expected a token of {_LEAST} characters or more a line of {self._path}")
        return [sha256(token).digest() for token in tokens]


class RateLimit:
    """Lets so many requests a second through, and as many at once as come in one second.

    Args:
        per_second: How many.
        clock: Tells seconds.

    Raises:
        ConfigError: It is no number from 1 on.
    """

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        """Begin with a full bucket."""
        if not 1 <= per_second < math.inf:
            raise ConfigError(f"requests a second are a number from 1 on, got {per_second:g} (--rate)")
        self._rate, self._clock = per_second, clock
        self._left, self._last_refill = per_second, clock()

    def check(self) -> None:
        """Take one of the requests that are left.

        Raises:
            RequestError: None is left.
        """
        now = self._clock()
        self._left = min(self._rate, self._left + (now - self._last_refill) * self._rate)
        self._last_refill = now
        if self._left < 1:
            raise RequestError(
                f"more than {self._rate:g} requests a second: ask again later", status=429, headers={"retry-after": "1"}
            )
        self._left -= 1
