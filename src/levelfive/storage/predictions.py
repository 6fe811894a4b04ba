"""The `predictions` table: what each model said of each row, with the features that it saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.window import Window as Over

from levelfive.core.conditions import in_window
from levelfive.core.windows import Window
from levelfive.models.package import Model
from levelfive.storage.category_columns import as_texts
from levelfive.storage.runs import Run
from levelfive.usecase.columns import PREDICTION_TIME, own
from levelfive.usecase.model import Task
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

PREDICTIONS = "predictions"
SCORE = "score"
REFERENCE_SCORE = "reference_score"
SLICES = "slices"
FEATURES = "features"
_PLACE = own("place")


class Role(StrEnum):
    """In what capacity a model scored a row."""

    CHAMPION = "champion"
    BACKFILL = "backfill"


def scored_by(model_name: str, *, role: Role = Role.CHAMPION, version: str | None = None) -> Column:
    """Select what a model said in a role: live predictions are those of champions.

    Args:
        model_name: The registered model.
        role: In what capacity it scored.
        version: Only what this version said; by default, what all did.
    """
    of_model = (F.col("role") == str(role)) & (F.col("model_name") == model_name)
    return of_model if version is None else of_model & (F.col("model_version") == version)


def live_predictions(
    run: Run, use_case: UseCase, window: Window, *, model_name: str, columns: Sequence[Column]
) -> DataFrame:
    """Read columns of the live predictions of a window, one row each: of several champions' the one made first.

    Args:
        run: Notes the version of the table that is read.
        use_case: Its key identifies a row.
        window: Prediction times.
        model_name: The registered model.
        columns: What to take, the key among it; nothing wider than these is sorted.

    Raises:
        TableError: Nothing was scored yet.
    """
    live = run.read(PREDICTIONS).where(in_window(PREDICTION_TIME, window) & scored_by(model_name))
    order = ("scored_as_of", "model_version")
    first = Over.partitionBy(*use_case.key).orderBy(*map(own, order))
    rows = live.select(*columns, *(F.col(name).alias(own(name)) for name in order))
    rows = rows.withColumn(_PLACE, F.row_number().over(first)).where(F.col(_PLACE) == 1)
    return rows.drop(_PLACE, *map(own, order))


def is_sound(score: Column, task: Task) -> Column:
    """Tell whether a score is a finite number, and between 0 and 1 where the task is binary."""
    finite = score.isNotNull() & ~F.isnan(score) & (F.abs(score) < float("inf"))
    return finite & score.between(0.0, 1.0) if task is Task.BINARY else finite


def scores_of(model: Model, reference: Model | None, rows: DataFrame) -> Column:
    """Score rows with a model, and with a reference beside it.

    Args:
        model: What the score is from.
        reference: What the reference score is from; None, or a model that needs more than the model's features: null.
        rows: They have the features of the model.

    Returns:
        A struct of `score` and `reference_score`.
    """
    beside = reference if reference is not None and set(reference.card.features) <= set(model.card.features) else None

    @pandas_udf(f"{SCORE} double, {REFERENCE_SCORE} double")  # type: ignore[call-overload,untyped-decorator]  # the stub knows no iterator of frames
    def score(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            theirs = None if beside is None else beside.score(frame)
            yield pd.DataFrame({SCORE: model.score(frame), REFERENCE_SCORE: theirs}).astype("float64")

    texts = as_texts(model.card.categorical, rows.schema)
    column: Column = score(F.struct(*(texts.get(name, F.col(name)).alias(name) for name in model.card.features)))
    return column


def slices_of(names: Sequence[str]) -> Column:
    """Make the map from the slice columns' names to their values, as text; of no columns, an empty one."""
    # Of arrays, whose types are said: of no columns, `create_map` would make a map from nothing to nothing.
    keys, values = F.array(*map(F.lit, names)), F.array(*(F.col(name).cast("string") for name in names))
    return F.map_from_arrays(keys.cast("array<string>"), values.cast("array<string>"))
