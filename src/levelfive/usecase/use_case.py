"""What a team declares to bring its own model: sources, features, label, model, metrics and gate.

A use case is data and small functions, no machinery. The rooms of levelfive know only this module.
Columns that every use case shares are named here once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from inspect import signature
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from levelfive.core.windows import Window
from levelfive.errors import ConfigError
from levelfive.usecase.policies import GatePolicy, MonitoringPolicy, RetrainingPolicy

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

    from levelfive.formats import Format

ENTRY_POINT_GROUP = "levelfive.use_cases"

PREDICTION_TIME = "prediction_time"
KNOWN_AT = "known_at"
LABEL = "label"
OUTCOME = "outcome"
LABELLED = "labelled"
"""The value of `outcome` for a row that has a label; any other value says why it has none."""


class ExpectationKind(StrEnum):
    """What an expectation demands of a column; nulls satisfy all but `NOT_NULL`."""

    NOT_NULL = "not_null"
    BETWEEN = "between"
    ONE_OF = "one_of"
    MATCHES = "matches"


@dataclass(frozen=True)
class Expectation:
    """One demand on one column of a source."""

    column: str
    kind: ExpectationKind
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    pattern: str = ""

    def __str__(self) -> str:
        """Say the demand as a reason for quarantine."""
        match self.kind:
            case ExpectationKind.NOT_NULL:
                return f"{self.column}: missing"
            case ExpectationKind.BETWEEN:
                return f"{self.column}: not between {self.low:g} and {self.high:g}"
            case ExpectationKind.ONE_OF:
                shown = ", ".join(self.values[:5]) + (", ..." if len(self.values) > 5 else "")
                return f"{self.column}: not one of {shown}"
            case ExpectationKind.MATCHES:
                return f"{self.column}: does not match {self.pattern}"


def not_null(*columns: str) -> tuple[Expectation, ...]:
    """Demand a value in each of the columns."""
    return tuple(Expectation(column, ExpectationKind.NOT_NULL) for column in columns)


def between(column: str, low: float, high: float) -> Expectation:
    """Demand values from `low` to `high`, both included."""
    return Expectation(column, ExpectationKind.BETWEEN, low=low, high=high)


def one_of(column: str, *values: str) -> Expectation:
    """Demand one of the values."""
    return Expectation(column, ExpectationKind.ONE_OF, values=values)


def matches(column: str, pattern: str) -> Expectation:
    """Demand that the whole text match a regular expression (without `^` and `$`)."""
    return Expectation(column, ExpectationKind.MATCHES, pattern=pattern)


@dataclass(frozen=True)
class Reveal:
    """Columns of a row that become known together, at the time in `known_at` (itself one of them)."""

    columns: tuple[str, ...]
    known_at: str


def _csv() -> Format:
    # Not at import: commands that read no file need not wait for Arrow.
    from levelfive.formats import Csv

    return Csv()


@dataclass(frozen=True)
class Source:
    """A kind of landing file and the contract that its rows must satisfy.

    Args:
        name: The folder below the landing place; the table is `raw_<name>`.
        columns: Column names in the file's order, each with its Spark SQL type.
        key: Columns that identify a row: a second row of one key is a duplicate, the first one stays.
        expectations: Demands on the columns, derived ones included; the key may never be null.
        derive: Adds columns, such as times in UTC, given the raw tables of `references`.
        references: Sources whose raw tables `derive` reads; they are ingested first.
        event_time: The column that dates a row, or None for a source without dates.
        key_within: Rows of one key lie at most this far apart in `event_time`; None where that is not known. It spares
            looking for a key among rows of all times; 0 where the key holds the event time.
        known_at: The column with the time at which the whole row became known, or None for "always".
        reveals: Parts of a row that become known later than the row itself.
        freshness: How far the newest row may lie behind `as_of` before a file counts as missing.
        max_quarantined_share: Above this share of quarantined rows a file is refused as a whole.
        format: How the files are written: one of `levelfive.formats`, by default CSV as R writes it.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    expectations: tuple[Expectation, ...] = ()
    derive: Callable[[DataFrame, Mapping[str, DataFrame]], DataFrame] | None = None
    references: tuple[str, ...] = ()
    event_time: str | None = None
    key_within: timedelta | None = None
    known_at: str | None = None
    reveals: tuple[Reveal, ...] = ()
    freshness: timedelta | None = None
    max_quarantined_share: float = 0.1
    format: Format = field(default_factory=_csv)

    @property
    def table(self) -> str:
        """The logical name of the raw table."""
        return f"raw_{self.name}"


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
    """

    name: str
    keys: tuple[str, ...]
    sources: tuple[str, ...]
    compute: Callable[[Mapping[str, DataFrame], Window], DataFrame]
    timestamped: bool = True


@dataclass(frozen=True)
class Lookup:
    """Feature columns that a model reads, by logical table name, as of a row's prediction time.

    Args:
        table: The logical name of a feature table.
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


OWN_PARAMETERS = "levelfive."
"""Begins the names of what a training records beside the parameters of the use case, none of which may begin so."""


class Task(StrEnum):
    """What the model predicts."""

    BINARY = "binary"
    REGRESSION = "regression"


class Estimator(Protocol):
    """A scikit-learn estimator or pipeline."""

    def fit(self, X: pd.DataFrame, y: NDArray[Any]) -> object:
        """Learn from features and labels."""

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Predict a label for each row."""


@dataclass(frozen=True)
class ModelSpec:
    """The model's recipe.

    Args:
        task: Binary classification or regression.
        spine_features: Columns of the spine that are features themselves.
        lookups: Features read as of the prediction time.
        categorical: Those features that are categories; all others are numbers. The estimator gets them as text, see
            `levelfive.statistics.categories`.
        build: From (numeric columns, categorical columns, seed), an unfitted estimator. If it has an argument named
            `parameters`, it gets those too.
        parameters: What `build` is told to use: what is recorded is what was built.
        seed: Makes a training repeatable.

    Raises:
        ConfigError: There are parameters, and `build` does not take them.
    """

    task: Task
    spine_features: tuple[str, ...]
    lookups: tuple[Lookup, ...]
    categorical: tuple[str, ...]
    build: Callable[..., Estimator]
    parameters: Mapping[str, float | int | str] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse parameters that would be recorded and not used."""
        if self.parameters and not _takes_parameters(self.build):
            raise ConfigError(
                f"parameters are recorded but build does not take them, got {', '.join(self.parameters)}: give build a "
                "fourth argument named parameters, or leave them out of the ModelSpec"
            )

    def estimator(self) -> Estimator:
        """Build the unfitted estimator."""
        numeric = [name for name in self.features if name not in self.categorical]
        told = {"parameters": dict(self.parameters)} if _takes_parameters(self.build) else {}
        return self.build(numeric, list(self.categorical), self.seed, **told)

    def without(self, *groups: str) -> ModelSpec:
        """Leave out the lookups of some groups.

        Raises:
            ConfigError: No lookup has such a group.
        """
        known = {lookup.group for lookup in self.lookups} - {""}
        for group in groups:
            if group not in known:
                raise ConfigError(
                    f"there is no feature group {group!r}; known are {', '.join(sorted(known)) or 'none'}"
                )
        kept = tuple(lookup for lookup in self.lookups if lookup.group not in groups)
        gone = {name for lookup in self.lookups if lookup.group in groups for name in lookup.features}
        return ModelSpec(
            task=self.task,
            spine_features=self.spine_features,
            lookups=kept,
            categorical=tuple(name for name in self.categorical if name not in gone),
            build=self.build,
            parameters=self.parameters,
            seed=self.seed,
        )

    @property
    def features(self) -> tuple[str, ...]:
        """All feature names in the order in which the model takes them."""
        return self.spine_features + tuple(name for lookup in self.lookups for name in lookup.features)


def _takes_parameters(build: Callable[..., Estimator]) -> bool:
    try:
        return "parameters" in signature(build).parameters
    except (TypeError, ValueError):  # a built-in one says nothing of its arguments
        return False


@dataclass(frozen=True)
class ReplayPlan:
    """How the demo replays the files of a year: a dated file is named `<source>_<year>-<month>` and its ending.

    Args:
        year: The year of the files.
        training_months: Months that land before the first model is trained.
        date_columns: Columns of the dated sources that hold year, month and day of the use case's days.
    """

    year: int
    training_months: int
    date_columns: tuple[str, str, str]


@dataclass(frozen=True)
class UseCase:
    """Everything that levelfive needs to know about one prediction problem.

    Args:
        name: A Python identifier; the default schema and the registered model carry it.
        sources: The landing files and their contracts, in the order of ingestion.
        feature_tables: What the features room computes.
        key: Columns that identify a row to be predicted.
        spine_sources: Sources that `spine` reads.
        spine: From the raw tables and a window of prediction times: `key`, `prediction_time`, the keys of
            the lookups and the spine's own features.
        label_sources: Sources that `labels` reads.
        labels: From the raw tables as known at a window's end, the outcomes that became known within the
            window: `key`, `prediction_time`, `label` (double), `outcome` and `known_at`.
        maturity: Age, from the prediction time, at which nearly all labels are known.
        model: The model's recipe.
        slices: Spine columns by whose values metrics are also reported.
        gate: When a candidate may go live.
        monitoring: From which values on monitoring says something.
        retraining: When the live model is trained again.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
        replay: How `levelfive demo` walks through the fixtures, or None for a use case without.
        lookback: How far back features look: what is computed so long after a hole in its sources is marked.
    """

    name: str
    sources: tuple[Source, ...]
    feature_tables: tuple[FeatureTable, ...]
    key: tuple[str, ...]
    spine_sources: tuple[str, ...]
    spine: Callable[[Mapping[str, DataFrame], Window], DataFrame]
    label_sources: tuple[str, ...]
    labels: Callable[[Mapping[str, DataFrame], Window], DataFrame]
    maturity: timedelta
    model: ModelSpec
    slices: tuple[str, ...] = ()
    gate: GatePolicy = field(default_factory=GatePolicy)
    monitoring: MonitoringPolicy = field(default_factory=MonitoringPolicy)
    retraining: RetrainingPolicy = field(default_factory=RetrainingPolicy)
    day_starts_at: timedelta = timedelta(0)
    replay: ReplayPlan | None = None
    lookback: timedelta = timedelta(days=28)

    def source(self, name: str) -> Source:
        """Find a source by name.

        Raises:
            ConfigError: There is no such source.
        """
        return _named(self.sources, name, "source")

    def feature_table(self, name: str) -> FeatureTable:
        """Find a feature table by its logical name.

        Raises:
            ConfigError: There is no such table.
        """
        return _named(self.feature_tables, name, "feature table")


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_T = TypeVar("_T", bound=_Named)


def _named(items: Sequence[_T], name: str, what: str) -> _T:
    for item in items:
        if item.name == name:
            return item
    raise ConfigError(f"there is no {what} {name!r}; known are {', '.join(item.name for item in items)}")


def load_use_case(name: str) -> UseCase:
    """Find a use case by the name of its entry point.

    Where nothing is installed, as in a Git folder, it is found as `USE_CASE` of a package of that name.

    Raises:
        ConfigError: There is no such entry point or package, it does not hold a use case, or one that cannot be used.
    """
    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name in found:
        loaded = found[name].load()
    elif name.isidentifier() and find_spec(name) is not None:
        loaded = getattr(import_module(name), "USE_CASE", None)
    else:
        raise ConfigError(
            f"there is no use case {name!r}; installed are {', '.join(sorted(found)) or 'none'}. "
            f"A package offers one by an entry point in the group {ENTRY_POINT_GROUP!r}."
        )
    if not isinstance(loaded, UseCase):
        raise ConfigError(f"use case {name!r} must be a levelfive UseCase, it is {type(loaded).__name__}")
    # What is checked is defined here, so that the check cannot be imported above.
    from levelfive.usecase.check import check

    check(loaded)
    return loaded
