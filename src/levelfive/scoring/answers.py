"""From lines of the request log to rows of `predictions`: texts get the types that a batch has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from levelfive.data.contract import TYPE_REASONS
from levelfive.storage.predictions import FEATURES, LOOKUP_KEYS, REACHES_TO, SLICES, Role, are_sound, typed_text
from levelfive.usecase.columns import PREDICTION_TIME, SOURCE_FILE, own
from levelfive.usecase.sources import Source
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

KEYS, SCORES = "keys", "scores"
COLUMNS = {
    "request_id": "string",
    KEYS: "string",
    PREDICTION_TIME: "timestamp",
    SCORES: "string",
    SLICES: "string",
    FEATURES: "string",
    REACHES_TO: "string",
    "model": "string",
    "version": "string",
    "served_at": "timestamp",
    "sample_rate": "double",
}
"""What is read of a line; objects are JSON."""
REQUIRED = (PREDICTION_TIME, KEYS, SCORES, FEATURES, "model", "version", "served_at")
_OBJECTS = (KEYS, SCORES, SLICES, FEATURES, REACHES_TO)
_SHOWN_CHARACTERS = 40


def derive_rows(log: Source, schema: StructType, use_case: UseCase) -> Source:
    """Let the request log's source give each value of an object its type, and say which has none.

    Args:
        log: The source.
        schema: Of `predictions`.
        use_case: Its key and its task's scores are taken.
    """
    return replace(log, derive=partial(_derived, schema=schema, use_case=use_case))


def with_features(schema: StructType, other: StructType) -> StructType:
    """Add the features of another schema of `predictions`, where the first one lacks them."""
    features = StructType()
    for name, kind in (feature_kinds(other) | feature_kinds(schema)).items():
        features.add(name, kind)
    return StructType([field for field in schema.fields if field.name != FEATURES]).add(FEATURES, features)


def feature_kinds(schema: StructType) -> dict[str, DataType]:
    """Tell the types of the features in a schema of `predictions`."""
    features = schema[FEATURES].dataType
    assert isinstance(features, StructType)
    return {field.name: field.dataType for field in features.fields}


def prediction_rows(rows: DataFrame, schema: StructType, use_case: UseCase) -> DataFrame:
    """Write accepted rows of the request log as rows of `predictions`.

    Args:
        rows: What `derive_rows` led to.
        schema: Of `predictions`.
        use_case: Its key and its task's scores are taken.
    """
    return rows.select(
        *(_cell(KEYS, name, schema[name].dataType).alias(name) for name in use_case.key),
        PREDICTION_TIME,
        *(column.alias(name) for name, column in _scores(use_case).items()),
        F.coalesce(own(SLICES), F.from_json(F.lit("{}"), "map<string,string>")).alias(SLICES),
        F.struct(*(column.alias(name) for name, column in _features(schema).items())).alias(FEATURES),
        F.col("model").alias("model_name"),
        F.col("version").alias("model_version"),
        F.lit(str(Role.SERVED)).alias("role"),
        F.col(SOURCE_FILE).alias("batch_id"),
        F.col("served_at").alias("scored_as_of"),
        "request_id",
        "sample_rate",
        F.col(own(KEYS)).alias(LOOKUP_KEYS),
        F.transform_values(own(REACHES_TO), lambda _, end: end.try_cast("timestamp")).alias(REACHES_TO),
    )


def _derived(
    rows: DataFrame, references: Mapping[str, DataFrame], *, schema: StructType, use_case: UseCase
) -> DataFrame:
    rows = rows.withColumns({own(name): F.from_json(name, "map<string,string>") for name in _OBJECTS})
    reasons = F.array_compact(F.array(*_reasons(schema, use_case)))
    return rows.withColumn(TYPE_REASONS, F.concat(TYPE_REASONS, reasons))


def _reasons(schema: StructType, use_case: UseCase) -> Iterator[Column]:
    for name in _OBJECTS:
        yield F.when(F.col(name).isNotNull() & F.col(own(name)).isNull(), F.lit(f"{name}: not a JSON object"))
    for name in use_case.key:
        value, is_there = _cell(KEYS, name, schema[name].dataType), F.col(own(KEYS)).isNotNull()
        yield F.when(is_there & value.isNull(), _unfit(KEYS, name, schema[name].dataType))
    sound = are_sound(tuple(_scores(use_case).values()), use_case.model.task)
    reason = F.lit(f"{SCORES}: not {use_case.model.task.wanted_scores}")
    yield F.when(F.col(own(SCORES)).isNotNull() & ~F.coalesce(sound, F.lit(False)), reason)
    for name, value in _features(schema).items():
        kind = feature_kinds(schema)[name]
        yield F.when(_text(FEATURES, name).isNotNull() & value.isNull(), _unfit(FEATURES, name, kind))


def _unfit(of: str, name: str, kind: DataType) -> Column:
    came = F.coalesce(_text(of, name), F.lit("nothing"))
    return F.concat(F.lit(f"{of}.{name}: not of type {kind.simpleString()}: "), came.substr(1, _SHOWN_CHARACTERS))


def _scores(use_case: UseCase) -> dict[str, Column]:
    return {name: _text(SCORES, name).try_cast("double") for name in use_case.model.task.score_columns}


def _features(schema: StructType) -> dict[str, Column]:
    return {name: _cell(FEATURES, name, kind) for name, kind in feature_kinds(schema).items()}


def _cell(of: str, name: str, kind: DataType) -> Column:
    return typed_text(_text(of, name), kind)


def _text(of: str, name: str) -> Column:
    return F.try_element_at(own(of), F.lit(name))
