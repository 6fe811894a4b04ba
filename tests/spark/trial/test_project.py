"""No fault is found in the use case of a new project, whatever it predicts and wherever its rows come from."""

import runpy
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from levelfive.project.making import make_project
from levelfive.trial import trial


@pytest.mark.parametrize(
    ("task", "source"),
    [
        pytest.param("binary", "csv", marks=pytest.mark.nightly),
        pytest.param("binary", "parquet", marks=pytest.mark.nightly),
        pytest.param("binary", "delta", marks=pytest.mark.nightly),
        pytest.param("regression", "json_lines", marks=pytest.mark.nightly),
        pytest.param("regression", "csv", marks=pytest.mark.nightly),
        pytest.param("multiclass", "csv", marks=pytest.mark.nightly),
        pytest.param("quantiles", "csv", marks=pytest.mark.nightly),
    ],
)
def test_no_fault_is_found_in_the_use_case_of_a_new_project(
    task: str, source: str, spark: SparkSession, lakehouse: Path, tmp_path: Path
) -> None:
    project = make_project({"name": "orders", "task": task, "source": source}, tmp_path)
    landing = lakehouse / f"landing_{task}_{source}"
    runpy.run_path(str(project / "sample" / "parcels.py"))["main"](str(landing), "2025-01-01", "2025-02-01")
    use_case = runpy.run_path(str(project / "src" / "orders" / "use_case.py"))["USE_CASE"]

    found = trial.run(spark, use_case, landing)

    assert found.faults == []
    assert found.notes == []
    looked_at = {part.what for part in found.parts}
    assert {"source parcels", "`spine`", "`labels`", "scores of a model that was fitted on them"} <= looked_at
