"""A date that was mistyped rules nothing: neither whether a file is missing, nor where the data begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from in_memory.release import a_use_case

from levelfive.core.windows import first_of, utc
from levelfive.data import job as data
from levelfive.errors import LandingError
from levelfive.features.resume import first_times
from levelfive.features.store import LocalFeatureStore
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.usecase.sources import Source

DAY = timedelta(days=1)
BEGIN, AS_OF = utc(2024, 1, 1), utc(2024, 1, 11)
ORDERS = Source(
    "orders", {"id": "string", "at": "timestamp"}, key=("id",), event_time="at", freshness=3 * DAY, key_within=DAY
)


@pytest.fixture
def context(tables: Tables) -> JobContext:
    use_case = a_use_case(sources=(ORDERS,), feature_tables=(), spine_sources=("orders",), label_sources=("orders",))
    without = replace(use_case, model=replace(use_case.model, lookups=()))
    return JobContext(tables, without, LocalFeatureStore(tables))


def landed(landing: Path, *times: datetime) -> Path:
    folder = landing / "orders"
    folder.mkdir()
    rows = "".join(f"{number},{time:%Y-%m-%dT%H:%M:%SZ}\n" for number, time in enumerate(times))
    (folder / "orders.csv").write_text(f"id,at\n{rows}")
    return landing


def test_a_row_of_a_later_century_does_not_say_that_data_is_fresh(context: JobContext, tmp_path: Path) -> None:
    landing = landed(tmp_path, *(BEGIN + number * DAY for number in range(10)), utc(2204, 1, 5))
    first = data.run(context, landing=landing, as_of=AS_OF)

    soon = data.run(context, landing=landing, as_of=AS_OF + 2 * DAY)
    with pytest.raises(LandingError, match="the newest row is of 2024-01-10T00:00:00Z, more than 3 days"):
        data.run(context, landing=landing, as_of=AS_OF + 60 * DAY)

    assert ([file.accepted for file in first.files], soon.files) == ([11], ())


def test_a_file_that_reaches_ahead_is_fresh_while_its_rows_come_due(context: JobContext, tmp_path: Path) -> None:
    landing = landed(tmp_path, *(BEGIN + number * DAY for number in range(40)))

    results = [data.run(context, landing=landing, as_of=AS_OF + days * DAY) for days in (0, 20)]

    assert [len(result.files) for result in results] == [1, 0]


def test_a_row_of_an_earlier_century_is_not_where_the_data_begins(context: JobContext, tmp_path: Path) -> None:
    landing = landed(tmp_path, utc(1904, 1, 5), *(BEGIN + number * DAY for number in range(10)))
    data.run(context, landing=landing, as_of=AS_OF)

    found = first_times(context.tables.read("raw_orders"), "at", until=AS_OF)

    assert (len(found), first_of(found)) == (11, BEGIN)
