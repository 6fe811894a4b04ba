"""What a job's look at the past costs after 10 days and after a year: at the cost of the day, or of the whole.

    python benchmarks/long_history.py [--days 365]

A home's control tables get a commit for each day, as daily jobs leave them. Each step is timed as the job takes it, and
beside it the same look as a whole reading of the table would take it. Printed are the seconds and their ratios, of one
run.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flight_delay import USE_CASE
from levelfive.core.windows import Window, iso, utc
from levelfive.data.landed import LANDING_FILES, LandedFile, new_files, newest_times
from levelfive.data.landing import list_files
from levelfive.data.missing import SOURCE_DAYS, SourceDay, missing, sources_with_days
from levelfive.features.store import LocalFeatureStore
from levelfive.features.watermarks import FEATURE_WINDOWS, common_watermark, note_window, watermark
from levelfive.monitoring.deliveries import delivered
from levelfive.platforms.local_spark import local_session
from levelfive.scoring.rebuilding import note_batch, rebuild_runs
from levelfive.storage.commits import Write
from levelfive.storage.local_tables import LocalTables
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import RUNS, JobContext, Run
from levelfive.storage.tables import Tables

BEGIN = utc(2013, 1, 1)
DAY = timedelta(days=1)
FEW_DAYS = 10
NEW_FILES = 10
TIMES = 5
SOURCE = USE_CASE.sources[-1]


@dataclass(frozen=True)
class Step:
    """A job's look at the past, and the same by reading the control tables as a whole."""

    name: str
    look: Callable[[], object]
    whole: tuple[str, ...]


@dataclass(frozen=True)
class Prediction:
    """What stands for a day's predictions."""

    number: int


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365, help="how many days the long history has")
    days = parser.parse_args().days
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        tables = LocalTables(local_session(home / "lakehouse"), schema="long_history", warehouse=home / "lakehouse")
        (home / "landing" / SOURCE.name).mkdir(parents=True)
        short = _timed_after(tables, home, range(FEW_DAYS))
        long = _timed_after(tables, home, range(FEW_DAYS, days))
    print(f"{'step':28}{'':8}{FEW_DAYS:>8} days{days:>8} days   ratio")
    for name, (look, whole) in short.items():
        for what, before, after in (("the day", look, long[name][0]), ("whole", whole, long[name][1])):
            print(f"{name:28}{what:8}{before:>11.3f} s{after:>11.3f} s{after / before:>8.1f}")


def _timed_after(tables: Tables, home: Path, days: range) -> dict[str, tuple[float, float]]:
    context = JobContext(tables, USE_CASE, LocalFeatureStore(tables))
    for day in days:
        _live(context, day)
        if day % 100 == 0:
            print(f"day {day}", file=sys.stderr, flush=True)
    last = BEGIN + (days[-1] + 1) * DAY
    # The other files were taken away after they were ingested: what lies there is what is new.
    for number in range(NEW_FILES):
        (home / "landing" / SOURCE.name / f"new-{number}.csv").write_text(f"number\n{number}\n")
    return {
        step.name: (
            _seconds(step.look),
            _seconds(lambda step=step: [tables.control_tables.rows(one) for one in step.whole]),
        )
        for step in _steps(context, home / "landing", last)
    }


def _live(context: JobContext, day: int) -> None:
    """Leave what a day's jobs leave in the control tables."""
    tables, as_of = context.tables, BEGIN + (day + 1) * DAY
    run, window = Run(tables, f"run-{day}"), Window(as_of - DAY, as_of)
    name = f"of-{day}.csv"
    times = (window.start, as_of - timedelta(hours=1), as_of)
    file = LandedFile(SOURCE.name, name, f"{day * 7919:064d}", 1, 1, 0, 0, *times)
    tables.control_tables.add(LANDING_FILES, [file])
    tables.control_tables.add(SOURCE_DAYS, [SourceDay(SOURCE.name, name, window.start.date(), 1000, as_of)])
    tables.control_tables.add(PREDICTIONS, [Prediction(day)])
    note_window(tables, Write(PREDICTIONS, day), window)
    record = {"batch_id": f"{day:016x}", "run_id": run.run_id, "use_case": "flight_delay", "as_of": iso(as_of)}
    note_batch(run, {**record, "role": "champion", "model_version": "1", "parameters": {}, "versions_read": {}}, window)
    with context.run("scoring", as_of=as_of, parameters={}) as done:
        done.run_id = run.run_id


def _steps(context: JobContext, landing: Path, last: datetime) -> tuple[Step, ...]:
    tables, run, window = context.tables, Run(context.tables, "measured"), Window(last - DAY, last)
    batch, listed = f"{(last - BEGIN).days - 1:016x}", {SOURCE.name: list_files(landing, SOURCE)}
    return (
        Step("data: new files", lambda: new_files(run, listed, [SOURCE]), (LANDING_FILES,)),
        Step("data: freshness", lambda: newest_times(run, since=last - 3 * DAY), (LANDING_FILES,)),
        Step("data: sources counted", lambda: sources_with_days(run, {SOURCE.name}, as_of=last), (SOURCE_DAYS,)),
        Step("data: missing days", lambda: missing(run, context.use_case, as_of=last), (SOURCE_DAYS,)),
        Step("features: where to begin", lambda: watermark(tables, PREDICTIONS, before=last), (FEATURE_WINDOWS,)),
        Step(
            "scoring: features reach", lambda: common_watermark(tables, [PREDICTIONS], until=last), (FEATURE_WINDOWS,)
        ),
        Step("scoring: lost runs", lambda: rebuild_runs(context, batch), (RUNS,)),
        Step("monitoring: deliveries", lambda: delivered(context, run, window), (LANDING_FILES,)),
    )


def _seconds(look: Callable[[], object]) -> float:
    """Take the least of a few times."""
    best = float("inf")
    for _ in range(TIMES):
        start = time.perf_counter()
        look()
        best = min(best, time.perf_counter() - start)
    return best


if __name__ == "__main__":
    main()
