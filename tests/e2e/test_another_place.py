"""A model outlives the place that it was trained in: another place scores with it once the first one is gone.

A place is what an environment has on a workspace: tables in a catalog of its own, joined by Feature Engineering, a
tracking store and a registry. Schemas stand for catalogs here: local Spark has one catalog with Delta. Both places are
in one metastore, as two catalogs are, so that the second could read the first one's tables.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from feature_engineering.fake import Metastore, fake_engineering
from first_champion import BEGIN, deliver
from pyspark.sql import SparkSession

from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.windows import Window, utc
from levelfive.data import job as data
from levelfive.features import job as features
from levelfive.features.databricks_store import DatabricksFeatureStore
from levelfive.models.mlflow_store import quieten
from levelfive.platforms.laptop import Laptop
from levelfive.registry import job as registry
from levelfive.registry.store import CHAMPION
from levelfive.scoring import job as scoring
from levelfive.storage.catalog_tables import CatalogTables
from levelfive.storage.predictions import PREDICTIONS, Role
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.training import job as training
from levelfive.training.admission import admit
from levelfive.usecase.policies import GatePolicy

pytestmark = pytest.mark.nightly  # two environments, each with three weeks of data and features

AS_OF = utc(2013, 1, 20, 6)
LATER = utc(2013, 1, 22, 6)
SCORED = Window(AS_OF, LATER)
# How good a model of so few days is, is not what these tests are about.
GATE = GatePolicy(holdout_days=2, min_days=2, min_rows=100, margin=1.0, min_skill=-1.0)
# The states on a grid are left out, to save time: the weather is on one too.
LEFT_OUT = "state"
FIRST, SECOND = "forsaken", "inheriting"


@dataclass(frozen=True)
class Place(Laptop):
    """Both MLflow stores in a folder as on a laptop; tables by name, and the feature store of a workspace."""

    spark: SparkSession
    metastore: Metastore

    def tables(self, settings: Settings) -> Tables:
        return CatalogTables(self.spark, schema=settings.schema_name)

    def features(self, tables: Tables) -> DatabricksFeatureStore:
        return DatabricksFeatureStore(tables, lambda: fake_engineering(self.spark, self.metastore))


@dataclass(frozen=True)
class Environment:
    """A place and its settings: every call of `app` begins anew, as another process would, and remembers nothing."""

    place: Place
    name: str

    @property
    def app(self) -> App:
        return App(self.place, Settings(table_schema=self.name, environment=self.name))

    def context(self, app: App) -> JobContext:
        model = app.use_case.model.without(LEFT_OUT)
        used = {lookup.table for lookup in model.lookups}
        made = tuple(table for table in app.use_case.feature_tables if table.name in used)
        use_case = replace(app.use_case, gate=GATE, model=model, feature_tables=made)
        return JobContext(app.tables, use_case, app.context.features)

    def make(self, few_flights: Path) -> None:
        """Make the schema in the place's own folder, land the files, ingest them and compute features."""
        self.place.spark.sql(f"CREATE SCHEMA {self.name} LOCATION '{self.place.home}/tables'")
        context = self.context(app := self.app)
        deliver(app.landing, few_flights, Window(BEGIN, LATER))
        data.run(context, landing=app.landing, as_of=LATER)
        features.run(context, as_of=LATER)

    def train(self) -> str:
        context = self.context(app := self.app)
        trained = training.run(context, app.tracking, app.registry, as_of=AS_OF)
        assert trained.version is not None, trained.verdict
        self.promote(trained.version)
        return trained.version

    def admit(self, version: str, source: "Environment") -> str:
        app = self.app
        admitted = admit(self.context(app), app.registry, source.app.registry, version=version, as_of=AS_OF)
        assert admitted.verdict.passed, admitted.verdict
        return admitted.version

    def promote(self, version: str) -> None:
        app = self.app
        registry.run(self.context(app), app.registry, version=version, as_of=AS_OF, by="test")

    def score(self) -> pd.DataFrame:
        app = self.app
        scoring.run(self.context(app), app.registry, window=SCORED, as_of=LATER)
        key = list(app.use_case.key)
        shown = [*key, "prediction_time", "score", "slices", "features", "role"]
        return app.tables.read(PREDICTIONS).select(shown).toPandas().sort_values(key, ignore_index=True)

    def names(self) -> tuple[str, ...]:
        """What only this place is called by: its tables, its models, its folder with both MLflow stores."""
        app = self.app
        return self.name, str(self.place.home), app.registry.name, app.registry.uri, app.tracking.uri

    def vanish(self) -> None:
        self.place.spark.sql(f"DROP SCHEMA {self.name} CASCADE")
        shutil.rmtree(self.place.home)


@dataclass(frozen=True)
class Inheritance:
    """What is left of the first place: the second one with its version, and what the first predicted and was called."""

    second: Environment
    version: str
    predicted: pd.DataFrame
    names: tuple[str, ...]


@pytest.fixture(scope="module")
def inheritance(
    tmp_path_factory: pytest.TempPathFactory, few_flights: Path, spark: SparkSession
) -> Iterator[Inheritance]:
    quieten()
    metastore = Metastore()
    first, second = (
        Environment(Place(tmp_path_factory.mktemp(name), spark, metastore), name) for name in (FIRST, SECOND)
    )
    first.make(few_flights)
    trained = first.train()
    predicted = first.score()
    second.make(few_flights)
    version = second.admit(trained, first)
    second.promote(version)
    names = first.names()
    first.vanish()
    assert not spark.catalog.databaseExists(FIRST)
    assert not first.place.home.exists()
    yield Inheritance(second, version, predicted, names)
    second.vanish()


def test_a_model_trained_in_one_place_scores_in_another_after_the_first_is_gone(inheritance: Inheritance) -> None:
    """Two environments, each with three weeks of data and features."""
    scored = inheritance.second.score()

    assert inheritance.second.app.registry.alias(CHAMPION) == inheritance.version
    assert set(scored.role) == {Role.CHAMPION}
    assert len(scored) > 500
    assert scored.score.nunique() > 200
    pd.testing.assert_frame_equal(inheritance.predicted, scored, check_exact=True)


def test_nothing_in_a_registered_package_names_the_place_that_trained_it(
    inheritance: Inheritance, tmp_path: Path
) -> None:
    package = inheritance.second.app.registry.download(inheritance.version, tmp_path)

    files = {file.name: file.read_bytes() for file in package.rglob("*") if file.is_file()}

    assert {"levelfive.json", "MLmodel"} <= files.keys()
    assert b"flight_history" in files["levelfive.json"]
    assert [(file, name) for file, text in files.items() for name in inheritance.names if name.encode() in text] == []
