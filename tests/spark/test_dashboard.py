"""What the dashboard's queries answer of a few rows: the newest of each window, by which measure, in which order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from multiclass import COLOURS
from pyspark.sql import SparkSession

from levelfive import BINARY, REGRESSION, Task
from levelfive.monitoring.drift_statistics import PSI

DASHBOARD = Path(__file__).parents[2] / "resources" / "monitoring.lvdash.json"
QUERIES = {one["name"]: "".join(one["queryLines"]) for one in json.loads(DASHBOARD.read_text())["datasets"]}


def measured(task: Task, value: float) -> str:
    """Write a map of a task's metrics: the loss, the skill one more, the offset two more, and others."""
    roles = {task.loss_metric: value, task.skill: value + 1, task.offset: value + 2}
    pairs = (f"'{metric.name}', {roles.get(metric.name, 99.0)}D" for metric in task.metrics)
    return f"map({', '.join(pairs)})"


def named(task: Task) -> str:
    return ", ".join("NULL" if name is None else f"'{name}'" for name in (task.loss_metric, task.skill, task.offset))


def moved(value: float) -> str:
    return f"map('{PSI}', {value}D)"


VIEWS = {
    "promotions": """SELECT * FROM VALUES (1L, 'promoted', '2', NULL, 1, 'ann', 'first'),
        (2L, 'rolled back', '1', '2', 2, 'bob', 'harm')
        AS t(seq, kind, version, previous_version, promoted_at, promoted_by, reason)""",
    "performance": f"""SELECT * FROM VALUES
        ('m', 1, 2, 'live', '1', 10, true, 5L, 4L, 0.1D, 0.2D, {named(BINARY)}, {measured(BINARY, 1)},
         {measured(BINARY, 11)}, {measured(BINARY, 21)}),
        ('m', 1, 2, 'live', '1', 11, false, 5L, 5L, 0.3D, 0.4D, {named(BINARY)}, {measured(BINARY, 2)},
         {measured(BINARY, 12)}, {measured(BINARY, 22)}),
        ('m', 1, 2, 'reference', '0', 11, false, 5L, 5L, 0.3D, 0.4D, {named(REGRESSION)}, {measured(REGRESSION, 3)},
         {measured(REGRESSION, 13)}, {measured(REGRESSION, 23)}),
        ('m', 2, 3, 'live', '1', 10, false, 6L, 6L, 0.5D, 0.6D, {named(COLOURS)}, {measured(COLOURS, 4)},
         {measured(COLOURS, 14)}, {measured(COLOURS, 24)})
        AS t(model_name, window_start, window_end, model, model_version, as_of, provisional, scored, mature,
         label_mean, score_mean, loss_metric, skill_metric, offset_metric, metrics, low, high)""",
    "verdicts": """SELECT * FROM VALUES
        ('m', '1', 1, 2, 10, 7L, 70L, 0.1D, array('a', 'b'), array('c', 'd'), array('e', 'f'), array('g', 'h'),
         array('q')),
        ('m', '1', 1, 2, 11, 7L, 71L, 0.2D, array('i', 'j'), array('k', 'l'), array('m', 'n'), array('o', 'p'),
         array('r', 's')),
        ('m', '1', 2, 3, 10, 7L, 72L, 0.3D, array(), array(), array(), array(), NULL)
        AS t(model_name, model_version, window_start, window_end, as_of, days, rows, drifted_share, harmful, broken,
         outside, unusual, serving)""",
    "drift": f"""SELECT * FROM VALUES ('x', 2, '1', {moved(0.1)}, {moved(0.3)}, false, 'champion'),
        ('x', 2, '1', {moved(0.7)}, {moved(0.3)}, true, 'served'),
        ('x', 2, '2', {moved(0.2)}, {moved(0.2)}, true, 'champion'),
        ('y', 2, '1', map('js_distance', 0.9D), map('other', 1D), false, NULL)
        AS t(column_name, window_end, model_version, statistics, usual, unusual, role)""",
    "quality": "SELECT * FROM VALUES (2, 'orders', 6L, 1L, 2L, 3L) "
    "AS t(window_end, source, rows_in, accepted, quarantined, duplicates)",
    "decisions": """SELECT * FROM VALUES (1, 'keep', '1', array('a', 'b'), array('c', 'd')),
        (2, 'retrain', '2', array('e'), array()) AS t(as_of, action, live_version, reasons, counterfactuals)""",
    "retrainings": """SELECT * FROM VALUES (1, 'worse', false, NULL, 10L, array('a', 'b')),
        (2, 'better', true, '3', 20L, array('c')) AS t(as_of, verdict, passed, version, labels, reasons)""",
    "runs": """SELECT * FROM VALUES (1, 'data', 10, 'failed', 'a'), (2, 'data', 11, 'succeeded', NULL),
        (3, 'scoring', 12, 'failed', 'b') AS t(started_at, stage, as_of, status, error)""",
}
ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "champion": [("1", 2, "bob")],
    "performance": [
        (2, "live", "1", False, 5, 5, 0.3, 0.4, 2.0, 12.0, 22.0, 3.0, 4.0, 14.0, 24.0),
        (2, "reference", "0", False, 5, 5, 0.3, 0.4, 3.0, 13.0, 23.0, 4.0, 5.0, 15.0, 25.0),
        (3, "live", "1", False, 6, 6, 0.5, 0.6, 4.0, 14.0, 24.0, 5.0, None, None, None),
    ],
    "verdicts": [
        (3, "1", 7, 72, 0.3, "", "", "", "", ""),
        (2, "1", 7, 71, 0.2, "i; j", "k; l", "r; s", "m, n", "o, p"),
    ],
    "drift": [(2, "x", True, 0.2, 0.3), (2, "y", False, None, None)],
    "drift_statistics": [
        (2, "1", "x", PSI, 0.1, 0.3),
        (2, "1", "y", "js_distance", 0.9, None),
        (2, "2", "x", PSI, 0.2, 0.2),
    ],
    "quality": [
        (2, "orders", "accepted", 1),
        (2, "orders", "duplicates", 3),
        (2, "orders", "quarantined", 2),
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
    assert (found if QUERIES[name].rstrip().endswith(("DESC", "LIMIT 1")) else sorted(found)) == ANSWERS[name]
