"""What the workspace's feature store asks of its client, and what it makes of a refusal."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from delta.exceptions import ConcurrentAppendException
from feature_engineering.fake import (
    VERSIONS,
    FakeClient,
    FakeLookup,
    Metastore,
    fake_engineering,
    fake_package,
    signature,
)
from mlflow.exceptions import RestException
from pyspark.errors import AnalysisException
from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql import DataFrame, SparkSession

from levelfive.core.windows import Window, utc
from levelfive.errors import ConfigError, DataError, MachineError, TableConflict, TableError
from levelfive.features.databricks_store import DatabricksFeatureStore, FeatureEngineering, feature_engineering
from levelfive.features.refusals import refusals_of_tables
from levelfive.storage.tables import Tables
from levelfive.usecase.features import FeatureTable, Lookup

DAY = Window(utc(2013, 1, 1), utc(2013, 1, 2))
NOON = utc(2013, 1, 1, 12)
STATE = FeatureTable("state", ("place",), (), lambda raw, window: raw["none"])
LOOKUP = Lookup("state", {"place": "place"}, ("value",), max_age=timedelta(hours=3))

# The words of Unity Catalog as they arrive through Spark Connect, through Spark and through REST.
REFUSALS: dict[str, Callable[[str], Exception]] = {
    "connect": lambda said: SparkConnectGrpcException(
        f"(com.databricks.sql.managedcatalog.acl.UnauthorizedAccessException) PERMISSION_DENIED: {said}"
    ),
    "spark": lambda said: AnalysisException(
        f"[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\n{said} SQLSTATE: 42501"
    ),
    "rest": lambda said: RestException({"error_code": "PERMISSION_DENIED", "message": said}),
}


@dataclass(frozen=True)
class Workspace:
    tables: Tables
    metastore: Metastore
    client: FakeClient
    store: DatabricksFeatureStore

    def rows(self, *places: str) -> DataFrame:
        known = [(place, NOON, 1) for place in places]
        return self.tables.spark.createDataFrame(known, "place string, known_at timestamp, value int")

    def write(self, *places: str, table: FeatureTable = STATE) -> None:
        self.store.put(table, self.rows(*places), DAY, made_of={})

    def score(self, lookup: Lookup = LOOKUP, *, label: str | None = None) -> DataFrame:
        spine = self.rows("X").selectExpr("place", "known_at AS prediction_time", "1 AS label")
        return self.store.assemble(spine, (lookup,), self.tables.read, DAY, label=label)


def a_workspace(tables: Tables) -> Workspace:
    metastore = Metastore()
    engineering = fake_engineering(tables.spark, metastore)
    assert isinstance(engineering.client, FakeClient)
    return Workspace(tables, metastore, engineering.client, DatabricksFeatureStore(tables, lambda: engineering))


@pytest.fixture
def workspace(tables: Tables) -> Workspace:
    return a_workspace(tables)


@pytest.fixture(scope="module")
def written(open_tables: Callable[[str], Tables]) -> Iterator[Workspace]:
    """A workspace with one row in its table, for tests that write none."""
    tables = open_tables("written")
    there = a_workspace(tables)
    there.write("X")
    yield there
    tables.spark.sql(f"DROP SCHEMA {tables.schema} CASCADE")


@pytest.mark.parametrize(
    "way", ["connect", *(pytest.param(way, marks=pytest.mark.nightly) for way in ("spark", "rest"))]
)
def test_a_missing_grant_is_named_with_the_statement_that_gives_it(workspace: Workspace, way: str) -> None:
    name = workspace.tables.name("state")
    quoted = "`.`".join(name.split("."))
    workspace.metastore.refuse = REFUSALS[way]
    denied = workspace.metastore.denied

    denied.add(("CREATE TABLE", workspace.tables.schema))
    with pytest.raises(
        TableError, match=rf"grant is missing.* GRANT CREATE TABLE ON SCHEMA `{workspace.tables.schema}`"
    ):
        workspace.write("X")
    denied.clear()
    workspace.write("X")
    denied.add(("MODIFY", name))
    with pytest.raises(TableError, match=f"grant is missing.* GRANT MODIFY ON TABLE `{quoted}` TO"):
        workspace.write("X")
    denied.add(("SELECT", name))
    with pytest.raises(TableError, match=f"grant is missing.* GRANT SELECT ON TABLE `{quoted}` TO"):
        workspace.score()


def test_the_client_is_told_of_a_label_in_training_and_of_none_in_scoring(written: Workspace) -> None:
    written.score(label="label")
    written.score()

    name = written.tables.name("state")
    assert written.client.training_sets == [
        {"tables": [name], "label": "label"},
        {"tables": [name], "label": None},
    ]


def test_a_table_has_its_keys_and_the_time_as_primary_key(written: Workspace) -> None:
    assert written.metastore.keys == {written.tables.name("state"): (["place"], "known_at")}


def test_a_table_with_other_keys_than_the_use_case_declares_is_not_written(written: Workspace) -> None:
    other = FeatureTable("state", ("place", "value"), (), STATE.compute)

    with pytest.raises(
        TableError, match=r"primary key \(place, known_at\), the use case declares \(place, value, known"
    ):
        written.write("X", table=other)


def test_a_table_that_was_made_without_a_primary_key_is_refused_by_name(workspace: Workspace) -> None:
    workspace.tables.append("state", workspace.rows("X"))

    with pytest.raises(TableError, match=f"{workspace.tables.name('state')}.*no primary key"):
        workspace.score()


def test_two_rows_of_one_key_in_one_write_are_refused(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="feature table 'state': expected one row of each place, known_at, got several"):
        workspace.write("X", "X")


def test_a_lookup_by_other_keys_than_the_tables_is_refused(written: Workspace) -> None:
    with pytest.raises(ConfigError, match="is by place, value, the table's keys are place"):
        written.score(Lookup("state", {"place": "place", "value": "label"}, ("known_at",), max_age=timedelta(1)))


@pytest.mark.parametrize(
    ("raised", "expected", "said"),
    [
        (ConcurrentAppendException("files were added"), TableConflict, "another writer committed first"),
        (
            ValueError("Catalog 'm' does not exist in the metastore."),
            TableError,
            "m.s.t is not there, or may not be seen",
        ),
        (ValueError("Unable to join feature table"), TableError, "refused: Unable to join"),
        (AnalysisException("[TABLE_OR_VIEW_NOT_FOUND] no\nsuch"), TableError, "m.s.t is not there"),
        (AnalysisException("PERMISSION_DENIED: no words"), TableError, "a grant is missing. It was said: PERM"),
        (KeyError("a mistake of ours"), KeyError, "a mistake of ours"),
    ],
)
def test_a_refusal_becomes_the_error_that_says_what_to_do(
    raised: Exception, expected: type[Exception], said: str
) -> None:
    with pytest.raises(expected, match=said), refusals_of_tables("m.s.t"):
        raise raised


def test_without_the_package_the_error_says_where_it_comes_from() -> None:
    with pytest.raises(MachineError, match=r"databricks-feature-engineering.*ML runtimes hold it"):
        feature_engineering()


def test_the_packages_own_client_and_lookup_are_used(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "databricks.feature_engineering", fake_package(spark, Metastore()))

    built = feature_engineering()

    assert isinstance(built, FeatureEngineering)
    assert isinstance(built.client, FakeClient)
    assert built.lookup is FakeLookup


def test_a_call_that_the_real_client_would_not_take_fails_here_too(workspace: Workspace) -> None:
    rows = workspace.rows("X")

    assert VERSIONS == ("0.12.1", "0.13.0")
    assert [
        ("features" in signature(version, "FeatureEngineeringClient.create_training_set").parameters)
        for version in VERSIONS
    ] == [
        False,
        True,
    ]
    with pytest.raises(TypeError, match="unexpected keyword"):
        workspace.client.create_training_set(df=rows, features=[], feature_lookups=[], label=None)
    with pytest.raises(TypeError, match="missing a required"):
        workspace.client.write_table(name="state")
    with pytest.raises(TypeError, match="unexpected keyword"):
        FakeLookup("state", ["place"], feature_names=[], rename_outputs={}, window=timedelta(1))
