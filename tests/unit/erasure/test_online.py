"""A person's rows in the online store are known by the table's keys, whatever a lookup compares them with."""

from __future__ import annotations

from contextlib import closing, nullcontext
from datetime import timedelta
from pathlib import Path

from levelfive.core.windows import to_micros, utc
from levelfive.erasure.online import OnlineRows
from levelfive.erasure.person import KeyValues, Person
from levelfive.online.sqlite_store import SqliteStore
from levelfive.online.store import OnlineTable, Publication, Row, TableState
from levelfive.usecase.features import Lookup

NOW = utc(2013, 5, 1)
BUYERS = OnlineTable("buyers", ("buyer",), ("long",), ("share",), ("double",), timestamped=True)
ADA = Person(KeyValues(("customer",), frozenset({("7",)})), kinds={"customer": "string"})


def test_rows_go_of_a_table_whose_key_is_compared_with_what_names_them(tmp_path: Path) -> None:
    lookups = (Lookup("buyers", {"buyer": "customer"}, ("share",), max_age=timedelta(days=1)),)
    rows = [Row((buyer,), to_micros(NOW), (0.5,)) for buyer in (7, 8)]
    with closing(SqliteStore(tmp_path / "online.db")) as store:
        store.publish(Publication(TableState(BUYERS, 1, NOW), rows))
        found = OnlineRows(store, ADA, nullcontext, lookups)

        erased = [found.count().rows, found.erase().rows, found.erase().rows]

    assert erased == [1, 1, 0]
    assert OnlineRows(store, ADA, nullcontext).count().rows == 0
