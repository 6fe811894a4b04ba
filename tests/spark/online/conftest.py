"""A small use case whose features are written by hand, and the stores that they go to."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from in_memory.registry import MemoryBackend

from levelfive.online.opening import open_store, url_of
from levelfive.online.store import OnlineStore
from levelfive.registry.store import CentralRegistry


@pytest.fixture
def registry() -> CentralRegistry:
    """No model was registered yet."""
    return MemoryBackend().opened("levelfive.local.small")


@pytest.fixture
def open_file(tmp_path: Path) -> Iterator[Callable[[str], OnlineStore]]:
    opened: list[OnlineStore] = []

    def open_file(name: str) -> OnlineStore:
        opened.append(open_store(url_of(tmp_path / name)))
        return opened[-1]

    yield open_file
    for store in opened:
        store.close()
