"""The feature store of a laptop, and what it shares with that of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.texts import repeated
from levelfive.core.windows import Window
from levelfive.errors import ConfigError
from levelfive.features import lookup
from levelfive.features.watermarks import note_window
from levelfive.storage.commits import Write
from levelfive.storage.keys import Keyed, explained
from levelfive.storage.tables import Tables
from levelfive.usecase.columns import KNOWN_AT
from levelfive.usecase.features import FeatureTable, Lookup

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class LocalFeatureStore:
    """Feature tables as Delta tables, joined by Spark alone.

    Args:
        tables: The schema that logical names are bound to.
    """

    def __init__(self, tables: Tables) -> None:
        """Serve the feature tables of a schema."""
        self._tables = tables

    def put(self, table: FeatureTable, rows: DataFrame, window: Window, *, made_of: Mapping[str, int]) -> Write:
        """Write rows; see `FeatureStore`."""
        key_check = keyed_rows(table, rows)
        with explained(key_check.fault):
            if table.timestamped:
                write = self._tables.replace_window(table.name, key_check.once(), KNOWN_AT, window)
                note_window(self._tables, write, window)
                return write
            return self._tables.rebuild(table.name, key_check.once(), made_of)

    def assemble(
        self,
        spine: DataFrame,
        lookups: Sequence[Lookup],
        read: Callable[[str], DataFrame],
        window: Window,
        *,
        label: str | None = None,
    ) -> DataFrame:
        """Add features to a spine; see `FeatureStore`."""
        columns = columns_after(spine, lookups)
        return lookup.assemble(spine, lookups, read, window).select(*columns)


def primary_key(table: FeatureTable) -> tuple[str, ...]:
    """List the columns that identify a row of a feature table; `known_at` is one of them where it has times."""
    return (*table.keys, KNOWN_AT) if table.timestamped else table.keys


def keyed_rows(table: FeatureTable, rows: DataFrame) -> Keyed:
    """Leave out the rows with a null in their key; no two of the others may share one."""
    keys = primary_key(table)
    remedy = f"Nothing was written: let `compute` of {table.name!r} return each key once."
    return Keyed(f"feature table {table.name!r}", keys, with_keys(rows, keys), remedy)


def with_keys(rows: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Leave out the rows with a null in their key."""
    return rows.where(reduce(lambda left, right: left & right, (F.col(key).isNotNull() for key in keys)))


def columns_after(spine: DataFrame, lookups: Sequence[Lookup]) -> list[str]:
    """List the columns of a spine with the lookups' features added.

    Raises:
        ConfigError: Two columns would have one name.
    """
    columns = [*spine.columns, *(name for lookup in lookups for name in lookup.features)]
    if twice := repeated(columns):
        raise ConfigError(f"two columns would be named {', '.join(sorted(twice))}: give the lookups another prefix")
    return columns
