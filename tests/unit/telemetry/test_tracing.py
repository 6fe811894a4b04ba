"""Jobs say what happens; what they say belongs to the run within which it is said, and never breaks it."""

import threading
from dataclasses import dataclass

import pytest
from recorded import Kept, Place

from levelfive.core.parallel import in_parallel
from levelfive.telemetry import tracing
from levelfive.telemetry.names import DRIFT
from levelfive.telemetry.records import Exporter, Record, Result, SpanKind
from levelfive.telemetry.tracing import connect, event, measure, span


class Broken:
    """An exporter of which everything fails."""

    def export(self, record: Record) -> None:
        raise OSError("read-only file system")

    def flush(self) -> None:
        raise OSError("read-only file system")

    def close(self) -> None:
        raise OSError("read-only file system")


@dataclass(frozen=True)
class BrokenPlace:
    opens: bool

    def open(self) -> Exporter:
        if not self.opens:
            raise RuntimeError("can't start new thread")
        return Broken()


@pytest.fixture
def kept() -> Kept:
    place = Place("a")
    connect(place)
    return place.kept


def test_what_a_run_learns_later_is_said_of_all_that_follows(kept: Kept) -> None:
    about = {"run_id": "r1"}

    with span("scoring", kind=SpanKind.RUN, fields=lambda: about):
        event("run started")
        about["batch_id"] = "b1"
        measure(DRIFT, 0.5)

    (started,), (measured,), (run,) = (kept.events, kept.measurements, kept.spans)
    assert started.fields == {"run_id": "r1"}
    assert measured.fields == run.fields == {"run_id": "r1", "batch_id": "b1"}


def test_a_run_within_a_run_is_part_of_its_trace_with_fields_of_its_own(kept: Kept) -> None:
    with (
        span("retraining", kind=SpanKind.RUN, fields=lambda: {"stage": "retraining", "use_case": "flights"}),
        span("training", kind=SpanKind.RUN, fields=lambda: {"stage": "training"}),
    ):
        event("rows are missing")

    inner, outer = kept.spans
    (said,) = kept.events
    assert (inner.name, outer.name) == ("training", "retraining")
    assert inner.trace_id == outer.trace_id == said.trace_id
    assert (outer.parent_id, inner.parent_id, said.parent_id) == ("", outer.span_id, inner.span_id)
    assert said.fields == inner.fields == {"stage": "training", "use_case": "flights"}
    assert outer.fields["stage"] == "retraining"


def test_two_runs_are_two_traces_and_nothing_is_said_of_the_first_after_it(kept: Kept) -> None:
    for name in ("data", "features"):
        with span(name, kind=SpanKind.RUN, fields=lambda: {"run_id": "r"}):
            pass
    event("afterwards")

    assert len({one.trace_id for one in kept.spans}) == 2
    (afterwards,) = kept.events
    assert (afterwards.trace_id, afterwards.parent_id, afterwards.fields) == ("", "", {})


def test_a_step_in_a_thread_belongs_to_the_run_that_started_it(kept: Kept) -> None:
    def step() -> None:
        with span("table", kind=SpanKind.STEP, fields=dict):
            pass

    with span("features", kind=SpanKind.RUN, fields=lambda: {"run_id": "r1"}):
        in_parallel([step, step])

    *steps, run = kept.spans
    assert {one.parent_id for one in steps} == {run.span_id}
    assert [one.fields for one in steps] == [{"run_id": "r1"}] * 2


def test_runs_in_threads_of_their_own_do_not_mix(kept: Kept) -> None:
    both = threading.Barrier(2)

    def run(name: str) -> None:
        with span(name, kind=SpanKind.RUN, fields=lambda: {"stage": name}):
            both.wait(20)
            event("said")
            both.wait(20)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("data", "features")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    by_stage = {one.fields["stage"]: one.trace_id for one in kept.events}
    assert by_stage == {one.name: one.trace_id for one in kept.spans}
    assert len(set(by_stage.values())) == 2


def test_a_run_is_flushed_when_it_ends_and_its_steps_are_not(kept: Kept) -> None:
    with span("data", kind=SpanKind.RUN, fields=dict):
        with span("judge", kind=SpanKind.STEP, fields=dict):
            pass
        assert kept.flushed == 0

    assert kept.flushed == 1


@pytest.mark.parametrize(("error", "result"), [(ValueError, Result.FAILURE), (KeyboardInterrupt, Result.CANCELLATION)])
def test_a_span_says_how_it_ended(kept: Kept, error: type[BaseException], result: Result) -> None:
    with pytest.raises(error), span("data", kind=SpanKind.RUN, fields=dict):
        raise error

    (run,) = kept.spans
    assert (run.result, run.error_type, run.seconds >= 0.0) == (result, error.__name__, True)


def test_connecting_to_the_same_place_again_changes_nothing_and_to_another_ends_the_first() -> None:
    first, again, second = Place("a"), Place("a"), Place("b")

    for place in (first, again, second):
        connect(place)
        event("said")
    connect(None)
    event("said")

    assert [len(one.kept.records) for one in (first, again, second)] == [2, 0, 1]
    assert [one.kept.closed for one in (first, again, second)] == [1, 0, 1]


@pytest.mark.parametrize("opens", [True, False])
def test_an_exporter_that_fails_breaks_nothing(opens: bool) -> None:
    connect(BrokenPlace(opens))

    with span("data", kind=SpanKind.RUN, fields=dict):
        event("said")
        measure(DRIFT, 1.0)
    tracing.flush()
    connect(None)


def test_fields_that_cannot_be_told_break_nothing(kept: Kept) -> None:
    def untold() -> dict[str, object]:
        raise KeyError("run_id")

    with span("data", kind=SpanKind.RUN, fields=untold):
        event("said")
    event("afterwards")

    assert [one.name for one in kept.events] == ["afterwards"]
