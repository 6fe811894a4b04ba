"""What the rows of a use case's functions have to be, looked at in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from levelfive.statistics.categories import category_text
from levelfive.statistics.day_blocks import Floats
from levelfive.statistics.tasks.task import Task
from levelfive.storage.keys import repeated_keys, written
from levelfive.training.labels import faults_of
from levelfive.usecase.columns import KNOWN_AT, LABEL, LABELLED, OUTCOME, PREDICTION_TIME
from levelfive.usecase.use_case import UseCase

SHOWN = 3
# Types that a feature which is no category may have, by how Spark writes them.
NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean")
WHOLE = ("tinyint", "smallint", "int", "bigint")


def faults_of_keys(what: str, keys: Sequence[str], rows: pd.DataFrame) -> Iterator[str]:
    """Find rows without a value in their key, and keys that several rows have."""
    for key in keys:
        if missing := int(rows[key].isna().sum()):
            yield f"{what} returned {missing:,} rows without {key}, a part of the key: leave them out, or fill it."
    twice = repeated_keys(keys, rows).head(SHOWN)
    if len(twice):
        examples = written(keys, (tuple(map(category_text, one)) for one in twice.itertuples(index=False, name=None)))
        yield f"{what} returned several rows of {examples}: return each {', '.join(keys)} once."


def faults_of_spine(use_case: UseCase, rows: pd.DataFrame) -> Iterator[str]:
    """Find what is wrong with the rows to be predicted."""
    yield from faults_of_keys("`spine` of the use case", use_case.key, rows)
    if missing := int(rows[PREDICTION_TIME].isna().sum()):
        yield f"`spine` of the use case returned {missing:,} rows without {PREDICTION_TIME}: no window has them."


def faults_of_labels(use_case: UseCase, rows: pd.DataFrame) -> Iterator[str]:
    """Find what is wrong with the outcomes."""
    what = "`labels` of the use case"
    yield from faults_of_keys(what, use_case.key, rows)
    for name in (PREDICTION_TIME, OUTCOME):
        if missing := int(rows[name].isna().sum()):
            yield f"{what} returned {missing:,} rows without {name}: give each row one."
    early = int((rows[KNOWN_AT] < rows[PREDICTION_TIME]).sum())
    if early:
        yield (
            f"{what} returned {early:,} rows whose {KNOWN_AT} lies before their {PREDICTION_TIME}: what is known by "
            "then need not be predicted."
        )
    labels = rows.loc[rows[OUTCOME] == LABELLED, LABEL]
    if labels.empty:
        outcomes = ", ".join(sorted(map(str, rows[OUTCOME].dropna().unique()))[:SHOWN]) or "none"
        yield f"{what} returned no row with the outcome {LABELLED!r} (outcomes: {outcomes}): nothing can be learned."
        return
    faults = [f"{what}: {fault}" for fault in faults_of(use_case.model.task, labels)]
    yield from faults
    if not faults and (alike := use_case.model.task.cannot_be_learned(labels.to_numpy(np.float64))):
        yield f"{what}: {alike}: look at `labels`, or try more rows (--rows)."


def faults_of_pairs(use_case: UseCase, spine: pd.DataFrame, labels: pd.DataFrame) -> Iterator[str]:
    """Find where the outcomes do not fit the rows that were predicted."""
    key = list(use_case.key)
    pairs = spine[[*key, PREDICTION_TIME]].merge(labels[[*key, PREDICTION_TIME]], on=key, suffixes=("", "_labels"))
    if pairs.empty:
        yield (
            f"no row of `spine` has the {', '.join(key)} of a row of `labels`: let both build the key alike, or try "
            "more rows (--rows)."
        )
    if other := int((pairs[PREDICTION_TIME] != pairs[f"{PREDICTION_TIME}_labels"]).sum()):
        yield (
            f"`spine` and `labels` give {other:,} of {len(pairs):,} rows another {PREDICTION_TIME}: let both compute "
            "it alike."
        )


def faults_of_kinds(use_case: UseCase, kinds: Mapping[str, str]) -> Iterator[str]:
    """Find the features that are no numbers, and not named among the categories either."""
    for name in use_case.model.features:
        kind = kinds.get(name, "")
        if name not in use_case.model.categorical and kind.split("(")[0] not in NUMBERS:
            yield f"feature {name!r} is a {kind}, and no category: name it in `categorical`, or make a number of it."


def same_kind(one: str, other: str) -> bool:
    """Tell whether columns of two types are compared without a cast of one to the other."""
    return one == other or (one in WHOLE and other in WHOLE)


def faults_of_features(use_case: UseCase, rows: pd.DataFrame) -> Iterator[str]:
    """Find the features that hold an infinite number."""
    for name in use_case.model.features:
        if name in use_case.model.categorical:
            continue
        if infinite := int(np.isinf(rows[name].to_numpy(np.float64)).sum()):
            yield f"feature {name!r} is infinite in {infinite:,} rows: divide by what is not 0, or make it null."


def notes_on_features(use_case: UseCase, rows: pd.DataFrame) -> Iterator[str]:
    """List the features without a value in any row: the first rows may be too few, or a lookup finds nothing."""
    empty = [name for name in use_case.model.features if not rows[name].notna().any()]
    if empty:
        yield f"no row has a value of {', '.join(empty)}: see whether lookups find anything, or try more rows (--rows)."


def faults_of_scores(task: Task, scores: Floats, rows: int) -> list[str]:
    """Find what is wrong with the scores of some rows."""
    shape = (rows,) if len(task.score_columns) == 1 else (rows, len(task.score_columns))
    if scores.shape != shape:
        return [f"the model scores {rows:,} rows with an array of shape {scores.shape}, not {shape}: look at `build`."]
    low, high = task.score_range
    right = np.isfinite(scores) & (scores >= low) & (scores <= high)
    if right.all():
        return []
    return [f"each of the model's scores must be {task.wanted_scores}, got {scores[~right][0]:g}: look at `build`."]
