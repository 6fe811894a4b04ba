"""The views `profile_metrics` and `drift_metrics`: our tables by the names of Databricks' data profiling.

Columns that data profiling has and we have not are not there, so that a query which asks for one is refused, and not
answered with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from levelfive.core.days import DAY, offset_seconds
from levelfive.monitoring.consecutive import DRIFT_CONSECUTIVE
from levelfive.monitoring.performance_records import LIVE, PERFORMANCE
from levelfive.monitoring.records import DRIFT, PROFILES
from levelfive.monitoring.slice_drift import DRIFT_SLICES
from levelfive.monitoring.slice_records import PERFORMANCE_SLICES
from levelfive.statistics.baseline import LABEL_PROFILE, SCORE_PROFILE
from levelfive.storage.predictions import Role
from levelfive.storage.tables import Tables

PROFILE_METRICS, DRIFT_METRICS = "profile_metrics", "drift_metrics"

_INPUT, _CONSECUTIVE, _BASELINE = "INPUT", "CONSECUTIVE", "BASELINE"
_WHOLE_TABLE = ":table"
_WINDOW = "STRUCT<start: TIMESTAMP, end: TIMESTAMP>"
_WINDOW_OF_ROW = "named_struct('start', window_start, 'end', window_end)"
_DAY = int(DAY.total_seconds())
_BY_COUNT = "array_sort(transform(map_entries(frequent_items), x -> named_struct('count', x.value, 'item', x.key)))"
_FREQUENT_ITEMS = f"transform(reverse({_BY_COUNT}), x -> named_struct('item', x.item, 'count', x.count))"

_PROFILE_TYPES = {
    "window": _WINDOW,
    "log_type": "STRING",
    "granularity": "STRING",
    "slice_key": "STRING",
    "slice_value": "STRING",
    "column_name": "STRING",
    "data_type": "STRING",
    "count": "BIGINT",
    "num_nulls": "BIGINT",
    "percent_null": "DOUBLE",
    "distinct_count": "BIGINT",
    "percent_distinct": "DOUBLE",
    "avg": "DOUBLE",
    "stddev": "DOUBLE",
    "min": "DOUBLE",
    "max": "DOUBLE",
    "median": "DOUBLE",
    "frequent_items": "ARRAY<STRUCT<item: STRING, count: BIGINT>>",
    "root_mean_squared_error": "DOUBLE",
    "model_name": "STRING",
    "model_version": "STRING",
}
_DRIFT_TYPES = {
    "window": _WINDOW,
    "window_cmp": _WINDOW,
    "drift_type": "STRING",
    "granularity": "STRING",
    "slice_key": "STRING",
    "slice_value": "STRING",
    "column_name": "STRING",
    "count_delta": "BIGINT",
    "avg_delta": "DOUBLE",
    "percent_null_delta": "DOUBLE",
    "js_distance": "DOUBLE",
    "ks_test": "STRUCT<statistic: DOUBLE, pvalue: DOUBLE>",
    "wasserstein_distance": "DOUBLE",
    "population_stability_index": "DOUBLE",
    "chi_squared_test": "STRUCT<statistic: DOUBLE, pvalue: DOUBLE>",
    "tv_distance": "DOUBLE",
    "l_infinity_distance": "DOUBLE",
    "model_name": "STRING",
    "model_version": "STRING",
}
_UNITS = {"week": 7 * 86_400, "day": 86_400, "hour": 3_600, "minute": 60}
_SECONDS = "(unix_seconds(window_end) - unix_seconds(window_start))"
_MODEL, _SLICE = ("model_name", "model_version"), ("slice_key", "slice_value")
_STATISTICS = (
    *("percent_null_delta", "js_distance", "wasserstein_distance", "population_stability_index"),
    *("tv_distance", "l_infinity_distance"),
)
# Without a slice, a row is of what batches scored.
_SLICE_OF_ROLE = {
    "slice_key": f"IF(role = '{Role.SERVED}', 'role', NULL)",
    "slice_value": f"IF(role = '{Role.SERVED}', role, NULL)",
}


def make_views(tables: Tables, day_starts_at: timedelta) -> None:
    """Make both views, in the place of those that are there; each over the tables that monitoring has written so far.

    Args:
        tables: Where monitoring's tables are.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.

    Raises:
        TableError: The catalog refused.
    """
    queries = {PROFILE_METRICS: profile_metrics(tables, day_starts_at), DRIFT_METRICS: drift_metrics(tables)}
    for view, query in queries.items():
        if query:
            tables.create_view(view, query)


def profile_metrics(tables: Tables, day_starts_at: timedelta) -> str:
    """Write the query of `profile_metrics`: a row a column and window, and one a window; empty without any table.

    Rows of a day are there once, however many windows hold it, and answers to single requests as the slice of their
    role.
    """
    of_column = {
        "log_type": f"'{_INPUT}'",
        **_SLICE_OF_ROLE,
        "data_type": "IF(size(counts) > 0, 'double', 'string')",
        "percent_null": "100 * num_nulls / nullif(`count` + num_nulls, 0)",
        "percent_distinct": "100 * distinct_count / nullif(`count`, 0)",
        "median": "try_element_at(quantiles, '0.5')",
        "frequent_items": _FREQUENT_ITEMS,
    }
    names = ("column_name", "count", "num_nulls", "distinct_count", "avg", "stddev", "min", "max", *_MODEL)
    of_column |= {name: f"`{name}`" for name in names}
    of_window = {
        "log_type": f"'{_INPUT}'",
        "column_name": f"'{_WHOLE_TABLE}'",
        "count": "mature",
        "root_mean_squared_error": "try_element_at(metrics, 'rmse')",
        **{name: name for name in _MODEL},
    }
    newest = _newest(f"SELECT * FROM {tables.name(PERFORMANCE)} WHERE model = '{LIVE}' AND mature > 0")
    slices = _newest(f"SELECT * FROM {tables.name(PERFORMANCE_SLICES)} WHERE mature > 0", *_SLICE)
    of_slice = {**of_window, **{name: name for name in _SLICE}}
    return _union(
        tables,
        _PROFILE_TYPES,
        [
            (PROFILES, _profiled_once(tables, day_starts_at), of_column),
            (PERFORMANCE, newest, of_window),
            (PERFORMANCE_SLICES, slices, of_slice),
        ],
    )


def drift_metrics(tables: Tables) -> str:
    """Write the query of `drift_metrics`: a row a column, window and what it is compared with; empty without any table.

    Answers to single requests are the slice of their role.
    """
    statistics = {name: f"try_element_at(statistics, '{name}')" for name in _STATISTICS}
    for test in ("ks_test", "chi_squared_test"):
        statistic, pvalue = (f"try_element_at(statistics, '{name}')" for name in (test, f"{test}_pvalue"))
        statistics[test] = f"IF({statistic} IS NULL, NULL, named_struct('statistic', {statistic}, 'pvalue', {pvalue}))"
    same = {name: name for name in ("column_name", *_MODEL)}
    baseline = {"drift_type": f"'{_BASELINE}'", **_SLICE_OF_ROLE, **statistics, **same}
    consecutive = {
        "drift_type": f"'{_CONSECUTIVE}'",
        "window_cmp": "named_struct('start', window_cmp_start, 'end', window_cmp_end)",
        **{name: name for name in ("count_delta", "avg_delta")},
        **statistics,
        **same,
    }
    by_slice = {"drift_type": f"'{_BASELINE}'", **same}
    by_slice |= {name: name for name in (*_SLICE, "population_stability_index")}
    outcomes = {**by_slice, **statistics}
    newest = _newest(f"SELECT * FROM {tables.name(PERFORMANCE_SLICES)}", *_SLICE)
    moved = (
        f"SELECT *, '{column}' AS column_name, {drift} AS statistics FROM ({newest}) WHERE size({drift}) > 0"
        for column, drift in ((SCORE_PROFILE, "score_drift"), (LABEL_PROFILE, "label_drift"))
    )
    parts = [(DRIFT, baseline), (DRIFT_CONSECUTIVE, consecutive), (DRIFT_SLICES, by_slice)]
    return _union(
        tables,
        _DRIFT_TYPES,
        [
            *((table, f"SELECT * FROM {tables.name(table)}", of) for table, of in parts),
            *((PERFORMANCE_SLICES, rows, outcomes) for rows in moved),
        ],
    )


def _profiled_once(tables: Tables, day_starts_at: timedelta) -> str:
    """Choose of several profiles of a day, or of a day and a window of that day, the one of most rows."""
    start = f"unix_date(day) * {_DAY} + {offset_seconds(day_starts_at)}"
    spans = (
        f"SELECT * EXCEPT (window_start, window_end, role), coalesce(role, '{Role.CHAMPION}') AS role, "
        f"coalesce(timestamp_seconds({start}), window_start) AS window_start, "
        f"coalesce(timestamp_seconds({start} + {_DAY}), window_end) AS window_end FROM {tables.name(PROFILES)}"
    )
    of = "model_name, model_version, role, window_start, window_end, column_name"
    place = f"row_number() OVER (PARTITION BY {of} ORDER BY `count` + num_nulls DESC) AS place"
    return f"SELECT * FROM (SELECT *, {place} FROM ({spans})) WHERE place = 1"


def _newest(rows: str, *of: str) -> str:
    """Choose of each window, and of what else is named, what was said last."""
    partition = ", ".join(("model_name", "window_start", "window_end", *of))
    place = f"row_number() OVER (PARTITION BY {partition} ORDER BY as_of DESC) AS place"
    return f"SELECT * FROM (SELECT *, {place} FROM ({rows})) WHERE place = 1"


def _union(tables: Tables, types: Mapping[str, str], parts: list[tuple[str, str, Mapping[str, str]]]) -> str:
    """Put the rows of those tables that are there under each other, with the columns of a view."""
    return " UNION ALL ".join(
        _part(types, rows, expressions) for table, rows, expressions in parts if _is_there(tables, table)
    )


def _part(types: Mapping[str, str], rows: str, expressions: Mapping[str, str]) -> str:
    every = {"window": _WINDOW_OF_ROW, "granularity": _granularity(), **expressions}
    columns = (f"CAST({every.get(name, 'NULL')} AS {kind}) AS `{name}`" for name, kind in types.items())
    return f"SELECT {', '.join(columns)} FROM ({rows})"


def _granularity() -> str:
    """Name a window's length as data profiling does: by the calendar where it has such a length."""
    by_calendar = [
        f"WHEN window_start + INTERVAL 1 {unit} = window_end THEN '1 {unit.lower()}'" for unit in ("YEAR", "MONTH")
    ]
    by_length = [
        f"WHEN {_SECONDS} % {seconds} = 0 THEN concat({_SECONDS} div {seconds}, IF({_SECONDS} = {seconds}, ' {unit}', "
        f"' {unit}s'))"
        for unit, seconds in _UNITS.items()
    ]
    return f"CASE {' '.join(by_calendar + by_length)} END"


def _is_there(tables: Tables, table: str) -> bool:
    """Tell whether a table is there, and make it known to the session."""
    return tables.exists(table) and tables.read(table) is not None
