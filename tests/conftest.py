"""What all tests share: one local Spark for those that ask for it."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from levelfive.local_spark import local_session
from levelfive.tables import Tables

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lakehouse")


@pytest.fixture(scope="session")
def spark(warehouse: Path) -> Iterator[SparkSession]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = local_session(warehouse)
    yield session
    session.stop()


@pytest.fixture
def tables(spark: SparkSession, warehouse: Path, request: pytest.FixtureRequest) -> Iterator[Tables]:
    """A schema of the test's own."""
    schema = f"test_{abs(hash(request.node.nodeid)):x}"
    yield Tables(spark, schema=schema, warehouse=warehouse)
    spark.sql(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return FIXTURES
