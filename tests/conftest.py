"""What all tests share: one Spark for those that ask for it, with `--connect` one behind a Connect server."""

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from connect_server import connect_server, only_what_serverless_sets
from first_champion import Kept, Stage, choose_flights, keep, keep_apart
from pyspark.sql import SparkSession

from levelfive.models.mlflow_store import quieten
from levelfive.platforms.local_spark import local_session
from levelfive.storage.catalog_tables import CatalogTables
from levelfive.storage.local_tables import LocalTables
from levelfive.storage.tables import Tables

pytest_plugins = ["timing"]
pytest.register_assert_rewrite("control_table_contract", "in_memory", "lock_contract", "online_store_contract")

# Files of tests are shared out between two processes: those that take longest begin first.
LONGEST = (
    "test_registries.py",
    "test_wheel.py",
    "test_set_up.py",
    "test_killed_demo.py",
    "test_another_place.py",
    "test_loop.py",
    "test_documented_queries.py",
    "test_as_tasks.py",
    "test_truncation.py",
)

# What only a workspace has is tested over Connect, by night on a classic session too; what only a laptop has, never.
OF_A_WORKSPACE = {"workspace", "databricks", "TestOfAWorkspace", "test_databricks_store.py"}
OF_A_LAPTOP = {"laptop", "local"}
_NONE = SimpleNamespace(params={})

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--connect", action="store_true", help="run Spark's tests over Spark Connect")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
    over_connect, alone = config.getoption("--connect"), []
    for item in list(items):
        about = {item.path.name, *map(str, getattr(item, "callspec", _NONE).params.values())}
        about |= {node.name for node in item.listchain() if isinstance(node, pytest.Class)}
        if "spark" not in item.path.parts:
            continue
        if over_connect and about & OF_A_LAPTOP:
            alone.append(item)
            items.remove(item)
        elif item.get_closest_marker("alike") if over_connect else about & OF_A_WORKSPACE:
            item.add_marker(pytest.mark.nightly)
    config.hook.pytest_deselected(items=alone)


@pytest.fixture(scope="session")
def over_connect(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--connect"))


@pytest.fixture(scope="session")
def lakehouse(tmp_path_factory: pytest.TempPathFactory, over_connect: bool) -> Iterator[Path]:
    if not over_connect:
        yield tmp_path_factory.mktemp("lakehouse")
        return
    # The server runs as somebody else, for whom the folders of pytest are closed.
    with TemporaryDirectory(prefix="lakehouse-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def warehouse(lakehouse: Path, over_connect: bool) -> Path:
    """The folder of a laptop's tables, for tests of what is done with it there."""
    if over_connect:
        pytest.skip("about the tables' folder on a laptop's disk: over Connect, as on a workspace, none is known")
    return lakehouse


@pytest.fixture(scope="session")
def spark(lakehouse: Path, over_connect: bool) -> Iterator[SparkSession]:
    if over_connect:
        with connect_server(lakehouse) as address, pytest.MonkeyPatch.context() as patch:
            patch.setenv("TZ", "UTC")
            session = SparkSession.builder.remote(address).getOrCreate()
            only_what_serverless_sets(patch)
            yield session
            session.stop()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # One session serves all tests of a run, and keeps what it knows of the tables of each.
        session = local_session(lakehouse, memory="5g")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def open_tables(spark: SparkSession, lakehouse: Path, over_connect: bool) -> Callable[[str], Tables]:
    """Tables of a schema, as a laptop uses them, or over Connect as serverless compute does."""

    def opened(schema: str) -> Tables:
        if over_connect:
            return CatalogTables(spark, schema=schema, can_cache=False)
        return LocalTables(spark, schema=schema, warehouse=lakehouse)

    return opened


@pytest.fixture
def tables(
    spark: SparkSession, open_tables: Callable[[str], Tables], request: pytest.FixtureRequest
) -> Iterator[Tables]:
    """A schema of the test's own."""
    schema = f"test_{abs(hash(request.node.nodeid)):x}"
    yield open_tables(schema)
    spark.sql(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return FIXTURES


@pytest.fixture(scope="session")
def few_flights(fixtures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixtures, with the flights of some carriers."""
    folder = tmp_path_factory.mktemp("few_flights")
    choose_flights(fixtures, folder)
    return folder


@pytest.fixture(scope="session")
def kept_of(
    pytestconfig: pytest.Config, few_flights: Path, spark: SparkSession, over_connect: bool
) -> Callable[[str], Kept]:
    """Homes of a use case that take a minute to make, made once for all runs of the tests."""
    quieten()
    folder = pytestconfig.cache.mkdir("first-champion")

    @cache
    def found(use_case: str) -> Kept:
        # A process that has a session over Connect can have no other one.
        if over_connect:
            return keep_apart(folder, use_case, few_flights, Stage.SCORED)
        return keep(folder, use_case, few_flights)

    return found
