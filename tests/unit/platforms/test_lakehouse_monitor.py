"""The workspace's own monitor: made once, refreshed afterwards, refused with a sentence."""

from contextlib import nullcontext
from inspect import signature
from types import SimpleNamespace
from unittest.mock import MagicMock, create_autospec

import pytest
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.catalog import MonitorInfo, MonitorRefreshInfo, QualityMonitorsAPI

from levelfive import BINARY, REGRESSION, Quantiles, Task
from levelfive.core.windows import Window, utc
from levelfive.errors import TableError
from levelfive.monitoring import job
from levelfive.platforms.lakehouse_monitor import LakehouseMonitor, Refresh
from levelfive.storage.runs import JobContext

WINDOW = Window(utc(2013, 4, 1), utc(2013, 4, 8))
TABLE, LOG = "main.flights.predictions", "main.flights.inference_log"
QUANTILES = Quantiles("wait", (0.1, 0.9))


@pytest.fixture
def api():
    return create_autospec(QualityMonitorsAPI, instance=True)


@pytest.fixture
def views() -> MagicMock:
    """What views were made of."""
    return MagicMock()


@pytest.fixture
def look(api, views):
    """Look at a workspace that has tables."""

    def looked(*, tables=("predictions", "labels"), task: Task = BINARY) -> Refresh:
        context = create_autospec(JobContext, instance=True)
        context.tables = SimpleNamespace(
            name=lambda table: f"main.flights.{table}",
            exists=lambda table: table in tables,
            schema="main.flights",
            create_view=views,
        )
        context.use_case = SimpleNamespace(key=("flight",), model=SimpleNamespace(task=task))
        context.run.return_value = nullcontext(SimpleNamespace(run_id="a-run"))
        monitor = LakehouseMonitor(SimpleNamespace(quality_monitors=api), "/Shared/monitors")
        return monitor(context, None, window=WINDOW, as_of=WINDOW.end)

    return looked


def test_it_is_called_as_our_own_monitoring_is_and_tells_nobody():
    ours, theirs = (dict(signature(one).parameters) for one in (job.run, LakehouseMonitor.__call__))

    assert ours.keys() - theirs.keys() == {"destinations"}
    assert [ours[name] for name in theirs if name != "self"] == [theirs[name] for name in theirs if name != "self"]


def test_a_monitor_that_is_there_is_refreshed(api, look, views):
    api.run_refresh.return_value = create_autospec(MonitorRefreshInfo, instance=True, refresh_id=7)

    assert look() == Refresh("a-run", LOG, is_new=False, refresh_id=7)

    api.run_refresh.assert_called_once_with(LOG)
    api.create.assert_not_called()
    assert [call.args[0] for call in views.call_args_list] == ["inference_log"]


@pytest.mark.parametrize(("task", "kind"), [(BINARY, "CLASSIFICATION"), (REGRESSION, "REGRESSION")])
def test_where_there_are_labels_it_is_of_an_inference_log(api, look, task, kind):
    api.run_refresh.side_effect = NotFound("no monitor")
    api.create.return_value = create_autospec(MonitorInfo, instance=True)

    assert look(task=task) == Refresh("a-run", LOG, is_new=True, refresh_id=None)

    (made,) = api.create.call_args_list
    assert made.kwargs["table_name"] == LOG
    assert made.kwargs["output_schema_name"] == "main.flights"
    assert made.kwargs["assets_dir"] == f"/Shared/monitors/{LOG}"
    assert made.kwargs["slicing_exprs"] == ["model_version", "role"]
    assert made.kwargs["time_series"] is None
    assert made.kwargs["inference_log"].as_dict() == {
        "problem_type": f"PROBLEM_TYPE_{kind}",
        "timestamp_col": "prediction_time",
        "granularities": ["1 day"],
        "prediction_col": "prediction",
        "label_col": "label",
        "model_id_col": "model_version",
    }


@pytest.mark.parametrize(("tables", "task"), [(("predictions",), BINARY), (("predictions", "labels"), QUANTILES)])
def test_without_labels_that_are_predicted_it_is_of_a_time_series(api, look, views, tables, task):
    api.run_refresh.side_effect = NotFound("no monitor")
    api.create.return_value = create_autospec(MonitorInfo, instance=True)

    assert look(tables=tables, task=task).table == TABLE

    (made,) = api.create.call_args_list
    assert made.kwargs["time_series"].as_dict() == {"timestamp_col": "prediction_time", "granularities": ["1 day"]}
    assert made.kwargs["inference_log"] is None
    views.assert_not_called()


@pytest.mark.parametrize("refused", ["run_refresh", "create"])
def test_a_refusal_says_who_may_and_how_to_do_without(api, look, refused):
    api.run_refresh.side_effect = NotFound("no monitor")
    getattr(api, refused).side_effect = PermissionDenied("not an owner")

    with pytest.raises(TableError, match=r"not an owner.*lakehouse_monitor empty"):
        look()


def test_without_predictions_there_is_nothing_to_watch(api, look):
    with pytest.raises(TableError, match="run the scoring stage first"):
        look(tables=())

    api.run_refresh.assert_not_called()
