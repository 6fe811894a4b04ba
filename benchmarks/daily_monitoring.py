"""How daily monitoring with a weekly decision behaves: April to June of the flights, by the commands.

    python benchmarks/daily_monitoring.py [--home DIR] [--days 91]

Each day's files land, and `data`, `features`, `scoring` and `monitoring` run on the day; each seventh day `retraining`
decides. With a home that holds some of these days, it goes on after them. Prints what ended otherwise than with 0,
which days were called, what the decisions were, and how long a day takes.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from levelfive.app import App
from levelfive.cli.main import main as levelfive
from levelfive.config import Settings
from levelfive.core.windows import Window, iso, utc
from levelfive.demo.plan import land, plan_of
from levelfive.monitoring.records import verdicts
from levelfive.registry.promotions import history
from levelfive.retraining.records import decisions
from levelfive.storage.runs import Run

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
DAY, WEEK = timedelta(days=1), 7
STAGES = ("data", "features", "scoring", "monitoring")


def command_of(home: Path) -> Callable[..., int]:
    """Make what runs a command on a home and tells how it ended."""

    def command(*words: str) -> int:
        sys.argv = ["levelfive", "--home", str(home), *words]
        try:
            levelfive()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            if code:
                print(f"{' '.join(words)} ended with {code}", flush=True)
            return code
        return 0

    return command


def last_monitored(app: App) -> datetime | None:
    """Tell how far a home has come; None where it is new."""
    rows = app.tables.control_tables.rows(
        "runs", columns=("as_of",), where={"stage": "monitoring", "status": "succeeded"}
    )
    return max((row["as_of"] for row in rows), default=None)


def main() -> None:
    """Walk through the days, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--days", type=int, default=91)
    given = parser.parse_args()
    home = given.home or Path(tempfile.mkdtemp())
    app, command = App.local(home, Settings()), command_of(home)
    use_case = app.use_case
    plan, start = plan_of(use_case), utc(2013, 4, 1) + use_case.day_starts_at
    done = last_monitored(app)
    if done is None:
        land(use_case, plan, FIXTURES, app.landing, window=Window(utc(2013, 1, 1) + use_case.day_starts_at, start))
        for words in (("data",), ("features",), ("training",), ("registry", "promote", "2")):
            command(*words, "--as-of", iso(start))
    took = []
    for day in Window(done or start, start + given.days * DAY).split(DAY):
        begin = time.monotonic()
        land(use_case, plan, FIXTURES, app.landing, window=day)
        for stage in STAGES:
            command(stage, "--as-of", iso(day.end))
        if (day.end - start) // DAY % WEEK == 0:
            command("retraining", "--as-of", iso(day.end))
        took.append(time.monotonic() - begin)
    end, run = start + given.days * DAY, Run(app.tables, "benchmark")
    for verdict in verdicts(run, app.registry.name, as_of=end):
        if verdict.broken or verdict.harmful:
            print(f"{verdict.window}: broken {list(verdict.broken)}, harmful {list(verdict.harmful)}")
    record = decisions(app.tables, app.registry.name, until=end)
    print("decisions:", dict(Counter(str(one.action) for one in record)))
    for one in record:
        print(f"  {one.as_of:%Y-%m-%d} {one.action}: {one.decision.reasons}")
    for promotion in history(app.tables, app.registry.name):
        print(f"promotion {promotion.seq}: version {promotion.version} as of {promotion.promoted_at:%Y-%m-%d}")
    print(f"a day took {sorted(took)[len(took) // 2]:.1f} s in the median, {max(took):.1f} s at most")


if __name__ == "__main__":
    main()
