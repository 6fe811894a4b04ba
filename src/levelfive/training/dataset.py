"""Training sets: rows with labels and the features known at their prediction time, in a total order.

A training set grows: the rows of an earlier one, then those that were served, with the features that the model saw;
only what is in neither is joined with the feature tables anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import functions as F

from levelfive.core.conditions import in_window
from levelfive.core.days import day_number
from levelfive.core.windows import Window, iso
from levelfive.data.known import read_as_known
from levelfive.errors import DataError, EvidenceError
from levelfive.features.labels import known_labels
from levelfive.models.card import ModelCard
from levelfive.statistics.categories import category_texts
from levelfive.storage.category_columns import with_texts
from levelfive.storage.keys import check_once
from levelfive.storage.predictions import FEATURES, PREDICTIONS, SLICES, live_predictions
from levelfive.storage.runs import JobContext, Run
from levelfive.training.labels import faults_of
from levelfive.usecase.calls import spine_of
from levelfive.usecase.columns import LABEL, PREDICTION_TIME, own
from levelfive.usecase.features import Lookup
from levelfive.usecase.use_case import UseCase

DAY_NUMBER = own("day")
"""The column of a row's day, as a whole number; see `core.days`."""
SLICE = own("slice_")
"""Put before the names of the columns by whose values metrics are reported; they hold text."""
SNAPSHOT = "training_set.parquet"
_VERSION = own("version")


@dataclass(frozen=True)
class Snapshot:
    """A training set as it was written: the file never changes, its hash proves it."""

    path: Path
    sha256: str
    rows: pd.DataFrame


@dataclass(frozen=True)
class Wanted:
    """Which features a training set holds, and where they may come from.

    Args:
        features: Their names.
        lookups: By which those that are in no other place are joined anew.
        model_name: The registered model whose predictions are looked at.
        earlier: The rows of an earlier training set, or None.
        served_by: The versions that saw all of these features when they scored.
        exclusions: Windows of prediction times whose rows are left out: their delivery was found to be broken.
    """

    features: tuple[str, ...]
    lookups: tuple[Lookup, ...]
    model_name: str
    earlier: pd.DataFrame | None = None
    served_by: tuple[str, ...] = ()
    exclusions: tuple[Window, ...] = ()


def training_rows(context: JobContext, run: Run, request: Wanted, window: Window, *, as_of: datetime) -> pd.DataFrame:
    """Collect the labelled rows of a window, ordered by prediction time and key.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        request: Which features, and where they may come from.
        window: Prediction times.
        as_of: The logical now: labels known later are left out.

    Returns:
        Key, `prediction_time`, the features (categories as text), the slices, `label` and `DAY_NUMBER`.

    Raises:
        DataError: Two rows share a key, or a label is none of the task's.
        EvidenceError: No row of the window has a label that is known by `as_of`.
    """
    use_case = context.use_case
    key, columns, earlier = list(use_case.key), _columns(use_case, request.features), request.earlier
    labels = _labels(run, use_case, request, window, as_of=as_of)
    if labels.empty:
        raise EvidenceError(f"no row with a prediction time in {window} has a label known by {iso(as_of)}")
    parts = []
    if earlier is not None and set(columns) <= set(earlier.columns):
        parts.append(labels.merge(earlier[columns], on=key, how="inner"))
        labels = _without(labels, parts[-1], key)
    if not labels.empty and request.served_by and context.tables.exists(PREDICTIONS):
        served_rows = _served(run, use_case, request, window=_span(labels))
        parts.append(labels.merge(served_rows[columns], on=key, how="inner"))
        labels = _without(labels, parts[-1], key)
    if not labels.empty:
        fresh = labelled_rows(context, run, request.lookups, _span(labels), as_of=as_of)
        parts.append(labels.merge(fresh[columns], on=key, how="inner"))
    rows = pd.concat([_with_texts(part, _categories(use_case)) for part in parts], ignore_index=True)
    check_once("the training set", key, rows, "Nothing was trained: look at the tables that it was made of.")
    return _ordered(rows, use_case)


def labelled_rows(
    context: JobContext, run: Run, lookups: Sequence[Lookup], window: Window, *, as_of: datetime
) -> pd.DataFrame:
    """Join the labelled rows of a window with the feature tables, ordered by prediction time and key.

    Returns:
        Key, `prediction_time`, the spine's columns, the lookups' features, the slices, `label` and `DAY_NUMBER`.

    Raises:
        ConfigError: The use case's `spine` failed, or its rows lack a column.
        DataError: Two rows share a key.
    """
    use_case = context.use_case
    raw = read_as_known(run, use_case, use_case.spine_sources, as_of)
    labels = known_labels(run, use_case, as_of)
    spine = spine_of(use_case, raw, window, features=use_case.model.spine_features, lookups=lookups)
    spine = spine.join(labels.select(*use_case.key, LABEL), on=list(use_case.key), how="inner")
    slices = [F.col(name).cast("string").alias(f"{SLICE}{name}") for name in use_case.slices]
    feature_rows = context.features.assemble(spine.select("*", *slices), lookups, run.read, window, label=LABEL)
    rows = with_texts(feature_rows, _categories(use_case)).toPandas()
    remedy = (
        "Nothing was trained: let `spine`, and `compute` of the feature tables that are looked up, return each once."
    )
    check_once("labelled rows with their features", use_case.key, rows, remedy)
    return _ordered(rows, use_case)


def with_features_of(
    context: JobContext, run: Run, rows: pd.DataFrame, card: ModelCard, *, as_of: datetime
) -> pd.DataFrame:
    """Look the features of another model up for labelled rows that lack some of them; others stay as they are."""
    if rows.empty or set(card.features) <= set(rows.columns):
        return rows
    key = list(context.use_case.key)
    looked_up = labelled_rows(context, run, card.lookups, _span(rows), as_of=as_of)
    return rows[key].merge(looked_up, on=key, how="left", validate="one_to_one")


def lies_in(rows: pd.DataFrame, window: Window | None) -> NDArray[np.bool_]:
    """Tell of each row whether its prediction time lies in a window, shape (rows,); in None, none does."""
    if window is None:
        return np.zeros(len(rows), bool)
    start, end = (np.datetime64(edge.replace(tzinfo=None)) for edge in (window.start, window.end))
    times = rows[PREDICTION_TIME].to_numpy()
    return np.asarray((times >= start) & (times < end))


def inside(rows: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Choose the rows whose prediction time lies in a window."""
    return rows[lies_in(rows, window)]


def outside(rows: pd.DataFrame, windows: Sequence[Window]) -> pd.DataFrame:
    """Choose the rows whose prediction time lies in none of some windows."""
    for window in windows:
        rows = rows[~lies_in(rows, window)]
    return rows


def write_snapshot(rows: pd.DataFrame, folder: Path) -> Snapshot:
    """Write a training set as one Parquet file."""
    path = folder / SNAPSHOT
    rows.to_parquet(path, index=False, compression="zstd")
    return Snapshot(path, hashlib.sha256(path.read_bytes()).hexdigest(), rows)


def _columns(use_case: UseCase, features: Sequence[str]) -> list[str]:
    slices = [f"{SLICE}{name}" for name in use_case.slices]
    return [*use_case.key, *(name for name in features if name not in use_case.key), *slices]


def _labels(run: Run, use_case: UseCase, request: Wanted, window: Window, *, as_of: datetime) -> pd.DataFrame:
    labels = known_labels(run, use_case, as_of, exclusions=request.exclusions)
    inside = labels.where(in_window(PREDICTION_TIME, window))
    rows = inside.select(*use_case.key, PREDICTION_TIME, LABEL).toPandas()
    remedy = "Nothing was trained: let `labels` return each key once, when its outcome became known."
    check_once("labels", use_case.key, rows, remedy)
    if faults := list(faults_of(use_case.model.task, rows[LABEL])):
        raise DataError(f"labels of {window}: {' '.join(faults)} Nothing was trained.")
    return rows


def _served(run: Run, use_case: UseCase, request: Wanted, *, window: Window) -> pd.DataFrame:
    others = [F.col(f"{FEATURES}.{name}").alias(name) for name in request.features if name not in use_case.key]
    slices = [F.col(SLICES)[name].alias(f"{SLICE}{name}") for name in use_case.slices]
    version = F.col("model_version").alias(_VERSION)
    columns = [*(F.col(name) for name in use_case.key), *others, *slices, version]
    live = live_predictions(run, use_case, window, model_name=request.model_name, columns=columns)
    live = live.where(F.col(_VERSION).isin(list(request.served_by))).drop(_VERSION)
    return with_texts(live, _categories(use_case)).toPandas()


def _categories(use_case: UseCase) -> tuple[str, ...]:
    """List the features that are categories, but for keys, by which rows are joined."""
    return tuple(name for name in use_case.model.categorical if name not in use_case.key)


def _with_texts(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    return rows.assign(**{name: category_texts(rows[name]) for name in names if name in rows.columns})


def _without(labels: pd.DataFrame, others: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    there = pd.MultiIndex.from_frame(others[key])
    return labels[~pd.MultiIndex.from_frame(labels[key]).isin(there)]


def _span(rows: pd.DataFrame) -> Window:
    first, last = rows[PREDICTION_TIME].min(), rows[PREDICTION_TIME].max() + pd.Timedelta("1us")
    return Window(first.to_pydatetime().replace(tzinfo=UTC), last.to_pydatetime().replace(tzinfo=UTC))


def _ordered(rows: pd.DataFrame, use_case: UseCase) -> pd.DataFrame:
    # Row order changes what trees learn: a total order makes a training repeatable.
    rows = rows.sort_values([PREDICTION_TIME, *use_case.key], ignore_index=True)
    seconds = rows[PREDICTION_TIME].to_numpy("datetime64[s]").astype(np.int64)
    rows[DAY_NUMBER] = day_number(seconds, use_case.day_starts_at)
    return rows
