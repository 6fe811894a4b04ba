"""The model's recipe: gradient-boosted trees on what was known two hours before departure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder
from xgboost import XGBClassifier

from flight_delay.features import (
    CARRIER_STATE,
    DEST_STATE,
    FLIGHT_HISTORY,
    FLIGHT_HISTORY_COLUMNS,
    ORIGIN_STATE,
    ROTATION_COLUMNS,
    ROTATION_HISTORY,
    WEATHER_COLUMNS,
    WEATHER_GRID,
)
from flight_delay.spine import SPINE_FEATURES
from levelfive import BINARY, Estimator, GridSpec, Lookup, ModelSpec

# Near the best of nine on January to March by folds of whole weeks, as benchmarks/hyperparameters.py compares them: all
# came within 0.0015 of the best log loss. Fewer trees and coarser bins than that one has: they cost a third less time.
PARAMETERS = {
    "n_estimators": 300,
    "max_depth": 6,
    "learning_rate": 0.04,
    "max_bin": 64,
    "subsample": 0.7,
    "colsample_bytree": 0.3,
    "min_child_weight": 30,
    "reg_lambda": 5.0,
}


def _state(table: str, spec: GridSpec, prefix: str) -> Lookup:
    keys = {key: key for key in spec.keys}
    return Lookup(table, keys, spec.columns, grid=spec.grid, prefix=prefix, group="state")


LOOKUPS = (
    Lookup("weather_state", {"origin": "origin"}, WEATHER_COLUMNS, grid=WEATHER_GRID, group="weather"),
    _state("origin_state", ORIGIN_STATE, "origin_"),
    _state("carrier_state", CARRIER_STATE, "carrier_"),
    _state("dest_state", DEST_STATE, "dest_"),
    Lookup(
        "flight_history",
        {key: key for key in ("carrier", "flight", "origin")},
        FLIGHT_HISTORY_COLUMNS,
        max_age=FLIGHT_HISTORY,
        prefix="flight_",
        group="history",
    ),
    Lookup(
        "aircraft",
        {"tailnum": "tailnum"},
        ("built", "seats", "engines"),
        prefix="aircraft_",
        group="aircraft",
    ),
    Lookup(
        "rotation",
        {"tailnum": "tailnum"},
        ROTATION_COLUMNS,
        max_age=ROTATION_HISTORY,
        prefix="aircraft_",
        group="aircraft",
    ),
)


def build(
    numeric: Sequence[str], categorical: Sequence[str], seed: int, parameters: Mapping[str, float | int | str]
) -> Estimator:
    """Build the unfitted pipeline; a category that was not seen in training counts as missing."""
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=float("nan"), encoded_missing_value=float("nan")
    )
    columns = ColumnTransformer(
        [("categories", codes, list(categorical)), ("numbers", "passthrough", list(numeric))],
        verbose_feature_names_out=False,
    )
    trees = XGBClassifier(**parameters, tree_method="hist", n_jobs=2, random_state=seed)
    pipeline: Estimator = Pipeline([("columns", columns), ("trees", trees)])
    return pipeline


MODEL = ModelSpec(
    task=BINARY,
    spine_features=SPINE_FEATURES,
    lookups=LOOKUPS,
    categorical=("origin", "carrier", "dest"),
    build=build,
    parameters=PARAMETERS,
    seed=2013,
)
