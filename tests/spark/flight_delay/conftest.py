"""January's real flights and weather, judged and typed as the data room does it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame

from flight_delay import USE_CASE
from levelfive.data.ingest import judge
from levelfive.data.landing import inspect
from levelfive.tables import Tables


@pytest.fixture(scope="module")
def ingest(open_tables: Callable[[str], Tables], fixtures: Path):
    tables = open_tables("flight_delay_tests")

    def of_month(month: str) -> dict[str, DataFrame]:
        raw: dict[str, DataFrame] = {}
        for source in USE_CASE.sources:
            name = f"{source.name}_{month}.csv.gz" if source.event_time else f"{source.name}.csv.gz"
            references = {reference: raw[reference] for reference in source.references}
            raw[source.name] = judge(tables, source, [inspect(fixtures / source.name / name)], references).accepted
        return raw

    return of_month


@pytest.fixture(scope="module")
def january(ingest) -> dict[str, DataFrame]:
    return {name: frame.sparkSession.createDataFrame(frame.toArrow()) for name, frame in ingest("2013-01").items()}
