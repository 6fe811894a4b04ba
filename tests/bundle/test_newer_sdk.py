"""The API of monitors of a newer databricks-sdk, with that SDK's own classes, in a process that finds it first."""

import os
import subprocess
import sys
from pathlib import Path

SDK = "databricks-sdk==0.162.0"
SCRIPT = """
from types import SimpleNamespace
from unittest.mock import create_autospec

from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.service import catalog, dataquality

from levelfive.errors import TableError
from levelfive.platforms.monitor_api import DataQuality, MonitorSpec, monitor_api

api = create_autospec(dataquality.DataQualityAPI, instance=True)
tables = create_autospec(catalog.TablesAPI, instance=True)
schemas = create_autospec(catalog.SchemasAPI, instance=True)
tables.get.side_effect = lambda name: {"main.flights.inference_log": SimpleNamespace(table_id="t-1")}[name]
schemas.get.side_effect = lambda name: {"main.flights": SimpleNamespace(schema_id="s-1")}[name]
client = SimpleNamespace(data_quality=api, tables=tables, schemas=schemas)
assert hasattr(WorkspaceClient, "data_quality")

monitors = monitor_api(client)
assert isinstance(monitors, DataQuality)
api.create_refresh.return_value = dataquality.Refresh("table", "t-1", refresh_id=7)
assert monitors.refresh("main.flights.inference_log") == 7
assert api.create_refresh.call_args.kwargs["refresh"].as_dict() == {"object_type": "table", "object_id": "t-1"}

api.create_refresh.side_effect = errors.NotFound("no monitor")
assert monitors.refresh("main.flights.inference_log") is None

for is_log in (True, False):
    monitors.create(MonitorSpec("main.flights.inference_log", "main.flights", "/Shared/m", is_log, True))
log, series = (call.args[0].as_dict() for call in api.create_monitor.call_args_list)
day = {"timestamp_column": "prediction_time", "granularities": ["AGGREGATION_GRANULARITY_1_DAY"]}
profiling = {"output_schema_id": "s-1", "assets_dir": "/Shared/m", "slicing_exprs": ["model_version", "role"]}
inference = {
    **day,
    "problem_type": "INFERENCE_PROBLEM_TYPE_CLASSIFICATION",
    "prediction_column": "prediction",
    "label_column": "label",
    "model_id_column": "model_version",
}
about = {"object_type": "table", "object_id": "t-1"}
assert log == {**about, "data_profiling_config": {**profiling, "inference_log": inference}}, log
assert series == {**about, "data_profiling_config": {**profiling, "time_series": day}}, series

api.create_monitor.side_effect = errors.PermissionDenied("not yours")
try:
    monitors.create(MonitorSpec("main.flights.inference_log", "main.flights", "/Shared/m", True, True))
except TableError as error:
    print("refused:", error)
"""


def test_the_newer_api_is_used_where_the_sdk_has_it(tmp_path: Path) -> None:
    """The SDK is installed for it."""
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--no-deps", "--target", tmp_path / "sdk", SDK], check=True, timeout=300
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "sdk"), os.environ.get("PYTHONPATH", "")])}

    ran = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert "refused: the workspace refused a monitor of main.flights.inference_log: not yours. Its owner" in ran.stdout
