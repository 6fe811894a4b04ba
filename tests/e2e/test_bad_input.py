"""Bad input by the command line: a sentence that says what to do, exit code 2, and nothing half-written."""

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import run
from pyspark.sql import SparkSession

from flight_delay import USE_CASE
from levelfive.core.windows import Window, utc
from levelfive.demo.plan import land

FIRST_DAYS = Window(utc(2013, 1, 1, 6), utc(2013, 1, 4, 6))
NEXT_DAY = Window(FIRST_DAYS.end, utc(2013, 1, 5, 6))
AS_OF = "2013-01-06T06:00Z"
TABLES = ("raw_flights", "raw_weather", "quarantine", "landing_files")

Refuse = Callable[..., str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, fixtures: Path, spark: SparkSession) -> Path:
    """Three days of flights, ingested."""
    folder = tmp_path_factory.mktemp("home")
    # All homes of a session share its catalog: each needs a schema of its own.
    (folder / "levelfive.yml").write_text("table_schema: bad_input\n")
    assert USE_CASE.replay is not None
    land(USE_CASE, USE_CASE.replay, fixtures, folder / "landing" / USE_CASE.name, window=FIRST_DAYS)
    assert run(folder, "data", "--as-of", AS_OF) == 0
    return folder


@pytest.fixture
def landing(home: Path, tmp_path: Path) -> Path:
    """The landing place with what was ingested, to be spoilt by one test."""
    return Path(shutil.copytree(home / "landing" / USE_CASE.name, tmp_path / "landing"))


@pytest.fixture
def next_day(fixtures: Path, tmp_path: Path) -> list[str]:
    """The lines of the next day's file of flights, the header first."""
    assert USE_CASE.replay is not None
    land(USE_CASE, USE_CASE.replay, fixtures, tmp_path / "next", window=NEXT_DAY)
    (file,) = (tmp_path / "next" / "flights").glob("*.gz")
    return gzip.decompress(file.read_bytes()).decode().splitlines()


@pytest.fixture
def refused(home: Path, landing: Path, capsys: pytest.CaptureFixture[str], spark: SparkSession) -> Iterator[Refuse]:
    """Run a command that must refuse; give what it says, and check that no table has changed."""

    def rows() -> dict[str, int]:
        folder = home / "lakehouse" / "bad_input.db"
        found = [table for table in TABLES if (folder / table).exists()]
        return {table: spark.read.format("delta").load(str(folder / table)).count() for table in found}

    before = rows()

    def refuse(*arguments: str) -> str:
        if arguments[0] == "data":
            arguments = (*arguments, "--landing", str(landing))
        assert run(home, *arguments) == 2
        said = capsys.readouterr().err
        assert said.startswith("levelfive: ")
        assert "Traceback" not in said
        return said

    yield refuse

    assert before == rows()
    assert before["raw_flights"] > 2000


def deliver(landing: Path, lines: list[str], name: str = "flights_next.csv.gz") -> Path:
    target = landing / "flights" / name
    target.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    return target


def with_cell(line: str, header: str, column: str, value: str) -> str:
    cells = line.split(",")
    cells[header.split(",").index(column)] = value
    return ",".join(cells)


def test_a_truncated_file_is_refused(landing: Path, next_day: list[str], refused: Refuse) -> None:
    file = deliver(landing, next_day)
    file.write_bytes(file.read_bytes()[:-2000])

    said = refused("data", "--as-of", AS_OF)

    assert "flights_next.csv.gz cannot be read" in said
    assert "deliver it again" in said


def test_a_wrong_header_is_refused(landing: Path, next_day: list[str], refused: Refuse) -> None:
    deliver(landing, [next_day[0].replace("arr_delay", "arrival_delay"), *next_day[1:]])

    said = refused("data", "--as-of", AS_OF)

    assert "missing: 'arr_delay'; unexpected: 'arrival_delay'" in said


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [("dep_delay", "late", "dep_delay: not"), ("origin", "LAX", "origin: not one of EWR, JFK, LGA")],
)
def test_a_file_of_wrong_values_is_refused_with_the_reason(
    landing: Path, next_day: list[str], refused: Refuse, column: str, value: str, reason: str
) -> None:
    deliver(landing, [next_day[0], *(with_cell(line, next_day[0], column, value) for line in next_day[1:])])

    assert reason in refused("data", "--as-of", AS_OF)


def test_a_file_without_rows_is_refused(landing: Path, next_day: list[str], refused: Refuse) -> None:
    deliver(landing, next_day[:1])

    assert "has a header and no rows" in refused("data", "--as-of", AS_OF)


def test_a_file_delivered_twice_is_refused(landing: Path, refused: Refuse) -> None:
    (file,) = (landing / "flights").glob("*.gz")
    shutil.copy(file, file.with_name("flights_again.csv.gz"))

    assert "has the same content as" in refused("data", "--as-of", AS_OF)


def test_a_file_changed_after_its_ingestion_is_refused(landing: Path, refused: Refuse) -> None:
    (file,) = (landing / "flights").glob("*.gz")
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    deliver(landing, lines[:-1], file.name)

    assert "was changed after it was ingested" in refused("data", "--as-of", AS_OF)


def test_a_source_without_files_is_refused(landing: Path, refused: Refuse) -> None:
    shutil.rmtree(landing / "weather")

    assert "source 'weather': expected files" in refused("data", "--as-of", AS_OF)


def test_a_missing_month_is_noticed(refused: Refuse) -> None:
    assert "a landing file is missing" in refused("data", "--as-of", "2013-02-06T06:00Z")


@pytest.mark.usefixtures("refused")  # no table changes
def test_a_file_from_after_as_of_is_left_to_a_later_run(
    home: Path, landing: Path, next_day: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(landing, next_day)

    assert run(home, "data", "--as-of", "2013-01-02T06:00Z", "--landing", str(landing)) == 0
    assert "since they begin after this one: flights_next.csv.gz.\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("features", "--as-of", "2012-12-01"), "the data begins at"),
        (("training", "--as-of", AS_OF), "run the stage that writes it first"),
        (("scoring", "--as-of", AS_OF), "no champion as of"),
        (("registry", "promote", "7", "--as-of", AS_OF), "has no version 7 of levelfive.local.flight_delay"),
        (("scoring", "--as-of", "{{job.trigger.time.iso_datetime}}"), "was not resolved"),
        (("scoring", "--as-of", AS_OF, "--from", AS_OF), "must end after its start"),
        (("training", "--as-of", AS_OF, "--without", "gates"), "there is no feature group 'gates'"),
        (("--config", "nowhere.yml", "data", "--as-of", AS_OF), "nowhere.yml cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_changes_nothing(refused: Refuse, arguments: tuple[str, ...], says: str) -> None:
    assert says in refused(*arguments)


def test_a_few_wrong_rows_go_to_quarantine_with_their_reasons(
    landing: Path, next_day: list[str], home: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = [with_cell(line, next_day[0], "origin", "LAX") for line in next_day[1:4]]
    deliver(landing, [next_day[0], *spoilt, *next_day[4:]])
    copy = landing.parent / "home"
    shutil.copytree(home, copy)
    (copy / "lakehouse" / "bad_input.db").rename(copy / "lakehouse" / "few_wrong.db")
    (copy / "levelfive.yml").write_text("table_schema: few_wrong\n")

    assert run(copy, "data", "--as-of", AS_OF, "--landing", str(landing)) == 0

    rows = spark.read.format("delta").load(str(copy / "lakehouse" / "few_wrong.db" / "quarantine")).collect()
    reasons = [reason for row in rows if row["source_file"] == "flights_next.csv.gz" for reason in row["reasons"]]
    assert reasons == ["origin: not one of EWR, JFK, LGA: LAX"] * 3


def test_without_java_the_command_says_what_to_install(tmp_path: Path) -> None:
    environment = {**os.environ, "JAVA_HOME": str(tmp_path), "COLUMNS": "200"}
    command = [sys.executable, "-m", "levelfive.cli.main", "--home", str(tmp_path / "home"), "data", "--as-of", AS_OF]

    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert answer.returncode == 2
    assert "Spark needs Java 17 or 21" in answer.stderr
    assert "Traceback" not in answer.stderr
