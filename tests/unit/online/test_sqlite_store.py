from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from online_store_contract import OnlineStoreContract

from levelfive.online.sqlite_store import SqliteStore
from levelfive.online.store import OnlineStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder" / "online?#%.db"


@pytest.fixture
def open_again(path: Path) -> Iterator[Callable[[], OnlineStore]]:
    opened: list[SqliteStore] = []

    def open_again() -> SqliteStore:
        opened.append(SqliteStore(path, patience=timedelta(milliseconds=50)))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture
def store(open_again: Callable[[], OnlineStore]) -> OnlineStore:
    return open_again()


class TestSqliteStore(OnlineStoreContract):
    """SQLite keeps the contract."""
