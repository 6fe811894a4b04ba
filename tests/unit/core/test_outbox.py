"""What is handed over is sent by a thread, again if need be, and whoever hands it over never waits for that."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from levelfive.core.outbox import Outbox, Outcome, Rhythm

PATIENCE = 20.0
QUICK = Rhythm(queue=10, batch=2, linger=0.0, pauses=(0.0, 0.0), longest_pause=PATIENCE, flush=PATIENCE)


@dataclass
class Receiver:
    """Takes batches, once it is told to; `outcomes` are given in turn, and then all is taken."""

    outcomes: list[Outcome[int]] = field(default_factory=list)
    batches: list[tuple[int, ...]] = field(default_factory=list)
    busy: threading.Event = field(default_factory=threading.Event)
    ready: threading.Event = field(default_factory=threading.Event)

    def send(self, batch: Sequence[int]) -> Outcome[int]:
        self.batches.append(tuple(batch))
        self.busy.set()
        self.ready.wait(PATIENCE)
        return self.outcomes.pop(0) if self.outcomes else Outcome()


def started(receiver: Receiver, rhythm: Rhythm = QUICK) -> Outbox[int]:
    return Outbox(receiver.send, rhythm, name="of a test")


def ready(*outcomes: Outcome[int]) -> Receiver:
    receiver = Receiver(list(outcomes))
    receiver.ready.set()
    return receiver


def test_what_is_handed_over_is_sent_in_its_order_and_in_batches() -> None:
    receiver = ready()
    outbox = started(receiver, replace(QUICK, linger=PATIENCE))

    for number in range(4):
        outbox.put(number)

    assert outbox.flush() == 0
    assert receiver.batches == [(0, 1), (2, 3)]


def test_what_waits_is_bounded_and_what_is_lost_is_counted_once() -> None:
    receiver = Receiver()
    outbox = started(receiver)
    outbox.put(0)
    assert receiver.busy.wait(PATIENCE)

    for number in range(1, 1001):
        outbox.put(number)
    receiver.ready.set()

    assert outbox.flush() == 990
    assert outbox.flush() == 0
    assert [number for batch in receiver.batches for number in batch] == list(range(11))


def test_what_is_to_be_sent_again_is_and_is_lost_after_the_last_try() -> None:
    receiver = ready(Outcome((0, 1)), Outcome((1,)), Outcome((1,)))
    outbox = started(receiver, replace(QUICK, linger=PATIENCE))

    outbox.put(0)
    outbox.put(1)

    assert outbox.flush() == 1
    assert receiver.batches == [(0, 1), (0, 1), (1,)]


def test_what_is_refused_for_good_is_lost_at_once() -> None:
    receiver = ready(Outcome(losses=1))
    outbox = started(receiver)

    outbox.put(0)

    assert outbox.flush() == 1
    assert receiver.batches == [(0,)]


def test_a_receiver_is_left_alone_for_as_long_as_it_wants_but_for_no_longer_than_a_limit() -> None:
    receiver = ready(Outcome((0,), retry_after=PATIENCE * 10))
    outbox = started(receiver, replace(QUICK, pauses=(PATIENCE * 10,), longest_pause=0.01))

    outbox.put(0)

    assert outbox.flush() == 0
    assert receiver.batches == [(0,), (0,)]


def test_who_waited_in_vain_does_not_wait_again_until_something_came_through() -> None:
    first, second = threading.Event(), threading.Event()
    gates, sending = {0: first, 1: second}, {0: threading.Event(), 1: threading.Event()}

    def send(batch: Sequence[int]) -> Outcome[int]:
        sending[batch[0]].set()
        gates[batch[0]].wait(PATIENCE)
        return Outcome()

    outbox = Outbox(send, replace(QUICK, batch=1, flush=0.5), name="of a test")
    outbox.put(0)
    outbox.put(1)
    begin = time.monotonic()

    outbox.flush()
    once = time.monotonic() - begin
    for _ in range(20):
        outbox.flush()
    often = time.monotonic() - begin
    first.set()
    assert sending[1].wait(PATIENCE)
    begin = time.monotonic()
    outbox.flush()
    again = time.monotonic() - begin
    second.set()

    assert once >= 0.5
    assert often < once + 5.0
    assert again >= 0.5


def test_closing_ends_the_thread_and_counts_what_was_not_sent() -> None:
    receiver = Receiver()
    outbox = started(receiver, replace(QUICK, flush=0.05))
    outbox.put(0)
    assert receiver.busy.wait(PATIENCE)
    outbox.put(1)

    assert outbox.close() == 2
    outbox.put(2)
    assert outbox.flush() == 1
