"""What the dashboard's queries answer of a few rows: the newest of each window, by which measure, in which order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from multiclass import COLOURS
from pyspark.sql import SparkSession

from levelfive import BINARY, REGRESSION, Task
from levelfive.core.windows import Window, utc
from levelfive.monitoring.alert_states import granularity
from levelfive.monitoring.drift_statistics import PSI

DASHBOARD = Path(__file__).parents[2] / "resources" / "monitoring.lvdash.json"
QUERIES = {one["name"]: "".join(one["queryLines"]) for one in json.loads(DASHBOARD.read_text())["datasets"]}


def values(task: Task, value: float) -> dict[str, float]:
    """A value of each metric of a task: the loss, the skill one more, the offset two more, and others."""
    roles = {task.loss_metric: value, task.skill: value + 1, task.offset: value + 2}
    return {metric.name: roles.get(metric.name, 99.0) for metric in task.metrics}


def measured(task: Task, value: float) -> str:
    pairs = (f"'{name}', {of}D" for name, of in values(task, value).items())
    return f"map({', '.join(pairs)})"


def by_name(task: Task, value: float) -> list[tuple[Any, ...]]:
    """The metrics of a task by name, with the ends of their intervals ten and twenty more."""
    metrics, low, high = (values(task, value + more) for more in (0, 10, 20))
    return [(name, metrics[name], low[name], high[name]) for name in sorted(metrics)]


def of_slice(value: float) -> tuple[float, ...]:
    """Loss and skill of a slice with their ends, and the offset."""
    return (value, value + 10, value + 20, value + 1, value + 11, value + 21, value + 2)


def named(task: Task) -> str:
    return ", ".join("NULL" if name is None else f"'{name}'" for name in (task.loss_metric, task.skill, task.offset))


def moved(value: float) -> str:
    return f"map('{PSI}', {value}D)"


def day(number: int) -> datetime:
    """A day of 2024 as Spark collects it: without a zone, in that of this process."""
    return datetime.fromtimestamp((utc(2024, 1, 1) + timedelta(days=number - 1)).timestamp())


def at(number: int) -> str:
    return f"timestamp'{day(number)}'"


MONTH, WEEK, NEXT = (f"{at(start)}, {at(end)}" for start, end in ((1, 32), (25, 32), (32, 39)))
VIEWS = {
    "promotions": """SELECT * FROM VALUES (1L, 'promoted', '2', NULL, 1, 'ann', 'first'),
        (2L, 'rolled back', '1', '2', 2, 'bob', 'harm')
        AS t(seq, kind, version, previous_version, promoted_at, promoted_by, reason)""",
    "alerts": f"""SELECT * FROM VALUES
        ('m', 'skill_is_lost', {MONTH}, 10, 'opened', 'critical', {at(1)}, 'none', array('temp', 'wind'), 'go back'),
        ('m', 'column_is_broken:temp', {MONTH}, 10, 'opened', 'warning', {at(3)}, 'empty', array(), 'ask'),
        ('m', 'column_is_broken:temp', {WEEK}, 10, 'open', 'warning', {at(3)}, 'empty', array(), 'ask'),
        ('m', 'drift_lasts', {WEEK}, 10, 'opened', 'info', {at(2)}, '1 column', array(), 'look'),
        ('m', 'volume_is_low', {WEEK}, 10, 'opened', 'critical', {at(2)}, 'few', array(), 'see'),
        ('m', 'volume_is_low', {WEEK}, 11, 'closed', 'critical', {at(2)}, 'few', array(), 'see'),
        ('m', 'rows_are_missing', {WEEK}, 10, 'pending', 'critical', {at(2)}, 'none', array(), 'see')
        AS t(model_name, alert_id, window_start, window_end, as_of, state, severity, since, message, cause,
         what_to_do)""",
    "performance": f"""SELECT * FROM VALUES
        ('m', {MONTH}, 'live', '1', 10, true, 5L, 4L, 0.1D, 0.2D, {named(BINARY)}, {measured(BINARY, 1)},
         {measured(BINARY, 11)}, {measured(BINARY, 21)}),
        ('m', {MONTH}, 'live', '1', 11, false, 5L, 5L, 0.3D, 0.4D, {named(BINARY)}, {measured(BINARY, 2)},
         {measured(BINARY, 12)}, {measured(BINARY, 22)}),
        ('m', {MONTH}, 'reference', '0', 11, false, 5L, 5L, 0.3D, 0.4D, {named(REGRESSION)}, {measured(REGRESSION, 3)},
         {measured(REGRESSION, 13)}, {measured(REGRESSION, 23)}),
        ('m', {WEEK}, 'live', '1', 10, false, 6L, 6L, 0.5D, 0.6D, {named(COLOURS)}, {measured(COLOURS, 4)},
         {measured(COLOURS, 14)}, {measured(COLOURS, 24)})
        AS t(model_name, window_start, window_end, model, model_version, as_of, provisional, scored, mature,
         label_mean, score_mean, loss_metric, skill_metric, offset_metric, metrics, low, high)""",
    "performance_slices": f"""SELECT * FROM VALUES
        ('m', {MONTH}, 'origin', 'JFK', '1', 10, true, 9L, 4L, 0.1D, 0.2D, {measured(BINARY, 8)}, {measured(BINARY, 8)},
         {measured(BINARY, 8)}, map(), map()),
        ('m', {MONTH}, 'origin', 'JFK', '1', 11, false, 9L, 9L, 0.3D, 0.4D, {measured(BINARY, 2)},
         {measured(BINARY, 12)}, {measured(BINARY, 22)}, {moved(0.5)}, {moved(0.6)}),
        ('m', {MONTH}, 'origin', 'EWR', '1', 11, false, 8L, 8L, 0.3D, 0.4D, {measured(BINARY, 1)},
         {measured(BINARY, 11)}, {measured(BINARY, 21)}, map(), map()),
        ('m', {WEEK}, 'colour', 'red', '1', 10, false, 6L, 0L, NULL, 0.6D, map(), map(), map(), map(), map())
        AS t(model_name, window_start, window_end, slice_key, slice_value, model_version, as_of, provisional, scored,
         mature, label_mean, score_mean, metrics, low, high, label_drift, score_drift)""",
    "freshness": f"""SELECT * FROM VALUES ({WEEK}, 'orders', {at(30)}, 48D, 24D), ({WEEK}, 'airports', NULL, NULL, 24D),
        ({WEEK}, 'events', {at(31)}, 24D, NULL), ({NEXT}, 'orders', {at(38)}, 24D, 24D)
        AS t(window_start, window_end, source, newest_at, hours_behind, limit_hours)""",
    "feature_skew": f"""SELECT * FROM VALUES ({WEEK}, '1', {at(25)}, 'temp', 9L, 9L, 0L, 0L, 0L, 0D, false),
        ({WEEK}, '1', {at(25)}, 'wind', 9L, 6L, 1L, 1L, 1L, 0.5D, false),
        ({WEEK}, '1', {at(26)}, 'rain', 9L, 0L, 9L, 0L, 0L, 2D, true),
        ({WEEK}, '1', {at(26)}, 'wind', 9L, 3L, 6L, 0L, 0L, 0.7D, false)
        AS t(window_start, window_end, model_version, day, feature, rows, matches, mismatches, missing, extra,
         max_difference, computed_anew)""",
    "verdicts": f"""SELECT * FROM VALUES
        ('m', '1', {WEEK}, 10, 7L, 70L, 0.1D, array('a', 'b'), array('c', 'd'), array('e', 'f'), array('g', 'h'),
         array('q'), ''),
        ('m', '1', {WEEK}, 11, 7L, 71L, 0.2D, array('i', 'j'), array('k', 'l'), array('m', 'n'), array('o', 'p'),
         array('r', 's'), 'x moved'),
        ('m', '1', {MONTH}, 10, 31L, 72L, 0.3D, array(), array(), array(), array(), NULL, ''),
        ('m', '1', {NEXT}, 10, 7L, 72L, 0.3D, array(), array(), array(), array(), NULL, '')
        AS t(model_name, model_version, window_start, window_end, as_of, days, rows, drifted_share, harmful, broken,
         outside, unusual, serving, drift)""",
    "drift": f"""SELECT * FROM VALUES
        ('m', 'x', {WEEK}, '1', {moved(0.1)}, {moved(0.3)}, false, 'champion', 0.4D, NULL),
        ('m', 'x', {WEEK}, '1', {moved(0.7)}, {moved(0.3)}, true, 'served', 0.4D, NULL),
        ('m', 'x', {WEEK}, '2', {moved(0.2)}, {moved(0.15)}, true, 'champion', 0.6D, NULL),
        ('m', 'x', {MONTH}, '1', {moved(0.05)}, {moved(0.3)}, false, 'champion', 0.4D, NULL),
        ('m', 'y', {WEEK}, '1', map('js_distance', 0.9D), map('other', 1D), false, NULL, NULL, NULL),
        ('m', 'z', {WEEK}, '1', {moved(0.4)}, {moved(0.5)}, false, NULL, 0.1D, {at(11)}),
        ('m', 'z', {WEEK}, '2', {moved(0.9)}, {moved(0.8)}, true, NULL, 0.1D, NULL)
        AS t(model_name, column_name, window_start, window_end, model_version, statistics, usual, unusual, role,
         importance, alarm_since)""",
    "quality": f"SELECT * FROM VALUES ({WEEK}, 'orders', 6L, 1L, 2L, 3L) "
    "AS t(window_start, window_end, source, rows_in, accepted, quarantined, duplicates)",
    "decisions": """SELECT * FROM VALUES (1, 'keep', '1', array('a', 'b'), array('c', 'd')),
        (2, 'retrain', '2', array('e'), array()) AS t(as_of, action, live_version, reasons, counterfactuals)""",
    "retrainings": """SELECT * FROM VALUES (1, 'worse', false, NULL, 10L, array('a', 'b')),
        (2, 'better', true, '3', 20L, array('c')) AS t(as_of, verdict, passed, version, labels, reasons)""",
    "runs": """SELECT * FROM VALUES (1, 'data', 10, 'failed', 'a'), (2, 'data', 11, 'succeeded', NULL),
        (3, 'scoring', 12, 'failed', 'b') AS t(started_at, stage, as_of, status, error)""",
}
IN_WEEK, IN_MONTH, IN_NEXT = (day(25), day(32)), (day(1), day(32)), (day(32), day(39))
OF_WEEK = "2024-01-25 00:00 to 2024-02-01 00:00"
ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "champion": [("1", 2, "bob")],
    "alerts": [
        ("critical", "skill_is_lost", day(1), "none", "temp, wind", "go back", *IN_MONTH),
        ("warning", "column_is_broken:temp", day(3), "empty", "", "ask", *IN_WEEK),
        ("info", "drift_lasts", day(2), "1 column", "", "look", *IN_WEEK),
    ],
    "performance": [
        (*IN_MONTH, "live", "1", False, 5, 5, 0.3, 0.4, "live by month", 2.0, 12.0, 22.0, 3.0, 4.0, 14.0, 24.0),
        (
            *IN_MONTH,
            "reference",
            "0",
            False,
            5,
            5,
            0.3,
            0.4,
            "reference by month",
            3.0,
            13.0,
            23.0,
            4.0,
            5.0,
            15.0,
            25.0,
        ),
        (*IN_WEEK, "live", "1", False, 6, 6, 0.5, 0.6, "live by week", 4.0, 14.0, 24.0, 5.0, None, None, None),
    ],
    "metrics": [
        *((*IN_WEEK, "live", "1", False, *metric) for metric in by_name(COLOURS, 4)),
        *((*IN_MONTH, "live", "1", False, *metric) for metric in by_name(BINARY, 2)),
        *((*IN_MONTH, "reference", "0", False, *metric) for metric in by_name(REGRESSION, 3)),
    ],
    "slices": [
        (*IN_WEEK, "1", "colour = red", False, 6, 0, None, 0.6, *(None,) * 9),
        (*IN_MONTH, "1", "origin = EWR", False, 8, 8, 0.3, 0.4, *of_slice(1), None, None),
        (*IN_MONTH, "1", "origin = JFK", False, 9, 9, 0.3, 0.4, *of_slice(2), 0.5, 0.6),
    ],
    "freshness": [
        (*IN_NEXT, "orders", day(38), 24.0, 24.0, False),
        (*IN_WEEK, "orders", day(30), 48.0, 24.0, True),
        (*IN_WEEK, "airports", None, None, 24.0, False),
        (*IN_WEEK, "events", day(31), 24.0, None, False),
    ],
    "feature_skew": [
        (*IN_WEEK, "1", day(26), "wind", 9, 6, 0, 0, 0.7, False),
        (*IN_WEEK, "1", day(25), "wind", 9, 1, 1, 1, 0.5, False),
        (*IN_WEEK, "1", day(26), "rain", 9, 9, 0, 0, 2.0, True),
    ],
    "verdicts": [
        (*IN_NEXT, "1", 7, 72, 0.3, "", "", "", "", "", ""),
        (*IN_WEEK, "1", 7, 71, 0.2, "i; j", "k; l", "r; s", "x moved", "m, n", "o, p"),
        (*IN_MONTH, "1", 31, 72, 0.3, "", "", "", "", "", ""),
    ],
    "drift": [
        (*IN_WEEK, OF_WEEK, "z", "1", day(11), 0.1, False, 0.4, 0.5),
        (*IN_WEEK, OF_WEEK, "x", "2", None, 0.6, True, 0.2, 0.15),
        (*IN_WEEK, OF_WEEK, "y", "1", None, None, False, None, None),
        (*IN_MONTH, "2024-01-01 00:00 to 2024-02-01 00:00", "x", "1", None, 0.4, False, 0.05, 0.3),
    ],
    "drift_statistics": [
        (*IN_MONTH, "1", "x", PSI, 0.05, 0.3),
        (*IN_WEEK, "1", "x", PSI, 0.1, 0.3),
        (*IN_WEEK, "1", "y", "js_distance", 0.9, None),
        (*IN_WEEK, "1", "z", PSI, 0.4, 0.5),
        (*IN_WEEK, "2", "x", PSI, 0.2, 0.15),
        (*IN_WEEK, "2", "z", PSI, 0.9, 0.8),
    ],
    "quality": [
        (*IN_WEEK, "orders", "accepted", 1, OF_WEEK),
        (*IN_WEEK, "orders", "duplicates", 3, OF_WEEK),
        (*IN_WEEK, "orders", "quarantined", 2, OF_WEEK),
    ],
    "decisions": [(2, "retrain", "2", "e", ""), (1, "keep", "1", "a; b", "c; d")],
    "gate": [(2, "better", True, "3", 20, "c"), (1, "worse", False, None, 10, "a; b")],
    "promotions": [(2, "rolled back", "1", "2", "bob", "harm"), (1, "promoted", "2", None, "ann", "first")],
    "failures": [(3, "scoring", 12, "b"), (1, "data", 10, "a")],
}


@pytest.fixture(scope="module")
def session(spark: SparkSession) -> Iterator[SparkSession]:
    for name, rows in VIEWS.items():
        spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {rows}")
    yield spark
    for name in VIEWS:
        spark.catalog.dropTempView(name)


def test_every_dataset_has_its_answer_here() -> None:
    assert QUERIES.keys() == ANSWERS.keys()


@pytest.mark.parametrize("name", QUERIES)
def test_a_dataset_answers_what_it_is_named_for(session: SparkSession, name: str) -> None:
    found = [tuple(row) for row in session.sql(QUERIES[name]).collect()]

    # A query that has no order of its own may answer in any.
    has_order = QUERIES[name].splitlines()[-1].startswith(("ORDER BY", "LIMIT 1"))
    assert (found if has_order else sorted(found)) == ANSWERS[name]


@pytest.mark.parametrize("hours", [1, 12, 13, 72, 73, 18 * 24, 18 * 24 + 1, 180 * 24, 180 * 24 + 1])
def test_windows_are_joined_in_a_line_by_the_lengths_by_which_alerts_are_counted(
    session: SparkSession, hours: int
) -> None:
    window = Window(utc(2024, 1, 1), utc(2024, 1, 1) + timedelta(hours=hours))
    series = re.search(r"CASE WHEN .*? END", QUERIES["performance"], re.DOTALL)
    assert series is not None

    times = f"timestamp'2024-01-01' AS window_start, timestamp'2024-01-01' + INTERVAL {hours} HOURS AS window_end"
    (found,) = session.sql(f"SELECT {series[0]} FROM (SELECT {times})").collect()

    assert found[0] == granularity(window)
