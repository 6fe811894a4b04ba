"""The feature store of a workspace: Feature Engineering in Unity Catalog, through its own client.

The client makes tables, merges rows and joins as of a time. Its `log_model` and `score_batch` are not used: they write
the tables' full names into the model, so that one moved to production would read development's features.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from pyspark.sql import functions as F

from levelfive.core.conditions import in_window, sql_window
from levelfive.core.windows import Window
from levelfive.errors import ConfigError, MachineError, TableError
from levelfive.features.lookup import check_lookup, minutes_of, tick
from levelfive.features.refusals import refusals_of_tables
from levelfive.features.store import columns_after, keyed_rows, primary_key
from levelfive.features.watermarks import note_window
from levelfive.storage.commits import Write
from levelfive.storage.keys import explained
from levelfive.storage.tables import Tables
from levelfive.usecase.columns import KNOWN_AT, PREDICTION_TIME, own
from levelfive.usecase.features import FeatureTable, Lookup

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

EXACTLY = timedelta(0)


class DescribedTable(Protocol):
    """What the client tells of a feature table."""

    primary_keys: list[str]


class TrainingSet(Protocol):
    """A spine and the features to be joined to it."""

    def load_df(self) -> DataFrame:
        """Join them."""


class Client(Protocol):
    """What is used of the client, in every version of it."""

    def create_table(
        self, *, name: str, primary_keys: list[str], timeseries_column: str | None, schema: StructType
    ) -> DescribedTable:
        """Make an empty feature table."""

    def get_table(self, *, name: str) -> DescribedTable:
        """Describe a feature table."""

    def write_table(self, *, name: str, df: DataFrame, mode: str) -> object:
        """Merge rows into a feature table."""

    def create_training_set(self, *, df: DataFrame, feature_lookups: list[object], label: str | None) -> TrainingSet:
        """Prepare the join of features to a spine."""


@dataclass(frozen=True)
class FeatureEngineering:
    """The package's client, and its class `FeatureLookup`."""

    client: Client
    lookup: Callable[..., object]


def feature_engineering() -> FeatureEngineering:
    """Build the client of the package, which the ML runtimes hold and the wheel does not ask for.

    Raises:
        MachineError: The package is not there.
    """
    try:
        from databricks.feature_engineering import FeatureEngineeringClient, FeatureLookup
    except ImportError as err:
        raise MachineError(
            f"Feature Engineering in Unity Catalog needs the package databricks-feature-engineering ({err}). The ML "
            "runtimes hold it; on serverless compute, name it among the dependencies of the job's environment."
        ) from err
    return FeatureEngineering(FeatureEngineeringClient(), FeatureLookup)


class DatabricksFeatureStore:
    """Feature tables in Unity Catalog, written and joined by Feature Engineering.

    Args:
        tables: The catalog and schema that logical names are bound to.
        connect: Builds the client, at its first use: not every stage needs one.
    """

    def __init__(self, tables: Tables, connect: Callable[[], FeatureEngineering]) -> None:
        """Serve the feature tables of a schema."""
        self._tables = tables
        self._connect = connect
        self._noting = threading.Lock()

    @cached_property
    def _engineering(self) -> FeatureEngineering:
        return self._connect()

    def put(self, table: FeatureTable, rows: DataFrame, window: Window, *, made_of: Mapping[str, int]) -> Write:
        """Write rows; see `FeatureStore`."""
        key_check = keyed_rows(table, rows)
        with explained(key_check.fault), refusals_of_tables(self._tables.name(table.name)):
            self._make(table, key_check.rows.schema)
            if not table.timestamped:
                # What is computed no more has to go, and the client deletes nothing.
                return self._tables.rebuild(table.name, key_check.once(), made_of)
            # The client counts keys before it merges, and the rows are compared with the table's after that.
            rows = self._tables.cache(key_check.rows.where(in_window(KNOWN_AT, window)))
            try:
                self._engineering.client.write_table(name=self._tables.name(table.name), df=rows, mode="merge")
                self._remove_stale(table, rows, window)
            finally:
                self._tables.uncache(rows)
            version = self._tables.version(table.name)
        write = Write(table.name, version)
        with self._noting:
            note_window(self._tables, write, window)
        return write

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
        for part in _joined_at_once(lookups):
            spine = self._join(spine, part, read, label=label)
        return spine.select(*columns)

    def _make(self, table: FeatureTable, schema: StructType) -> None:
        name, keys = self._tables.name(table.name), primary_key(table)
        if self._tables.exists(table.name):
            existing_table = self._engineering.client.get_table(name=name)
        else:
            time = KNOWN_AT if table.timestamped else None
            existing_table = self._engineering.client.create_table(
                name=name, primary_keys=list(keys), timeseries_column=time, schema=schema
            )
        if set(existing_table.primary_keys) != set(keys):
            raise TableError(
                f"feature table {name} has the primary key ({', '.join(existing_table.primary_keys)}), the use case "
                f"declares ({', '.join(keys)}): drop the table and run the features stage again, or change the "
                "declaration"
            )

    def _remove_stale(self, table: FeatureTable, rows: DataFrame, window: Window) -> None:
        """Remove the window's rows that were not computed again: the client only adds and changes rows."""
        keys = list(primary_key(table))
        there, new_keys = self._tables.read(table.name).where(in_window(KNOWN_AT, window)), rows.select(*keys)
        if not there.join(new_keys, on=keys, how="left_anti").isEmpty():
            fresh = there.join(new_keys, on=keys, how="left_semi").select(*there.columns)
            self._tables.replace_where(table.name, fresh, sql_window(KNOWN_AT, window))

    def _join(
        self, spine: DataFrame, lookups: Sequence[Lookup], read: Callable[[str], DataFrame], *, label: str | None
    ) -> DataFrame:
        names = ", ".join(sorted({self._tables.name(lookup.table) for lookup in lookups}))
        with refusals_of_tables(names):
            pairs = [(lookup, read(lookup.table)) for lookup in lookups]
            bindings = [self._bound(lookup, table) for lookup, table in pairs]
            ticks = {
                _tick_name(lookup.grid): F.timestamp_seconds(tick(lookup.grid))
                for lookup in lookups
                if lookup.grid is not None
            }
            training_set = self._engineering.client.create_training_set(
                df=spine.withColumns(ticks) if ticks else spine, feature_lookups=bindings, label=label
            )
            rows = training_set.load_df()
        minutes = {name: part for pair in pairs for name, part in minutes_of(*pair).items()}
        return rows.withColumns(minutes) if minutes else rows

    def _bound(self, lookup: Lookup, table: DataFrame) -> object:
        """Bind a lookup to the table's full name, with the spine's keys in the order of the table's primary key."""
        name = self._tables.name(lookup.table)
        check_lookup(lookup, table)
        keys = [key for key in self._engineering.client.get_table(name=name).primary_keys if key != KNOWN_AT]
        if set(keys) != set(lookup.keys):
            raise ConfigError(
                f"the lookup of {lookup.table!r} is by {', '.join(lookup.keys)}, the table's keys are {', '.join(keys)}"
            )
        has_times = KNOWN_AT in table.columns
        time = PREDICTION_TIME if lookup.grid is None else _tick_name(lookup.grid)
        return self._engineering.lookup(
            table_name=name,
            lookup_key=[lookup.keys[key] for key in keys],
            feature_names=list(lookup.columns),
            rename_outputs=dict(zip(lookup.columns, lookup.features, strict=True)),
            timestamp_lookup_key=time if has_times else None,
            lookback_window=_lookback(lookup) if has_times else None,
        )


def _joined_at_once(lookups: Sequence[Lookup]) -> list[list[Lookup]]:
    """Part lookups into those that the client joins at once.

    It takes one lookback window for a table, and a column of a table once for the same keys.
    """
    parts: list[list[Lookup]] = []
    for lookup in lookups:
        free = (part for part in parts if not any(_collide(lookup, other) for other in part))
        part = next(free, None)
        if part is None:
            parts.append([lookup])
        else:
            part.append(lookup)
    return parts


def _collide(one: Lookup, other: Lookup) -> bool:
    same_columns = one.keys == other.keys and not set(one.columns).isdisjoint(other.columns)
    return one.table == other.table and (_lookback(one) != _lookback(other) or same_columns)


def _lookback(lookup: Lookup) -> timedelta | None:
    return lookup.max_age if lookup.grid is None else EXACTLY


def _tick_name(grid: timedelta) -> str:
    return own(f"tick_{int(grid.total_seconds())}")
