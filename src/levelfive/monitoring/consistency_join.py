"""Computes the features of predictions again, by the batch join of the feature tables, and compares.

Nothing of the online store or of the service is used here: what they have in common would be wrong in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from levelfive.core.conditions import day_number
from levelfive.core.windows import Window
from levelfive.features.lookup import assemble, tick
from levelfive.models.card import ModelCard
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.consistency_anew import told_anew
from levelfive.monitoring.consistency_compare import SUMS, LoggedAnswers, compare, feature_days
from levelfive.storage.category_columns import with_texts
from levelfive.storage.predictions import FEATURES, LOOKUP_KEYS, REACHES_TO, served_predictions, typed_text
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import KNOWN_AT, PREDICTION_TIME, own
from levelfive.usecase.features import Lookup

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_SERVED, _ENDS, _DAY, _SERVED_AT = map(own, ("served", "ends", "day", "served_at"))
_SECONDS_PER_MINUTE = 60


@dataclass(frozen=True)
class ServedBy:
    """Whose answers are compared: those of a version in a window of prediction times."""

    model_name: str
    version: str
    card: ModelCard
    window: Window


def compare_served(context: JobContext, run: Run, served_by: ServedBy) -> tuple[FeatureDay, ...]:
    """Compare the features that answers had with those that the batch join gives as of their prediction times.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        served_by: Whose answers.

    Returns:
        Each feature that is looked up, on each day with answers; none without answers.

    Raises:
        ConfigError: A table lacks a column.
        TableError: A table is missing.
    """
    card, window = served_by.card, served_by.window
    if not looked_up(card):
        return ()
    answers = served_predictions(run, window, model_name=served_by.model_name, version=served_by.version)
    days = compare_rows(context, run, card, answers.withColumn(_ENDS, F.col(REACHES_TO)), window)
    return told_anew(run, card.lookups, days, context.use_case.day_starts_at)


def looked_up(card: ModelCard) -> tuple[str, ...]:
    """List the features of a model that are looked up."""
    return tuple(name for lookup in card.lookups for name in lookup.features if name in card.features)


def compare_rows(
    context: JobContext, run: Run, card: ModelCard, predictions: DataFrame, window: Window
) -> tuple[FeatureDay, ...]:
    """Compare the features of predictions with those that the batch join gives, by feature and day.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        card: Of the model that was given the features, some of which are looked up.
        predictions: Rows of `predictions`; where a column tells how far each table was known to reach, what differs
            for that is told apart.
        window: Their prediction times.
    """
    names, lookups = looked_up(card), card.lookups
    texts = [name for name in names if name in card.categorical]
    max_staleness = context.use_case.serving.max_staleness
    rows = _computed_again(context, run, predictions, lookups, window)
    behind = {
        own(f"behind{i}"): _is_behind(run, lookup, i, max_staleness) if _ENDS in rows.columns else F.lit(False)
        for i, lookup in enumerate(lookups)
    }
    columns = rows.select(
        _DAY,
        _SERVED_AT,
        *names,
        *(column.alias(name) for name, column in behind.items()),
        *(F.col(f"{_SERVED}.{name}").alias(own(name)) for name in names),
    )
    columns = with_texts(columns, [*texts, *map(own, texts)])
    place = {name: own(f"behind{i}") for i, lookup in enumerate(lookups) for name in lookup.features if name in names}

    def sums(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for frame in (batch.to_pandas() for batch in batches if batch.num_rows):
            answers = LoggedAnswers(
                online=frame[[own(name) for name in names]].set_axis(names, axis=1),
                batch=frame[list(names)],
                behind={name: frame[column].to_numpy(bool) for name, column in place.items()},
                days=frame[_DAY].to_numpy(np.int64),
                served_at=frame[_SERVED_AT].to_numpy(np.int64),
            )
            yield pa.RecordBatch.from_pandas(compare(answers, names, texts), preserve_index=False)

    schema = ", ".join(f"{name} {kind}" for name, kind in SUMS.items())
    parts = columns.mapInArrow(sums, schema).groupBy("day", "feature")
    sum_columns = (F.sum(name).alias(name) for name in SUMS if name not in ("day", "feature", "greatest", "first"))
    totals = parts.agg(*sum_columns, F.max("greatest").alias("greatest"), F.min("first").alias("first"))
    return feature_days(row.asDict() for row in totals.collect())


def _computed_again(
    context: JobContext, run: Run, predictions: DataFrame, lookups: Sequence[Lookup], window: Window
) -> DataFrame:
    """Look features up by the values that they were looked up by, and of lookups with times how old they are."""
    ends = [_ENDS] if _ENDS in predictions.columns else []
    spine = predictions.select(
        PREDICTION_TIME,
        *(column.alias(name) for name, column in _keys(run, lookups).items()),
        F.col(FEATURES).alias(_SERVED),
        *ends,
        F.unix_micros("scored_as_of").alias(_SERVED_AT),
        day_number(PREDICTION_TIME, context.use_case.day_starts_at).cast("long").alias(_DAY),
    )
    features = context.features.assemble(spine, lookups, run.read, window)
    ages = [
        Lookup(lookup.table, lookup.keys, (KNOWN_AT,), max_age=lookup.max_age, prefix=_age(i))
        for i, lookup in enumerate(lookups)
        if ends and _has_ages(run, lookup)
    ]
    return assemble(features, ages, run.read, window)


def _keys(run: Run, lookups: Sequence[Lookup]) -> dict[str, Column]:
    """Read the values that requests were looked up by, as the tables' keys are typed."""
    keys = {}
    for lookup in lookups:
        schema = run.read(lookup.table).schema
        for theirs, ours in lookup.keys.items():
            keys[ours] = typed_text(F.try_element_at(LOOKUP_KEYS, F.lit(ours)), schema[theirs].dataType)
    return keys


def _has_ages(run: Run, lookup: Lookup) -> bool:
    return lookup.grid is None and lookup.max_age is not None and KNOWN_AT in run.read(lookup.table).columns


def _age(i: int) -> str:
    return own(f"age{i}_")


def _is_behind(run: Run, lookup: Lookup, i: int, max_staleness: timedelta) -> Column:
    """Tell whether the batch found what became known only after the table's last publication, if that is allowed."""
    at, end = F.unix_seconds(PREDICTION_TIME), F.unix_seconds(F.try_element_at(_ENDS, F.lit(lookup.table)))
    if lookup.grid is not None:
        known_at = tick(lookup.grid)
    elif _has_ages(run, lookup):
        known_at = at - F.round(F.col(f"{_age(i)}{KNOWN_AT}") * _SECONDS_PER_MINUTE)
    else:
        return F.lit(False)
    return F.coalesce((known_at >= end) & (at - end <= int(max_staleness.total_seconds())), F.lit(False))
