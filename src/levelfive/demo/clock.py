"""The demo: a clock that walks through a year of files and calls the stages as a scheduler would."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from levelfive.app import App
from levelfive.core.windows import Window, iso
from levelfive.data import job as data
from levelfive.demo.plan import REPORT, Replay, clock, land, plan_of
from levelfive.errors import ConfigError, LevelfiveError
from levelfive.features import job as features
from levelfive.monitoring import job as monitoring
from levelfive.monitoring.again import measure_again
from levelfive.registry import job as registry
from levelfive.registry.promotions import history
from levelfive.reporting.collect import collect
from levelfive.reporting.measurements import MeasuredWindow, measurements
from levelfive.reporting.page import render
from levelfive.retraining import job as retraining
from levelfive.scoring import job as scoring
from levelfive.storage.runs import RUNS, Run
from levelfive.training import job as training

Say = Callable[[str], None]
Done = frozenset[tuple[str, datetime | None]]
"""Stage and logical time of each run that succeeded before."""


@dataclass(frozen=True)
class ReplayResult:
    """What the demo led to: a measurement of each window, the report, and the seconds spent by stage."""

    measurements: tuple[MeasuredWindow, ...]
    report: Path
    as_of: datetime
    seconds: dict[str, float]


def run(app: App, replay: Replay, say: Say) -> ReplayResult:
    """Walk through the months: land, ingest, compute features, score, monitor, decide, and retrain where it is decided.

    While a window is scored, the next ones are prepared, as separate jobs would: each reads only what was known at its
    own time. Steps that are done already are passed over, so that a demo that was stopped goes on where it was.

    Raises:
        LevelfiveError: A stage refused.
    """
    try:
        return _run(app, replay, say)
    except LevelfiveError:
        # What failed, and what was known before, is told by the report too.
        windows = list(clock(app.use_case, plan_of(app.use_case), replay))
        with suppress(LevelfiveError):
            say(f"refused; the report of what happened: {write_report(app, windows[-1].end)}")
        raise


def _run(app: App, replay: Replay, say: Say) -> ReplayResult:
    windows = list(clock(app.use_case, plan_of(app.use_case), replay))
    # The last labels are not known yet when the last rows are scored.
    end = windows[-1].end + app.use_case.maturity
    durations: dict[str, float] = {}
    finished_runs = _done(app)
    steps: list[Callable[[], None]] = [
        partial(_prepare, app, replay, window, finished_runs, durations=durations) for window in windows
    ]
    steps.append(partial(_compute_features, app, end, finished_runs, durations))
    with _one_thread() as ahead:
        ready: list[Future[None]] = []
        for step in steps:
            ready.append(ahead.submit(_after, ready[-1] if ready else None, step))
        for number, window in enumerate(windows):
            ready[number].result()
            say(f"{number + 1}/{len(windows)} {window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}")
            if number == 0:
                _first_champion(app, window.end, durations, say)
            else:
                _score_and_learn(app, window, finished_runs, durations, say=say)
        say(f"waiting until {iso(end)} for the last labels")
        ready[-1].result()
    with _timed(durations, "monitoring"):
        measure_again(app.context, app.registry, as_of=end)
    with _timed(durations, "report"):
        path = write_report(app, end)
        measures = measurements(Run(app.tables, "demo"), app.use_case.model.task, app.registry.name, as_of=end)
    return ReplayResult(measures, path, end, durations)


@contextmanager
def _one_thread() -> Iterator[ThreadPoolExecutor]:
    """Run steps in a thread; what has not begun when an error comes never does."""
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _after(before: Future[None] | None, step: Callable[[], None]) -> None:
    """Take a step, unless the one before was refused."""
    if before is not None:
        before.result()
    step()


def write_report(app: App, as_of: datetime) -> Path:
    """Write the report as of a time into the home, in one piece."""
    path = app.home / REPORT
    draft = path.with_suffix(".unfinished")
    draft.write_text(render(collect(app.context, app.registry, as_of=as_of)), encoding="utf-8")
    draft.replace(path)
    return path


def _score_and_learn(app: App, window: Window, finished_runs: Done, durations: dict[str, float], *, say: Say) -> None:
    as_of = window.end
    if ("scoring", as_of) not in finished_runs:
        with _timed(durations, "scoring"):
            scoring_result = scoring.run(app.context, app.registry, window=window, as_of=as_of)
        say(f"    scored {scoring_result.rows:,} rows with version {scoring_result.model_version}")
    if ("monitoring", as_of) not in finished_runs:
        with _timed(durations, "monitoring"):
            result = monitoring.run(
                app.context, app.registry, window=window, as_of=as_of, destinations=app.destinations
            )
        if result.nothing:
            say(f"    nothing to monitor: {result.nothing}")
        for verdict in result.verdicts.values():
            harm = "; ".join((*verdict.harmful, *verdict.broken)) or "none"
            say(f"    {len(verdict.outside)} columns outside the training's range; harm: {harm}")
            if verdict.drift:
                say(f"    {verdict.drift}")
    if ("retraining", as_of) not in finished_runs:
        with _timed(durations, "retraining"):
            retraining_result = retraining.run(app.context, app.stores, as_of=as_of, approval=app.settings.approval)
        say(f"    {retraining_result.decision.action}: {'; '.join(retraining_result.decision.reasons)}")
        if retraining_result.retraining is not None:
            say(f"    gate: {retraining_result.retraining.verdict}: {'; '.join(retraining_result.retraining.reasons)}")
        if retraining_result.promotion is not None:
            say(f"    version {retraining_result.promotion.version} is the champion")


def _prepare(app: App, replay: Replay, window: Window, finished_runs: Done, *, durations: dict[str, float]) -> None:
    with _timed(durations, "land"):
        land(app.use_case, plan_of(app.use_case), Path(replay.fixtures), app.landing, window=window)
    if ("data", window.end) not in finished_runs:
        with _timed(durations, "data"):
            data.run(app.context, landing=app.landing, as_of=window.end)
    _compute_features(app, window.end, finished_runs, durations)


def _compute_features(app: App, as_of: datetime, finished_runs: Done, durations: dict[str, float]) -> None:
    if ("features", as_of) not in finished_runs:
        with _timed(durations, "features"):
            features.run(app.context, as_of=as_of)


def _first_champion(app: App, as_of: datetime, durations: dict[str, float], say: Say) -> None:
    if history(app.tables, app.registry.name):
        return
    with _timed(durations, "training"):
        result = training.run(
            app.context,
            app.tracking,
            app.registry,
            as_of=as_of,
            code_revision=app.code_revision,
            trained_by=app.starter,
        )
    say(f"    gate: {result.verdict.kind}: {'; '.join(result.verdict.reasons)}")
    if result.version is None:
        raise ConfigError("the gate refused the first model, so there is nothing to score with; see its reasons above")
    with _timed(durations, "registry"):
        promotion = registry.run(app.context, app.registry, version=result.version, as_of=as_of, by="demo")
    say(f"    version {promotion.promotion.version} of {app.registry.name} is the champion")


def _done(app: App) -> Done:
    rows = app.tables.control_tables.rows(RUNS, columns=("stage", "as_of"), where={"status": "succeeded"})
    return frozenset((row["stage"], row["as_of"]) for row in rows)


class _timed:
    def __init__(self, durations: dict[str, float], stage: str) -> None:
        self._durations = durations
        self._room = stage

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._durations[self._room] = self._durations.get(self._room, 0.0) + time.perf_counter() - self._start
