"""The workspace's own monitor: made once, refreshed afterwards, refused with a sentence."""

from contextlib import nullcontext
from inspect import signature
from types import SimpleNamespace
from unittest.mock import create_autospec

import pytest
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.catalog import MonitorInfo, MonitorRefreshInfo, QualityMonitorsAPI

from levelfive.core.windows import Window, utc
from levelfive.errors import TableError
from levelfive.monitoring import job
from levelfive.platforms.lakehouse_monitor import LakehouseMonitor, Refresh
from levelfive.storage.runs import JobContext

WINDOW = Window(utc(2013, 4, 1), utc(2013, 4, 8))
TABLE = "main.flights.predictions"


@pytest.fixture
def api():
    return create_autospec(QualityMonitorsAPI, instance=True)


@pytest.fixture
def look(api):
    """Look at a workspace that has predictions, or none."""

    def looked(*, scored=True) -> Refresh:
        context = create_autospec(JobContext, instance=True)
        context.tables = SimpleNamespace(name=lambda _: TABLE, exists=lambda _: scored, schema="main.flights")
        context.run.return_value = nullcontext(SimpleNamespace(run_id="a-run"))
        monitor = LakehouseMonitor(SimpleNamespace(quality_monitors=api), "/Shared/monitors")
        return monitor(context, None, window=WINDOW, as_of=WINDOW.end)

    return looked


def test_it_is_called_as_our_own_monitoring_is_and_tells_nobody():
    ours, theirs = (dict(signature(one).parameters) for one in (job.run, LakehouseMonitor.__call__))

    assert ours.keys() - theirs.keys() == {"destinations"}
    assert [ours[name] for name in theirs if name != "self"] == [theirs[name] for name in theirs if name != "self"]


def test_a_monitor_that_is_there_is_refreshed(api, look):
    api.run_refresh.return_value = create_autospec(MonitorRefreshInfo, instance=True, refresh_id=7)

    assert look() == Refresh("a-run", TABLE, is_new=False, refresh_id=7)

    api.run_refresh.assert_called_once_with(TABLE)
    api.create.assert_not_called()


def test_one_that_is_not_there_is_made_by_day_of_prediction_and_by_version(api, look):
    api.run_refresh.side_effect = NotFound("no monitor")
    api.create.return_value = create_autospec(MonitorInfo, instance=True)

    assert look() == Refresh("a-run", TABLE, is_new=True, refresh_id=None)

    (made,) = api.create.call_args_list
    assert made.kwargs["table_name"] == TABLE
    assert made.kwargs["output_schema_name"] == "main.flights"
    assert made.kwargs["assets_dir"] == f"/Shared/monitors/{TABLE}"
    assert made.kwargs["slicing_exprs"] == ["model_version", "role"]
    assert made.kwargs["time_series"].as_dict() == {"timestamp_col": "prediction_time", "granularities": ["1 day"]}


@pytest.mark.parametrize("refused", ["run_refresh", "create"])
def test_a_refusal_says_who_may_and_how_to_do_without(api, look, refused):
    api.run_refresh.side_effect = NotFound("no monitor")
    getattr(api, refused).side_effect = PermissionDenied("not an owner")

    with pytest.raises(TableError, match=r"not an owner.*lakehouse_monitor empty"):
        look()


def test_without_predictions_there_is_nothing_to_watch(api, look):
    with pytest.raises(TableError, match="run the scoring stage first"):
        look(scored=False)

    api.run_refresh.assert_not_called()
