"""The rooms, one after another, on serverless compute's terms: over Connect, nothing kept, few settings."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from first_champion import AS_OF, LATER, first_champion
from levelfive.app import App, Laptop
from levelfive.config import Settings
from levelfive.mlflow_store import quieten
from levelfive.monitoring import job as monitoring
from levelfive.predictions import PREDICTIONS
from levelfive.retraining import job as retraining
from levelfive.retraining.policy import Action
from levelfive.scoring import job as scoring
from levelfive.tables import Tables
from levelfive.windows import Window, utc

DAY = Window(AS_OF, utc(2013, 2, 16, 6))


@dataclass(frozen=True)
class Serverless(Laptop):
    """A laptop's stores, and tables that are reached as serverless compute reaches them."""

    spark: SparkSession

    def tables(self, settings: Settings) -> Tables:
        return Tables(self.spark, schema=settings.schema_name, can_keep=False)


@pytest.fixture
def app(spark: SparkSession, over_connect: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    if not over_connect:
        pytest.skip("tests/e2e walks this path on a laptop")
    quieten()
    # As a laptop's application does: XGBoost's threads are not to burn the cores that the server works on.
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    return App(Serverless(tmp_path, spark), Settings(table_schema="rooms"))


def test_the_rooms_run_over_connect(app: App, fixtures: Path) -> None:
    """Six weeks of data and features, a training, a scoring and a monitoring."""
    first_champion(app, fixtures)
    scored = scoring.run(app.context, app.registry, window=DAY, as_of=LATER)
    monitoring.run(app.context, app.registry, window=DAY, as_of=LATER)
    decided = retraining.decide_once(app.context, app.registry, as_of=LATER)

    assert app.tables.read(PREDICTIONS).count() == scored.rows > 500
    assert decided.decision.action is Action.KEEP
