"""The feature tables of a use case, and what a model looks up in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from levelfive.core.windows import Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def owner_of(table: str) -> str:
    """Tell which other use case computes a table, by its name in a lookup; empty where none does."""
    return table.rpartition(".")[0]


def own_name(table: str) -> str:
    """Tell the name that a table has in the use case that computes it, by its name in a lookup."""
    return table.rpartition(".")[2]


def beside(table: str, other: str) -> str:
    """Name another table of the use case that computes a table."""
    owner = owner_of(table)
    return f"{owner}.{other}" if owner else other


@dataclass(frozen=True)
class FeatureTable:
    """A table of feature values, each row with the time at which it became known.

    Args:
        name: The logical table name.
        keys: Columns that identify an entity; with `known_at`, the primary key.
        sources: Names of the sources that `compute` reads.
        compute: From the raw tables (as known at the window's end) and a window, the rows that became
            known within the window: `keys`, `known_at` and the values.
        timestamped: False for a table without `known_at`, rebuilt as a whole.
        lookback: How long before a window's start the rows are dated that `compute` needs for it; earlier ones are not
            read. None where it may need all of them, whose files a run then opens.
        description: What it holds; shown in the catalog.
        column_descriptions: What columns mean, by name; shown in the catalog.
        grid: Time between two ticks, where it has a row for every key and tick: by it lookups are checked, and a change
            that would leave them without rows is refused. None where it has none, or nothing is said of it.
    """

    name: str
    keys: tuple[str, ...]
    sources: tuple[str, ...]
    compute: Callable[[Mapping[str, DataFrame], Window], DataFrame]
    timestamped: bool = True
    lookback: timedelta | None = None
    description: str = ""
    column_descriptions: Mapping[str, str] = field(default_factory=dict)
    grid: timedelta | None = None

    def lacks_ticks_of(self, lookup: Lookup) -> bool:
        """Tell whether a lookup asks for ticks that are not there."""
        return self.grid is not None and lookup.grid is not None and bool(lookup.grid % self.grid)


@dataclass(frozen=True)
class Lookup:
    """Feature columns that a model reads, by logical table name, as of a row's prediction time.

    Args:
        table: The logical name of a feature table; one of another use case is named `<use case>.<table>`.
        keys: For each key column of the table, the spine's column that it is compared with.
        columns: The value columns to take. A timestamp column becomes minutes before the prediction time.
        max_age: Rows known longer ago than this are not used; None for a table without times or on a grid.
        grid: The table has a row for every key and tick: that of the last tick is taken.
        prefix: Put before the names of the taken columns.
        group: A name under which the features can be left out together.
    """

    table: str
    keys: Mapping[str, str]
    columns: tuple[str, ...]
    max_age: timedelta | None = None
    grid: timedelta | None = None
    prefix: str = ""
    group: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        """The names that the columns have in a training set."""
        return tuple(f"{self.prefix}{column}" for column in self.columns)
