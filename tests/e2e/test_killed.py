"""A scoring that was killed and is run again leaves the table of one clean run."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
from first_champion import on_flights

from levelfive.app import App
from levelfive.core.windows import Window, iso, utc
from levelfive.scoring import job as scoring
from levelfive.storage.runs import RUNS

LATER = utc(2013, 2, 18, 6)
WINDOW = Window(utc(2013, 2, 17, 12), utc(2013, 2, 17, 18))
KEY = ["flight_date", "carrier", "flight", "origin"]


def killed(app: App, point: str) -> subprocess.CompletedProcess[str]:
    """Score in a process of its own, which is killed on its way."""
    times = (iso(WINDOW.start), iso(WINDOW.end), iso(LATER))
    program = str(Path(__file__).with_name("killed.py"))
    command = [sys.executable, program, str(app.home), app.tables.schema, *times, point]
    return subprocess.run(command, start_new_session=True, capture_output=True, text=True, check=False)


def predictions(app: App) -> pd.DataFrame:
    rows = app.tables.read(scoring.PREDICTIONS).toPandas()
    start, end = (pd.Timestamp(edge).tz_localize(None) for edge in (WINDOW.start, WINDOW.end))
    rows = rows[(rows.prediction_time >= start) & (rows.prediction_time < end) & (rows.role == "champion")]
    return rows.sort_values(KEY, ignore_index=True)[[*KEY, "prediction_time", "score", "model_version", "batch_id"]]


@on_flights
def test_kills_anywhere_and_a_clean_run_leave_the_table_of_one_clean_run(loop, tmp_path: Path) -> None:
    """Two more starts of Spark: a process for each kill."""
    app = loop.copy(tmp_path / "home")

    for point in ("insert+0.7", "before the run's row"):
        ended = killed(app, point)
        assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]
    scoring.run(app.context, app.registry, window=WINDOW, as_of=LATER)

    clean = scoring.run(loop.app.context, loop.app.registry, window=WINDOW, as_of=LATER)
    assert clean.rows > 30
    pd.testing.assert_frame_equal(predictions(loop.app), predictions(app), check_exact=True)
    commits = commits_of(app, clean.batch_id)
    assert [rows > 0 for _, rows in commits].count(True) == 1
    runs = app.tables.control_tables.rows(RUNS)
    done = [row for row in runs if row["stage"] == "scoring" and row["status"] == "succeeded"]
    mine = [row for row in done if row["parameters"].get("window") == str(WINDOW)]
    # Each commit's run has its row: the last one wrote it, the others' were rebuilt.
    assert sorted(run for run, _ in commits) == sorted(row["run_id"] for row in mine)
    assert [row["rebuilt"] for row in mine].count(False) == 1


def commits_of(app: App, batch_id: str) -> list[tuple[str, int]]:
    """List the commits of a batch, each by its run and the rows that it wrote, as Delta's own files tell them."""
    files = (app.home / "lakehouse" / f"{app.tables.schema}.db" / scoring.PREDICTIONS / "_delta_log").glob(
        "[0-9]*.json"
    )
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines() if "commitInfo" in line]
    infos = [(json.loads(line["commitInfo"]["userMetadata"]), line["commitInfo"]["operationMetrics"]) for line in lines]
    return [(r["run_id"], int(metrics["numOutputRows"])) for r, metrics in infos if r.get("batch_id") == batch_id]
