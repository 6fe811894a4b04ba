"""What tests of the service share: one model, fitted once, and a store that knows a little."""

from pathlib import Path

import pytest
import served
from in_memory.registry import MemoryBackend

from levelfive.models.package import Model
from levelfive.online.sqlite_store import SqliteStore
from levelfive.registry.store import CHAMPION, CentralRegistry
from levelfive.serving.live import Live
from levelfive.serving.scorer import Scorer
from levelfive.serving.version import ServedVersion, served_version


@pytest.fixture(scope="session")
def model() -> Model:
    return served.classifier()


@pytest.fixture(scope="session")
def package(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return served.saved(model, tmp_path_factory.mktemp("served") / "model")


@pytest.fixture(scope="session")
def version(package: Path) -> ServedVersion:
    return served_version(package, "levelfive.test.flights", "1")


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    made = SqliteStore(tmp_path / "online.db")
    served.publish(made)
    return made


@pytest.fixture
def scorer(version: ServedVersion, store: SqliteStore) -> Scorer:
    return Scorer(version, store.states(), store, max_staleness=version.model.card.max_staleness)


@pytest.fixture
def registry(package: Path) -> CentralRegistry:
    made = served.registered(package, backend=MemoryBackend())
    made.set_alias(CHAMPION, "1")
    return made


@pytest.fixture
def live(registry: CentralRegistry, store: SqliteStore) -> Live:
    made = Live(registry, store)
    made.refresh()
    return made
