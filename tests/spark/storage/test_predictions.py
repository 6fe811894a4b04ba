"""What is written of each prediction and beside it has one type, whatever the use case declares."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, a_model
from multiclass import COLOURS
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from levelfive.models.package import Model
from levelfive.storage.predictions import are_sound, scores_of, slices_of


@pytest.mark.parametrize(
    ("names", "expected"), [((), {}), (("place", "known"), {"place": "EWR", "known": "true"}), (("no",), {"no": None})]
)
def test_slices_are_a_map_of_texts(spark: SparkSession, names: tuple[str, ...], expected: dict[str, str]) -> None:
    rows = spark.sql("SELECT 'EWR' AS place, true AS known, CAST(NULL AS int) AS no")

    found = rows.select(slices_of(names).alias("slices"))

    assert found.schema["slices"].dataType.simpleString() == "map<string,string>"
    assert found.first()["slices"] == expected


class Chances:
    """Is surer of red, the farther a flight goes."""

    def fit(self, X: pd.DataFrame, y: object) -> None:
        """Learn nothing."""

    def predict(self, X: pd.DataFrame) -> object:
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: pd.DataFrame) -> object:
        red = X["distance"].to_numpy() / 100
        return np.column_stack((red, (1 - red) / 4, 3 * (1 - red) / 4))


def test_a_task_with_several_score_columns_has_each_scored_beside_its_reference(spark: SparkSession) -> None:
    """Python workers have to start."""
    card = a_model(AS_OF).card
    model = Model(Chances(), replace(card, task=COLOURS))
    rows = spark.createDataFrame([(20.0,), (60.0,), (120.0,)], "distance double")

    for reference, expected in ((model, [0.2, 0.2, 0.6]), (None, [None] * 3), (Model(Chances(), card), [None] * 3)):
        scored = rows.select(scores_of(model, reference, rows).alias("scores")).select("scores.*")
        found = scored.withColumn(
            "sound", are_sound([F.col(name) for name in COLOURS.score_columns], COLOURS)
        ).collect()

        assert scored.columns == [*COLOURS.score_columns, *COLOURS.reference_columns]
        assert [list(row)[:3] for row in found] == [
            pytest.approx(one) for one in ([0.2, 0.2, 0.6], [0.6, 0.1, 0.3], [1.2, -0.05, -0.15])
        ]
        assert list(found[0])[3:6] == (expected if expected[0] is None else pytest.approx(expected))
        assert [row["sound"] for row in found] == [True, True, False]
