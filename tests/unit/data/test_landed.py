"""What was seen already is found by what lies there, however much has ever landed."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from in_memory.tables import MemoryTables

from levelfive.core.windows import utc
from levelfive.data import landed
from levelfive.data.landed import LANDING_FILES, LandedFile, dated_files, new_files, newest_times
from levelfive.data.landing import LandingFile, inspect, list_files
from levelfive.data.listings import LISTINGS, note_listings
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


def found(run: Run, landing: Path, *sources: Source) -> dict[str, list[str]]:
    """Look for new files, and note what was seen."""
    listed = {source.name: list_files(landing, source) for source in sources}
    files = new_files(run, listed, sources)
    note_listings(run, listed, ())
    return {name: [file.name for file in of_source] for name, of_source in files.items()}


def a_file(landing: Path, source: Source, name: str, number: int, *, day: int = 0) -> str:
    """Let a file land, written on a day; returns the hash of its content."""
    (landing / source.name).mkdir(exist_ok=True)
    file = landing / source.name / f"{name}.csv"
    file.write_text(f"number\n{number}\n")
    written = int((BEGIN + day * DAY).timestamp())
    os.utime(file, (written, written))
    return inspect(file).sha256


def ingested(run: Run, source: Source, *files: tuple[str, str], day: int = 0) -> None:
    times = (BEGIN + day * DAY, BEGIN + (day + 1) * DAY, BEGIN + (day + 2) * DAY)
    rows = [LandedFile(source.name, f"{name}.csv", sha256, 1, 1, 0, 0, *times) for name, sha256 in files]
    run.tables.control_tables.add(LANDING_FILES, rows)


def inspections(patch: pytest.MonkeyPatch) -> list[str]:
    """Note the names of the files that are read from now on."""
    names: list[str] = []

    def noted(path: Path, *others: Any) -> LandingFile:
        names.append(path.name)
        return inspect(path, *others)

    patch.setattr(landed, "inspect", noted)
    return names


def test_files_are_new_by_their_source_name_and_content(run: Run, tmp_path: Path) -> None:
    ingested(run, FLIGHTS, ("first", a_file(tmp_path, FLIGHTS, "first", 1)))
    a_file(tmp_path, FLIGHTS, "second", 2)
    a_file(tmp_path, WEATHER, "first", 1)

    assert found(run, tmp_path, FLIGHTS, WEATHER) == {"flights": ["second.csv"], "weather": ["first.csv"]}


def test_the_content_of_a_file_that_lies_there_no_longer_is_not_ingested_twice(run: Run, tmp_path: Path) -> None:
    ingested(run, FLIGHTS, ("taken away", a_file(tmp_path, FLIGHTS, "new", 1)))

    with pytest.raises(LandingError, match=r"new.csv has the same content as taken away.csv"):
        found(run, tmp_path, FLIGHTS)


def test_new_files_cost_the_same_however_many_lie_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for number in (10, 300):
        landing = tmp_path / str(number)
        landing.mkdir()
        run = Run(MemoryTables(), "a-run")
        for day in range(number):
            ingested(run, FLIGHTS, (f"of {day}", a_file(landing, FLIGHTS, f"of {day}", day, day=day)), day=day)
        found(run, landing, FLIGHTS)
        a_file(landing, FLIGHTS, "new", -1, day=number)
        read = dict(run.tables.control_tables.rows_read)
        with monkeypatch.context() as patch:
            inspected = inspections(patch)
            assert found(run, landing, FLIGHTS) == {"flights": ["new.csv"]}
        newest_times(run, since=BEGIN + (number - 3) * DAY)
        rows = {table: count - read.get(table, 0) for table, count in run.tables.control_tables.rows_read.items()}
        asked.append((inspected, rows))

    assert asked == [(["new.csv"], {LANDING_FILES: 4, LISTINGS: 2})] * 2


def seen(run: Run, landing: Path, *names: str) -> None:
    """Let files land, a day apart, of which the rows were ingested and the listing noted."""
    for day, name in enumerate(names):
        sha256 = a_file(landing, FLIGHTS, name, day, day=day)
        entry = next(entry for entry in list_files(landing, FLIGHTS) if entry.name == f"{name}.csv")
        times = (BEGIN + day * DAY, BEGIN + (day + 1) * DAY, BEGIN + (day + 2) * DAY)
        row = LandedFile("flights", entry.name, sha256, 1, 1, 0, 0, *times, entry.size, entry.modified_at)
        run.tables.control_tables.add(LANDING_FILES, [row])
    assert found(run, landing, FLIGHTS) == {}


def test_a_file_that_is_older_than_those_that_were_seen_is_new(run: Run, tmp_path: Path) -> None:
    seen(run, tmp_path, "first", "second")
    a_file(tmp_path, FLIGHTS, "copied with its time", 9, day=0)

    assert found(run, tmp_path, FLIGHTS) == {"flights": ["copied with its time.csv"]}


def test_a_file_whose_bytes_changed_is_noticed(run: Run, tmp_path: Path) -> None:
    seen(run, tmp_path, "first", "second")
    a_file(tmp_path, FLIGHTS, "first", 9, day=5)

    with pytest.raises(LandingError, match=r"first\.csv was changed after it was ingested"):
        found(run, tmp_path, FLIGHTS)


def test_only_what_was_touched_or_taken_away_is_proved_by_its_hash(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(run, tmp_path, "first", "second", "third", "fourth")
    a_file(tmp_path, FLIGHTS, "second", 1, day=7)
    (tmp_path / "flights" / "first.csv").unlink()
    inspected = inspections(monkeypatch)

    assert found(run, tmp_path, FLIGHTS) == {}
    assert inspected == ["second.csv"]
    assert found(run, tmp_path, FLIGHTS) == {}
    assert inspected == ["second.csv"]


def test_a_file_that_is_left_is_looked_at_again_with_those_that_came_after_it(run: Run, tmp_path: Path) -> None:
    seen(run, tmp_path, "first")
    a_file(tmp_path, FLIGHTS, "left", 8, day=1)
    a_file(tmp_path, FLIGHTS, "later", 9, day=2)
    listed = {"flights": list_files(tmp_path, FLIGHTS)}

    note_listings(run, listed, ["left.csv"])

    assert list(new_files(run, listed, [FLIGHTS])["flights"]) == [
        inspect(entry.path) for entry in listed["flights"] if entry.name != "first.csv"
    ]


def test_the_newest_times_are_those_of_all_files_or_of_the_newest(run: Run) -> None:
    for day in range(3):
        ingested(run, FLIGHTS, (f"of {day}", f"{day}"), day=day)

    assert newest_times(run) == {"flights": [BEGIN + DAY, BEGIN + 2 * DAY, BEGIN + 3 * DAY]}
    assert newest_times(run, since=BEGIN + 2 * DAY) == {"flights": [BEGIN + 2 * DAY, BEGIN + 3 * DAY]}
    assert dated_files(run, {"flights"}) == {"flights": ["of 0.csv", "of 1.csv", "of 2.csv"]}
    assert dated_files(run, {"weather"}) == {}
