"""What ledgers must do, of those that need no Spark: a laptop's, and the ones in memory that other tests stand on."""

from pathlib import Path

import pytest

from in_memory.ledgers import MemoryLedgers
from in_memory.schemas import arrow_schema
from ledger_contract import LedgerContract, WritersSideBySide
from levelfive.ledgers import Ledgers
from levelfive.local_ledgers import LocalLedgers


@pytest.fixture(params=["memory", "laptop"])
def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> Ledgers:
    if request.param == "memory":
        return MemoryLedgers()
    return LocalLedgers(lambda table: tmp_path / table, arrow_schema)


class TestOneWriter(LedgerContract):
    pass


class TestWritersSideBySide(WritersSideBySide):
    pass
