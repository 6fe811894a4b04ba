"""The core knows regressions too: a tiny use case predicts, on real flights, by how many minutes they arrive late."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from flight_delay import USE_CASE
from flight_delay.outcomes import labels
from levelfive.features import job as features
from levelfive.registry import job as registry
from levelfive.registry.store import CentralRegistry
from levelfive.runs import JobContext
from levelfive.scoring import job as scoring
from levelfive.scoring.performance import performance
from levelfive.tables import Tables
from levelfive.training import job as training
from levelfive.training.tracking import Tracking
from levelfive.usecase import LABEL, Estimator, GatePolicy, ModelSpec, Task
from levelfive.windows import Window, utc

AS_OF = utc(2013, 2, 15, 6)
DAY = Window(AS_OF, AS_OF + timedelta(days=1))


def minutes_late(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    return labels(raw, window).withColumn(LABEL, F.col("arr_delay"))


def build(numeric: Sequence[str], categorical: Sequence[str], seed: int) -> Estimator:
    columns = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore"), list(categorical)),
            ("numbers", SimpleImputer(), list(numeric)),
        ]
    )
    pipeline: Estimator = Pipeline([("columns", columns), ("line", Ridge())])
    return pipeline


WEATHER = next(lookup for lookup in USE_CASE.model.lookups if lookup.table == "weather_state")
MINUTES_LATE = replace(
    USE_CASE,
    name="minutes_late",
    feature_tables=(USE_CASE.feature_table("weather_state"),),
    labels=minutes_late,
    model=ModelSpec(
        task=Task.REGRESSION,
        spine_features=("origin", "carrier", "minute_of_day", "scheduled_minutes"),
        lookups=(replace(WEATHER, columns=("visib", "wind_speed", "precip", "pressure")),),
        categorical=("origin", "carrier"),
        build=build,
    ),
    gate=GatePolicy(min_rows=500, min_skill=0.0),
)


@pytest.fixture
def context(loop, tmp_path: Path) -> JobContext:
    """The raw tables of the flights in a lakehouse of their own."""
    lakehouse = tmp_path / "lakehouse"
    source = loop.app.home / "lakehouse" / "whole_path.db"
    for table in (*(f"raw_{s.name}" for s in USE_CASE.sources), "landing_files"):
        shutil.copytree(source / table, lakehouse / "minutes_late.db" / table)
    return JobContext(Tables(loop.app.tables.spark, schema="minutes_late", warehouse=lakehouse), MINUTES_LATE)


def test_a_regression_is_trained_judged_promoted_and_scored(context: JobContext, tmp_path: Path) -> None:
    tracking = Tracking(f"sqlite:///{tmp_path}/tracking.db", "minutes_late", artefacts=tmp_path / "tracking")
    store = CentralRegistry(f"sqlite:///{tmp_path}/registry.db", "minutes_late", artefacts=tmp_path / "registry")
    features.run(context, as_of=AS_OF)
    trained = training.run(context, tracking, store, as_of=AS_OF)
    assert trained.version is not None, trained.verdict
    registry.run(context, store, version=trained.version, as_of=AS_OF, by="test")
    features.run(context, as_of=DAY.end + timedelta(days=2))

    scored = scoring.run(context, store, window=DAY, as_of=DAY.end)

    (live,) = performance(context, [DAY], DAY.end + timedelta(days=2))
    assert set(trained.evaluation.estimates) == {"rmse", "mae", "r2", "bias"}
    assert trained.evaluation.estimates["r2"].value > 0
    assert live.scored == scored.rows > 800
    assert live.evaluation is not None
    assert 10 < live.evaluation.estimates["rmse"].value < 100
