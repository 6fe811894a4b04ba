"""Conditions of Spark: which rows lie in a window, on which day; and names and literals of its SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.days import DAY, offset_seconds
from levelfive.core.windows import Window, sql_literal

if TYPE_CHECKING:
    from datetime import timedelta

    from pyspark.sql import Column


def in_window(column: str, window: Window) -> Column:
    """Select the rows whose time in `column` lies in the window."""
    return (F.col(column) >= F.lit(window.start)) & (F.col(column) < F.lit(window.end))


def sql_window(column: str, window: Window) -> str:
    """Write the same condition in SQL."""
    return f"{column} >= {sql_literal(window.start)} AND {column} < {sql_literal(window.end)}"


def quoted_name(name: str) -> str:
    """Write the name of a column in Spark's SQL."""
    return "`" + name.replace("`", "``") + "`"


def text_literal(value: str) -> str:
    """Write a text as a literal of Spark's SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def day_number(column: str, day_starts_at: timedelta) -> Column:
    """Tell the number of the use case's day of a time; see `core.days`. Null where there is no time."""
    seconds = F.unix_seconds(column) - offset_seconds(day_starts_at)
    return F.floor(seconds / int(DAY.total_seconds())).cast("int")
