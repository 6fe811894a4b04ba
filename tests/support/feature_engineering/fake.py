"""A client of Feature Engineering that works on local Delta tables and takes only calls that the real ones take.

Every call is bound to the signatures of all supported versions first. What it then refuses, and what its joins and
merges give, follows the real client.
"""

import inspect
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, reduce, wraps
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType
from pyspark.sql.window import Window as Over

from levelfive.features.databricks_store import FeatureEngineering

SIGNATURES = Path(__file__).with_name("signatures.json")


@cache
def _recorded() -> dict[str, dict[str, list[dict[str, Any]]]]:
    return json.loads(SIGNATURES.read_text())["versions"]


VERSIONS = tuple(_recorded())


@cache
def signature(version: str, function: str) -> inspect.Signature:
    """Build the signature of a function of the real package."""
    parameters = []
    for one in _recorded()[version][function]:
        default = inspect.Parameter.empty if one["default"] is None else one["default"]
        parameters.append(inspect.Parameter(one["name"], getattr(inspect.Parameter, one["kind"]), default=default))
    return inspect.Signature(parameters)


def as_real(function: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a method take only what the real one takes, in every version."""

    def checked(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            for version in VERSIONS:
                real = signature(version, function)
                real.bind(*args, **kwargs)
                # The real ones take others for the sake of old names, and refuse all the rest.
                if unknown := kwargs.keys() - real.parameters.keys():
                    raise TypeError(f"{function} of {version} got unexpected keyword arguments {sorted(unknown)}")
            return method(*args, **kwargs)

        return call

    return checked


@dataclass
class Metastore:
    """What outlives a client: each feature table's keys, and what is not granted.

    Args:
        keys: Of a table by its full name, the primary key and the timeseries column.
        denied: Privileges and full names of the tables and schemas on which they are not granted.
        refuse: From a message to what Unity Catalog raises.
    """

    keys: dict[str, tuple[list[str], str | None]] = field(default_factory=dict)
    denied: set[tuple[str, str]] = field(default_factory=set)
    refuse: Callable[[str], Exception] = PermissionError

    def demand(self, privilege: str, on: str, kind: str = "Table") -> None:
        if (privilege, on) in self.denied:
            raise self.refuse(f"User does not have {privilege} on {kind} '{on}'.")


@dataclass
class FakeClient:
    """Stands for `FeatureEngineeringClient`."""

    spark: SparkSession
    metastore: Metastore
    training_sets: list[dict[str, Any]] = field(default_factory=list)

    @as_real("FeatureEngineeringClient.create_table")
    def create_table(
        self, *, name: str, primary_keys: list[str], schema: StructType, timeseries_column: str | None = None
    ) -> SimpleNamespace:
        if timeseries_column is not None and timeseries_column not in primary_keys:
            raise ValueError(f"Timeseries column '{timeseries_column}' is not in primary_keys.")
        self.metastore.demand("CREATE TABLE", name.rpartition(".")[0], "Schema")
        if not self.spark.catalog.tableExists(name):
            columns = (
                f"`{one.name}` {one.dataType.simpleString()}{' NOT NULL' if one.name in primary_keys else ''}"
                for one in schema
            )
            self.spark.sql(f"CREATE TABLE {name} ({', '.join(columns)}) USING delta")
            self.metastore.keys[name] = ([key for key in primary_keys if key != timeseries_column], timeseries_column)
        return self.get_table(name=name)

    @as_real("FeatureEngineeringClient.get_table")
    def get_table(self, *, name: str) -> SimpleNamespace:
        self._check(name)
        self.metastore.demand("SELECT", name)
        if name not in self.metastore.keys:
            raise ValueError("Table can't be used as a feature table because it has no primary key constraint defined.")
        keys, time = self.metastore.keys[name]
        return SimpleNamespace(name=name, primary_keys=[*keys, *([time] if time else [])])

    @as_real("FeatureEngineeringClient.write_table")
    def write_table(self, *, name: str, df: DataFrame, mode: str = "merge") -> None:
        if mode != "merge":
            raise ValueError(f"Unsupported mode '{mode}'. 'merge' is the only supported mode.")
        self._check(name)
        keys = self.get_table(name=name).primary_keys
        self.metastore.demand("MODIFY", name)
        if not df.groupBy(*keys).count().where("count > 1").isEmpty():
            raise ValueError(f"Non-unique rows detected in input dataframe for key combination {keys}.")
        # Stages write several tables at once, and a session has one view of a name.
        view = f"updates_{uuid4().hex}"
        df.createOrReplaceTempView(view)
        same = " AND ".join(f"result_table.`{key}` = updates_table.`{key}`" for key in keys)
        self.spark.sql(
            f"MERGE INTO {name} AS result_table USING {view} AS updates_table ON {same} "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )
        self.spark.catalog.dropTempView(view)

    @as_real("FeatureEngineeringClient.create_training_set")
    def create_training_set(
        self, *, df: DataFrame, feature_lookups: list["FakeLookup"], label: str | None
    ) -> "FakeTrainingSet":
        outputs = [output for lookup in feature_lookups for output in lookup.outputs.values()]
        clashes = [name for name, count in Counter([*df.columns, *outputs]).items() if count > 1]
        if clashes:
            raise ValueError(f"DataFrame contains column names that match feature output names: {clashes}")
        if label is not None and label not in df.columns:
            raise ValueError(f"Label column '{label}' was not found in DataFrame")
        windows: dict[str, timedelta | None] = {}
        for lookup in feature_lookups:
            if windows.setdefault(lookup.table_name, lookup.lookback_window) != lookup.lookback_window:
                raise ValueError("Only one value for lookback_window can be defined per feature table.")
            self._check_join(df, lookup)
        self.training_sets.append({"tables": sorted(windows), "label": label})
        return FakeTrainingSet(self, df, feature_lookups, label)

    def _check_join(self, df: DataFrame, lookup: "FakeLookup") -> None:
        name = lookup.table_name
        keys, time = self.keys_of(name)
        table = self.spark.read.table(name)
        pairs = list(zip(lookup.keys, [*keys, *([time] if time else [])], strict=True))
        types = [(df.schema[ours].dataType, table.schema[theirs].dataType) for ours, theirs in pairs]
        if any(ours != theirs for ours, theirs in types):
            raise ValueError(f"Unable to join feature table '{name}' because its keys have types {types}")

    def keys_of(self, name: str) -> tuple[list[str], str | None]:
        self.get_table(name=name)
        return self.metastore.keys[name]

    def _check(self, name: str) -> None:
        if not self.spark.catalog.tableExists(name):
            raise ValueError(f"The feature data table for '{name}' could not be found.")


class FakeLookup:
    """Stands for `FeatureLookup`."""

    @as_real("FeatureLookup.__init__")
    def __init__(
        self,
        table_name: str,
        lookup_key: list[str],
        *,
        feature_names: list[str],
        rename_outputs: dict[str, str],
        timestamp_lookup_key: str | None = None,
        lookback_window: timedelta | None = None,
    ) -> None:
        if lookback_window is not None and timestamp_lookup_key is None:
            raise ValueError("lookback windows can only be applied on time series feature tables")
        self.table_name, self.lookback_window = table_name, lookback_window
        self.keys = [*lookup_key, *([timestamp_lookup_key] if timestamp_lookup_key else [])]
        self.outputs = {name: rename_outputs.get(name, name) for name in feature_names}


@dataclass
class FakeTrainingSet:
    """Stands for `TrainingSet`."""

    client: FakeClient
    df: DataFrame
    lookups: list[FakeLookup]
    label: str | None

    @as_real("TrainingSet.load_df")
    def load_df(self) -> DataFrame:
        joined = self.df
        for lookup in self.lookups:
            joined = self._joined(joined, lookup)
        outputs = [output for lookup in self.lookups for output in lookup.outputs.values()]
        source = [name for name in self.df.columns if name != self.label]
        return joined.select(*source, *outputs, *([self.label] if self.label else []))

    def _joined(self, df: DataFrame, lookup: FakeLookup) -> DataFrame:
        """Compare each row with all rows of its key: slow, and plain to see."""
        keys, time = self.client.keys_of(lookup.table_name)
        theirs = [f"_their_{key}" for key in [*keys, *([time] if time else [])]]
        table = self.client.spark.read.table(lookup.table_name).select(
            *(F.col(name.removeprefix("_their_")).alias(name) for name in theirs),
            *(F.col(name).alias(output) for name, output in lookup.outputs.items()),
        )
        match = [F.col(ours) == F.col(their) for ours, their in zip(lookup.keys, theirs, strict=True)]
        if time is not None and lookup.lookback_window != timedelta(0):
            match[-1] = F.col(theirs[-1]) <= F.col(lookup.keys[-1])
            if lookup.lookback_window is not None:
                age = F.unix_micros(lookup.keys[-1]) - F.unix_micros(theirs[-1])
                match.append(age <= lookup.lookback_window // timedelta(microseconds=1))
        numbered = df.withColumn("_row", F.monotonically_increasing_id())
        both = numbered.join(table, on=reduce(lambda left, right: left & right, match), how="left")
        newest = Over.partitionBy("_row").orderBy(F.col(theirs[-1]).desc())
        return both.withColumn("_rank", F.row_number().over(newest)).where("_rank = 1").drop("_row", "_rank", *theirs)


def fake_engineering(spark: SparkSession, metastore: Metastore) -> FeatureEngineering:
    """Build what stands for the package."""
    return FeatureEngineering(FakeClient(spark, metastore), FakeLookup)


def fake_package(spark: SparkSession, metastore: Metastore) -> ModuleType:
    """Build what stands for the module `databricks.feature_engineering`."""

    class Client(FakeClient):
        @as_real("FeatureEngineeringClient.__init__")
        def __init__(self) -> None:
            super().__init__(spark, metastore)

    package = ModuleType("databricks.feature_engineering")
    vars(package).update(FeatureEngineeringClient=Client, FeatureLookup=FakeLookup)
    return package
