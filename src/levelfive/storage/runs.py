"""The `runs` table: a row for each run of a job, whether it succeeded or failed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from levelfive.core.windows import iso
from levelfive.storage.commits import Write
from levelfive.storage.control_tables import Between, Where
from levelfive.storage.feature_stores import FeatureStore
from levelfive.storage.records import record_of
from levelfive.storage.tables import Tables
from levelfive.telemetry.names import COUNTS, RUN_DURATION
from levelfive.telemetry.records import SpanKind, result_of
from levelfive.telemetry.tracing import event, measure, span
from levelfive.usecase.check import check
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

RUNS = "runs"


@record_of(RUNS)
@dataclass(frozen=True)
class RunRecord:
    """One row of `runs`; of one that is `rebuilt`, what only the run itself knew is missing."""

    run_id: str
    stage: str
    use_case: str
    as_of: datetime
    status: str
    parameters: Mapping[str, str]
    counts: Mapping[str, int]
    seconds: Mapping[str, float]
    versions_read: Mapping[str, int]
    versions_written: Mapping[str, int]
    model_version: str | None
    error: str | None
    started_at: datetime | None
    ended_at: datetime | None
    rebuilt: bool = False


@dataclass
class Run:
    """What one run of a job has done so far; the job fills it in. `notes` are kept beside its parameters."""

    tables: Tables
    run_id: str
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    versions_read: dict[str, int] = field(default_factory=dict)
    versions_written: dict[str, int] = field(default_factory=dict)
    model_version: str | None = None
    notes: dict[str, str] = field(default_factory=dict)
    batch_id: str | None = None
    mlflow_run_id: str | None = None

    def about(self) -> dict[str, object]:
        """Tell which run it is, and on what, for all that is said of it while it goes on."""
        return {
            "run_id": self.run_id,
            "model_version": self.model_version,
            "batch_id": self.batch_id,
            "mlflow_run_id": self.mlflow_run_id,
        }

    def read(self, table: str) -> DataFrame:
        """Read a table and note its version.

        Raises:
            TableError: The table is not there.
        """
        self._note(table)
        return self.tables.read(table)

    def rows(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        between: Between | None = None,
    ) -> list[dict[str, Any]]:
        """Read rows as `ControlTables.rows` does, and note the table's version; none where there is no table."""
        if self.tables.exists(table):
            self._note(table)
        return self.tables.control_tables.rows(table, columns=columns, where=where, between=between)

    def _note(self, table: str) -> None:
        if table not in self.versions_read:
            self.versions_read[table] = self.tables.version(table)

    def wrote(self, write: Write) -> Write:
        """Note a write."""
        self.versions_written[write.table] = write.version
        return write

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note how many seconds a step takes, and record it as a span."""
        with span(step, kind=SpanKind.STEP, fields=dict), self.clocked(step):
            yield

    @contextmanager
    def clocked(self, step: str) -> Iterator[None]:
        """Note how many seconds a step takes, and no more."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - start


def failures(tables: Tables, *, until: datetime) -> list[tuple[datetime, str, str]]:
    """List the runs that failed, by logical time: time, stage and error."""
    rows = tables.control_tables.rows(RUNS, columns=("as_of", "stage", "error"), where={"status": "failed"})
    return sorted((row["as_of"], row["stage"], row["error"]) for row in rows if row["as_of"] <= until)


@dataclass(frozen=True)
class JobContext:
    """What every job works with.

    Raises:
        ConfigError: The use case is one that no job could run, or that a job would misread.
    """

    tables: Tables
    use_case: UseCase
    features: FeatureStore

    def __post_init__(self) -> None:
        """Check the use case: not every one was loaded by its name."""
        check(self.use_case, of_a_job=True)

    @contextmanager
    def run(self, stage: str, *, as_of: datetime, parameters: Mapping[str, object]) -> Iterator[Run]:
        """Record a run of a stage's job: its row is written when the block ends, however it ends."""
        run = Run(self.tables, run_id=uuid4().hex)
        started_at = _wall_clock()
        about = {"use_case": self.use_case.name, "stage": stage, "as_of": iso(as_of)}
        with span(stage, kind=SpanKind.RUN, fields=lambda: {**about, **run.about()}):
            event("run started", parameters=dict(parameters))
            try:
                with run.clocked("total"):
                    yield run
            except BaseException as err:  # what a person or a signal ends has a row too
                self._write(stage, run, as_of=as_of, parameters=parameters, started_at=started_at, error=err)
                raise
            self._write(stage, run, as_of=as_of, parameters=parameters, started_at=started_at, error=None)

    def _write(
        self,
        stage: str,
        run: Run,
        *,
        as_of: datetime,
        parameters: Mapping[str, object],
        started_at: datetime,
        error: BaseException | None,
    ) -> None:
        record = RunRecord(
            run_id=run.run_id,
            stage=stage,
            use_case=self.use_case.name,
            as_of=as_of,
            status="succeeded" if error is None else "failed",
            parameters={**{key: str(value) for key, value in parameters.items()}, **run.notes},
            counts=run.counts,
            seconds=run.seconds,
            versions_read=run.versions_read,
            versions_written=run.versions_written,
            model_version=run.model_version,
            error=None if error is None else f"{type(error).__name__}: {error}",
            started_at=started_at,
            ended_at=_wall_clock(),
        )
        self.add_run(record)
        _tell(run, error)

    def add_run(self, record: RunRecord) -> None:
        """Add a row to `runs`."""
        self.tables.control_tables.add(RUNS, [record])


def _tell(run: Run, error: BaseException | None) -> None:
    """Say how a run ended, and measure what it counted."""
    result, error_type = result_of(error), None if error is None else type(error).__name__
    for count, metric in COUNTS.items():
        if count in run.counts:
            measure(metric, run.counts[count])
    measure(RUN_DURATION, run.seconds["total"], run_state="executing", result=result, error_type=error_type)
    event("run ended", result=result, error_type=error_type, counts=run.counts)


def _wall_clock() -> datetime:
    # No job reads the clock but here: when a run happened is a fact about the machine, not about the data.
    return datetime.now(UTC)
