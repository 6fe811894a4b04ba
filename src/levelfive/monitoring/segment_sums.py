"""Losses of scored rows by segment and block of days: one pass of Spark over them, whatever the number of segments."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import functions as F

from levelfive.core.conditions import day_number, in_window
from levelfive.core.windows import Window
from levelfive.features.labels import known_labels, of_window
from levelfive.monitoring.verdict import Subject
from levelfive.statistics.segments import BlockSums, Segments, block_of, sums_by_block
from levelfive.statistics.tasks.task import Task
from levelfive.storage.category_columns import with_texts
from levelfive.storage.predictions import FEATURES, PREDICTIONS, scored_by
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import LABEL, PREDICTION_TIME, own

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_DAY = own("day")
_SCHEMA = "block long, partial binary"


def segment_sums(
    context: JobContext, run: Run, subject: Subject, segments: Segments, *, weeks: Window, as_of: datetime
) -> BlockSums:
    """Add up the losses of what a version scored live in some weeks, by the labels known at a time.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        subject: Which version of which model.
        segments: Of features of the version; at least one column.
        weeks: Prediction times, whose labels are old enough.
        as_of: Labels known later are not read.

    Raises:
        TableError: Nothing was scored yet, or no label computed.
    """
    use_case = context.use_case
    task, key = use_case.model.task, list(use_case.key)
    of_version = scored_by(subject.model_name, version=subject.model_version)
    live = run.read(PREDICTIONS).where(in_window(PREDICTION_TIME, weeks) & of_version)
    day = day_number(PREDICTION_TIME, use_case.day_starts_at).cast("long").alias(_DAY)
    columns = live.select(*key, day, *task.score_columns, *_features(segments))
    columns = with_texts(columns, _categorical(segments))
    labels = of_window(known_labels(run, use_case, as_of), use_case, weeks).select(*key, LABEL)
    return sums_of_rows(columns.join(labels, on=key, how="inner").drop(*key), segments, task)


def sums_of_rows(rows: DataFrame, segments: Segments, task: Task) -> BlockSums:
    """Add up losses by segment and block.

    Args:
        rows: Day, label, the task's score columns, and the values of each of the segments' columns by its place.
        segments: Of which columns.
        task: Whose loss it is.
    """
    size = segments.size

    def partials(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                yield _partials_of(batch.to_pandas(), segments, task)

    def merged(table: pa.Table) -> pa.Table:
        # Batches come in any order; in one order, sums are the same to their last digit.
        whole = np.sum([pickle.loads(one) for one in sorted(table.column("partial").to_pylist())], axis=0)
        return pa.table({"block": table.column("block")[:1], "partial": pa.array([pickle.dumps(whole)], pa.binary())})

    block_parts = rows.mapInArrow(partials, _SCHEMA).groupBy("block").applyInArrow(merged, _SCHEMA).collect()
    by_block = sorted((row["block"], pickle.loads(row["partial"])) for row in block_parts)
    both = np.array([of for _, of in by_block]).reshape(-1, 2, size)
    return BlockSums(np.array([block for block, _ in by_block], dtype=np.intp), both[:, 0], both[:, 1])


def value_name(place: int) -> str:
    """Name the column of `sums_of_rows` that holds the values of the segments' column at a place."""
    return own(f"value_{place}")


def _features(segments: Segments) -> Iterator[Column]:
    for place, column in enumerate(segments.columns):
        value = F.col(FEATURES).getField(column.name)
        yield (value if column.categories is not None else value.cast("double")).alias(value_name(place))


def _categorical(segments: Segments) -> list[str]:
    return [value_name(place) for place, of in enumerate(segments.columns) if of.categories is not None]


def _partials_of(rows: pd.DataFrame, segments: Segments, task: Task) -> pa.RecordBatch:
    labels, scores = rows[LABEL].to_numpy(np.float64), task.of_columns(rows[[*task.score_columns]])
    sound = task.are_labels(labels) & np.isfinite(scores.reshape(len(rows), -1)).all(axis=1)
    rows, losses = rows[sound], task.loss(labels[sound], scores[sound])
    values = {column.name: rows[value_name(place)] for place, column in enumerate(segments.columns)}
    sums = sums_by_block(segments, values, losses, block_of(rows[_DAY].to_numpy()))
    partials = [pickle.dumps(np.stack(both)) for both in zip(sums.rows, sums.losses, strict=True)]
    return pa.RecordBatch.from_pydict(
        {"block": pa.array(sums.blocks.tolist(), pa.int64()), "partial": pa.array(partials, pa.binary())}
    )
