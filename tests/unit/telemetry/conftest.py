from collections.abc import Iterator

import pytest
from loopback import Loopback, loopback

from levelfive.telemetry.tracing import connect


@pytest.fixture
def endpoint() -> Iterator[Loopback]:
    with loopback() as server:
        yield server


@pytest.fixture(autouse=True)
def disconnect() -> Iterator[None]:
    """What a test connects to is gone after it."""
    yield
    connect(None)
