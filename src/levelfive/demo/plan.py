"""What a demo is asked for, and the files and times that it walks through; nothing here needs Spark."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from levelfive.core.windows import Window, utc
from levelfive.errors import ConfigError, LandingError
from levelfive.usecase.sources import Source
from levelfive.usecase.use_case import ReplayPlan, UseCase

MARKER = "demo.json"
REPORT = "report.html"
OURS = ("landing", "lakehouse", "tracking", "registry", "online", "plots", REPORT, MARKER)


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


def prepare_home(home: Path, replay: Replay, again: Again | None) -> None:
    """Make sure that a home holds this demo and no other.

    Raises:
        ConfigError: The home holds a history and nobody said what to do with it, it is not a demo's home, or to start
            anew would delete what another use case has there.
    """
    marker = home / MARKER
    settings = json.dumps(asdict(replay), sort_keys=True)
    marker_text = marker.read_text() if marker.exists() else None
    if marker_text is None and any((home / name).exists() for name in OURS):
        raise ConfigError(f"{home} holds files that no demo made; give another --home")
    if marker_text is not None and again is None:
        raise ConfigError(f"{home} holds a demo already: say --continue to go on with it, or --fresh to start anew")
    if marker_text is not None and again is Again.FRESH:
        _refuse_others(home)
        for name in OURS:
            path = home / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        marker_text = None
    if marker_text is not None and marker_text != settings:
        raise ConfigError(
            f"{home} holds another demo ({marker_text}); continue it with its own options, or say --fresh"
        )
    home.mkdir(parents=True, exist_ok=True)
    _write_whole(marker, settings.encode())


def _refuse_others(home: Path) -> None:
    """Refuse to delete what other use cases have in the home."""
    schemas = sorted(path.stem for path in (home / "lakehouse").glob("*.db"))
    if len(schemas) > 1:
        raise ConfigError(
            f"{home} holds tables of several use cases ({', '.join(schemas)}), all of which --fresh would delete; give "
            "another --home"
        )


def check(use_case: UseCase, replay: Replay) -> None:
    """Check a demo before anything is written.

    Raises:
        ConfigError: The months make no sense, or the use case has no replay plan.
    """
    list(clock(use_case, plan_of(use_case), replay))


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
    starts = [month_start(plan.year, month) + use_case.day_starts_at for month in range(first, last + 2)]
    yield Window(starts[0], starts[plan.training_months])
    scoring_window = Window(starts[plan.training_months], starts[-1])
    if replay.step is Step.WEEK:
        yield from scoring_window.split(timedelta(days=7))
    else:
        yield from (
            Window(a, b)
            for a, b in zip(starts[plan.training_months :], starts[plan.training_months + 1 :], strict=False)
        )


def month_start(year: int, month: int) -> datetime:
    """Tell when a month begins; months beyond 12 are of later years."""
    return utc(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def plan_of(use_case: UseCase) -> ReplayPlan:
    """Find the use case's replay plan.

    Raises:
        ConfigError: It has none.
    """
    if use_case.replay is None:
        raise ConfigError(f"use case {use_case.name!r} has no replay plan: `levelfive demo` needs one")
    return use_case.replay


def land(use_case: UseCase, plan: ReplayPlan, fixtures: Path, landing: Path, *, window: Window) -> None:
    """Deliver the files of a window to the landing place, each in one piece.

    Raises:
        LandingError: A fixture is missing.
    """
    days = Window(window.start - use_case.day_starts_at, window.end - use_case.day_starts_at)
    for source in use_case.sources:
        (landing / source.name).mkdir(parents=True, exist_ok=True)
        if source.event_time is None:
            file = _fixture(fixtures, source, source.name)
            _deliver(file, landing / source.name / file.name)
        else:
            _land_dated(source, plan, fixtures, landing, days=days)


def _land_dated(source: Source, plan: ReplayPlan, fixtures: Path, landing: Path, *, days: Window) -> None:
    month = days.start.replace(day=1)
    while month < days.end:
        following = month_start(month.year, month.month + 1)
        stem = f"{source.name}_{month:%Y-%m}"
        file = _fixture(fixtures, source, stem)
        if days.start <= month and following <= days.end:
            _deliver(file, landing / source.name / file.name)
        else:
            part = Window(max(days.start, month), min(days.end, following))
            name = f"{source.name}_{part.start:%Y-%m-%d}_to_{part.end:%Y-%m-%d}{file.name.removeprefix(stem)}"
            target = landing / source.name / name
            if not target.exists():
                _write_whole(target, _slice(file, source, plan, part))
        month = following


def _fixture(fixtures: Path, source: Source, stem: str) -> Path:
    folder = fixtures / source.name
    files = [folder / f"{stem}{ending}" for ending in source.format.endings]
    for file in files:
        if file.exists():
            return file
    raise LandingError(
        f"fixture {' or '.join(map(str, files))} is missing; `make fixtures` makes them, "
        "or name their folder with --fixtures"
    )


def _deliver(file: Path, target: Path) -> None:
    if not target.exists():
        _write_whole(target, file.read_bytes())


def _slice(file: Path, source: Source, plan: ReplayPlan, days: Window) -> bytes:
    # Not at import: other commands need not wait for Arrow.
    from levelfive.formats import read_whole

    # As texts all of them, so that nothing is rewritten.
    with file.open("rb") as content:
        texts = read_whole(source.format, file, content, dict.fromkeys(source.columns, "string"))
    dates = zip(*(texts.rows.column(name).to_pylist() for name in plan.date_columns), strict=True)
    try:
        mask = [_in_days(date(int(year), int(month), int(day)), days) for year, month, day in dates]
    except (TypeError, ValueError) as err:
        columns = ", ".join(plan.date_columns)
        raise LandingError(f"fixture {file}: expected year, month and day of each row in {columns} ({err})") from err
    return source.format.bytes_of(file, replace(texts, rows=texts.rows.filter(mask)))


def _in_days(day: date, days: Window) -> bool:
    return days.start.date() <= day < days.end.date()


def _write_whole(target: Path, content: bytes) -> None:
    partial = target.with_name(f".{target.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, target)
