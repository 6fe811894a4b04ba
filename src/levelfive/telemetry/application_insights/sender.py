"""A thread that sends envelopes in batches: whoever hands one over never waits, and what waits is bounded.

Nothing is written to a disk. What cannot be delivered in `PAUSES` tries, or finds the queue full, is lost and counted.
"""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from urllib.parse import urlsplit

from levelfive.core.http import Answer, check_address, post
from levelfive.errors import ConfigError
from levelfive.telemetry.application_insights.answers import outcome_of
from levelfive.telemetry.lines import LOGGER

HEADERS: Mapping[str, str] = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


@dataclass(frozen=True)
class Rhythm:
    """How patient a sender is.

    Args:
        queue: How many envelopes may wait.
        batch: How many are sent at a time.
        linger: For how many seconds a batch waits to become full.
        pauses: Seconds before each further try; none follows the last.
        longest_pause: The most seconds that an endpoint is left alone on its own demand.
        flush: For how many seconds a flush waits at most.
    """

    queue: int = 4096
    batch: int = 200
    linger: float = 5.0
    pauses: tuple[float, ...] = (1, 2, 4, 8, 16, 32, 60)
    longest_pause: float = 300.0
    flush: float = 5.0


class Sender:
    """Sends envelopes to an endpoint, by a thread that ends with the process.

    Args:
        address: The endpoint.
        rhythm: How patient it is.
        send: Posts a body to an address.
    """

    def __init__(self, address: str, rhythm: Rhythm, send: Callable[[str, bytes], Answer] | None = None) -> None:
        self._address, self._rhythm, self._send = address, rhythm, send or _post
        self._queue: deque[bytes] = deque()
        self._under_way = 0
        self._lost = 0
        self._hurry = self._closed = False
        self._answers = True
        self._changed = Condition()
        self._thread = Thread(target=self._run, name="levelfive-telemetry", daemon=True)
        self._thread.start()

    def put(self, envelope: bytes) -> None:
        """Hand an envelope over; where the queue is full, or the sender closed, it is lost."""
        with self._changed:
            if self._closed or len(self._queue) >= self._rhythm.queue:
                self._lost += 1
                return
            self._queue.append(envelope)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all is delivered or lost; not at all while the endpoint answered nothing since the last flush."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            patience = self._rhythm.flush if self._answers else 0.0
            self._answers = self._changed.wait_for(self._is_idle, patience)
            self._hurry = False
            lost, self._lost = self._lost, 0
        if lost:
            # By the logger, and not as an event: what is said of what cannot be sent must not have to be sent.
            LOGGER.warning(
                "%d records did not reach Application Insights: look at its daily cap, its ingestion endpoint and the "
                "network; the lines on this machine have them at --log-level debug",
                lost,
            )

    def close(self) -> None:
        """Flush, and let the thread end."""
        self.flush()
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._changed.notify_all()

    def _is_idle(self) -> bool:
        return not self._queue and not self._under_way

    def _run(self) -> None:
        while batch := self._next_batch():
            lost = self._deliver(batch)
            with self._changed:
                self._answers = self._answers or lost < self._under_way
                self._under_way, self._lost = 0, self._lost + lost
                self._changed.notify_all()

    def _next_batch(self) -> tuple[bytes, ...]:
        """Wait for a batch; an empty one where the sender is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._queue))
            self._changed.wait_for(
                lambda: self._closed or self._hurry or len(self._queue) >= self._rhythm.batch, self._rhythm.linger
            )
            batch = tuple(self._queue.popleft() for _ in range(min(self._rhythm.batch, len(self._queue))))
            self._under_way = len(batch)
            return batch

    def _deliver(self, batch: Sequence[bytes]) -> int:
        """Send a batch, and again what is to be sent again; return how many envelopes were lost."""
        lost = 0
        for pause in (*self._rhythm.pauses, None):
            outcome = outcome_of(self._send(self._address, _body(batch)), batch)
            lost, batch = lost + outcome.lost, outcome.again
            if not batch:
                return lost
            if outcome.elsewhere is not None and self._moved(outcome.elsewhere):
                continue
            wanted = outcome.retry_after if outcome.retry_after is not None else pause
            if pause is None or wanted is None or self._closed_within(min(wanted, self._rhythm.longest_pause)):
                break
        return lost + len(batch)

    def _moved(self, location: str) -> bool:
        """Go where the endpoint says that it is, if a secret may be sent there."""
        try:
            moved = check_address(location, of="Application Insights")
        except ConfigError:
            return False
        if urlsplit(moved).scheme != urlsplit(self._address).scheme:
            return False
        self._address = moved
        return True

    def _closed_within(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, seconds)


def _body(batch: Sequence[bytes]) -> bytes:
    return gzip.compress(b"[" + b",".join(batch) + b"]", mtime=0)


def _post(address: str, body: bytes) -> Answer:
    return post(address, body, headers=HEADERS)
