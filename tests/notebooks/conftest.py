"""Every notebook runs twice on a small slice of real files: as a script on a laptop, and as a task on a workspace."""

import shutil
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from feature_engineering.fake import Metastore, fake_package
from first_champion import AS_OF, BEGIN, LATER, Kept, Stage, deliver
from levelfive.windows import Window, iso
from notebook_runs import SCHEMA, SCORED, Job, Jobs, Scripts


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory, fixtures: Path, kept: Kept) -> Scripts:
    folder = tmp_path_factory.mktemp("scripts")
    ran = Scripts(folder / "home", folder / "before")
    kept.copy(Stage.INGESTED, ran.home, SCHEMA)
    first, later = {"as_of": iso(AS_OF)}, {"as_of": iso(LATER)}
    ran.run("training", **first)
    (version,) = (line.split()[1] for line in ran.printed["training"].splitlines() if line.startswith("version: "))
    ran.run("registry", version=version, by="test", **first)
    deliver(ran.home / "landing", fixtures, Window(AS_OF, LATER))
    for name in ("data", "features"):
        ran.run(name, **later)
    shutil.copytree(ran.home, ran.before_scoring)
    for name in ("scoring", "monitoring"):
        ran.run(name, **later, **SCORED)
    ran.run("retraining", **later)
    ran.run("report", output=str(ran.home / "report.html"), **later)
    ran.run("explore", **later)
    return ran


@pytest.fixture(scope="session")
def jobs(tmp_path_factory: pytest.TempPathFactory, fixtures: Path, spark: SparkSession) -> Jobs:
    """Run the jobs as on a workspace: its MLflow is a store on SQLite here, and so is its registry.

    Its feature store works on local tables, and takes only calls that the real client takes.
    """
    folder = tmp_path_factory.mktemp("workspace")
    common = {
        "table_schema": "by_job",
        "environment": "qa",
        "landing": str(folder / "landing"),
        "registry_uri": f"sqlite:///{folder / 'registry.db'}",
        "experiment": "/Shared/flights",
        "code_revision": "abc123",
    }

    def a_job(as_of: str, **given: str) -> Job:
        return Job(spark, {**common, "as_of": as_of, **given})

    first, later = iso(AS_OF), iso(LATER)
    ran = Jobs(
        training=a_job(first, since="", without="", decision=""),
        scoring=a_job(later, since="", **SCORED),
        monitoring=a_job(later, output=str(folder / "report.html"), **SCORED),
        retraining=a_job(later),
        explore=a_job(later),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
        patch.setattr("levelfive.app.WORKSPACE_TRACKING", f"sqlite:///{folder / 'tracking.db'}")
        patch.setitem(sys.modules, "databricks.feature_engineering", fake_package(spark, Metastore()))
        patch.chdir(folder)  # where MLflow leaves the artefacts of a store on SQLite
        deliver(folder / "landing", fixtures, Window(BEGIN, AS_OF))
        for task in ("data", "features", "training", "registry"):
            ran.training.run(task)
        deliver(folder / "landing", fixtures, Window(AS_OF, LATER))
        for task in ("data", "features", "scoring"):
            ran.scoring.run(task)
        for task in ("monitoring", "report"):
            ran.monitoring.run(task)
        ran.retraining.run("policy", "retraining")
        ran.explore.run("explore")
    return ran
