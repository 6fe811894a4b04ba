"""Raw tables as they were known at a time: the one gate through which the other stages read raw data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.data.corrections import as_corrected
from levelfive.storage.runs import Run
from levelfive.usecase.sources import Source
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def read_as_known(run: Run, use_case: UseCase, names: Sequence[str], as_of: datetime) -> dict[str, DataFrame]:
    """Read the raw tables of some sources as they were known at `as_of`, by source name.

    Raises:
        TableError: A source was never ingested.
    """
    sources = [use_case.source(name) for name in names]
    return {source.name: as_known(run.read(source.table), source, as_of) for source in sources}


def looking_back(
    raw: Mapping[str, DataFrame], use_case: UseCase, start: datetime, lookback: timedelta | None
) -> dict[str, DataFrame]:
    """Leave out rows that are dated too early to matter; where the tables are clustered by it, their files too.

    Args:
        raw: Raw tables by the source's name.
        use_case: Says which column dates a row; rows without a date stay.
        start: Of the window that is computed.
        lookback: How long before it rows matter; None where all may.
    """
    if lookback is None:
        return dict(raw)
    recent_rows = {}
    for name, rows in raw.items():
        event_time = use_case.source(name).event_time
        is_late = (
            None if event_time is None else (F.col(event_time) >= F.lit(start - lookback)) | F.col(event_time).isNull()
        )
        recent_rows[name] = rows if is_late is None else rows.where(is_late)
    return recent_rows


def as_known(rows: DataFrame, source: Source, as_of: datetime) -> DataFrame:
    """Hide what became known after `as_of`: corrections, rows by the source's `known_at`, parts by its reveals."""
    rows = as_corrected(rows, source, as_of)
    if source.known_at is not None:
        rows = rows.where(F.col(source.known_at) <= F.lit(as_of))
    masks = {
        column: F.when(F.col(reveal.known_at) <= F.lit(as_of), F.col(column))
        for reveal in source.reveals
        for column in reveal.columns
    }
    return rows.withColumns(masks) if masks else rows
