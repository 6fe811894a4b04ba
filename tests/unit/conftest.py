"""What tests without Spark share: a model's packages, saved once, and environments in memory."""

from collections.abc import Iterator

import pytest
from in_memory.release import Environment, Packages, labelled_days, labelled_rows
from recorded import Kept, Place

from levelfive.telemetry.tracing import connect
from levelfive.training import admission


@pytest.fixture(scope="session")
def spark() -> None:
    pytest.fail("tests/unit starts no Spark: what needs one belongs to tests/spark")


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    return Packages.saved(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def production(packages: Packages, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """No model was ever live there; its labelled rows are built, and all else is real."""
    monkeypatch.setattr(admission, "labelled_rows", labelled_rows)
    monkeypatch.setattr(admission, "labelled_days", labelled_days)
    return Environment.new(packages)


@pytest.fixture
def recorded() -> Iterator[Kept]:
    """What telemetry says during a test."""
    place = Place("of a test")
    connect(place)
    yield place.kept
    connect(None)
