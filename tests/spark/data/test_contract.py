"""Types, expectations and reasons as Spark expressions, on rows made for the purpose."""

import json
from datetime import date, datetime
from decimal import Decimal

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from levelfive.data.contract import accepted, condition, quarantined, tally, typed, with_reasons
from levelfive.errors import ConfigError
from levelfive.usecase.sources import Expectation, Source, between, matches, not_null, one_of

FLIGHTS = Source(
    name="flights",
    columns={"carrier": "string", "day": "int", "dep_delay": "double", "time_hour": "timestamp"},
    key=("carrier", "day"),
    expectations=(
        *not_null("carrier", "dep_delay"),
        one_of("carrier", "UA", "US"),
        between("dep_delay", -60, 1440),
        matches("carrier", "[A-Z0-9]{2}"),
    ),
)
GOOD = {"carrier": "UA", "day": "1", "dep_delay": "-4", "time_hour": "2013-02-01T10:00:00Z"}


def a_text_row(**texts: str | None) -> dict[str, str | None]:
    return {**GOOD, "source_file": "flights_2013-02.csv.gz", **texts}


def texts(spark: SparkSession, *rows: dict[str, str | None]) -> DataFrame:
    schema = ", ".join(f"{name} string" for name in a_text_row())
    return spark.createDataFrame([tuple(row.values()) for row in rows], schema)


def judged(spark: SparkSession, *rows: dict[str, str | None], source: Source = FLIGHTS) -> DataFrame:
    return texts(spark, *rows).transform(typed, source=source).transform(with_reasons, source=source)


def the_reasons(spark: SparkSession, *rows: dict[str, str | None], source: Source = FLIGHTS) -> list[list[str]]:
    return [row["reasons"] for row in judged(spark, *rows, source=source).select("reasons").collect()]


def cast(spark: SparkSession, kind: str, *values: str | None) -> list[object]:
    source = Source(name="numbers", columns={"value": kind}, key=())
    frame = spark.createDataFrame([(value, "f") for value in values], "value string, source_file string")
    return [row["value"] for row in frame.transform(typed, source=source).collect()]


def test_texts_become_the_declared_types(spark: SparkSession):
    frame = texts(spark, a_text_row(), a_text_row(carrier=None, dep_delay=None, day=None))

    actual = typed(frame, FLIGHTS).select(*FLIGHTS.columns, "source_file")

    expected = spark.createDataFrame(
        [
            ("UA", 1, -4.0, datetime(2013, 2, 1, 10), "flights_2013-02.csv.gz"),
            (None, None, None, datetime(2013, 2, 1, 10), "flights_2013-02.csv.gz"),
        ],
        "carrier string, day int, dep_delay double, time_hour timestamp, source_file string",
    )
    assert_df_equality(expected, actual)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("int", ("3", " 3 ", "3.5", "3.0", "1e3", "99999999999"), [3, 3, None, None, None, None]),
        ("double", ("3", ".5", "1e-3", "NaN", "inf", "3d", "0x1p3", "1,5"), [3.0, 0.5, 0.001] + [None] * 5),
        ("double", ("1e308", "1e309", "-1e400"), [1e308, None, None]),
        (" REAL ", ("0.5", "NaN", "3f", "1e39"), [0.5, None, None, None]),
        (
            "decimal(10,2)",
            ("1.5", "1.500", "1.505", "99999999.99", "99999999.999", "1e2", "1E-3"),
            [*map(Decimal, ("1.5", "1.5")), None, Decimal("99999999.99"), None, Decimal(100), None],
        ),
        ("decimal", ("2", "1.5"), [Decimal(2), None]),
        ("decimal(38,10)", ("0.0000000001", "1" * 28), [Decimal("1e-10"), Decimal("1" * 28)]),
        (
            "date",
            ("2013-02-01", "2013", "201302", "2013-02-30", "2013-02-01T05:00"),
            [date(2013, 2, 1)] + [None] * 4,
        ),
        (
            "timestamp",
            ("2013-02-01T05:00:00Z", "2013-02-01 05:00", "12:30", "2013", "1359694800"),
            [datetime(2013, 2, 1, 5), datetime(2013, 2, 1, 5), None, None, None],
        ),
        ("timestamp_ltz", ("2013-02-01 05:00", "12:30", "2013"), [datetime(2013, 2, 1, 5), None, None]),
        ("boolean", ("true", "FALSE", "maybe"), [True, False, None]),
        ("string", ("NaN", " NA ", "NA", ""), ["NaN", " NA ", "NA", ""]),
    ],
)
def test_a_text_is_refused_rather_than_truncated_or_guessed(
    spark: SparkSession, kind: str, values: tuple[str, ...], expected: list[object]
):
    assert expected == cast(spark, kind, *values)


def test_a_good_row_has_no_reasons(spark: SparkSession):
    assert the_reasons(spark, a_text_row()) == [[]]


def test_a_text_that_does_not_cast_is_the_reason_and_its_null_is_not_a_second_one(spark: SparkSession):
    row = a_text_row(day="3.5", dep_delay="abc")

    assert the_reasons(spark, row) == [["day: not an int: '3.5'", "dep_delay: not a double: 'abc'"]]


def test_missing_values_are_reasons_and_the_key_is_named_as_such(spark: SparkSession):
    row = a_text_row(carrier=None, day=None, dep_delay=None)

    expected = ["carrier: missing (part of the key)", "day: missing (part of the key)", "dep_delay: missing"]
    assert [expected] == the_reasons(spark, row)


def test_each_failed_expectation_is_a_reason_with_the_value_that_came(spark: SparkSession):
    row = a_text_row(carrier="Delta", dep_delay="1500.5")

    expected = [
        "carrier: not one of UA, US: Delta",
        "dep_delay: not between -60 and 1440: 1500.5",
        "carrier: does not match [A-Z0-9]{2}: Delta",
    ]
    assert [expected] == the_reasons(spark, row)


def test_a_value_is_shown_whole_up_to_40_characters(spark: SparkSession):
    row = a_text_row(day="x" * 40, dep_delay="x" * 41)

    [[day, dep_delay]] = the_reasons(spark, row)

    assert day == f"day: not an int: '{'x' * 40}'"
    assert dep_delay == f"dep_delay: not a double: '{'x' * 37}...'"


def test_a_value_is_shown_on_one_line(spark: SparkSession):
    row = a_text_row(day="7\r\n2013 ERROR \u2028forged\x1b[31m")

    assert the_reasons(spark, row) == [["day: not an int: '72013 ERROR forged[31m'"]]


@pytest.mark.parametrize(
    ("expectation", "kind", "verdicts"),
    [
        (*not_null("value"), "string", {"a": True, None: False}),
        (between("value", 0, 10), "double", {0.0: True, 10.0: True, 10.01: False, float("nan"): False}),
        (one_of("value", "1", "2"), "int", {2: True, 3: False, None: True}),
        (one_of("value", "a"), "string", {"a": True, "A": False, "a ": False}),
        (matches("value", "a|b"), "string", {"b": True, "bc": False, "ab": False, "b\n": False}),
        (matches("value", "20.."), "int", {2013: True, 120130: False}),
    ],
)
def test_a_condition_is_true_or_false(
    spark: SparkSession, expectation: Expectation, kind: str, verdicts: dict[object, bool]
):
    frame = spark.createDataFrame([(value,) for value in verdicts], f"value {kind}")

    actual = [row[0] for row in frame.select(F.expr(condition(expectation))).collect()]

    assert list(verdicts.values()) == actual


def test_a_null_satisfies_all_expectations_but_not_null(spark: SparkSession):
    demanded = (*not_null("value"), between("value", 0, 10), one_of("value", "a"), matches("value", "a"))
    frame = spark.createDataFrame([(None,)], "value double")

    [row] = frame.select(*(F.expr(condition(expectation)) for expectation in demanded)).collect()

    assert tuple(row) == (False, True, True, True)


def test_expectations_may_name_derived_columns(spark: SparkSession):
    source = Source("flights", FLIGHTS.columns, ("carrier", "late"), (between("twice", -10, 10),))
    frame = typed(texts(spark, a_text_row(dep_delay="6")), source)
    derived = frame.withColumns({"twice": F.col("dep_delay") * 2, "late": F.lit(None).cast("string")})

    [row] = with_reasons(derived, source).select("reasons").collect()

    assert row["reasons"] == ["late: missing (part of the key)", "twice: not between -10 and 10: 12.0"]


def test_rows_are_either_accepted_or_quarantined(spark: SparkSession):
    rows = judged(spark, a_text_row(), a_text_row(carrier="ZZ")).withColumn("late", F.col("dep_delay") > 15)

    good, bad = accepted(rows, FLIGHTS), quarantined(rows, FLIGHTS)

    assert [*FLIGHTS.columns, "late", "source_file"] == good.columns
    assert [row["carrier"] for row in good.collect()] == ["UA"]
    assert bad.columns == ["source", "source_file", "row", "reasons"]
    assert [row["reasons"] for row in bad.collect()] == [["carrier: not one of UA, US: ZZ"]]


def test_a_quarantined_row_keeps_its_original_texts(spark: SparkSession):
    odd = {"carrier": 'a "b", \n', "day": "3.5", "dep_delay": None, "time_hour": "NA"}

    [row] = quarantined(judged(spark, a_text_row(**odd)), FLIGHTS).collect()

    assert odd == json.loads(row["row"])
    assert (row["source"], row["source_file"]) == ("flights", "flights_2013-02.csv.gz")


def test_the_tally_counts_rows_by_file_and_reasons_without_their_values(spark: SparkSession):
    rows = (
        a_text_row(),
        a_text_row(day="x"),
        a_text_row(day="y", carrier="ZZ"),
        a_text_row(source_file="other"),
    )

    counted = {row["source_file"]: row for row in tally(judged(spark, *rows), FLIGHTS).collect()}

    first = counted["flights_2013-02.csv.gz"]
    seen = {reason: count for reason, count in first["reasons"].items() if count}
    assert (first["rows_in"], first["quarantined"]) == (3, 2)
    assert seen == {"day: not an int": 2, "carrier: not one of UA, US": 1}
    assert (counted["other"]["rows_in"], counted["other"]["quarantined"]) == (1, 0)


def test_a_source_without_demands_accepts_every_row(spark: SparkSession):
    source = Source("names", {name: "string" for name in GOOD}, key=())

    assert the_reasons(spark, a_text_row(carrier=None), source=source) == [[]]


def test_a_column_with_a_name_of_our_own_is_refused(spark: SparkSession):
    source = Source("flights", {"reasons": "string"}, key=())

    with pytest.raises(ConfigError, match="declares reasons, names that levelfive uses"):
        typed(spark.createDataFrame([("a", "f")], "reasons string, source_file string"), source)


def test_an_expectation_on_an_unknown_column_is_refused(spark: SparkSession):
    source = Source("flights", FLIGHTS.columns, ("carrier",), not_null("departure_utc"))

    with pytest.raises(ConfigError, match="needs the columns departure_utc, got carrier, day"):
        judged(spark, a_text_row(), source=source)
