"""Training sets: rows with labels, joined with the features known at their prediction time, in a total order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from levelfive.data.known import read_as_known
from levelfive.errors import EvidenceError
from levelfive.features.job import LABELS
from levelfive.features.lookup import assemble
from levelfive.runs import JobContext, Run
from levelfive.usecase import KNOWN_AT, LABEL, LABELLED, OUTCOME, PREDICTION_TIME, Lookup
from levelfive.windows import Window, iso

DAY = "day"
SNAPSHOT = "training_set.parquet"


@dataclass(frozen=True)
class Snapshot:
    """A training set as it was written: the file never changes, its hash proves it."""

    path: Path
    sha256: str
    rows: pd.DataFrame


def labelled_rows(
    context: JobContext, run: Run, lookups: Sequence[Lookup], window: Window, as_of: datetime
) -> pd.DataFrame:
    """Assemble the labelled rows of a window, ordered by prediction time and key.

    Returns:
        Key, `prediction_time`, the spine's columns, the lookups' features, `label` and `day` (a whole number).

    Raises:
        EvidenceError: No row of the window has a label that is known by `as_of`.
    """
    use_case = context.use_case
    raw = read_as_known(run, use_case, use_case.spine_sources, as_of)
    known = run.read(LABELS).where((F.col(KNOWN_AT) <= F.lit(as_of)) & (F.col(OUTCOME) == LABELLED))
    spine = use_case.spine(raw, window).join(known.select(*use_case.key, LABEL), on=list(use_case.key), how="inner")
    rows = assemble(spine, lookups, run.read, window).toPandas()
    if rows.empty:
        raise EvidenceError(f"no row with a prediction time in {window} has a label known by {iso(as_of)}")
    # Row order changes what trees learn: a total order makes a training repeatable.
    rows = rows.sort_values([PREDICTION_TIME, *use_case.key], ignore_index=True)
    rows[DAY] = day_numbers(rows[PREDICTION_TIME], use_case.day_starts_at.total_seconds())
    return rows


def day_numbers(times: pd.Series, day_starts_at_seconds: float) -> np.ndarray:
    """Number the use case's days: whole days since 1970, shifted by the day's start."""
    seconds = times.to_numpy("datetime64[s]").astype(np.int64)
    numbers: np.ndarray = (seconds - int(day_starts_at_seconds)) // 86_400
    return numbers


def write_snapshot(rows: pd.DataFrame, folder: Path) -> Snapshot:
    """Write a training set as one Parquet file."""
    path = folder / SNAPSHOT
    rows.to_parquet(path, index=False, compression="zstd")
    return Snapshot(path, hashlib.sha256(path.read_bytes()).hexdigest(), rows)
