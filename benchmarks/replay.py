"""Where the time of the demo goes, by stage, and the peak memory of the whole process tree.

    python benchmarks/replay.py [--months 1-12] [--step month]

Prints each stage's seconds and its share of the run, measured in this run.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path

import psutil

from levelfive.app import App
from levelfive.config import Settings
from levelfive.demo.clock import run
from levelfive.demo.plan import Replay, Step, prepare_home
from levelfive.models.mlflow_store import quieten

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
SAMPLE_EVERY_SECONDS = 0.5


def watch_memory(stop: threading.Event, peak: list[int]) -> None:
    """Keep the largest sum of resident memory of this process and its children."""
    this = psutil.Process()
    while not stop.wait(SAMPLE_EVERY_SECONDS):
        total = 0
        for process in (this, *this.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        peak[0] = max(peak[0], total)


def main() -> None:
    """Run the demo once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", default="1-12")
    parser.add_argument("--step", type=Step, default=Step.MONTH)
    arguments = parser.parse_args()
    quieten()
    first, last = (int(part) for part in arguments.months.split("-"))
    stop, peak = threading.Event(), [0]
    watcher = threading.Thread(target=watch_memory, args=(stop, peak))
    watcher.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            app = App.local(home, Settings())
            replay = Replay(app.use_case.name, arguments.step, first, last, str(FIXTURES))
            prepare_home(home, replay, None)
            start = time.perf_counter()
            result = run(app, replay, print)
            total = time.perf_counter() - start
            app.tables.spark.stop()
    finally:
        stop.set()
        watcher.join()
    for stage, seconds in sorted(result.seconds.items(), key=lambda pair: -pair[1]):
        print(f"{stage:12} {seconds:7.1f} s  {seconds / total:6.1%}")
    print(f"{'all':12} {total:7.1f} s  100.0%")
    print(f"peak memory of the process tree: {peak[0] / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
