"""The notebooks as Python scripts: what they leave in the tables, print and plot."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from commands import run as run_command
from first_champion import AS_OF, LATER
from levelfive.app import App
from levelfive.config import Settings
from levelfive.predictions import PREDICTIONS
from levelfive.retraining.policy import Action, Decision
from levelfive.retraining.records import DecisionRecord, record_decision, retrainings
from levelfive.runs import Run
from levelfive.windows import iso
from notebook_runs import NOTEBOOKS, SCHEMA, SCORED, Scripts, packages_without_ours, run_script

KEY = ["flight_date", "carrier", "flight", "origin"]


def predictions(spark: SparkSession, schema: str) -> pd.DataFrame:
    rows = spark.read.table(f"{schema}.{PREDICTIONS}").drop("model_name", "batch_id")
    return rows.toPandas().sort_values(KEY, ignore_index=True)


def copy_of(home: Path, to: Path, schema: str) -> App:
    """Copy a home; all homes of a session share its catalog, so in another schema."""
    shutil.copytree(home, to)
    (to / "lakehouse" / f"{SCHEMA}.db").rename(to / "lakehouse" / f"{schema}.db")
    (to / "levelfive.yml").write_text(json.dumps({"table_schema": schema}))
    return App.local(to, Settings(table_schema=schema))


def test_the_batch_inference_notebook_predicts_what_the_command_predicts(
    scripts: Scripts, spark: SparkSession, tmp_path: Path
) -> None:
    """Three days are scored."""
    copy_of(scripts.before_scoring, tmp_path / "home", "by_command")

    code = run_command(
        tmp_path / "home", "scoring", "--as-of", iso(LATER), "--from", SCORED["window_start"], "--to", iso(LATER)
    )

    assert code == 0
    by_notebook, by_command = predictions(spark, SCHEMA), predictions(spark, "by_command")
    assert len(by_notebook) > 2000
    assert set(by_notebook.role) == {"champion"}
    pd.testing.assert_frame_equal(by_notebook, by_command, check_exact=True)


def test_the_batch_inference_notebook_run_again_adds_nothing(scripts: Scripts, spark: SparkSession) -> None:
    before = predictions(spark, SCHEMA)

    printed = run_script("scoring", scripts.home, table_schema=SCHEMA, as_of=iso(LATER), **SCORED)

    assert ["rows", "0"] in [line.split() for line in printed.splitlines()]
    pd.testing.assert_frame_equal(before, predictions(spark, SCHEMA), check_exact=True)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("data", "flights_2013-02-15_to_2013-02-18.csv.gz"),
        ("features", "origin_state"),
        ("training", "verdict: better"),
        ("registry", "promote"),
        ("scoring", "champion"),
        ("monitoring", "usual_psi"),
        ("retraining", "action: keep"),
        ("report", "report.html"),
        ("explore", "share_late"),
    ],
)
def test_a_notebook_prints_its_result_as_a_table(scripts: Scripts, name: str, says: str) -> None:
    assert says in scripts.printed[name]


def test_a_notebook_saves_its_plots_in_the_home(scripts: Scripts) -> None:
    plots = {file.name for file in (scripts.home / "plots").iterdir() if file.stat().st_size > 5000}

    assert plots == {
        "training-holdout-with-intervals.png",
        "scoring-scores-of-the-batch.png",
        "monitoring-columns-that-moved-most.png",
        "explore-missing-values.png",
        "explore-distributions.png",
        "explore-delay-by-hour-and-route.png",
        "explore-delay-by-weather.png",
        "explore-drift-by-month.png",
    }


def test_the_exploration_shows_nothing_that_was_not_known_yet(scripts: Scripts, spark: SparkSession) -> None:
    printed = run_script("explore", scripts.home, table_schema=SCHEMA, as_of="2013-01-20T06:00Z")

    (line,) = (line.split() for line in printed.splitlines() if line.split()[:1] == ["2013-01-01"])
    landed = spark.read.table(f"{SCHEMA}.raw_flights").where("sched_dep_at < timestamp'2013-01-20 06:00:00'").count()
    assert int(line[1]) == landed


def test_a_decided_training_is_done_once_and_leaves_its_record(scripts: Scripts, tmp_path: Path) -> None:
    """A training on six weeks."""
    app = copy_of(scripts.home, tmp_path / "home", "decided")
    asked = Decision(Action.RETRAIN, ("a test asks for it",), ("none",))
    app.tables.overwrite("decisions", app.tables.read("decisions").limit(0))
    record_decision(Run(app.tables, "test"), DecisionRecord("d1", app.registry.name, "2", LATER, asked))
    given = {"table_schema": "decided", "as_of": iso(LATER), "decision": "d1"}

    first = run_script("training", tmp_path / "home", **given)
    second = run_script("training", tmp_path / "home", **given)

    # Three days of labels since the champion's training are too few for the gate to pass another.
    (record,) = retrainings(app.tables, app.registry.name, until=LATER)
    assert (record.decision_id, record.passed) == ("d1", False)
    assert first.splitlines()[:2] == second.splitlines()[:2] == ["version: ", f"verdict: {record.verdict}"]


GIT_FOLDER = """
import runpy, sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

sys.path[:] = [folder for folder in sys.path if not any(Path(folder).glob("levelfive*"))] + [{packages}]
sys.argv = ["data.py", *sys.argv[1:]]
try:
    version("levelfive")
except PackageNotFoundError:
    print("levelfive is not installed")
runpy.run_path("data.py", run_name="__main__")
import levelfive
print("from", levelfive.__file__)
"""


def test_a_notebook_in_a_git_folder_takes_the_source_beside_it(scripts: Scripts, tmp_path: Path) -> None:
    source = NOTEBOOKS.parent / "src"
    code = GIT_FOLDER.format(packages=repr(str(packages_without_ours(tmp_path))))
    given = ["--home", str(scripts.home), "--table_schema", SCHEMA, "--as_of", iso(LATER)]

    answer = subprocess.run(
        [sys.executable, "-c", code, *given],
        cwd=NOTEBOOKS,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    assert "levelfive is not installed" in answer.stdout
    assert f"from {source}" in answer.stdout


def test_what_was_promoted_is_live_and_carries_who_asked_for_it(scripts: Scripts) -> None:
    (promotion,) = scripts.app.tables.ledgers.rows("promotions")

    assert (promotion["promoted_by"], promotion["promoted_at"]) == ("test", AS_OF)
