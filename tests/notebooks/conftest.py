"""Every notebook runs twice: as a script on a laptop, and as a task over Connect."""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from feature_engineering.fake import Metastore, fake_package
from first_champion import AS_OF, BEGIN, FLIGHTS, LATER, USE_CASES, Deliver, Kept, Stage, delivery
from notebook_runs import SCORED, Job, Jobs, Scripts
from pyspark.sql import SparkSession

from levelfive.core.windows import Window, iso
from levelfive.models.mlflow_store import quieten


@pytest.fixture(scope="session")
def scripts_of(tmp_path_factory: pytest.TempPathFactory, kept_of: Callable[[str], Kept]) -> Callable[[str], Scripts]:
    """Run a use case's notebooks once: a fixture with parameters is made anew whenever tests change between them."""

    @cache
    def run(use_case: str) -> Scripts:
        ran = Scripts(tmp_path_factory.mktemp("scripts") / "home", use_case, f"{use_case}_by_script")
        kept_of(use_case).copy(Stage.CHAMPION, ran.home, ran.schema)
        later = {"as_of": iso(LATER)}
        for name in ("scoring", "monitoring"):
            ran.run(name, **later, **SCORED)
        ran.run("retraining", **later)
        ran.run("report", output=str(ran.home / "report.html"), **later)
        if use_case == FLIGHTS:  # the exploration is of the flights
            ran.run("explore", as_of="2013-01-20T06:00Z")
        return ran

    return run


@pytest.fixture(scope="session", params=USE_CASES)
def scripts(scripts_of: Callable[[str], Scripts], request: pytest.FixtureRequest) -> Scripts:
    """What follows on a promotion; of a training and what comes before it, the jobs run the notebooks."""
    return scripts_of(request.param)


@pytest.fixture(scope="session")
def first_scripts(tmp_path_factory: pytest.TempPathFactory, kept_of: Callable[[str], Kept]) -> Scripts:
    """Run the notebooks that come before a scoring."""
    ran = Scripts(tmp_path_factory.mktemp("first_scripts") / "home", FLIGHTS, "by_first_script")
    flights = kept_of(FLIGHTS)
    flights.copy(Stage.INGESTED, ran.home, ran.schema)
    first, later = {"as_of": iso(AS_OF)}, {"as_of": iso(LATER)}
    ran.run("training", **first)
    (version,) = (line.split()[1] for line in ran.printed["training"].splitlines() if line.startswith("version: "))
    ran.run("registry", version=version, by="test", **first)
    flights.deliver(ran.home / "landing" / FLIGHTS, Window(AS_OF, LATER))
    for name in ("data", "features"):
        ran.run(name, **later)
    return ran


@pytest.fixture(scope="session", params=USE_CASES)
def jobs(jobs_of: Callable[[str], Jobs], over_connect: bool, request: pytest.FixtureRequest) -> Jobs:
    """The jobs as on serverless compute: its MLflow is a store on SQLite here, and so is its registry.

    Its feature store works on local tables, and takes only calls that the real client takes.
    """
    if not over_connect:
        pytest.skip("a workspace's jobs run over Spark Connect: `make test-connect` runs them")
    return jobs_of(request.param)


@pytest.fixture(scope="session")
def jobs_of(tmp_path_factory: pytest.TempPathFactory, few_flights: Path, spark: SparkSession) -> Callable[[str], Jobs]:
    """Run a use case's jobs once, as `scripts_of` does."""
    return cache(lambda use_case: _run_jobs(use_case, tmp_path_factory.mktemp("workspace"), few_flights, spark))


def _run_jobs(use_case: str, folder: Path, few_flights: Path, spark: SparkSession) -> Jobs:
    deliver: Deliver = delivery(use_case, few_flights)
    common = {
        "use_case": use_case,
        "table_schema": f"{use_case}_by_job",
        "environment": "qa",
        "landing": str(folder / "landing"),
        "registry_uri": f"sqlite:///{folder / 'registry.db'}",
        "experiment": f"/Shared/{use_case}",
        "code_revision": "abc123",
    }

    def a_job(as_of: str, deployed: dict[str, str] | None = None, **given: str) -> Job:
        return Job(spark, {"as_of": as_of, **given}, common | (deployed or {}))

    first, later = iso(AS_OF), iso(LATER)
    ran = Jobs(
        use_case=use_case,
        training=a_job(first, since="", without="", decision=""),
        scoring=a_job(later, since="", **SCORED),
        monitoring=a_job(later, {"output": str(folder / "report.html")}, **SCORED),
        retraining=a_job(later),
        explore=Job(spark, {**common, "as_of": later}),  # by hand
    )
    quieten()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
        # As a laptop's application does: XGBoost's threads are not to burn the cores that the server works on.
        patch.setenv("OMP_WAIT_POLICY", "PASSIVE")
        patch.setattr("levelfive.platforms.workspace.WORKSPACE_TRACKING", f"sqlite:///{folder / 'tracking.db'}")
        patch.setitem(sys.modules, "databricks.feature_engineering", fake_package(spark, Metastore()))
        patch.chdir(folder)  # where MLflow leaves the artefacts of a store on SQLite
        deliver(folder / "landing", Window(BEGIN, AS_OF))
        for task in ("data", "features", "training", "registry"):
            ran.training.run(task)
        deliver(folder / "landing", Window(AS_OF, LATER))
        for task in ("data", "features", "scoring"):
            ran.scoring.run(task)
        for task in ("monitoring", "report"):
            ran.monitoring.run(task)
        ran.retraining.run("policy", "retraining")
        if use_case == FLIGHTS:  # the exploration is of the flights
            ran.explore.run("explore")
    return ran
