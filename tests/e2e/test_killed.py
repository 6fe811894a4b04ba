"""A scoring that was killed and is run again leaves the table of one clean run."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession

from levelfive.scoring import job as scoring
from levelfive.windows import Window, iso, utc

LATER = utc(2013, 2, 18, 6)
WINDOW = Window(utc(2013, 2, 17, 12), utc(2013, 2, 17, 18))
KEY = ["flight_date", "carrier", "flight", "origin"]


def score(home: Path, point: str) -> subprocess.CompletedProcess[str]:
    times = (iso(WINDOW.start), iso(WINDOW.end), iso(LATER))
    command = [sys.executable, str(Path(__file__).with_name("killed.py")), str(home), *times, point]
    return subprocess.run(command, start_new_session=True, capture_output=True, text=True, check=False)


def table(spark: SparkSession, home: Path, name: str) -> pd.DataFrame:
    return spark.read.format("delta").load(str(home / "lakehouse" / "whole_path.db" / name)).toPandas()


def predictions(spark: SparkSession, home: Path) -> pd.DataFrame:
    rows = table(spark, home, scoring.PREDICTIONS)
    start, end = (pd.Timestamp(edge).tz_localize(None) for edge in (WINDOW.start, WINDOW.end))
    rows = rows[(rows.prediction_time >= start) & (rows.prediction_time < end) & (rows.role == "champion")]
    return rows.sort_values(KEY, ignore_index=True)[[*KEY, "prediction_time", "score", "model_version", "batch_id"]]


def test_kills_anywhere_and_a_clean_run_leave_the_table_of_one_clean_run(loop, tmp_path: Path) -> None:
    home, spark = tmp_path / "home", loop.app.tables.spark
    shutil.copytree(loop.app.home, home)

    for point in ("insert+0.7", "before the run's row"):
        killed = score(home, point)
        assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    finished = score(home, "nowhere")
    assert finished.returncode == 0, finished.stderr[-2000:]

    clean = scoring.run(loop.app.context, loop.app.registry, window=WINDOW, as_of=LATER)
    assert clean.rows > 100
    pd.testing.assert_frame_equal(predictions(spark, loop.app.home), predictions(spark, home), check_exact=True)
    runs = table(spark, home, "runs")
    ours = runs[
        (runs.room == "scoring") & (runs.status == "succeeded") & (runs.as_of == pd.Timestamp(LATER).tz_localize(None))
    ]
    mine = [row for row in ours.itertuples() if f"[{iso(WINDOW.start)}" in str(dict(row.parameters).get("window"))]
    # The batch's own run, rebuilt from its commit, and the one that found nothing left to do.
    assert sorted(bool(row.rebuilt) for row in mine) == [False, True]
