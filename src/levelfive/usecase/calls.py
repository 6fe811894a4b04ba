"""Calls the functions of a use case, and looks at the columns of what they return before anything rests on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql.types import TimestampType

from levelfive.core.windows import Window
from levelfive.errors import ConfigError, first_line, translating
from levelfive.usecase.columns import IN_SPINES, KNOWN_AT, LABEL, OUTCOME, PREDICTION_TIME
from levelfive.usecase.features import FeatureTable, Lookup
from levelfive.usecase.sources import Source
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TIMES = (PREDICTION_TIME, KNOWN_AT)


def spine_of(
    use_case: UseCase,
    raw: Mapping[str, DataFrame],
    window: Window,
    *,
    features: Iterable[str] = (),
    lookups: Iterable[Lookup] = (),
) -> DataFrame:
    """List the rows to be predicted.

    Args:
        use_case: Its `spine` is called.
        raw: The raw tables of its `spine_sources`.
        window: Prediction times.
        features: The features that the spine has to hold itself.
        lookups: Those whose keys it has to hold.

    Raises:
        ConfigError: The function failed, or its rows lack a column, or have one of levelfive's own.
    """
    by = (name for lookup in lookups for name in lookup.keys.values())
    columns = (*use_case.key, PREDICTION_TIME, *use_case.slices, *features, *by)
    with _failures_of("`spine` of the use case", raw):
        return _looked_at("`spine` of the use case", use_case.spine(raw, window), columns, reserved_names=IN_SPINES)


def labels_of(use_case: UseCase, raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """List the outcomes that became known within a window.

    Raises:
        ConfigError: The function failed, or its rows lack a column.
    """
    with _failures_of("`labels` of the use case", raw):
        rows = use_case.labels(raw, window)
        return _looked_at("`labels` of the use case", rows, (*use_case.key, PREDICTION_TIME, LABEL, OUTCOME, KNOWN_AT))


def feature_rows(table: FeatureTable, raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Compute the rows of a feature table that became known within a window.

    Raises:
        ConfigError: The function failed, or its rows lack a key, or `known_at` where the table has times.
    """
    what = f"`compute` of feature table {table.name!r}"
    with _failures_of(what, raw):
        columns = (*table.keys, KNOWN_AT) if table.timestamped else table.keys
        return _looked_at(what, table.compute(raw, window), columns)


def derived(source: Source, rows: DataFrame, references: Mapping[str, DataFrame]) -> DataFrame:
    """Add the columns that a source derives, if it does.

    Raises:
        ConfigError: The function failed, or its rows lack a column that tells a time of the source.
    """
    if source.derive is None:
        return rows
    what = f"`derive` of source {source.name!r}"
    with _failures_of(what, references):
        revealed_columns = (name for reveal in source.reveals for name in (*reveal.columns, reveal.known_at))
        times = [name for name in (source.event_time, source.known_at) if name is not None]
        return _looked_at(what, source.derive(rows, references), (*times, *revealed_columns), times=times)


def _looked_at(
    what: str,
    rows: DataFrame,
    columns: Iterable[str],
    *,
    times: Iterable[str] = TIMES,
    reserved_names: Iterable[str] = (),
) -> DataFrame:
    schema = getattr(rows, "schema", None)
    if schema is None:
        raise ConfigError(f"{what} must return rows, it returned {type(rows).__name__}: look at its `return`")
    kinds, columns = {field.name: field.dataType for field in schema.fields}, tuple(columns)
    if absent := [name for name in dict.fromkeys(columns) if name not in kinds]:
        raise ConfigError(f"{what} returned no column {', '.join(absent)}, it returned {', '.join(kinds)}: add it")
    names = Counter(field.name.lower() for field in schema.fields)
    if twice := [name for name, times in names.items() if times > 1]:
        raise ConfigError(f"{what} returned two columns named {', '.join(twice)}: rename or drop one of them")
    if clash := [name for name in kinds if name.lower() in reserved_names]:
        raise ConfigError(f"{what} returned {', '.join(clash)}, a name that levelfive gives to a column: rename it")
    for name in times:
        if name in columns and not isinstance(kinds[name], TimestampType):
            kind = kinds[name].simpleString()
            raise ConfigError(f"{what} returned {name} as {kind}, it must be a timestamp: cast it, as a time in UTC")
    return rows


def _failures_of(what: str, sources: Mapping[str, object]) -> translating:
    """Turn what Spark says of a use case's function, and a source that it was not given, into our errors."""
    return translating(partial(_failure, what, sources))


def _failure(what: str, sources: Mapping[str, object], err: Exception) -> ConfigError | None:
    if isinstance(err, AnalysisException):
        return ConfigError(f"{what} failed: {first_line(err)}. Correct the function.")
    if isinstance(err, KeyError) and err.args and err.args[0] not in sources:
        names = ", ".join(sources) or "none"
        return ConfigError(
            f"{what} reads {err.args[0]!r}, and is given {names}: name it among the sources that it reads"
        )
    return None
