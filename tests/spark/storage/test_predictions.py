"""What is written of each prediction and beside it has one type, whatever the use case declares."""

import math
from collections.abc import Iterator
from dataclasses import replace

import multiclass
import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, a_model
from multiclass import COLOURS
from pyspark import cloudpickle
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sklearn.linear_model import LogisticRegression

from levelfive import BINARY, REGRESSION, Task
from levelfive.models.package import Model
from levelfive.storage.predictions import are_sound, scores_of, slice_map


@pytest.mark.parametrize(
    ("names", "expected"), [((), {}), (("place", "known"), {"place": "EWR", "known": "true"}), (("no",), {"no": None})]
)
def test_slices_are_a_map_of_texts(spark: SparkSession, names: tuple[str, ...], expected: dict[str, str]) -> None:
    rows = spark.sql("SELECT 'EWR' AS place, true AS known, CAST(NULL AS int) AS no")

    found = rows.select(slice_map(names).alias("slices"))

    assert found.schema["slices"].dataType.simpleString() == "map<string,string>"
    assert found.first()["slices"] == expected


@pytest.fixture(autouse=True)
def workers_know_the_task() -> Iterator[None]:
    """A team's package is installed where workers run; a module of the tests travels with what it is used in."""
    cloudpickle.register_pickle_by_value(multiclass)
    yield
    cloudpickle.unregister_pickle_by_value(multiclass)


def test_a_task_with_several_score_columns_has_each_scored_beside_its_reference(spark: SparkSession) -> None:
    """Python workers have to start."""
    features = pd.DataFrame({"distance": np.arange(30.0)})
    estimator = LogisticRegression().fit(features, features["distance"] // 10)
    card = replace(a_model(AS_OF).card, task=COLOURS)
    model, of_another_task = Model(estimator, card), Model(estimator, replace(card, task=BINARY))
    rows = spark.createDataFrame(features)

    for reference in (model, None, of_another_task):
        found = rows.select(scores_of(model, reference, rows).alias("scores")).select("scores.*").toPandas()

        assert list(found.columns) == [*COLOURS.score_columns, *COLOURS.reference_columns]
        assert found[[*COLOURS.score_columns]].to_numpy() == pytest.approx(model.score(features))
        beside = found[[*COLOURS.reference_columns]]
        if reference is model:
            assert beside.to_numpy() == pytest.approx(model.score(features))
        else:
            assert beside.isna().all(axis=None)


@pytest.mark.parametrize(
    ("task", "scores", "expected"),
    [
        (BINARY, [(0.0,), (1.5,)], [True, False]),
        (REGRESSION, [(-1e30,), (math.inf,), (math.nan,), (None,)], [True, False, False, False]),
        (COLOURS, [(0.2, 0.2, 0.6), (0.2, 0.2, 1.6), (0.2, None, 0.6)], [True, False, False]),
    ],
    ids=lambda of: getattr(of, "name", ""),
)
def test_scores_are_sound_where_all_are_numbers_in_the_task_s_range(
    spark: SparkSession, task: Task, scores: list[tuple[float | None, ...]], expected: list[bool]
) -> None:
    rows = spark.createDataFrame(scores, ", ".join(f"{name} double" for name in task.score_columns))

    found = rows.select(are_sound([F.col(name) for name in task.score_columns], task)).collect()

    assert [row[0] for row in found] == expected
