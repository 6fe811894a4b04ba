"""levelfive: MLOps on Azure Databricks, and the same on a laptop.

What a team's package needs is importable from here; all else may change without a word.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from levelfive.core.conditions import in_window
    from levelfive.core.windows import Window
    from levelfive.errors import LevelfiveError
    from levelfive.features.grid import grid_state
    from levelfive.features.grid_spec import Flow, GridSpec, OpenIntervals, Ratio
    from levelfive.formats import Csv, Format, JsonLines, Parquet
    from levelfive.models.quantile_estimators import QuantileEstimators
    from levelfive.statistics.decisions import cost_at, precision_at
    from levelfive.statistics.tasks.binary import BINARY
    from levelfive.statistics.tasks.multiclass import Multiclass
    from levelfive.statistics.tasks.quantiles import Quantiles
    from levelfive.statistics.tasks.registry import register_task
    from levelfive.statistics.tasks.regression import REGRESSION
    from levelfive.statistics.tasks.task import Estimator, Metric, Task
    from levelfive.usecase.alert_rules import AlertRule, Severity
    from levelfive.usecase.columns import KNOWN_AT, LABEL, LABELLED, OUTCOME, PREDICTION_TIME
    from levelfive.usecase.features import FeatureTable, Lookup
    from levelfive.usecase.model import ModelSpec
    from levelfive.usecase.policies import GatePolicy, MonitoringPolicy, NoEvidence, RetrainingPolicy, ServingPolicy
    from levelfive.usecase.sources import Expectation, Later, Reveal, Source, between, matches, not_null, one_of
    from levelfive.usecase.use_case import ReplayPlan, UseCase

__all__ = [
    "BINARY",
    "KNOWN_AT",
    "LABEL",
    "LABELLED",
    "OUTCOME",
    "PREDICTION_TIME",
    "REGRESSION",
    "AlertRule",
    "Csv",
    "Estimator",
    "Expectation",
    "FeatureTable",
    "Flow",
    "Format",
    "GatePolicy",
    "GridSpec",
    "JsonLines",
    "Later",
    "LevelfiveError",
    "Lookup",
    "Metric",
    "ModelSpec",
    "MonitoringPolicy",
    "Multiclass",
    "NoEvidence",
    "OpenIntervals",
    "Parquet",
    "QuantileEstimators",
    "Quantiles",
    "Ratio",
    "ReplayPlan",
    "RetrainingPolicy",
    "Reveal",
    "ServingPolicy",
    "Severity",
    "Source",
    "Task",
    "UseCase",
    "Window",
    "between",
    "cost_at",
    "grid_state",
    "in_window",
    "matches",
    "not_null",
    "one_of",
    "precision_at",
    "register_task",
]

# Imported when it is asked for: a command that reads no file need not wait for Arrow and Spark.
_PLACES = {
    "levelfive.core.conditions": ("in_window",),
    "levelfive.core.windows": ("Window",),
    "levelfive.errors": ("LevelfiveError",),
    "levelfive.features.grid": ("grid_state",),
    "levelfive.features.grid_spec": ("Flow", "GridSpec", "OpenIntervals", "Ratio"),
    "levelfive.formats": ("Csv", "Format", "JsonLines", "Parquet"),
    "levelfive.models.quantile_estimators": ("QuantileEstimators",),
    "levelfive.statistics.decisions": ("cost_at", "precision_at"),
    "levelfive.statistics.tasks.binary": ("BINARY",),
    "levelfive.statistics.tasks.multiclass": ("Multiclass",),
    "levelfive.statistics.tasks.quantiles": ("Quantiles",),
    "levelfive.statistics.tasks.registry": ("register_task",),
    "levelfive.statistics.tasks.regression": ("REGRESSION",),
    "levelfive.statistics.tasks.task": ("Estimator", "Metric", "Task"),
    "levelfive.usecase.alert_rules": ("AlertRule", "Severity"),
    "levelfive.usecase.columns": ("KNOWN_AT", "LABEL", "LABELLED", "OUTCOME", "PREDICTION_TIME"),
    "levelfive.usecase.features": ("FeatureTable", "Lookup"),
    "levelfive.usecase.model": ("ModelSpec",),
    "levelfive.usecase.policies": ("GatePolicy", "MonitoringPolicy", "NoEvidence", "RetrainingPolicy", "ServingPolicy"),
    "levelfive.usecase.sources": (
        "Expectation",
        "Later",
        "Reveal",
        "Source",
        "between",
        "matches",
        "not_null",
        "one_of",
    ),
    "levelfive.usecase.use_case": ("ReplayPlan", "UseCase"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
