"""Which rows of a window an alert affects, in all and by slice."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

from in_memory.release import a_use_case
from pyspark.sql import SparkSession

from levelfive.core.windows import Window, utc
from levelfive.monitoring.affected import Affected, count_affected
from levelfive.monitoring.evidence import Finding
from levelfive.monitoring.raised import Raised
from levelfive.monitoring.verdict import Subject
from levelfive.usecase.alert_rules import Severity

BEGIN = utc(2013, 6, 1, 6)
SECOND = date(2013, 6, 2)


def test_rows_are_counted_by_day_slice_and_missing_value_in_all_and_by_slice(spark: SparkSession) -> None:
    """Two days of two airports; on the second one, the temperature of one of them is missing."""
    flights = [
        (BEGIN + timedelta(hours=12 * place), origin, None if origin == "JFK" and place >= 2 else 20.0, role)
        for place in range(4)
        for origin in ("JFK", "EWR", None)
        for role in ("champion", "backfill")
    ]
    rows = spark.createDataFrame(flights, "prediction_time timestamp, origin string, temp double, role string")
    rows = rows.selectExpr(
        "prediction_time",
        "role",
        "'flights' AS model_name",
        "map('origin', origin) AS slices",
        "named_struct('temp', temp) AS features",
    )
    run, context = SimpleNamespace(read=lambda _: rows), SimpleNamespace(use_case=a_use_case())
    findings = {
        "column": Finding("", column="temp", days=(SECOND,), lacks_values=True),
        "day": Finding("", source="weather", days=(SECOND,)),
        "slice": Finding("", metric="auc", slice="origin=EWR"),
        "whole": Finding(""),
    }
    alerts = [Raised(name, finding, Severity.WARNING) for name, finding in findings.items()]

    found = count_affected(context, run, Subject("flights", "1", Window(BEGIN, BEGIN + timedelta(days=2))), alerts)

    assert found == {
        "column:temp": Affected(2, {"origin=JFK": 2}),
        "day:weather": Affected(6, {"origin=EWR": 2, "origin=JFK": 2, "origin=null": 2}),
        "slice:auc:origin=EWR": Affected(4, {"origin=EWR": 4}),
        "whole": Affected(12, {"origin=EWR": 4, "origin=JFK": 4, "origin=null": 4}),
    }


def test_without_alerts_nothing_is_read() -> None:
    assert count_affected(None, None, None, []) == {}
