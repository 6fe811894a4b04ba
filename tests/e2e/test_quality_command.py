"""`levelfive data --report`: what Great Expectations says of all that landed, in a table and in files."""

import gzip
import json
import re
import sys
from pathlib import Path

import pytest
from commands import run
from pyspark.sql import SparkSession

from flight_delay import USE_CASE

AS_OF = "2013-01-02T06:00Z"
ROWS = 40


@pytest.fixture
def home(fixtures: Path, tmp_path: Path, spark: SparkSession, request: pytest.FixtureRequest) -> Path:
    """A home where a few rows of each source have landed; of one flight the origin is none of New York's."""
    folder = tmp_path / "home"
    folder.mkdir()
    # All homes of a session share its catalog: each needs a schema of its own.
    (folder / "levelfive.yml").write_text(f"table_schema: quality_{abs(hash(request.node.name)) % 10**8}\n")
    flights = head(fixtures / "flights" / "flights_2013-01.csv.gz")
    columns = flights[0].split(",")
    spoilt = flights[1].split(",")
    spoilt[columns.index("origin")] = "LAX"
    land(folder, "flights", [*flights, ",".join(spoilt)])
    land(folder, "weather", head(fixtures / "weather" / "weather_2013-01.csv.gz"))
    dests = {line.split(",")[columns.index("dest")] for line in flights[1:]}
    airports = lines(fixtures / "airports" / "airports.csv.gz")
    land(folder, "airports", [airports[0], *(line for line in airports[1:] if line.split(",")[0] in dests)])
    for source in ("airlines", "planes"):
        land(folder, source, head(fixtures / source / f"{source}.csv.gz"))
    return folder


def lines(file: Path) -> list[str]:
    return gzip.decompress(file.read_bytes()).decode().splitlines()


def head(file: Path) -> list[str]:
    return lines(file)[: ROWS + 1]


def land(home: Path, source: str, content: list[str]) -> None:
    folder = home / "landing" / USE_CASE.name / source
    folder.mkdir(parents=True)
    (folder / f"{source}.csv.gz").write_bytes(gzip.compress("\n".join([*content, ""]).encode()))


@pytest.mark.nightly
def test_the_report_names_each_source_and_keeps_the_results(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Great Expectations asks Spark twice for each expectation."""
    pytest.importorskip("great_expectations", reason="the extra levelfive[quality] is not installed")
    folder = tmp_path / "deep" / "quality"

    assert run(home, "data", "--as-of", AS_OF, "--report", str(folder)) == 0

    names = sorted(source.name for source in USE_CASE.sources)
    assert names == sorted(file.stem for file in folder.iterdir())
    found = {name: json.loads((folder / f"{name}.json").read_text()) for name in names}
    assert {name: name == "flights" for name in names} == {name: not one["success"] for name, one in found.items()}
    ingested, _, judged = capsys.readouterr().out.partition("expectation")
    for source in USE_CASE.sources:
        assert f"{source.name}.csv.gz" in ingested
        assert re.search(rf"│ {source.name} +│ \w+ +│ not_null", judged)
    assert re.search(rf"│ flights +│ origin +│ one_of +│ {ROWS + 1} +│ 1 +│", judged)
    assert f"Results of Great Expectations: {folder}" in judged


@pytest.mark.nightly
def test_without_great_expectations_the_command_says_what_to_install(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "great_expectations"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "great_expectations", None)
    folder = tmp_path / "quality"

    assert run(home, "data", "--as-of", AS_OF, "--report", str(folder)) == 2

    said = capsys.readouterr().err
    assert said.startswith("levelfive: a quality report needs Great Expectations")
    assert "pip install 'levelfive[quality]'" in said
    assert "Traceback" not in said
    assert not folder.exists()
