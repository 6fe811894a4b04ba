"""The rows of a window with their scores; computing them fails where one is not to be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.windows import Window
from levelfive.data.known import read_as_known
from levelfive.errors import DataError, LevelfiveError
from levelfive.models.package import Model
from levelfive.statistics.tasks.task import Task
from levelfive.storage.keys import Keyed
from levelfive.storage.predictions import FEATURES, LOOKUP_KEYS, SLICES, are_sound, key_texts, scores_of, slice_map
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.calls import spine_of
from levelfive.usecase.columns import KNOWN_AT, PREDICTION_TIME, own
from levelfive.usecase.features import Lookup

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_SCORES = own("scores")


@dataclass(frozen=True)
class ScoredRows:
    """Rows of `predictions`, without what is the same for the whole batch.

    Args:
        rows: Key, prediction time, scores, slices, features and by what these were looked up.
        faults: Each looks for one reason why computing the rows failed.
    """

    rows: DataFrame
    faults: tuple[Callable[[], LevelfiveError | None], ...]


def scored_rows(
    context: JobContext, run: Run, window: Window, *, model: Model, reference: Model | None, as_of: datetime
) -> ScoredRows:
    """Look the features of a window's rows up, and score them.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        window: Prediction times.
        model: Whose score it is.
        reference: What is scored with beside it, or None.
        as_of: The logical now: what became known later is not read.

    Raises:
        ConfigError: The use case's `spine` failed, or its rows lack a column.
        TableError: A table is missing.
    """
    use_case = context.use_case
    raw = read_as_known(run, use_case, use_case.spine_sources, as_of)
    card = model.card
    looked_up = {name for lookup in card.lookups for name in lookup.features}
    own_features = [name for name in card.features if name not in looked_up]
    spine = spine_of(use_case, raw, window, features=own_features, lookups=card.lookups)
    remedy = "Nothing was scored: let `spine` return each row once."
    key_check = Keyed("`spine`", use_case.key, spine, remedy)
    rows = replace(key_check, rows=context.features.assemble(spine, card.lookups, run.read, window)).once()
    rows_with_scores = rows.withColumn(_SCORES, scores_of(model, reference, rows))
    scores = {name: F.col(f"{_SCORES}.{name}") for name in card.task.score_columns}
    sound = are_sound(tuple(scores.values()), card.task)
    failing = F.raise_error(F.lit("a score that is not sound")).cast("double")
    predictions = rows_with_scores.select(
        *use_case.key,
        PREDICTION_TIME,
        *(F.when(sound, score).otherwise(failing).alias(name) for name, score in scores.items()),
        *(F.col(f"{_SCORES}.{name}") for name in card.task.reference_columns),
        slice_map(use_case.slices).alias(SLICES),
        F.struct(*card.features).alias(FEATURES),
        key_texts(_looked_up_by(card.lookups), rows).alias(LOOKUP_KEYS),
    )
    looked_in = (partial(_fault_of_table, run, lookup) for lookup in card.lookups)
    unsound = partial(_unsound, rows_with_scores.select(*scores.values()), card.task, window)
    return ScoredRows(predictions, (key_check.fault, *looked_in, unsound))


def _looked_up_by(lookups: Sequence[Lookup]) -> list[str]:
    return list(dict.fromkeys(name for lookup in lookups for name in lookup.keys.values()))


def _fault_of_table(run: Run, lookup: Lookup) -> DataError | None:
    rows = run.read(lookup.table)
    keys = (*lookup.keys, *(name for name in (KNOWN_AT,) if name in rows.columns))
    remedy = "Nothing was scored: compute the table anew, with `compute` returning each key once."
    return Keyed(f"feature table {lookup.table!r}", keys, rows, remedy).fault()


def _unsound(scores: DataFrame, task: Task, window: Window) -> DataError | None:
    columns = [F.col(name) for name in task.score_columns]
    counts = scores.agg(F.count(F.lit(1)), F.count_if(~are_sound(columns, task))).collect()[0]
    rows, wrong = counts[0], counts[1]
    if not wrong:
        return None
    return DataError(
        f"{wrong:,} of {rows:,} rows of {window} have a score that is not {task.wanted_scores}: nothing was written. "
        "Look at the features of these rows and at what the model does with them, or score with another version"
    )
