"""The demo: a clock that walks through a year of files and calls the rooms as a scheduler would."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from pyspark.sql import functions as F

from levelfive.app import App
from levelfive.data import job as data
from levelfive.errors import ConfigError, LandingError
from levelfive.features import job as features
from levelfive.registry import job as registry
from levelfive.registry.promotions import history
from levelfive.runs import RUNS
from levelfive.scoring import job as scoring
from levelfive.scoring.performance import Performance, performance
from levelfive.training import job as training
from levelfive.usecase import ReplayPlan, Source, UseCase
from levelfive.windows import Window, from_micros, iso, utc

MARKER = "demo.json"
OURS = ("landing", "lakehouse", "tracking", "registry", MARKER)

Say = Callable[[str], None]


class Step(StrEnum):
    """How far the clock moves at once."""

    MONTH = "month"
    WEEK = "week"


class Again(StrEnum):
    """What to do with a home that holds a history already."""

    CONTINUE = "continue"
    FRESH = "fresh"


@dataclass(frozen=True)
class Replay:
    """A demo as it was asked for; a home holds one and continues no other."""

    use_case: str
    step: Step
    first_month: int
    last_month: int
    fixtures: str


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


def prepare_home(home: Path, replay: Replay, again: Again | None) -> None:
    """Make sure that a home holds this demo and no other.

    Raises:
        ConfigError: The home holds a history and nobody said what to do with it, or it is not a demo's home.
    """
    marker = home / MARKER
    wanted = json.dumps(asdict(replay), sort_keys=True)
    held = marker.read_text() if marker.exists() else None
    if held is None and any((home / name).exists() for name in OURS):
        raise ConfigError(f"{home} holds files that no demo made; give another --home")
    if held is not None and again is None:
        raise ConfigError(f"{home} holds a demo already: say --continue to go on with it, or --fresh to start anew")
    if held is not None and again is Again.FRESH:
        for name in OURS:
            path = home / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        held = None
    if held is not None and held != wanted:
        raise ConfigError(f"{home} holds another demo ({held}); continue it with its own options, or say --fresh")
    home.mkdir(parents=True, exist_ok=True)
    _write_whole(marker, wanted.encode())


def check(use_case: UseCase, replay: Replay) -> None:
    """Check a demo before anything is written.

    Raises:
        ConfigError: The months make no sense, or the use case has no replay plan.
    """
    list(clock(use_case, _plan(use_case), replay))


def run(app: App, replay: Replay, say: Say) -> ReplayResult:
    """Walk through the months: land, ingest, compute features, train once, then score what each step brings.

    Steps that are done already are passed over, so that a demo that was stopped goes on where it was.

    Raises:
        LevelfiveError: A room refused.
    """
    plan = _plan(app.use_case)
    spent: dict[str, float] = {}
    windows = list(clock(app.use_case, plan, replay))
    done = _done(app)
    for number, window in enumerate(windows):
        say(f"{number + 1}/{len(windows)} {window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}")
        with _timed(spent, "land"):
            land(app.use_case, plan, Path(replay.fixtures), app.landing, window)
        if ("data", window.end) not in done:
            with _timed(spent, "data"):
                data.run(app.context, landing=app.landing, as_of=window.end)
        if ("features", window.end) not in done:
            with _timed(spent, "features"):
                features.run(app.context, as_of=window.end)
        if number == 0:
            _first_champion(app, window.end, spent, say)
        elif ("scoring", window.end) not in done:
            with _timed(spent, "scoring"):
                result = scoring.run(app.context, app.registry, window=window, as_of=window.end)
            say(f"    scored {result.rows:,} rows with version {result.model_version}")
    # The last labels are not known yet when the last rows are scored.
    end = windows[-1].end + app.use_case.maturity
    say(f"waiting until {iso(end)} for the last labels")
    with _timed(spent, "features"):
        if ("features", end) not in done:
            features.run(app.context, as_of=end)
    with _timed(spent, "performance"):
        rows = report(app, windows, end)
    return ReplayResult(rows, end, spent)


def clock(use_case: UseCase, plan: ReplayPlan, replay: Replay) -> Iterator[Window]:
    """List the windows: first the training months as one, then a window a step.

    Raises:
        ConfigError: There are too few months to train and to score.
    """
    first, last = replay.first_month, replay.last_month
    live = first + plan.training_months
    if not 1 <= first <= last <= 12 or live > last:
        raise ConfigError(
            f"--months {first}-{last}: expected months of {plan.year} from 1 to 12, {plan.training_months + 1} or more "
            f"of them: {plan.training_months} to train on and one to score, for example 1-{plan.training_months + 3}"
        )
    starts = [_month(plan.year, month) + use_case.day_starts_at for month in range(first, last + 2)]
    yield Window(starts[0], starts[plan.training_months])
    scored = Window(starts[plan.training_months], starts[-1])
    if replay.step is Step.WEEK:
        yield from scored.split(timedelta(days=7))
    else:
        yield from (
            Window(a, b)
            for a, b in zip(starts[plan.training_months :], starts[plan.training_months + 1 :], strict=False)
        )


def _month(year: int, month: int) -> datetime:
    return utc(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _plan(use_case: UseCase) -> ReplayPlan:
    if use_case.replay is None:
        raise ConfigError(f"use case {use_case.name!r} has no replay plan: `levelfive demo` needs one")
    return use_case.replay


def land(use_case: UseCase, plan: ReplayPlan, fixtures: Path, landing: Path, window: Window) -> None:
    """Deliver the files of a window to the landing place, each in one piece.

    Raises:
        LandingError: A fixture is missing.
    """
    days = Window(window.start - use_case.day_starts_at, window.end - use_case.day_starts_at)
    for source in use_case.sources:
        (landing / source.name).mkdir(parents=True, exist_ok=True)
        if source.event_time is None:
            _deliver(
                fixtures / source.name / f"{source.name}.csv.gz",
                landing / source.name / f"{source.name}.csv.gz",
            )
        else:
            _land_dated(source, plan, fixtures, landing, days)


def _land_dated(source: Source, plan: ReplayPlan, fixtures: Path, landing: Path, days: Window) -> None:
    month = days.start.replace(day=1)
    while month < days.end:
        following = _month(month.year, month.month + 1)
        file = fixtures / source.name / f"{source.name}_{month:%Y-%m}.csv.gz"
        if days.start <= month and following <= days.end:
            _deliver(file, landing / source.name / file.name)
        else:
            part = Window(max(days.start, month), min(days.end, following))
            target = landing / source.name / f"{source.name}_{part.start:%Y-%m-%d}_to_{part.end:%Y-%m-%d}.csv.gz"
            if not target.exists():
                _write_whole(target, _slice(file, plan, part))
        month = following


def _deliver(file: Path, target: Path) -> None:
    if not file.exists():
        raise LandingError(
            f"fixture {file} is missing; `make fixtures` makes them, or name their folder with --fixtures"
        )
    if not target.exists():
        _write_whole(target, file.read_bytes())


def _slice(file: Path, plan: ReplayPlan, days: Window) -> bytes:
    if not file.exists():
        raise LandingError(
            f"fixture {file} is missing; `make fixtures` makes them, or name their folder with --fixtures"
        )
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        header = next(rows)
        year, month, day = (header.index(name) for name in plan.date_columns)
        chosen = [row for row in rows if _in_days(date(int(row[year]), int(row[month]), int(row[day])), days)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *chosen])
    return gzip.compress(text.getvalue().encode(), mtime=0)


def _in_days(day: date, days: Window) -> bool:
    return days.start.date() <= day < days.end.date()


def _write_whole(target: Path, content: bytes) -> None:
    partial = target.with_name(f".{target.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, target)


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


def _done(app: App) -> frozenset[tuple[str, datetime | None]]:
    """List what was done before: room and logical time of each run that succeeded."""
    if not app.tables.exists(RUNS):
        return frozenset()
    rows = app.tables.read(RUNS).where("status = 'succeeded'").select("room", F.unix_micros("as_of").alias("at"))
    return frozenset((row["room"], from_micros(row["at"])) for row in rows.collect())


def report(app: App, windows: list[Window], as_of: datetime) -> tuple[PeriodRow, ...]:
    """Collect the final table: what landed in each period, and how its predictions did."""
    months = sorted({(w.start.year, w.start.month) for w in windows[1:]})
    starts_at = app.use_case.day_starts_at
    scored = [Window(_month(y, m) + starts_at, min(_month(y, m + 1) + starts_at, windows[-1].end)) for y, m in months]
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
