"""Requests for the rows of a spine, as a caller would send them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F
from pyspark.sql.types import DateType, DecimalType, TimestampType

from levelfive.app import App
from levelfive.core.windows import Window
from levelfive.data.known import read_as_known
from levelfive.storage.runs import Run
from levelfive.usecase.calls import spine_of
from levelfive.usecase.columns import PREDICTION_TIME

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructField


def requests_of(spine: DataFrame, names: Sequence[str]) -> DataFrame:
    """Write the rows of a spine as requests.

    Args:
        spine: Rows to be predicted.
        names: The fields of a request; the spine's other columns are left out.

    Returns:
        A row a request, whose values JSON holds: times and days are texts.
    """
    return spine.select(*(_as_json(field) for field in spine.schema.fields if field.name in names))


def example_request(app: App, names: Sequence[str], window: Window) -> dict[str, Any] | None:
    """Write the request of the last row of a window; None where it has none.

    Args:
        app: Tables and use case.
        names: The fields of a request.
        window: Prediction times.

    Raises:
        TableError: A raw table is missing.
    """
    use_case = app.use_case
    raw = read_as_known(Run(app.tables, "demo"), use_case, use_case.spine_sources, window.end)
    rows = requests_of(spine_of(use_case, raw, window), names)
    newest = rows.orderBy(F.desc(PREDICTION_TIME), *use_case.key).limit(1).collect()
    return newest[0].asDict() if newest else None


def last_day(window: Window) -> Window:
    """Take the last day of a window, or all of it where it is shorter."""
    return Window(max(window.start, window.end - timedelta(days=1)), window.end)


def _as_json(field: StructField) -> Column:
    column = F.col(field.name)
    if isinstance(field.dataType, TimestampType):
        return F.date_format(column, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'").alias(field.name)
    if isinstance(field.dataType, DateType | DecimalType):
        return column.cast("string").alias(field.name)
    return column
