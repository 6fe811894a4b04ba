"""How fast a window is profiled and compared: ratios to a scan of its columns, to fewer rows and columns, to peers.

    python benchmarks/monitoring.py [--rows 1_000_000] [--most 10_000_000] [--columns 20] [--peers PYTHON]

Twenty columns, 14 of them numbers and 6 categories, one of 100,000 values, are written as Parquet, a week of rows. A
profile with its drift is timed beside a hash over all columns, each the best of three. `--peers` is the Python of an
environment that has `evidently` and `popmon`:

    uv venv /tmp/peers && uv pip install --python /tmp/peers/bin/python evidently popmon pyarrow "pandas<3"

It runs them on the same files, in a process of its own. A child's memory counts: Spark's workers hold the rows.
"""

import argparse
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from levelfive.monitoring.comparison import Comparison
from levelfive.monitoring.drift_statistics import column_drift
from levelfive.monitoring.profiling import baseline_of, finish, profile_days
from levelfive.monitoring.usual_drift import usual_drift
from levelfive.platforms import local_spark
from levelfive.statistics.baseline import Baseline, profile_baseline
from levelfive.training.dataset import DAY_NUMBER, SLICE
from levelfive.training.segment_losses import sliced_counts
from levelfive.usecase.columns import PREDICTION_TIME

DAYS, BASELINE_ROWS, FILE_ROWS = 7, 100_000, 250_000
SLICES_OF_ONE = 10
CATEGORIES_OF_TEN = 7  # of ten columns; the others are numbers
START = pd.Timestamp("2013-06-03")

PEERS = """
import sys, time
import pandas as pd
from pathlib import Path
reference, current = (pd.read_parquet(path).drop(columns=["at", "score"], errors="ignore") for path in sys.argv[1:3])
begin = time.perf_counter()
if sys.argv[3] == "evidently":
    from evidently import Report
    from evidently.presets import DataDriftPreset
    Report([DataDriftPreset()]).run(current, reference)
else:
    import popmon
    both = pd.concat([reference.assign(day=pd.Timestamp("2013-01-01")), current.assign(day=pd.Timestamp("2013-06-03"))])
    popmon.df_stability_report(both, time_axis="day", time_width="1w", time_offset="2013-01-01")
print(time.perf_counter() - begin)
"""


@dataclass(frozen=True)
class Cost:
    """Seconds, and the greatest resident memory of this process and its children in MiB."""

    seconds: float
    mebibytes: float

    def __str__(self) -> str:
        """Write both."""
        return f"{self.seconds:7.2f} s {self.mebibytes:7,.0f} MiB"


def frame(rows: int, columns: int, seed: int) -> pd.DataFrame:
    """Make rows of a week: of ten columns seven are numbers; the last category has 100,000 values."""
    random = np.random.default_rng(seed)
    numeric = [name for name in range(columns) if name % 10 < CATEGORIES_OF_TEN]
    categorical = [name for name in range(columns) if name % 10 >= CATEGORIES_OF_TEN]
    made: dict[str, object] = {f"x{name:03}": random.normal(size=rows) for name in numeric}
    made |= {f"c{name:03}": random.choice(list("ABCDEFGH"), rows) for name in categorical[:-1]}
    made[f"c{categorical[-1]:03}"] = np.char.add("N", random.integers(0, 100_000, rows).astype(str))
    made["at"] = START + pd.to_timedelta(random.integers(0, DAYS, rows), unit="D") + pd.Timedelta(hours=12)
    made["score"] = random.random(rows)
    return pd.DataFrame(made)


def write(folder: Path, rows: int, columns: int) -> Path:
    """Write rows in files of `FILE_ROWS`, and give their folder."""
    path = folder / f"{rows}_{columns}"
    path.mkdir()
    for place, first in enumerate(range(0, rows, FILE_ROWS)):
        part = frame(min(FILE_ROWS, rows - first), columns, seed=place)
        part.to_parquet(path / f"{place:03}.parquet", index=False, coerce_timestamps="us")
    return path


def baseline_for(columns: int, *, slices: bool = False) -> tuple[Baseline, list[str]]:
    """Make the baseline of a training set, with counts by ten slices if asked for, and list its features."""
    rows = frame(BASELINE_ROWS, columns, seed=10_000)
    features = [name for name in rows.columns if name not in ("at", "score")]
    days = np.arange(BASELINE_ROWS) % 90
    categorical = [name for name in features if name.startswith("c")]
    made = profile_baseline(
        rows[features],
        categorical,
        label=np.zeros(BASELINE_ROWS),
        score=rows["score"].to_numpy(),
        days=days,
        score_days=days,
    )
    if slices:
        store = (rows["score"] * SLICES_OF_ONE).astype(int).astype(str)
        of_rows = pd.DataFrame({DAY_NUMBER: days, f"{SLICE}store": store})
        counts = sliced_counts(of_rows, rows[features], made, {}, slices=["store"], least_rows=1)
        made = replace(made, slice_counts=counts)
    return made, features


def scored(spark: SparkSession, path: Path, features: list[str]) -> DataFrame:
    """Read rows as they are in `predictions`."""
    return spark.read.parquet(str(path)).select(
        F.col("at").cast("timestamp").alias(PREDICTION_TIME),
        "score",
        F.struct(*features).alias("features"),
        F.create_map(F.lit("store"), F.floor(F.col("score") * SLICES_OF_ONE).cast("string")).alias("slices"),
    )


def scan(rows: DataFrame) -> None:
    """Read all columns, and add up their hashes."""
    rows.select(F.sum(F.xxhash64("score", "features", PREDICTION_TIME).cast("double"))).collect()


def monitor(rows: DataFrame, baseline: Baseline) -> None:
    """Profile a window, and compare it with its baseline."""
    profiles = profile_days(rows, baseline, timedelta(0))
    for column, whole in profiles.whole.items():
        of_training = baseline.categorical.get(column) or baseline_of(column, baseline)
        column_drift(column, Comparison(of_training, finish(whole, column, baseline)))
    usual_drift(baseline.daily, profiles.days)


def cost(work: Callable[[], object], times: int = 3) -> Cost:
    """Take the best of some runs, and the greatest memory of all."""
    seconds = []
    with _memory() as greatest:
        for _ in range(times):
            begin = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - begin)
    return Cost(min(seconds), greatest[0])


@contextmanager
def _memory() -> Iterator[list[float]]:
    greatest, ended, own = [0.0], threading.Event(), psutil.Process()

    def watch() -> None:
        while not ended.wait(0.2):
            resident = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    resident += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            greatest[0] = max(greatest[0], resident / 2**20)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield greatest
    finally:
        ended.set()
        watching.join()


def peer(python: Path, name: str, reference: Path, current: Path) -> float:
    """Time a peer's report in its own environment, without its imports and the reading of the files."""
    told = subprocess.run(
        [python, "-c", PEERS, reference, current, name], check=True, capture_output=True, text=True
    ).stdout
    return float(told.strip().splitlines()[-1])


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--most", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--peers", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        # A laptop's session is made for short queries, which end before code is compiled well. A workspace's does that.
        local_spark.JVM_OPTIONS = "-Duser.timezone=UTC"
        spark = local_spark.local_session(folder / "lakehouse")
        costs: dict[tuple[int, int], Cost] = {}
        for rows, columns in (
            (given.rows, given.columns),
            (given.rows, 5 * given.columns),
            (given.most, given.columns),
        ):
            path, (baseline, features) = write(folder, rows, columns), baseline_for(columns)
            window = scored(spark, path, features)
            monitor(window.limit(1000), baseline)  # starts the workers
            scanned, monitored = cost(partial(scan, window)), cost(partial(monitor, window, baseline))
            costs[rows, columns] = monitored
            times = monitored.seconds / scanned.seconds
            print(
                f"{rows:,} rows, {columns} columns: scan {scanned}, monitoring {monitored}, {times:.1f} times",
                flush=True,
            )
            if (rows, columns) == (given.rows, given.columns):
                by_slice = cost(partial(monitor, window, baseline_for(columns, slices=True)[0]))
                print(f"{SLICES_OF_ONE} slices: {by_slice.seconds / monitored.seconds:.2f} times the time of none")
        few, wide, many = costs.values()
        print(f"{5 * given.columns} columns: {wide.seconds / few.seconds:.1f} times the time of {given.columns}")
        print(f"{given.most:,} rows: {many.mebibytes / few.mebibytes:.2f} times the memory of {given.rows:,}")
        print("(the scan's own memory grows as well: see above)", flush=True)
        if given.peers:
            reference = folder / "reference.parquet"
            frame(BASELINE_ROWS, given.columns, seed=10_000).drop(columns="score").to_parquet(reference)
            for name in ("evidently", "popmon"):
                seconds = peer(given.peers, name, reference, folder / f"{given.rows}_{given.columns}")
                print(f"{name}: {seconds:.1f} s, {seconds / few.seconds:.1f} times ours")


if __name__ == "__main__":
    main()
