"""Feature stores: where feature tables are written, and looked up as of a row's prediction time.

A model's lookups name tables logically; a store binds the names to its own catalog and schema at each call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from levelfive.core.windows import Window
from levelfive.storage.commits import Write
from levelfive.usecase.features import FeatureTable, Lookup

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class FeatureStore(Protocol):
    """Writes the feature tables of one schema and joins their values to the rows of a spine."""

    def put(self, table: FeatureTable, rows: DataFrame, window: Window, *, made_of: Mapping[str, int]) -> Write:
        """Put what became known within a window into a feature table; the first rows make it.

        The primary key is `keys` and `known_at`. A row replaces the one of its key, and rows of the window that were
        not computed again are gone: to write a window twice is to write it once. A table without times is replaced as
        a whole. Rows with a null in their key are left out: nothing looks them up.

        Args:
            table: What is written.
            rows: `keys`, `known_at` where the table has times, and the values, each key once.
            window: When the rows became known.
            made_of: The versions of the sources: a table without times that was made of these stays as it is.

        Raises:
            DataError: Two rows share a key; nothing was written.
            TableConflict: Another writer was first.
            TableError: The rows do not fit the table, or a grant is missing.
        """
        ...

    def assemble(
        self,
        spine: DataFrame,
        lookups: Sequence[Lookup],
        read: Callable[[str], DataFrame],
        window: Window,
        *,
        label: str | None = None,
    ) -> DataFrame:
        """Add the lookups' features to a spine, as known at each row's prediction time.

        Args:
            spine: Keys of the lookups and `prediction_time`, which lies in the window.
            lookups: What to add: for each, the newest row that is not older than its age limit, or that of the last
                tick of its grid.
            read: From a logical table name to the table, as `Run.read` does; it notes the table's version.
            window: The spine's prediction times.
            label: The spine's column with the label, in training; None in scoring.

        Returns:
            The spine's rows and columns, then a column for each feature in the lookups' order; null where nothing
            was known.

        Raises:
            ConfigError: A table lacks a column, a lookup its age limit, or two columns would have one name.
            TableError: A table or a grant is missing.
        """
        ...
