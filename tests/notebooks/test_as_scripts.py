"""The notebooks as Python scripts: what they leave in the tables, print and plot."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from first_champion import AS_OF, LATER, USE_CASES, Kept, Stage
from notebook_runs import NOTEBOOKS, SCORED, Scripts, packages_without_ours, run_script
from pyspark.sql import DataFrame, SparkSession

from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.windows import iso
from levelfive.retraining.policy import Action
from levelfive.retraining.records import DecisionRecord, record_decision, retrainings
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import Run

on_flights = pytest.mark.parametrize("scripts", USE_CASES[1:], indirect=True)


def predictions(ran: Scripts, rows: DataFrame | None = None) -> pd.DataFrame:
    rows = ran.app.tables.read(PREDICTIONS) if rows is None else rows
    told = rows.drop("model_name", "model_version", "batch_id", "scored_at")
    return told.toPandas().sort_values(list(ran.app.use_case.key), ignore_index=True)


def copy_of(ran: Scripts, to: Path, schema: str) -> App:
    """Copy a home; all homes of a session share its catalog, so in another schema."""
    shutil.copytree(ran.home, to)
    (to / "lakehouse" / f"{ran.schema}.db").rename(to / "lakehouse" / f"{schema}.db")
    (to / "levelfive.yml").write_text(json.dumps({"table_schema": schema}))
    return App.local(to, Settings(table_schema=schema))


def test_the_batch_inference_notebook_predicts_what_the_job_predicts(
    scripts: Scripts, kept_of: Callable[[str], Kept], spark: SparkSession
) -> None:
    """Of the kept home, a model of the same rows was trained and its predictions were made without notebooks."""
    by_job = kept_of(scripts.use_case).table(Stage.SCORED, PREDICTIONS)

    by_notebook, without = (
        predictions(scripts),
        predictions(scripts, spark.read.format("delta").load(str(by_job))),
    )

    assert len(by_notebook) > 50
    assert set(by_notebook.role) == {"champion"}
    pd.testing.assert_frame_equal(by_notebook, without, check_exact=True)


@on_flights
def test_the_batch_inference_notebook_run_again_adds_nothing(scripts: Scripts) -> None:
    before = predictions(scripts)

    printed = run_script("scoring", scripts.home, **scripts.settings, as_of=iso(LATER), **SCORED)

    assert ["rows", "0"] in [line.split() for line in printed.splitlines()]
    pd.testing.assert_frame_equal(before, predictions(scripts), check_exact=True)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("scoring", "champion"),
        ("monitoring", "usual_psi"),
        ("retraining", "action: keep"),
        ("report", "report.html"),
    ],
)
def test_a_notebook_prints_its_result_as_a_table(scripts: Scripts, name: str, says: str) -> None:
    assert says in scripts.printed[name]


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("data", "flights_2013-02-15_to_2013-02-18.csv.gz"),
        ("features", "origin_state"),
        ("training", "verdict: better"),
        ("registry", "promote"),
    ],
)
def test_a_notebook_before_a_scoring_prints_its_result_as_a_table(first_scripts: Scripts, name: str, says: str) -> None:
    assert says in first_scripts.printed[name]


def plots_of(ran: Scripts) -> set[str]:
    plots = ran.home / "plots" / ran.use_case
    return {file.name for file in plots.iterdir() if file.stat().st_size > 5000}


@pytest.mark.nightly
def test_the_training_saves_its_plot_in_the_home(first_scripts: Scripts) -> None:
    assert plots_of(first_scripts) == {"training-holdout-with-intervals.png"}


def test_a_notebook_saves_its_plots_in_the_home(scripts: Scripts) -> None:
    found = {name for name in plots_of(scripts) if not name.startswith("explore")}

    assert found == {"scoring-scores-of-the-batch.png", "monitoring-columns-that-moved-most.png"}


@on_flights
def test_the_exploration_plots_and_tells_how_many_are_late(scripts: Scripts) -> None:
    assert "share_late" in scripts.printed["explore"]
    assert {name for name in plots_of(scripts) if name.startswith("explore")} == {
        "explore-missing-values.png",
        "explore-distributions.png",
        "explore-delay-by-hour-and-route.png",
        "explore-delay-by-weather.png",
        "explore-drift-by-month.png",
    }


@on_flights
def test_the_exploration_shows_nothing_that_was_not_known_yet(scripts: Scripts) -> None:
    """It was run as of a day long before the newest data."""
    lines = [line.split() for line in scripts.printed["explore"].splitlines()]

    (line,) = (line for line in lines if line[:1] == ["2013-01-01"])
    landed = scripts.app.tables.read("raw_flights").where("sched_dep_at < timestamp'2013-01-20 06:00:00'").count()
    assert int(line[1]) == landed


@on_flights
def test_a_decided_training_is_done_once_and_leaves_its_record(scripts: Scripts, tmp_path: Path) -> None:
    """A training on six weeks."""
    app = copy_of(scripts, tmp_path / "home", "decided")
    app.tables.overwrite("decisions", app.tables.read("decisions").limit(0))
    asked = (Action.RETRAIN, ("a test asks for it",), ("none",))
    record_decision(Run(app.tables, "test"), DecisionRecord("d1", app.registry.name, "2", LATER, *asked))
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


@on_flights
def test_a_notebook_in_a_git_folder_takes_the_source_beside_it(scripts: Scripts, tmp_path: Path) -> None:
    source = NOTEBOOKS.parent / "src"
    code = GIT_FOLDER.format(packages=repr(str(packages_without_ours(tmp_path))))
    given = ["--home", str(scripts.home), "--table_schema", scripts.schema, "--as_of", iso(LATER)]

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


@pytest.mark.nightly
def test_what_was_promoted_is_live_and_carries_who_asked_for_it(first_scripts: Scripts) -> None:
    (promotion,) = first_scripts.app.tables.control_tables.rows("promotions")

    assert (promotion["promoted_by"], promotion["promoted_at"]) == (f"{first_scripts.app.starter} (for test)", AS_OF)
