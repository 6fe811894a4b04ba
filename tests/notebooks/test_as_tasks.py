"""The notebooks as tasks of a workspace's jobs: parameters by widgets, values handed on, results displayed."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from first_champion import AS_OF, FLIGHTS, SMALL, Kept, Stage
from matplotlib.figure import Figure
from notebook_runs import STARTER, Jobs
from pyspark.sql import SparkSession

from levelfive.storage.predictions import PREDICTIONS

KEY = ["flight_date", "carrier", "flight", "origin"]

# The first test of a use case waits until its home is made and its jobs have run.
pytestmark = pytest.mark.timeout(1800)


def test_the_training_hands_its_version_on_and_the_registry_promotes_it(jobs: Jobs, spark: SparkSession) -> None:
    """The first that asks for the jobs of its use case pays for them where no other test did."""
    values = jobs.training.values

    (promotion,) = spark.read.table(f"{jobs.schema}.promotions").collect()

    assert (values["training", "verdict"], values["training", "passed"]) == ("better", "true")
    assert values["training", "version"] == promotion["version"] != ""
    assert (promotion["model_name"], promotion["promoted_by"]) == (f"levelfive.qa.{jobs.use_case}", STARTER)
    assert promotion["promoted_at"] == AS_OF.replace(tzinfo=None)


def test_the_policy_hands_on_what_the_condition_task_compares(jobs: Jobs, spark: SparkSession) -> None:
    """Monitoring and the decision run as jobs over Connect."""
    (decision,) = spark.read.table(f"{jobs.schema}.decisions").collect()

    assert jobs.retraining.values == {
        ("policy", "action"): "keep",
        ("policy", "decision"): decision["decision_id"],
    }


def test_each_row_is_scored_once_by_what_was_promoted(jobs: Jobs, spark: SparkSession) -> None:
    rows = spark.read.table(f"{jobs.schema}.{PREDICTIONS}").toPandas()

    assert len(rows) > 50
    assert not rows.duplicated(["prediction_time", "order_id" if jobs.use_case == SMALL else "flight"]).any()
    assert set(rows.model_version) == {jobs.training.values["training", "version"]}
    assert set(rows.role) == {"champion"}


@pytest.mark.nightly
@pytest.mark.parametrize("jobs", [FLIGHTS], indirect=True)
def test_a_workspace_predicts_what_a_laptop_predicts(
    jobs: Jobs, kept_of: Callable[[str], Kept], spark: SparkSession
) -> None:
    """Every stage runs on the flights, on a laptop and as jobs over Connect."""
    columns = [*KEY, "prediction_time", "score", "slices", "features", "role"]
    on_a_laptop = kept_of(FLIGHTS).table(Stage.SCORED, PREDICTIONS)

    laptop, workspace = (
        rows.select(columns).toPandas().sort_values(KEY, ignore_index=True)
        for rows in (
            spark.read.format("delta").load(str(on_a_laptop)),
            spark.read.table(f"{jobs.schema}.{PREDICTIONS}"),
        )
    )

    assert len(workspace) > 500
    pd.testing.assert_frame_equal(laptop, workspace, check_exact=True)


def test_each_task_displays_its_result_as_a_table_and_a_plot_where_there_is_something_to_see(jobs: Jobs) -> None:
    ran = (jobs.training, jobs.scoring, jobs.monitoring, jobs.retraining, jobs.explore)
    shown = {task: results for job in ran for task, results in job.displayed.items()}

    with_plots = {task for task, results in shown.items() if any(isinstance(one, Figure) for one in results)}

    assert {task for task, results in shown.items() if any(not isinstance(one, Figure) for one in results)} == set(
        shown
    )
    assert with_plots | {"explore"} == {"training", "scoring", "monitoring", "explore"}


def test_the_report_is_written_and_shown(jobs: Jobs) -> None:
    (page,) = jobs.monitoring.html

    assert Path(jobs.monitoring.settings["output"]).read_text(encoding="utf-8") == page
    assert "<svg" in page


def test_the_code_revision_of_the_job_and_who_started_it_are_in_the_run_of_its_training(
    jobs: Jobs, spark: SparkSession
) -> None:
    (run,) = spark.read.table(f"{jobs.schema}.runs").where("stage = 'training'").collect()

    assert run["parameters"]["code_revision"] == "abc123"
    assert run["parameters"]["trained_by"] == STARTER
