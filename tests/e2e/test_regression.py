"""The core knows regressions too: how much of an order is paid back, and by how many minutes flights arrive late."""

import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import shop
from first_champion import FLIGHTS, SMALL, on_flights
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from flight_delay import USE_CASE
from flight_delay.outcomes import labels
from levelfive import REGRESSION
from levelfive.core.windows import Window, utc
from levelfive.features import job as features
from levelfive.features.store import LocalFeatureStore
from levelfive.monitoring import job as monitoring
from levelfive.registry import job as registry
from levelfive.registry.gate import VerdictKind
from levelfive.registry.promotions import champion_as_of, history
from levelfive.registry.store import CHALLENGER, CHAMPION, CentralRegistry
from levelfive.scoring import job as scoring
from levelfive.statistics.tasks.task import Estimator
from levelfive.storage.local_tables import LocalTables
from levelfive.storage.runs import JobContext
from levelfive.training import job as training
from levelfive.training.tracking import Tracking
from levelfive.usecase.columns import LABEL
from levelfive.usecase.model import ModelSpec
from levelfive.usecase.policies import GatePolicy

AS_OF = utc(2013, 2, 15, 6)
SECOND = utc(2013, 2, 18, 6)
DAY = Window(AS_OF, AS_OF + timedelta(days=1))


def minutes_late(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    return labels(raw, window).withColumn(LABEL, F.col("arr_delay"))


def paid_back(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    orders = raw["orders"].select("order_id", "price")
    rows = shop.labels(raw, window).join(orders, "order_id")
    return rows.withColumn(LABEL, F.col(LABEL) * F.col("price")).drop("price")


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
        task=REGRESSION,
        spine_features=("origin", "carrier", "minute_of_day", "scheduled_minutes"),
        lookups=(replace(WEATHER, columns=("visib", "wind_speed", "precip", "dew_point_spread")),),
        categorical=("origin", "carrier"),
        build=build,
    ),
    # A line through the weather knows little, and the comparison is what is tested. The margin is in squared minutes.
    gate=GatePolicy(min_days=3, min_rows=500, min_skill=-1.0, margin=50.0),
)
PAID_BACK = replace(
    shop.USE_CASE,
    name="paid_back",
    labels=paid_back,
    model=replace(shop.USE_CASE.model, task=REGRESSION, build=build),
    gate=GatePolicy(min_days=3, min_rows=50, min_skill=-1.0, margin=1000.0),
)
REGRESSIONS = {FLIGHTS: MINUTES_LATE, SMALL: PAID_BACK}


@pytest.fixture
def context(loop, tmp_path: Path) -> JobContext:
    """The raw tables in a lakehouse of their own."""
    use_case, lakehouse = REGRESSIONS[loop.app.use_case.name], tmp_path / "lakehouse"
    schema = f"{use_case.name}_{zlib.crc32(str(tmp_path).encode())}"  # the session's catalog holds other tests' too
    source = loop.app.home / "lakehouse" / f"{loop.app.tables.schema}.db"
    for table in (*(f"raw_{s.name}" for s in use_case.sources), "landing_files"):
        shutil.copytree(source / table, lakehouse / f"{schema}.db" / table)
    tables = LocalTables(loop.app.tables.spark, schema=schema, warehouse=lakehouse)
    return JobContext(tables, use_case, LocalFeatureStore(tables))


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Tracking, CentralRegistry]:
    return (
        Tracking(f"sqlite:///{tmp_path}/tracking.db", "minutes_late", artefacts=tmp_path / "tracking"),
        CentralRegistry(f"sqlite:///{tmp_path}/registry.db", "minutes_late", artefacts=tmp_path / "registry"),
    )


def test_a_regression_is_trained_judged_promoted_and_scored(
    context: JobContext, stores: tuple[Tracking, CentralRegistry]
) -> None:
    """The whole path, once more."""
    tracking, store = stores
    features.run(context, as_of=AS_OF)
    trained = training.run(context, tracking, store, as_of=AS_OF)
    assert trained.version is not None, trained.verdict
    registry.run(context, store, version=trained.version, as_of=AS_OF, by="test")
    features.run(context, as_of=DAY.end + timedelta(days=2))

    scored = scoring.run(context, store, window=DAY, as_of=DAY.end)

    seen = monitoring.run(context, store, window=DAY, as_of=DAY.end + timedelta(days=2))
    (live,) = seen.performance
    assert [scored.model_version] == list(seen.verdicts)
    assert set(trained.evaluation.estimates) == {"rmse", "mae", "r2", "bias"}
    assert trained.evaluation.estimates["r2"].value > 0
    assert live.scored == scored.rows > 20
    assert live.evaluation is not None
    assert 10 < live.evaluation.estimates["rmse"].value < 100


@on_flights
def test_a_repeated_training_finds_its_versions_and_another_recipe_registers_new_ones(
    context: JobContext, stores: tuple[Tracking, CentralRegistry]
) -> None:
    """Three trainings."""
    tracking, store = stores
    features.run(context, as_of=AS_OF)
    first = training.run(context, tracking, store, as_of=AS_OF)

    again = training.run(context, tracking, store, as_of=AS_OF)

    assert (again.candidate_version, again.version) == (first.candidate_version, first.version)
    assert [found.version for found in store.versions()] == [first.candidate_version, first.version]
    assert store.alias(CHALLENGER) == first.version

    def flatter(numeric: Sequence[str], categorical: Sequence[str], seed: int) -> Estimator:
        return build(numeric, categorical, seed).set_params(line__alpha=100.0)  # type: ignore[attr-defined]  # a pipeline

    other = replace(context.use_case, model=replace(context.use_case.model, build=flatter))
    changed = training.run(replace(context, use_case=other), tracking, store, as_of=AS_OF)

    assert changed.version not in (None, first.version)


@on_flights
def test_a_candidate_is_compared_with_the_champion_on_days_that_are_new_to_both(
    context: JobContext, stores: tuple[Tracking, CentralRegistry]
) -> None:
    """Two trainings."""
    tracking, store = stores
    versions = []
    for as_of in (AS_OF, SECOND):
        features.run(context, as_of=as_of)
        trained = training.run(context, tracking, store, as_of=as_of)
        assert trained.version is not None, trained.verdict
        registry.run(context, store, version=trained.version, as_of=as_of, by="test")
        versions.append(trained.version)

    assert trained.verdict.kind in (VerdictKind.BETTER, VerdictKind.NOT_WORSE)
    compared = trained.verdict.difference
    assert compared is not None
    # The champion was refitted on all days that were mature at its time: only what came later is new to it.
    assert compared.days == 4
    assert compared.rows < trained.evaluation.rows / 3
    made = history(context.tables, store.name)
    assert [(row.version, row.previous_version) for row in made] == [(versions[0], None), (versions[1], versions[0])]
    assert champion_as_of(made, SECOND) == made[0]
    assert champion_as_of(made, SECOND + timedelta(microseconds=1)) == made[1]
    assert store.alias(CHAMPION) == versions[1]
