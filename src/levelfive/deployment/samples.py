"""Sample requests for a deployment, made from rows that the use case would predict now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.windows import Window
from levelfive.data.known import read_as_known
from levelfive.errors import EvidenceError
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.calls import spine_of
from levelfive.usecase.columns import PREDICTION_TIME

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def sample_requests(context: JobContext, window: Window, *, as_of: datetime, rows: int) -> tuple[bytes, ...]:
    """Take the newest rows of a window as requests.

    Args:
        context: Tables and use case.
        window: Prediction times.
        as_of: The logical now.
        rows: How many at most.

    Returns:
        A JSON object each, with key, prediction time, and the spine's columns that features are looked up by or that
        are features themselves.

    Raises:
        ConfigError: The use case's `spine` failed, or its rows lack a column.
        EvidenceError: The window has no row.
        TableError: A table is missing.
    """
    use_case = context.use_case
    model, run = use_case.model, Run(context.tables, "samples")
    raw = read_as_known(run, use_case, use_case.spine_sources, as_of)
    spine = spine_of(use_case, raw, window, features=model.spine_features, lookups=model.lookups)
    names = (
        PREDICTION_TIME,
        *use_case.key,
        *model.spine_features,
        *(c for one in model.lookups for c in one.keys.values()),
    )
    newest = spine.transform(as_json, columns=tuple(dict.fromkeys(names))).limit(rows).collect()
    if not newest:
        raise EvidenceError(
            f"there is no row to predict in {window}, so nothing to try a deployment with: give --requests"
        )
    return tuple(row["request"].encode() for row in newest)


def as_json(spine: DataFrame, *, columns: tuple[str, ...]) -> DataFrame:
    """Write each row as a JSON object, the newest first."""
    row = F.to_json(F.struct(*columns), {"ignoreNullFields": "false"})
    return spine.orderBy(F.col(PREDICTION_TIME).desc()).select(row.alias("request"))
