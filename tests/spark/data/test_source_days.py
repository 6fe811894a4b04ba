"""The accepted rows of each file are counted by day, once, and a hole among them is said until its file comes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from flight_delay import USE_CASE
from levelfive.core.windows import utc
from levelfive.data import job as data
from levelfive.data.job import DataResult
from levelfive.data.landed import LANDING_FILES
from levelfive.data.listings import LISTINGS
from levelfive.data.missing import SOURCE_DAYS, Hole
from levelfive.features.store import LocalFeatureStore
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.usecase.sources import Source

BEGIN, AS_OF = date(2024, 1, 1), utc(2024, 3, 1)
THINGS = Source("things", {"id": "int", "at": "timestamp"}, key=("id",), event_time="at", max_quarantined_share=1.0)


def ingest(tables: Tables, landing: Path) -> DataResult:
    model = replace(USE_CASE.model, lookups=())
    alone = replace(USE_CASE, sources=(THINGS,), feature_tables=(), spine_sources=(), label_sources=(), model=model)
    use_case = replace(alone, day_starts_at=timedelta(hours=6))
    return data.run(JobContext(tables, use_case, LocalFeatureStore(tables)), landing=landing, as_of=AS_OF)


def deliver(landing: Path, name: str, first: int, last: int) -> None:
    """Two rows a day, of which one is of the day before by the use case's clock; and one that is no date."""
    (landing / "things").mkdir(exist_ok=True)
    lines = ["id,at", f"{first}999,soon"]
    for place in range(first, last + 1):
        day = BEGIN + place * timedelta(days=1)
        lines += [f"{place}001,{day}T06:00:00Z", f"{place}002,{day + timedelta(days=1)}T05:59:59Z"]
    (landing / "things" / name).write_text("\n".join([*lines, ""]))


def forget(tables: Tables, *names: str) -> None:
    """Leave what was not noted yet when a run was killed, or by an earlier levelfive."""
    for name in names:
        tables.overwrite(name, tables.read(name).limit(0))


def counted(tables: Tables) -> Counter[date]:
    found: Counter[date] = Counter()
    for row in tables.control_tables.rows(SOURCE_DAYS):
        found[row["day"]] += row["accepted"]
    return found


def test_rows_are_counted_by_day_and_a_hole_is_said_until_its_file_comes(tables: Tables, tmp_path: Path) -> None:
    """Files land five times, each in a run of its own."""
    deliver(tmp_path, "one.csv", 0, 39)
    deliver(tmp_path, "three.csv", 45, 50)

    first = ingest(tables, tmp_path)
    forget(tables, LANDING_FILES, LISTINGS)
    killed = ingest(tables, tmp_path)
    forget(tables, SOURCE_DAYS, LISTINGS)
    of_before = ingest(tables, tmp_path)
    days = counted(tables)
    deliver(tmp_path, "two.csv", 40, 44)
    late = ingest(tables, tmp_path)
    forget(tables, SOURCE_DAYS, LISTINGS)
    deliver(tmp_path, "four.csv", 51, 52)
    with_a_file = ingest(tables, tmp_path)

    hole = Hole("things", BEGIN + timedelta(days=40), BEGIN + timedelta(days=44))
    assert [one.missing for one in (first, killed, of_before, late, with_a_file)] == [(hole,)] * 3 + [(), ()]
    assert [file.accepted for file in (*first.files, *killed.files)] == [80, 12] * 2
    assert days == {BEGIN + timedelta(days=place): 2 for place in (*range(40), *range(45, 51))}
    assert counted(tables) == {BEGIN + timedelta(days=place): 2 for place in range(53)}
