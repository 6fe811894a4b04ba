"""The view that a workspace's monitor looks at: each prediction once, beside the label that is known by now."""

from dataclasses import replace
from datetime import datetime

import pytest
from shop import USE_CASE as SHOP

from levelfive import BINARY, REGRESSION, Multiclass, Task
from levelfive.core.windows import utc
from levelfive.storage.inference_log import INFERENCE_LOG, inference_log
from levelfive.storage.tables import Tables

FRUITS = Multiclass("fruits", ("apple", "pear", "plum"))
KEY = ("order-`no`", "branch")
AT, LATER = utc(2024, 2, 1), utc(2024, 2, 3)
# By row: the scores of each task, and what they predict.
SCORES: dict[Task, list[tuple[tuple[float, ...], float]]] = {
    BINARY: [((0.5,), 1.0), ((0.49,), 0.0), ((1.0,), 1.0)],
    REGRESSION: [((0.5,), 0.5), ((-3.0,), -3.0), ((1e300,), 1e300)],
    FRUITS: [((0.2, 0.5, 0.3), 1.0), ((0.4, 0.4, 0.2), 0.0), ((0.1, 0.2, 0.7), 2.0)],
}


def a_label(key: tuple[int, str | None], known_at: datetime, outcome: str, label: float | None) -> tuple[object, ...]:
    return (*key, known_at, outcome, label)


@pytest.mark.parametrize("task", SCORES, ids=lambda task: task.name)
def test_each_prediction_stands_beside_its_newest_label(tables: Tables, task: Task) -> None:
    use_case = replace(SHOP, key=KEY, model=replace(SHOP.model, task=task))
    keys: list[tuple[int, str | None]] = [(1, "a"), (2, None), (3, "c")]
    rows = [
        (*key, AT, "shop", "4", "champion", LATER, *scores) for key, (scores, _) in zip(keys, SCORES[task], strict=True)
    ]
    types = ", ".join(f"{name} double" for name in task.score_columns)
    tables.append(
        "predictions",
        tables.spark.createDataFrame(
            rows,
            "`order-``no``` long, branch string, prediction_time timestamp, model_name string, model_version string, "
            f"role string, scored_as_of timestamp, {types}",
        ),
    )
    labels = [
        a_label(keys[0], AT, "labelled", 0.0),
        a_label(keys[0], LATER, "labelled", 1.0),
        a_label(keys[1], AT, "labelled", 2.0),
        a_label(keys[1], LATER, "cancelled", None),
        a_label((3, "another branch"), AT, "labelled", 9.0),
    ]
    tables.append(
        "labels",
        tables.spark.createDataFrame(
            labels, "`order-``no``` long, branch string, known_at timestamp, outcome string, label double"
        ),
    )

    for _ in range(2):  # made anew each time
        tables.create_view(INFERENCE_LOG, inference_log(tables, use_case))

    log = tables.spark.table(tables.name(INFERENCE_LOG)).orderBy("`order-``no```").collect()
    assert [row["prediction"] for row in log] == [prediction for _, prediction in SCORES[task]]
    assert [row["label"] for row in log] == [1.0, None, None]
    assert {(row["model_version"], row["role"]) for row in log} == {("4", "champion")}
