"""What the data stage refuses before Spark reads a row, what it leaves to later runs, and what it has seen already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from in_memory.release import a_context, a_use_case, runs
from in_memory.tables import MemoryTables

from levelfive.core.windows import utc
from levelfive.data import batches
from levelfive.data import job as data
from levelfive.data.ingest import Batch, FileCounts
from levelfive.data.landed import LANDING_FILES, LandedFile
from levelfive.data.landing import LandingFile, inspect
from levelfive.data.listings import LISTINGS
from levelfive.data.missing import Hole, count_days
from levelfive.errors import AsOfError, LandingError
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.sources import Source

AS_OF = utc(2013, 3, 1, 6)
DAY = timedelta(days=1)
FLIGHTS = Source("flights", {"number": "long", "at": "timestamp"}, key=("number",), event_time="at")
WEATHER = replace(FLIGHTS, name="weather", freshness=3 * DAY)


@pytest.fixture
def context() -> JobContext:
    use_case = a_use_case(sources=(FLIGHTS, WEATHER), feature_tables=())
    return a_context(MemoryTables(), replace(use_case, model=replace(use_case.model, lookups=())))


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """A file of each source has landed."""
    for source in (FLIGHTS, WEATHER):
        a_file(tmp_path, source)
    return tmp_path


def a_file(landing: Path, source: Source, month: str = "2013-02") -> Path:
    (landing / source.name).mkdir(exist_ok=True)
    file = landing / source.name / f"{source.name}_{month}.csv"
    file.write_text(f"number\n1\n{source.name} {month}\n")
    return file


def ingested(context: JobContext, landing: Path, newest: datetime | None = AS_OF - DAY) -> None:
    """All files that have landed were ingested a day ago."""
    files = [(source, file) for source in (FLIGHTS, WEATHER) for file in (landing / source.name).iterdir()]
    counts, times = (2, 2, 0, 0), (newest, newest, AS_OF - DAY)
    rows = [LandedFile(source.name, file.name, inspect(file).sha256, *counts, *times) for source, file in files]
    context.tables.control_tables.add(LANDING_FILES, rows)


def dated(begins: dict[str, datetime]) -> Callable[..., Batch]:
    """Build what takes the place of `apply_contract`, which reads files by Spark: each file's rows are of one time."""

    def judge(tables: Any, source: Source, files: Sequence[LandingFile], references: Any, **_: Any) -> Batch:
        counts = {file.name: FileCounts(2, 0, 2, begins[file.name], begins[file.name]) for file in files}
        return Batch(source, tuple(files), None, None, counts)

    return judge


def test_files_that_were_seen_are_not_read_again(context: JobContext, landing: Path) -> None:
    ingested(context, landing)

    result = data.run(context, landing=landing, as_of=AS_OF)

    assert (result.files, result.left) == ((), ())
    (run,) = runs(context.tables)
    nothing = dict.fromkeys(("rows_in", "accepted", "quarantined", "duplicates", "files_left"), 0)
    assert (run["run_id"], run["status"], run["counts"]) == (result.run_id, "succeeded", nothing)
    assert (run["versions_read"], run["versions_written"]) == ({LANDING_FILES: 0}, {LISTINGS: 0})
    assert len(context.tables.control_tables.rows(LANDING_FILES)) == 2


def a_missing_source(landing: Path) -> None:
    (landing / "weather" / "weather_2013-02.csv").unlink()


def a_changed_file(landing: Path) -> None:
    (landing / "flights" / "flights_2013-02.csv").write_text("number\n3\n")


def a_file_without_a_header(landing: Path) -> None:
    (landing / "flights" / "flights_2013-03.csv").write_text("")


def a_file_that_came_twice(landing: Path) -> None:
    content = (landing / "flights" / "flights_2013-02.csv").read_text()
    (landing / "flights" / "flights_2013-03.csv").write_text(content)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (a_missing_source, "source 'weather': expected files"),
        (a_changed_file, "flights_2013-02.csv was changed after it was ingested"),
        (a_file_without_a_header, "flights_2013-03.csv is empty: expected a header line"),
        (a_file_that_came_twice, "has the same content as flights_2013-02.csv"),
    ],
)
def test_a_wrong_delivery_is_refused_as_a_whole(
    context: JobContext, landing: Path, spoil: Callable[[Path], None], words: str
) -> None:
    ingested(context, landing)
    spoil(landing)

    with pytest.raises(LandingError) as refused:
        data.run(context, landing=landing, as_of=AS_OF)

    assert words in str(refused.value)
    (run,) = runs(context.tables)
    assert (run["stage"], run["status"], run["as_of"]) == ("data", "failed", AS_OF)
    assert (run["error"], run["parameters"]) == (f"LandingError: {refused.value}", {"landing": str(landing)})
    assert context.tables.names() == (LANDING_FILES, "runs")


@pytest.mark.parametrize(("newest", "late"), [(AS_OF - 3 * DAY, False), (AS_OF - 4 * DAY, True)])
def test_a_source_that_must_be_fresh_and_is_not_lacks_a_file(
    context: JobContext, landing: Path, newest: datetime, late: bool
) -> None:
    ingested(context, landing, newest)

    if not late:
        assert data.run(context, landing=landing, as_of=AS_OF).files == ()
        return
    with pytest.raises(LandingError, match="source 'weather': the newest row is of 2013-02-25T06:00:00Z, more than 3"):
        data.run(context, landing=landing, as_of=AS_OF)


def test_a_file_that_begins_later_is_left_to_a_later_run(
    context: JobContext, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingested(context, landing)
    later = a_file(landing, FLIGHTS, "2013-03")
    monkeypatch.setattr(batches, "apply_contract", dated({later.name: AS_OF + DAY}))

    result = data.run(context, landing=landing, as_of=AS_OF)

    assert (result.files, result.left) == ((), (later.name,))
    assert runs(context.tables)[-1]["counts"]["files_left"] == 1
    assert later.name not in {row["source_file"] for row in context.tables.control_tables.rows(LANDING_FILES)}


def test_a_source_that_begins_later_and_has_nothing_from_before_is_refused(
    context: JobContext, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins = {"flights_2013-02.csv": AS_OF + DAY, "weather_2013-02.csv": AS_OF - DAY}
    monkeypatch.setattr(batches, "apply_contract", dated(begins))

    with pytest.raises(AsOfError, match=r"flights_2013-02\.csv: its earliest row is of 2013-03-02T06:00:00Z, after"):
        data.run(context, landing=landing, as_of=AS_OF)

    assert context.tables.names() == ("runs",)


def counted(context: JobContext, *, without: range = range(0)) -> None:
    """Rows of both sources are counted of 60 days up to a day ago, but for some days before them."""
    days = [AS_OF.date() - place * DAY for place in range(1, 61) if place not in without]
    files = {"files": dict.fromkeys(days, 100)}
    count_days(Run(context.tables, "earlier"), {"flights": files, "weather": files}, AS_OF)


def test_days_without_rows_before_the_newest_ones_are_said_also_where_nothing_landed(
    context: JobContext, landing: Path
) -> None:
    ingested(context, landing)
    counted(context, without=range(3, 6))

    result = data.run(context, landing=landing, as_of=AS_OF)

    days = (AS_OF.date() - 5 * DAY, AS_OF.date() - 3 * DAY)
    assert result.missing == (Hole("flights", *days), Hole("weather", *days))
    run = runs(context.tables)[-1]
    assert run["counts"]["missing_days"] == 6
    assert run["parameters"]["missing"] == "flights 2013-02-24 to 2013-02-26; weather 2013-02-24 to 2013-02-26"


def test_of_a_source_with_a_short_past_it_is_said_that_nothing_can_be_told(context: JobContext, landing: Path) -> None:
    ingested(context, landing)
    counted(context, without=range(12, 61))

    result = data.run(context, landing=landing, as_of=AS_OF)

    assert (result.missing, result.too_few_days) == ((), {"flights": 11, "weather": 11})
    assert "missing" not in runs(context.tables)[-1]["parameters"]
