"""January's real flights and weather, judged and typed as the data stage does it."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame

from flight_delay import USE_CASE
from levelfive.data.ingest import apply_contract
from levelfive.data.landing import inspect
from levelfive.storage.tables import Tables


def with_days(file: Path, days: tuple[int, ...], to: Path) -> Path:
    """Write the rows of some days of a month into a file of their own."""
    header, *lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    place = header.split(",").index("day")
    kept = [line for line in lines if int(line.split(",")[place]) in days]
    to.write_bytes(gzip.compress("\n".join([header, *kept, ""]).encode()))
    return to


@pytest.fixture(scope="module")
def ingest(open_tables: Callable[[str], Tables], fixtures: Path, tmp_path_factory: pytest.TempPathFactory):
    tables = open_tables("flight_delay_tests")

    def of_month(month: str, days: tuple[int, ...] = ()) -> dict[str, DataFrame]:
        raw: dict[str, DataFrame] = {}
        for source in USE_CASE.sources:
            name = f"{source.name}_{month}.csv.gz" if source.event_time else f"{source.name}.csv.gz"
            file = fixtures / source.name / name
            if source.event_time and days:
                file = with_days(file, days, tmp_path_factory.mktemp(source.name) / name)
            references = {reference: raw[reference] for reference in source.references}
            raw[source.name] = apply_contract(tables, source, [inspect(file)], references).accepted
        return raw

    return of_month


@pytest.fixture(scope="module")
def january(ingest) -> dict[str, DataFrame]:
    return {name: frame.sparkSession.createDataFrame(frame.toArrow()) for name, frame in ingest("2013-01").items()}
