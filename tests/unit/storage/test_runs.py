"""A run of a job is a row of `runs`, and what telemetry says of it is the same."""

import pytest
from in_memory.release import AS_OF, a_context, runs
from in_memory.tables import MemoryTables
from recorded import Kept

from levelfive.errors import DataError
from levelfive.telemetry.records import Result, SpanKind
from levelfive.telemetry.tracing import event

ABOUT = {"use_case": "flight_delay", "stage": "scoring", "as_of": "2013-02-15T06:00:00Z"}


def test_a_run_is_a_span_around_its_steps_with_the_rows_that_it_counted(recorded: Kept) -> None:
    tables = MemoryTables()

    with a_context(tables).run("scoring", as_of=AS_OF, parameters={"by": "ada"}) as run:
        run.model_version, run.batch_id, run.mlflow_run_id = "7", "b1", "m1"
        with run.timed("score"):
            run.counts |= {"scored": 41, "something": 3}

    (row,) = runs(tables)
    *steps, whole = recorded.spans
    known = {"run_id": row["run_id"], "model_version": "7", "batch_id": "b1", "mlflow_run_id": "m1"}
    assert ([one.name for one in steps], whole.name) == (["score"], "scoring")
    assert (steps[0].kind, whole.kind, whole.result) == (SpanKind.STEP, SpanKind.RUN, Result.SUCCESS)
    assert dict(whole.fields) == {**ABOUT, **known}
    assert row["as_of"] == AS_OF
    assert recorded.measured("levelfive.rows.scored") == [41.0]
    assert recorded.measured("cicd.pipeline.run.duration") == [row["seconds"]["total"]]
    assert {one.trace_id for one in recorded.records} == {whole.trace_id}
    assert [one.name for one in recorded.events] == ["run started", "run ended"]
    assert row["seconds"].keys() == {"score", "total"}


def test_a_run_that_fails_says_so_by_the_class_of_its_error(recorded: Kept) -> None:
    tables = MemoryTables()

    with (
        pytest.raises(DataError),
        a_context(tables).run("data", as_of=AS_OF, parameters={}) as run,
        run.timed("judge"),
    ):
        raise DataError("row 7 holds 'ada@example.com'")

    step, whole = recorded.spans
    assert (step.result, whole.result) == (Result.FAILURE, Result.FAILURE)
    assert (step.error_type, whole.error_type) == ("DataError", "DataError")
    (duration,) = (one for one in recorded.measurements)
    assert (duration.fields["result"], duration.fields["error_type"]) == ("failure", "DataError")
    assert runs(tables)[0]["error"] == "DataError: row 7 holds 'ada@example.com'"


def test_what_happens_within_a_run_is_said_of_it_and_it_is_flushed_once_at_its_end(recorded: Kept) -> None:
    context = a_context(MemoryTables())

    with context.run("retraining", as_of=AS_OF, parameters={}) as outer:
        with context.run("training", as_of=AS_OF, parameters={}) as inner:
            event("rows are missing", source="flights")
        assert recorded.flushed == 0

    (said,) = (one for one in recorded.events if one.name == "rows are missing")
    assert (said.fields["run_id"], said.fields["stage"]) == (inner.run_id, "training")
    assert {one.fields["run_id"] for one in recorded.spans} == {inner.run_id, outer.run_id}
    assert recorded.flushed == 1
