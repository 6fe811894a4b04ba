"""Conditions of Spark: which rows lie in a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.windows import Window, sql_literal

if TYPE_CHECKING:
    from pyspark.sql import Column


def in_window(column: str, window: Window) -> Column:
    """Select the rows whose time in `column` lies in the window."""
    return (F.col(column) >= F.lit(window.start)) & (F.col(column) < F.lit(window.end))


def sql_window(column: str, window: Window) -> str:
    """Write the same condition in SQL."""
    return f"{column} >= {sql_literal(window.start)} AND {column} < {sql_literal(window.end)}"
