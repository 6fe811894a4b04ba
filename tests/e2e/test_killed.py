"""A scoring that was killed and is run again leaves the table of one clean run."""

import json
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
    commits = commits_of(home, clean.batch_id)
    assert [rows > 0 for _, rows in commits].count(True) == 1
    runs = table(spark, home, "runs")
    done = runs[(runs.room == "scoring") & (runs.status == "succeeded")]
    mine = [row for row in done.itertuples() if dict(row.parameters).get("window") == str(WINDOW)]
    # Each commit's run has its row: the last one wrote it, the others' were rebuilt.
    assert sorted(run for run, _ in commits) == sorted(row.run_id for row in mine)
    assert [row.rebuilt for row in mine].count(False) == 1


def commits_of(home: Path, batch_id: str) -> list[tuple[str, int]]:
    """List the commits of a batch, each by its run and the rows that it wrote, as Delta's own files tell them."""
    files = (home / "lakehouse" / "whole_path.db" / scoring.PREDICTIONS / "_delta_log").glob("[0-9]*.json")
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines() if "commitInfo" in line]
    infos = [(json.loads(line["commitInfo"]["userMetadata"]), line["commitInfo"]["operationMetrics"]) for line in lines]
    return [(r["run_id"], int(metrics["numOutputRows"])) for r, metrics in infos if r.get("batch_id") == batch_id]
