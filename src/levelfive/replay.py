"""The demo: a clock that walks through a year of files and calls the rooms as a scheduler would."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pyspark.sql import functions as F

from levelfive.app import App
from levelfive.data import job as data
from levelfive.errors import ConfigError
from levelfive.features import job as features
from levelfive.registry import job as registry
from levelfive.registry.promotions import history
from levelfive.replay_plan import Replay, clock, land, month_start, plan_of
from levelfive.runs import RUNS
from levelfive.scoring import job as scoring
from levelfive.scoring.performance import Performance, performance
from levelfive.training import job as training
from levelfive.windows import Window, from_micros, iso

Say = Callable[[str], None]
Done = frozenset[tuple[str, datetime | None]]
"""Room and logical time of each run that succeeded before."""


@dataclass(frozen=True)
class PeriodRow:
    """One line of the final table."""

    window: Window
    landed: int
    accepted: int
    quarantined: int
    duplicates: int
    performance: Performance | None


@dataclass(frozen=True)
class ReplayResult:
    """What the demo led to."""

    rows: tuple[PeriodRow, ...]
    as_of: datetime
    seconds: dict[str, float]


def run(app: App, replay: Replay, say: Say) -> ReplayResult:
    """Walk through the months: land, ingest, compute features, train once, then score what each step brings.

    While a window is scored, the next one is prepared, as separate jobs would: each reads only what was known at its
    own time. Steps that are done already are passed over, so that a demo that was stopped goes on where it was.

    Raises:
        LevelfiveError: A room refused.
    """
    windows = list(clock(app.use_case, plan_of(app.use_case), replay))
    # The last labels are not known yet when the last rows are scored.
    end = windows[-1].end + app.use_case.maturity
    spent: dict[str, float] = {}
    done = _done(app)
    with ThreadPoolExecutor(max_workers=1) as ahead:
        ready = ahead.submit(_prepare, app, replay, windows[0], done, spent)
        for number, window in enumerate(windows):
            ready.result()
            say(f"{number + 1}/{len(windows)} {window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}")
            if window is not windows[-1]:
                ready = ahead.submit(_prepare, app, replay, windows[number + 1], done, spent)
            else:
                ready = ahead.submit(_compute_features, app, end, done, spent)
            if number == 0:
                _first_champion(app, window.end, spent, say)
            elif ("scoring", window.end) not in done:
                with _timed(spent, "scoring"):
                    result = scoring.run(app.context, app.registry, window=window, as_of=window.end)
                say(f"    scored {result.rows:,} rows with version {result.model_version}")
        say(f"waiting until {iso(end)} for the last labels")
        ready.result()
    with _timed(spent, "performance"):
        rows = report(app, windows, end)
    return ReplayResult(rows, end, spent)


def _prepare(app: App, replay: Replay, window: Window, done: Done, spent: dict[str, float]) -> None:
    with _timed(spent, "land"):
        land(app.use_case, plan_of(app.use_case), Path(replay.fixtures), app.landing, window)
    if ("data", window.end) not in done:
        with _timed(spent, "data"):
            data.run(app.context, landing=app.landing, as_of=window.end)
    _compute_features(app, window.end, done, spent)


def _compute_features(app: App, as_of: datetime, done: Done, spent: dict[str, float]) -> None:
    if ("features", as_of) not in done:
        with _timed(spent, "features"):
            features.run(app.context, as_of=as_of)


def _first_champion(app: App, as_of: datetime, spent: dict[str, float], say: Say) -> None:
    if history(app.tables, app.registry.name):
        return
    with _timed(spent, "training"):
        result = training.run(app.context, app.tracking, app.registry, as_of=as_of, code_revision=app.code_revision)
    say(f"    gate: {result.verdict.kind}: {'; '.join(result.verdict.reasons)}")
    if result.version is None:
        raise ConfigError("the gate refused the first model, so there is nothing to score with; see its reasons above")
    with _timed(spent, "registry"):
        made = registry.run(app.context, app.registry, version=result.version, as_of=as_of, by="demo")
    say(f"    version {made.promotion.version} of {app.registry.name} is the champion")


def _done(app: App) -> Done:
    if not app.tables.exists(RUNS):
        return frozenset()
    rows = app.tables.read(RUNS).where("status = 'succeeded'").select("room", F.unix_micros("as_of").alias("at"))
    return frozenset((row["room"], from_micros(row["at"])) for row in rows.collect())


def report(app: App, windows: list[Window], as_of: datetime) -> tuple[PeriodRow, ...]:
    """Collect the final table: what landed in each period, and how its predictions did."""
    months = sorted({(w.start.year, w.start.month) for w in windows[1:]})
    starts_at = app.use_case.day_starts_at
    edges = [(month_start(y, m) + starts_at, month_start(y, m + 1) + starts_at) for y, m in months]
    scored = [Window(start, min(end, windows[-1].end)) for start, end in edges]
    periods = [windows[0], *scored]
    measured = {p.window: p for p in performance(app.context, scored, as_of)}
    counts = app.tables.read(data.LANDING_FILES).where(F.col("max_event_time").isNotNull())
    files = counts.select(
        F.unix_micros("max_event_time").alias("at"), "rows_in", "accepted", "quarantined", "duplicates"
    ).collect()
    rows = []
    for period in periods:
        inside = [f for f in files if period.start.timestamp() <= f["at"] / 1e6 < period.end.timestamp()]
        sums = {name: sum(f[name] for f in inside) for name in ("rows_in", "accepted", "quarantined", "duplicates")}
        rows.append(
            PeriodRow(
                period,
                sums["rows_in"],
                sums["accepted"],
                sums["quarantined"],
                sums["duplicates"],
                measured.get(period),
            )
        )
    return tuple(rows)


class _timed:
    def __init__(self, spent: dict[str, float], room: str) -> None:
        self._spent = spent
        self._room = room

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._spent[self._room] = self._spent.get(self._room, 0.0) + time.perf_counter() - self._start
