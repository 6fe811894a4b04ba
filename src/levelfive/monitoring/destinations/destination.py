"""The port of destinations: people are told by a thread, which tries again where a destination is down.

A job waits for `RHYTHM.flush` seconds at most until they are told, for all destinations together.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from levelfive.core.http import NO_ANSWER, Response, check_address, post
from levelfive.core.outbox import Outbox, Outcome, Rhythm
from levelfive.errors import ConfigError, LevelfiveError
from levelfive.monitoring.destinations.messages import MESSAGES, DestinationKind
from levelfive.monitoring.destinations.notice import Notice
from levelfive.telemetry.tracing import event

RHYTHM = Rhythm(queue=100, batch=1, linger=0.0, pauses=(1, 3), longest_pause=5.0, flush=10.0)
AGAIN = frozenset({NO_ANSWER, 408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Destination:
    """Where people are told.

    Args:
        kind: What it is.
        address: Its URL, which is a secret: who knows it may write there. It is not shown when it is printed.
        rhythm: How patient to be.
    """

    kind: DestinationKind
    address: str = field(repr=False)
    rhythm: Rhythm = RHYTHM

    def open(self) -> Channel:
        """Begin to send to it."""
        arrivals: list[Notice] = []
        outbox = Outbox(partial(self._send, arrivals), self.rhythm, name=f"levelfive-{self.kind}")
        return Channel(self.kind, outbox, arrivals)

    def _send(self, arrivals: list[Notice], batch: Sequence[Notice]) -> Outcome[Notice]:
        (notice,) = batch
        body = json.dumps(MESSAGES[self.kind](notice.clean())).encode()
        outcome = _outcome(post(self.address, body, headers={"Content-Type": "application/json"}), notice)
        if outcome == Outcome():
            arrivals.append(notice)
        return outcome


@dataclass(frozen=True)
class Channel:
    """A destination that is open: `tell` returns at once, and `flush` waits for a few seconds at most.

    Args:
        kind: What it is.
        outbox: Sends the notices.
        arrivals: The notices that were taken, in their order.
    """

    kind: DestinationKind
    outbox: Outbox[Notice]
    arrivals: list[Notice] = field(default_factory=list)

    def tell(self, notice: Notice) -> None:
        """Tell people; where too many notices wait, this one is lost."""
        self.outbox.put(notice)

    def flush(self) -> None:
        """Wait until all are told; not at all where the last wait was in vain."""
        self._warn_of(self.outbox.flush())

    def close(self) -> None:
        """Flush, and end the thread."""
        self._warn_of(self.outbox.close())

    def _warn_of(self, losses: int) -> None:
        if losses:
            event("notices did not arrive", level=logging.WARNING, destination=str(self.kind), notices=losses)


def destination(kind: str, reference: str, secret: Callable[[str], str]) -> Destination:
    """Find a destination by where the secret is that holds its address.

    Args:
        kind: What it is.
        reference: Where its address is, as `core.secrets` says.
        secret: Finds a secret by its reference, as a platform does.

    Raises:
        ConfigError: There is no such kind, no such secret, or it holds no https address.
    """
    if kind not in set(DestinationKind):
        raise ConfigError(f"there is no kind of destination {kind!r}: name one of {', '.join(DestinationKind)}")
    return Destination(DestinationKind(kind), check_address(secret(reference), of=f"the destination {kind}"))


def find_destinations(references: Mapping[str, str], secret: Callable[[str], str]) -> tuple[Destination, ...]:
    """Find destinations by where their secrets are; one whose secret is missing or wrong is said, and stops nothing.

    Args:
        references: By kind of destination, where its address is.
        secret: Finds a secret by its reference, as a platform does.
    """
    destinations = []
    for kind, reference in references.items():
        try:
            destinations.append(destination(kind, reference, secret))
        except LevelfiveError as err:
            event("a destination is not told", level=logging.WARNING, destination=kind, reason=str(err))
    return tuple(destinations)


def _outcome(answer: Response, notice: Notice) -> Outcome[Notice]:
    if 200 <= answer.status < 300:
        return Outcome()
    if answer.status in AGAIN:
        return Outcome((notice,), retry_after=answer.retry_after)
    return Outcome(losses=1)
