"""What was seen already is found by what lies there, however much has ever landed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from in_memory.tables import MemoryTables

from levelfive.core.windows import utc
from levelfive.data.landed import LANDING_FILES, LandedFile, dated_files, new_files, newest_times
from levelfive.data.landing import inspect
from levelfive.errors import LandingError
from levelfive.storage.runs import Run
from levelfive.usecase.sources import Source

DAY = timedelta(days=1)
BEGIN = utc(2013, 1, 1)
FLIGHTS = Source("flights", {"number": "long"}, key=("number",))
WEATHER = Source("weather", {"number": "long"}, key=("number",))


@pytest.fixture
def run() -> Run:
    return Run(MemoryTables(), "a-run")


def a_file(landing: Path, source: Source, name: str, number: int) -> str:
    """Let a file land; returns the hash of its content."""
    (landing / source.name).mkdir(exist_ok=True)
    file = landing / source.name / f"{name}.csv"
    file.write_text(f"number\n{number}\n")
    return inspect(file).sha256


def ingested(run: Run, source: Source, *files: tuple[str, str], day: int = 0) -> None:
    times = (BEGIN + day * DAY, BEGIN + (day + 1) * DAY, BEGIN + (day + 2) * DAY)
    rows = [LandedFile(source.name, f"{name}.csv", sha256, 1, 1, 0, 0, *times) for name, sha256 in files]
    run.tables.control_tables.add(LANDING_FILES, rows)


def test_files_are_new_by_their_source_name_and_content(run: Run, tmp_path: Path) -> None:
    ingested(run, FLIGHTS, ("first", a_file(tmp_path, FLIGHTS, "first", 1)))
    a_file(tmp_path, FLIGHTS, "second", 2)
    a_file(tmp_path, WEATHER, "first", 1)

    found = new_files(run, tmp_path, [FLIGHTS, WEATHER])

    assert {name: [file.name for file in files] for name, files in found.items()} == {
        "flights": ["second.csv"],
        "weather": ["first.csv"],
    }


def test_the_content_of_a_file_that_lies_there_no_longer_is_not_ingested_twice(run: Run, tmp_path: Path) -> None:
    ingested(run, FLIGHTS, ("taken away", a_file(tmp_path, FLIGHTS, "new", 1)))

    with pytest.raises(LandingError, match=r"new.csv has the same content as taken away.csv"):
        new_files(run, tmp_path, [FLIGHTS])


def test_new_files_cost_the_same_after_any_number_of_others(tmp_path: Path) -> None:
    a_file(tmp_path, FLIGHTS, "new", 1)
    seen = a_file(tmp_path, FLIGHTS, "seen", 2)
    read = []
    for days in (10, 1000):
        run = Run(MemoryTables(), "a-run")
        ingested(run, FLIGHTS, ("seen", seen))
        for day in range(days):
            ingested(run, FLIGHTS, (f"of {day}", f"hash of {day}"), day=day)
        new_files(run, tmp_path, [FLIGHTS])
        newest_times(run, since=BEGIN + (days - 3) * DAY)
        read.append(run.tables.control_tables.rows_read[LANDING_FILES])

    assert read == [5, 5]


def test_the_newest_times_are_those_of_all_files_or_of_the_newest(run: Run) -> None:
    for day in range(3):
        ingested(run, FLIGHTS, (f"of {day}", f"{day}"), day=day)

    assert newest_times(run) == {"flights": [BEGIN + DAY, BEGIN + 2 * DAY, BEGIN + 3 * DAY]}
    assert newest_times(run, since=BEGIN + 2 * DAY) == {"flights": [BEGIN + 2 * DAY, BEGIN + 3 * DAY]}
    assert dated_files(run, {"flights"}) == {"flights": ["of 0.csv", "of 1.csv", "of 2.csv"]}
    assert dated_files(run, {"weather"}) == {}
