"""The report and the split read one contract: they must find the same rows."""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from levelfive.data.contract import condition, demands, typed, with_reasons
from levelfive.data.landing import inspect, read_rows
from levelfive.data.quality_report import ExpectationOutcome, expectation_suite, validate
from levelfive.errors import ConfigError, MachineError
from levelfive.usecase.sources import ExpectationKind, Source, between, matches, not_null, one_of

pytest.importorskip("great_expectations", reason="the extra levelfive[quality] is not installed")

FEBRUARY = Path(__file__).parents[3] / "fixtures" / "weather" / "weather_2013-02.csv.gz"
WEATHER = Source(
    name="weather",
    columns={
        "origin": "string",
        "month": "int",
        "day": "int",
        "temp": "double",
        "humid": "double",
        "wind_speed": "double",
        "time_hour": "timestamp",
    },
    key=("origin", "time_hour"),
    expectations=(
        *not_null("temp"),
        one_of("origin", "EWR", "JFK", "LGA"),
        one_of("month", "2"),
        matches("origin", "[A-Z]{3}"),
        between("humid", 0, 100),
        between("wind_speed", 0, 200),
    ),
)


def read(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(pa.concat_tables(read_rows(inspect(FEBRUARY), WEATHER)))


def spoil(frame: DataFrame) -> DataFrame:
    """Let each expectation fail on a number of rows of its own: three airports, and some hours of one day."""
    names = {
        "origin": early(1, 1, None, early(2, 2, "NYC", early(3, 3, "EWR1", F.col("origin")))),
        "time_hour": early(4, 4, "soon", F.col("time_hour")),
        "temp": early(5, 6, None, F.col("temp")),
        "month": early(6, 7, "3", F.col("month")),
        "humid": early(7, 8, "100.5", F.col("humid")),
    }
    return frame.withColumns(names)


def early(day: int, hours: int, text: str | None, otherwise: Column) -> Column:
    spoiled = (F.col("day").cast("int") == day) & (F.col("hour").cast("int") < hours)
    return F.when(spoiled, text).otherwise(otherwise)


def test_the_report_and_the_conditions_count_the_same_rows(spark: SparkSession):
    frame = typed(spoil(read(spark)), WEATHER)

    report = validate(frame, WEATHER)

    failed = [F.count_if(~F.expr(condition(demand))).alias(str(place)) for place, demand in enumerate(demands(WEATHER))]
    found = [judgement.unexpected_count for judgement in report.judgements]
    assert list(frame.agg(*failed).collect()[0]) == found
    assert found == [3, 12, 18, 15, 21, 9, 24, 1]
    assert not report.success


def test_the_known_gale_at_newark_is_found_by_both(spark: SparkSession):
    frame = typed(read(spark), WEATHER)

    report = validate(frame, WEATHER)
    [row] = with_reasons(frame, WEATHER).where(F.size("reasons") > 0).collect()

    [found] = [judgement for judgement in report.judgements if not judgement.success]
    assert ExpectationOutcome("wind_speed", ExpectationKind.BETWEEN, False, 2010, 1) == found
    assert (row["origin"], row["day"]) == ("EWR", 12)
    assert row["reasons"] == ["wind_speed: not between 0 and 200: 1048.36058"]


def test_the_whole_result_is_kept_as_json(spark: SparkSession):
    report = validate(typed(read(spark).limit(20), WEATHER), WEATHER)

    result = json.loads(report.result_json)
    assert (report.source, report.success) == ("weather", True)
    assert len(demands(WEATHER)) == result["statistics"]["evaluated_expectations"]


def test_a_frame_without_rows_breaks_nothing(spark: SparkSession):
    report = validate(typed(read(spark).limit(0), WEATHER), WEATHER)

    assert report.success
    assert {(0, 0)} == {(one.element_count, one.unexpected_count) for one in report.judgements}


def test_an_expectation_that_cannot_be_judged_is_an_error_and_no_verdict(spark: SparkSession):
    source = Source("weather", {}, key=(), expectations=(between("origin", 0, 1),))

    with pytest.raises(ConfigError, match=r"expected column 'origin', of a type that suits .*cannot be computed on"):
        validate(read(spark), source)


def test_nothing_stays_cached(spark: SparkSession):
    frame = read(spark).limit(1)

    validate(frame, Source("weather", {}, key=("origin",)))

    assert not frame.is_cached


def test_the_suite_demands_what_the_contract_demands():
    suite = expectation_suite(WEATHER)

    kinds = [
        expectation.expectation_type.removeprefix("expect_column_values_to_") for expectation in suite.expectations
    ]
    assert kinds == ["not_be_null"] * 3 + ["be_in_set"] * 2 + ["match_regex"] + ["be_between"] * 2
    assert {1} == {expectation.mostly for expectation in suite.expectations}


def test_without_great_expectations_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "great_expectations", None)

    with pytest.raises(MachineError, match=r"pip install 'levelfive\[quality\]'"):
        expectation_suite(WEATHER)
