"""The code of docs/tables.md and the dashboard's queries work as they stand, where the whole loop has run."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from first_champion import FLIGHTS, SMALL, Stage
from loopback import loopback
from pyspark.sql import SparkSession

from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.windows import Window, utc
from levelfive.monitoring import job as monitoring
from levelfive.monitoring import records
from levelfive.monitoring.acknowledged import acknowledge
from levelfive.monitoring.consecutive import ConsecutiveDrift, write_consecutive
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.destinations.destination import Destination
from levelfive.monitoring.destinations.messages import DestinationKind
from levelfive.monitoring.verdict import Subject
from levelfive.reporting.collect import collect
from levelfive.retraining import job as retraining
from levelfive.retraining.records import DecisionRecord, RetrainingRecord, record_retraining
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.policies import GatePolicy, MonitoringPolicy, RetrainingPolicy

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"
DASHBOARD = Path(__file__).parents[2] / "resources" / "monitoring.lvdash.json"
DATASETS = json.loads(DASHBOARD.read_text())["datasets"]
BLOCK = re.compile(r"^```(sql|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCORED = Window(utc(2013, 2, 15, 6), utc(2013, 2, 18, 6))
VIEW = "CREATE OR REPLACE TEMPORARY VIEW"
# How a column differs from the window before, which this home has not scored.
A_MOVE: dict[str, Any] = {
    "window_cmp": Window(utc(2013, 2, 12, 6), SCORED.start),
    "column_name": "score",
    "count_delta": 10,
    "avg_delta": 0.01,
    "statistics": {"js_distance": 0.1, "percent_null_delta": 0.0},
}
# What is found where a service's request log lies: one answer of ten rests on another value.
A_DIFFERENCE = FeatureDay(date(2013, 2, 16), "state", 10, 1, 0, 0, 0, 0.5, 0.05, utc(2013, 2, 16, 7))


def blocks(language: str) -> list[str]:
    return [code for found, code in BLOCK.findall(PAGE.read_text()) if found == language]


def a_retraining(decided: DecisionRecord) -> RetrainingRecord:
    """What a training would leave, had the decision been acted on."""
    return RetrainingRecord(
        decision_id=decided.decision_id,
        model_name=decided.model_name,
        as_of=decided.as_of,
        verdict="better",
        passed=True,
        reasons=("better by .01",),
        candidate_version="3",
        version="4",
        labels=40_000,
    )


@pytest.fixture(scope="module")
def place(loop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose home, under its default name, has scored, decided to train again, and then found harm."""
    folder = tmp_path_factory.mktemp("documented")
    home = folder / ".levelfive"
    app = loop.copy(home, Stage.MONITORED)
    (home / "levelfive.yml").write_text(f"table_schema: {app.settings.schema_name}\nuse_case: {app.use_case.name}\n")
    use_case = replace(
        app.use_case,
        gate=GatePolicy(min_days=2, min_rows=50, margin=1.0),
        retraining=RetrainingPolicy(label_growth=0.02),
    )
    context = JobContext(app.tables, use_case, app.context.features)
    (source,) = app.use_case.spine_sources
    with context.run("features", as_of=SCORED.end, parameters={"missing": f"{source} 2013-02-14"}):
        pass  # as if it had looked back to days on which rows are missing
    decided = retraining.decide_once(context, app.registry, as_of=SCORED.end)
    record_retraining(Run(app.tables, "test"), a_retraining(decided))
    # No model has four times the skill that it had at training.
    alarmed = replace(use_case, monitoring=MonitoringPolicy(harmful_skill_share=4.0, min_days=1, min_rows=50))
    later = SCORED.end + timedelta(hours=3)
    with loopback() as server:
        told = [Destination(DestinationKind.WEBHOOK, server.address)]
        judging = JobContext(app.tables, alarmed, app.context.features)
        monitoring.run(judging, app.registry, window=SCORED, as_of=later, destinations=told)
    subject = Subject(app.registry.name, "2", SCORED)
    records.write_consistency(Run(app.tables, "test"), subject, [(subject, A_DIFFERENCE)])
    write_consecutive(Run(app.tables, "test"), subject, [ConsecutiveDrift(**vars(subject), **A_MOVE)])
    acknowledge(context, app.registry.name, SCORED, by="ada", reason="a test asks for it", as_of=later)
    return folder


@pytest.fixture(scope="module")
def session(place: Path, spark: SparkSession) -> Iterator[SparkSession]:
    """What the page's own Python makes, in the folder above the home."""
    (code,) = blocks("python")
    found: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        exec(compile(code, str(PAGE), "exec"), found)
    for view in [code for code in blocks("sql") if code.startswith(VIEW)]:
        spark.sql(view)
    yield spark
    spark.sql("USE default")
    for view in ("latest_performance", "latest_verdicts"):
        spark.catalog.dropTempView(view)


QUERIES = [code for code in blocks("sql") if not code.startswith(VIEW)]
OF_FLIGHTS = re.compile("raw_flights|flight_date|arr_delay|wind_speed")


@pytest.mark.parametrize(
    ("loop", "query"),
    [
        *((SMALL, query) for query in QUERIES if not OF_FLIGHTS.search(query)),
        *(pytest.param(FLIGHTS, query, marks=pytest.mark.nightly) for query in QUERIES),
    ],
    indirect=["loop"],
)
def test_a_query_of_the_page_answers(session: SparkSession, query: str) -> None:
    assert session.sql(query).collect()


FAULTS_ONLY = {"Failed runs", "Features that are not what rows were scored with"}


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset["displayName"])
def test_a_dataset_of_the_dashboard_answers(session: SparkSession, dataset: dict[str, Any]) -> None:
    found = session.sql("".join(dataset["queryLines"])).collect()

    assert found or dataset["displayName"] in FAULTS_ONLY


def test_the_dashboard_shows_the_numbers_of_the_report(session: SparkSession, place: Path) -> None:
    home, queries = place / ".levelfive", {one["name"]: "".join(one["queryLines"]) for one in DATASETS}
    app = App.local(home, Settings(**yaml.safe_load((home / "levelfive.yml").read_text())))
    report = collect(app.context, app.registry, as_of=SCORED.end + timedelta(hours=3))

    metrics = [row for row in session.sql(queries["metrics"]).collect() if row["model"] == "live"]
    drift = session.sql(queries["drift"]).collect()

    (point,) = report.points
    assert {row["metric"]: row["value"] for row in metrics} == {name: of.value for name, of in point.live.items()}
    assert {row["feature"]: row["psi"] for row in drift} == {cell.column: cell.psi for cell in report.columns}
    assert metrics
    assert drift


def test_the_page_makes_its_views_and_asks_its_questions() -> None:
    queries = blocks("sql")

    assert [query.startswith(VIEW) for query in queries if "CREATE" in query] == [True, True]
    assert len(queries) >= 15
