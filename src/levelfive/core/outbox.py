"""A thread that sends what it is handed: whoever hands something over never waits, and what waits is bounded.

Nothing is written to a disk. What cannot be delivered in a few tries, or finds the queue full, is lost and counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Generic, TypeAlias, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Rhythm:
    """How patient an outbox is.

    Args:
        queue: How many things may wait.
        batch: How many are sent at a time.
        linger: For how many seconds a batch waits to become full.
        pauses: Seconds before each further try.
        longest_pause: The most seconds for which a receiver is left alone on its own demand.
        flush: For how many seconds a flush waits at most.
    """

    queue: int
    batch: int
    linger: float
    pauses: tuple[float, ...]
    longest_pause: float
    flush: float


@dataclass(frozen=True)
class Outcome(Generic[_T]):
    """What became of a batch; what is neither lost nor to be sent again was delivered.

    Args:
        again: What is to be sent again.
        losses: How many things were refused for good.
        retry_after: For how many seconds the receiver wants to be left alone; None where it does not say.
    """

    again: tuple[_T, ...] = ()
    losses: int = 0
    retry_after: float | None = None


Send: TypeAlias = Callable[[Sequence[_T]], Outcome[_T]]


class Outbox(Generic[_T]):
    """Sends by a thread of its own, which ends with the process.

    Args:
        send: Tries to deliver a batch, once; it raises nothing.
        rhythm: How patient to be.
        name: The thread's name.
    """

    def __init__(self, send: Send[_T], rhythm: Rhythm, *, name: str) -> None:
        self._send, self._rhythm = send, rhythm
        self._queue: deque[_T] = deque()
        self._under_way = 0
        self._losses = 0
        self._hurry = self._is_closed = False
        self._answers = True
        self._change = Condition()
        Thread(target=self._run, name=name, daemon=True).start()

    def put(self, thing: _T) -> None:
        """Hand something over; where the queue is full, or the outbox closed, it is lost."""
        with self._change:
            if self._is_closed or len(self._queue) >= self._rhythm.queue:
                self._losses += 1
                return
            self._queue.append(thing)
            self._change.notify_all()

    def flush(self) -> int:
        """Wait until all is delivered or lost; not at all where that was in vain before and nothing came through since.

        Returns:
            How many things were lost since the last flush.
        """
        with self._change:
            self._hurry = True
            self._change.notify_all()
            self._answers = self._change.wait_for(self._is_idle, self._rhythm.flush if self._answers else 0.0)
            self._hurry = False
            losses, self._losses = self._losses, 0
            return losses

    def close(self) -> int:
        """Flush, and let the thread end.

        Returns:
            How many things were lost since the last flush.
        """
        losses = self.flush()
        with self._change:
            self._is_closed = True
            losses += len(self._queue) + self._under_way
            self._queue.clear()
            self._change.notify_all()
        return losses

    def _is_idle(self) -> bool:
        return not self._queue and not self._under_way

    def _run(self) -> None:
        while batch := self._next_batch():
            losses = self._deliver(batch)
            with self._change:
                self._answers = self._answers or losses < len(batch)
                self._under_way, self._losses = 0, self._losses + losses
                self._change.notify_all()

    def _next_batch(self) -> tuple[_T, ...]:
        """Wait for a batch; an empty one where the outbox is closed."""
        with self._change:
            self._change.wait_for(lambda: self._is_closed or bool(self._queue))
            self._change.wait_for(
                lambda: self._is_closed or self._hurry or len(self._queue) >= self._rhythm.batch, self._rhythm.linger
            )
            batch = tuple(self._queue.popleft() for _ in range(min(self._rhythm.batch, len(self._queue))))
            self._under_way = len(batch)
            return batch

    def _deliver(self, batch: Sequence[_T]) -> int:
        """Send a batch, and again what is to be sent again; return how many things were lost."""
        outcome = self._send(batch)
        losses = outcome.losses
        for pause in self._rhythm.pauses:
            delay = pause if outcome.retry_after is None else min(outcome.retry_after, self._rhythm.longest_pause)
            if not outcome.again or self._is_closed_within(delay):
                break
            outcome = self._send(outcome.again)
            losses += outcome.losses
        return losses + len(outcome.again)

    def _is_closed_within(self, seconds: float) -> bool:
        with self._change:
            return self._change.wait_for(lambda: self._is_closed, seconds)
