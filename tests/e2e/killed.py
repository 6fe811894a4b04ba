"""Scores a window and is killed on the way, with its whole process group: run by the test of kills."""

import os
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path

from levelfive.app import App
from levelfive.config import Settings, parse_time
from levelfive.core.windows import Window
from levelfive.scoring import job as scoring
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables


def die(*_: object, **__: object) -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)


def arm(point: str) -> None:
    insert_new = Tables.insert_new

    def insert_and_die_meanwhile(self, *arguments, **options):
        threading.Timer(float(point.removeprefix("insert+")), die).start()
        return insert_new(self, *arguments, **options)

    if point.startswith("insert+"):
        Tables.insert_new = insert_and_die_meanwhile
    elif point == "before the run's row":
        JobContext.add_run = die


def main() -> None:
    home, schema, begin, end, as_of, point = sys.argv[1:]
    times: list[datetime] = [parse_time(text) for text in (begin, end, as_of)]
    app = App.local(Path(home), Settings(table_schema=schema))
    arm(point)
    scoring.run(app.context, app.registry, window=Window(times[0], times[1]), as_of=times[2])


if __name__ == "__main__":
    main()
