"""The `predictions` table: what each model said of each row, with the features that it saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import BinaryType, IntegralType, TimestampType
from pyspark.sql.window import Window as Over

from levelfive.core.conditions import in_window
from levelfive.core.windows import Window
from levelfive.models.package import Model, frame_of_scores
from levelfive.statistics.tasks.task import Task
from levelfive.storage.category_columns import as_texts
from levelfive.storage.runs import Run
from levelfive.usecase.columns import PREDICTION_TIME, own
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

PREDICTIONS = "predictions"
SLICES = "slices"
FEATURES = "features"
# By which values features were looked up, as texts; and of answers to single requests, how far each table reached.
LOOKUP_KEYS, REACHES_TO = "lookup_keys", "reaches_to"
_PLACE = own("place")


class Role(StrEnum):
    """In what capacity a model scored a row."""

    CHAMPION = "champion"
    BACKFILL = "backfill"
    SERVED = "served"


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


def served_predictions(run: Run, window: Window, *, model_name: str, version: str | None = None) -> DataFrame:
    """Read the answers to single requests, a row each, of a window of prediction times.

    Args:
        run: Notes the version of the table that is read.
        window: Prediction times.
        model_name: The registered model.
        version: Only what this version answered; by default, what all did.

    Raises:
        TableError: There are no predictions yet.
    """
    by = scored_by(model_name, role=Role.SERVED, version=version)
    return run.read(PREDICTIONS).where(in_window(PREDICTION_TIME, window) & by)


def typed_text(text: Column, kind: DataType) -> Column:
    """Read a value as the request log writes it, or a category as models mean it; null where it is of another type."""
    if isinstance(kind, IntegralType):
        number = text.try_cast("double")  # 7.0 is a whole number, and 7.5 is none
        return F.coalesce(text.try_cast(kind), F.when(number == F.floor(number), number.try_cast(kind)))
    return F.unhex(text) if isinstance(kind, BinaryType) else text.try_cast(kind)


def key_texts(names: Sequence[str], rows: DataFrame) -> Column:
    """Make the map from the columns that features are looked up by to their values, as `typed_text` reads them."""
    keys = F.array(*map(F.lit, names))
    texts = F.array(*(_key_text(F.col(name), rows.schema[name].dataType) for name in names))
    return F.map_from_arrays(keys.cast("array<string>"), texts.cast("array<string>"))


def _key_text(value: Column, kind: DataType) -> Column:
    if isinstance(kind, TimestampType):
        return F.date_format(value, "yyyy-MM-dd HH:mm:ss.SSSSSSXXX")  # whatever the session's time zone
    return F.hex(value) if isinstance(kind, BinaryType) else value.cast("string")


def are_sound(scores: Sequence[Column], task: Task) -> Column:
    """Tell whether the scores of a row, one a score column, are finite numbers within the task's range."""
    low, high = task.score_range
    sound = (of.isNotNull() & ~F.isnan(of) & (F.abs(of) < float("inf")) & of.between(low, high) for of in scores)
    return reduce(and_, sound)


def scores_of(model: Model, reference: Model | None, rows: DataFrame) -> Column:
    """Score rows with a model, and with a reference beside it.

    Args:
        model: What the scores are from.
        reference: What the reference scores are from; None, or a model of another task, or one that needs more than the
            model's features: null.
        rows: They have the features of the model.

    Returns:
        A struct of the task's score columns and its reference columns.
    """
    task, beside = model.card.task, reference if reference is not None and _is_comparable(reference, model) else None
    names = (*task.score_columns, *task.reference_columns)

    @pandas_udf(", ".join(f"{name} double" for name in names))  # type: ignore[call-overload,untyped-decorator]  # the stub knows no iterator of frames
    def score(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            yield frame_of_scores(model, beside, frame)

    texts = as_texts(model.card.categorical, rows.schema)
    column: Column = score(F.struct(*(texts.get(name, F.col(name)).alias(name) for name in model.card.features)))
    return column


def slice_map(names: Sequence[str]) -> Column:
    """Make the map from the slice columns' names to their values, as text; of no columns, an empty one."""
    # Of arrays, whose types are said: of no columns, `create_map` would make a map from nothing to nothing.
    keys, values = F.array(*map(F.lit, names)), F.array(*(F.col(name).cast("string") for name in names))
    return F.map_from_arrays(keys.cast("array<string>"), values.cast("array<string>"))


def _is_comparable(reference: Model, model: Model) -> bool:
    same_task = reference.card.task.definition == model.card.task.definition
    return same_task and set(reference.card.features) <= set(model.card.features)
