"""What a team's package imports from `levelfive`: these names, and no others."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import levelfive

SOURCE = Path(__file__).resolve().parents[2] / "src"
PUBLIC = [
    "AlertRule",
    "BINARY",
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
    "KNOWN_AT",
    "LABEL",
    "LABELLED",
    "OpenIntervals",
    "LevelfiveError",
    "Lookup",
    "Metric",
    "ModelSpec",
    "MonitoringPolicy",
    "Multiclass",
    "NoEvidence",
    "OUTCOME",
    "PREDICTION_TIME",
    "Parquet",
    "QuantileEstimators",
    "Quantiles",
    "REGRESSION",
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
WITHOUT_SPARK = "import sys; from levelfive import UseCase, Source, GatePolicy; print('pyspark' in sys.modules)"


def test_these_names_are_public() -> None:
    assert sorted(levelfive.__all__) == sorted(PUBLIC) == dir(levelfive)


def test_types_are_told_where_names_are_found() -> None:
    (typed,) = (node for node in ast.parse(Path(levelfive.__file__).read_text()).body if isinstance(node, ast.If))
    told = {one.name: node.module for node in typed.body if isinstance(node, ast.ImportFrom) for one in node.names}

    assert sorted(told) == sorted(PUBLIC)
    for name, module in told.items():
        assert getattr(levelfive, name) is getattr(import_module(str(module)), name)


def test_a_name_that_is_not_there_is_none() -> None:
    with pytest.raises(AttributeError, match="module 'levelfive' has no attribute 'Sorce'"):
        levelfive.Sorce  # noqa: B018 - asked for


@pytest.mark.parametrize("path", sorted((SOURCE / "flight_delay").glob("*.py")), ids=lambda path: path.name)
def test_a_use_case_needs_nothing_else(path: Path) -> None:
    imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]

    assert {str(node.module) for node in imports if str(node.module).startswith("levelfive")} <= {"levelfive"}


def test_a_declaration_needs_no_spark() -> None:
    answer = subprocess.run([sys.executable, "-c", WITHOUT_SPARK], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "False"
