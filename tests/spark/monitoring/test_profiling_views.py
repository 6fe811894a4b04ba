"""The views by which queries of Databricks' data profiling read our tables: its names, its windows, one row of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession

from levelfive.core.windows import Window, utc
from levelfive.monitoring.consecutive import DRIFT_CONSECUTIVE, ConsecutiveDrift
from levelfive.monitoring.performance_records import PERFORMANCE, PerformanceRecord
from levelfive.monitoring.profiling_views import DRIFT_METRICS, PROFILE_METRICS, make_views
from levelfive.monitoring.records import DRIFT, PROFILES, DriftRecord, ProfileRecord
from levelfive.monitoring.slice_drift import DRIFT_SLICES, SliceDrift
from levelfive.monitoring.slice_records import PERFORMANCE_SLICES, SlicePerformanceRecord
from levelfive.storage.tables import Tables


def names_in(text: str) -> frozenset[str]:
    """List the names in a text."""
    return frozenset(re.findall(r"\w+", text))


# Lists of the columns of Databricks' data profiling, in its documentation of the metric tables.
PROFILE_COLUMNS = names_in(
    "window log_type logging_table_commit_version monitor_version granularity slice_key slice_value column_name count "
    "data_type num_nulls avg quantiles min max stddev num_zeros num_nan min_length max_length avg_length "
    "non_null_columns frequent_items median distinct_count percent_nan percent_null percent_zeros percent_distinct "
    "accuracy_score precision recall f1_score root_mean_squared_error"
)
DRIFT_COLUMNS = names_in(
    "window window_cmp drift_type granularity monitor_version slice_key slice_value column_name data_type "
    "count_delta avg_delta percent_null_delta percent_zeros_delta percent_distinct_delta non_null_columns_delta "
    "js_distance ks_test wasserstein_distance population_stability_index chi_squared_test tv_distance "
    "l_infinity_distance"
)
# What only it has: docs/tables.md says so.
NOT_OURS = names_in(
    "logging_table_commit_version monitor_version quantiles num_zeros num_nan min_length max_length avg_length "
    "non_null_columns percent_nan percent_zeros accuracy_score precision recall f1_score percent_zeros_delta "
    "percent_distinct_delta non_null_columns_delta"
)
MODEL = {"model_name", "model_version"}
STARTS = timedelta(hours=6)
WEEK = Window(utc(2013, 6, 3, 6), utc(2013, 6, 10, 6))
MONTH = Window(utc(2013, 6, 1, 6), utc(2013, 7, 1, 6))
SUBJECT: dict[str, Any] = {"model_name": "m", "model_version": "2", "window": WEEK}
NAMES = ("1 hour", "3 days", "1 week", "2 weeks", "1 month", "1 year")
LENGTHS = {
    utc(2013, 6, 1, 7): "1 hour",
    utc(2013, 6, 4, 6): "3 days",
    utc(2013, 6, 15, 6): "2 weeks",
    utc(2013, 7, 1, 6): "1 month",
    utc(2014, 6, 1, 6): "1 year",
}
A_NUMBER = ProfileRecord(
    **SUBJECT,
    day=None,
    column_name="wind",
    count=90,
    num_nulls=10,
    distinct_count=45,
    avg=5.0,
    stddev=1.0,
    min=0.0,
    max=9.0,
    quantiles={"0.5": 4.5},
    counts=(0, 90, 0),
    sums=(0.0, 450.0, 0.0),
    most_frequent=3,
    far_outside=0,
    broken=None,
)
A_CATEGORY = ProfileRecord(
    **SUBJECT,
    day=None,
    column_name="carrier",
    count=100,
    num_nulls=0,
    distinct_count=2,
    frequent_items={"AA": 40, "UA": 60},
    rest=0,
    outside=0,
    most_frequent=60,
    far_outside=0,
    broken=None,
)
STATISTICS = {"js_distance": 0.2, "ks_test": 0.3, "population_stability_index": 0.4, "percent_null_delta": 5.0}


def performance(as_of: datetime, rmse: float) -> PerformanceRecord:
    nothing: dict[str, Any] = {name: {} for name in ("without_label", "without_label_score", "low", "high")}
    roles = dict.fromkeys(("loss_metric", "skill_metric", "offset_metric"))
    return PerformanceRecord(
        **SUBJECT,
        as_of=as_of,
        model="live",
        provisional=False,
        scored=100,
        known=95,
        mature=90,
        days=7,
        label_mean=1.0,
        score_mean=1.0,
        label_mean_known=1.0,
        metrics={"rmse": rmse},
        **nothing,
        **roles,
    )


def of_slice(as_of: datetime, psi: float) -> SlicePerformanceRecord:
    nothing: dict[str, Any] = {name: {} for name in ("low", "high", "label_drift")}
    curve: dict[str, Any] = {f"reliability_{name}": () for name in ("score", "label", "low", "high", "rows")}
    return SlicePerformanceRecord(
        **SUBJECT,
        as_of=as_of,
        slice_key="origin",
        slice_value="LGA",
        provisional=False,
        scored=40,
        mature=30,
        days=7,
        label_mean=1.0,
        score_mean=1.0,
        score_mean_mature=1.0,
        metrics={"rmse": 4.0},
        score_drift={"population_stability_index": psi, "js_distance": 0.3},
        **nothing,
        **curve,
    )


def drift(**changes: Any) -> DriftRecord:
    of = DriftRecord(**SUBJECT, column_name="wind", statistics=STATISTICS, usual={}, unusual=False, seen_from={})
    return replace(of, **changes)


def written(tables: Tables, table: str, rows: Sequence[Any]) -> None:
    tables.control_tables.add(table, rows)


@pytest.fixture(scope="module")
def filled(spark: SparkSession, open_tables: Callable[[str], Tables]) -> Iterator[Tables]:
    """A week, of which a day is also in the profiles of a month, and each other thing once."""
    tables = open_tables("profiling_views")
    a_day = replace(A_NUMBER, day=date(2013, 6, 4), count=13, num_nulls=0)
    of_month = replace(a_day, window=MONTH)
    written(tables, PROFILES, [A_NUMBER, A_CATEGORY, a_day, of_month, replace(A_NUMBER, role="served", count=7)])
    written(tables, PERFORMANCE, [performance(WEEK.end, 3.0), performance(MONTH.end, 2.0)])
    written(tables, DRIFT, [drift(), drift(role="served")])
    before = Window(WEEK.start - timedelta(days=7), WEEK.start)
    consecutive = ConsecutiveDrift(
        **SUBJECT, window_cmp=before, column_name="wind", count_delta=4, avg_delta=0.5, statistics=STATISTICS
    )
    written(tables, DRIFT_CONSECUTIVE, [consecutive])
    sliced = SliceDrift(
        **SUBJECT,
        column_name="wind",
        slice_key="origin",
        slice_value="JFK",
        count=30,
        population_stability_index=0.7,
        p_value=0.01,
    )
    written(tables, DRIFT_SLICES, [sliced])
    written(tables, PERFORMANCE_SLICES, [of_slice(WEEK.end, 0.1), of_slice(MONTH.end, 0.6)])
    make_views(tables, STARTS)
    yield tables
    spark.sql(f"DROP SCHEMA {tables.schema} CASCADE")


def asked(tables: Tables, query: str) -> list[dict[str, Any]]:
    """Answer a query in which views have their plain names."""
    for view in (PROFILE_METRICS, DRIFT_METRICS):
        query = query.replace(f"{{{view}}}", tables.name(view))
    return [row.asDict(recursive=True) for row in tables.spark.sql(query).collect()]


def test_the_views_have_the_columns_of_data_profiling_and_no_others(filled: Tables) -> None:
    ours = {
        view: set(filled.spark.table(filled.name(view)).columns) - MODEL for view in (PROFILE_METRICS, DRIFT_METRICS)
    }

    assert ours[PROFILE_METRICS] == PROFILE_COLUMNS - NOT_OURS
    assert ours[DRIFT_METRICS] == DRIFT_COLUMNS - NOT_OURS - {"data_type"}


def test_a_query_of_profiles_carries_over(filled: Tables) -> None:
    found = asked(
        filled,
        "SELECT window.start, granularity, column_name, data_type, count, percent_null, median, frequent_items "
        "FROM {profile_metrics} WHERE slice_key IS NULL AND log_type = 'INPUT' AND column_name != ':table' "
        "ORDER BY granularity, column_name",
    )

    assert [(row["granularity"], row["column_name"], row["count"]) for row in found] == [
        ("1 day", "wind", 13),
        ("1 week", "carrier", 100),
        ("1 week", "wind", 90),
    ]
    assert found[0]["start"].astimezone() == utc(2013, 6, 4, 6)
    assert (found[2]["data_type"], found[2]["percent_null"], found[2]["median"]) == ("double", 10.0, 4.5)
    items = [{"item": "UA", "count": 60}, {"item": "AA", "count": 40}]
    assert (found[1]["data_type"], found[1]["frequent_items"]) == ("string", items)


def test_the_row_of_a_whole_window_is_by_the_labels_known_last(filled: Tables) -> None:
    (found,) = asked(filled, "SELECT * FROM {profile_metrics} WHERE column_name = ':table' AND slice_key IS NULL")

    assert (found["count"], found["root_mean_squared_error"], found["granularity"]) == (90, 2.0, "1 week")


def test_answers_to_single_requests_are_a_slice(filled: Tables) -> None:
    (profile,) = asked(filled, "SELECT * FROM {profile_metrics} WHERE slice_key = 'role'")
    (drift,) = asked(filled, "SELECT * FROM {drift_metrics} WHERE slice_key = 'role'")

    assert (profile["slice_value"], profile["count"], drift["slice_value"]) == ("served", 7, "served")


def test_a_query_of_drift_carries_over(filled: Tables) -> None:
    found = asked(
        filled,
        "SELECT drift_type, window.end, window_cmp, granularity, column_name, count_delta, js_distance, "
        "ks_test.statistic AS ks, chi_squared_test, percent_null_delta, population_stability_index AS psi "
        "FROM {drift_metrics} WHERE slice_key IS NULL ORDER BY drift_type",
    )

    baseline, consecutive = found
    assert (baseline["drift_type"], baseline["window_cmp"], baseline["count_delta"]) == ("BASELINE", None, None)
    assert (consecutive["drift_type"], consecutive["count_delta"]) == ("CONSECUTIVE", 4)
    assert consecutive["window_cmp"]["end"].astimezone() == WEEK.start
    for row in found:
        assert row["end"].astimezone() == WEEK.end
        assert {name: row[name] for name in ("granularity", "js_distance", "ks", "percent_null_delta", "psi")} == {
            "granularity": "1 week",
            "js_distance": 0.2,
            "ks": 0.3,
            "percent_null_delta": 5.0,
            "psi": 0.4,
        }
        assert row["chi_squared_test"] is None


def test_drift_in_a_slice_of_the_use_case_is_found_by_its_key_and_value(filled: Tables) -> None:
    (found,) = asked(filled, "SELECT * FROM {drift_metrics} WHERE slice_key = 'origin' AND slice_value = 'JFK'")

    assert (found["column_name"], found["population_stability_index"], found["js_distance"]) == ("wind", 0.7, None)


def test_performance_and_the_drift_of_scores_are_there_by_slice(filled: Tables) -> None:
    (whole,) = asked(filled, "SELECT * FROM {profile_metrics} WHERE slice_value = 'LGA'")
    (moved,) = asked(filled, "SELECT * FROM {drift_metrics} WHERE slice_value = 'LGA'")

    assert (whole["column_name"], whole["count"], whole["root_mean_squared_error"]) == (":table", 30, 4.0)
    assert (moved["column_name"], moved["drift_type"]) == ("(score)", "BASELINE")
    assert (moved["population_stability_index"], moved["js_distance"]) == (0.6, 0.3)


def test_a_window_is_named_by_its_length_and_views_are_made_anew(tables: Tables) -> None:
    make_views(tables, STARTS)
    assert not {PROFILE_METRICS, DRIFT_METRICS} & set(tables.names())  # nothing is there to look at
    written(tables, DRIFT, [drift()])
    make_views(tables, STARTS)
    written(tables, DRIFT, [drift(window=Window(MONTH.start, end)) for end in LENGTHS])
    written(tables, PROFILES, [A_NUMBER])

    make_views(tables, STARTS)

    found = asked(tables, "SELECT granularity FROM {drift_metrics} ORDER BY window.end - window.start")
    assert [row["granularity"] for row in found] == sorted([*LENGTHS.values(), "1 week"], key=NAMES.index)
    assert len(asked(tables, "SELECT * FROM {profile_metrics}")) == 1
