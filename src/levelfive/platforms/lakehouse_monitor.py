"""A workspace's own monitor over the predictions, beside ours: made and refreshed here, since a bundle cannot.

In a bundle, `quality_monitors` refuse to run as another identity than the deployer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from levelfive.core.windows import Window
from levelfive.errors import TableError
from levelfive.features.labels import LABELS
from levelfive.platforms.monitor_api import MonitorSpec, monitor_api
from levelfive.registry.store import CentralRegistry
from levelfive.storage.inference_log import INFERENCE_LOG, inference_log
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import JobContext

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


@dataclass(frozen=True)
class Refresh:
    """What was asked of the workspace's monitor; its metrics follow in tables beside what it looks at."""

    run_id: str
    table: str
    is_new: bool
    refresh_id: int | None


@dataclass(frozen=True)
class LakehouseMonitor:
    """Makes a monitor of the predictions, or refreshes the one that is there; called as `monitoring.job.run` is.

    Where there are labels, and the task's scores predict one, it looks at the view `inference_log`, as an inference
    log; otherwise at the table `predictions`, as a time series.

    Args:
        client: The workspace's.
        folder: Folder in the workspace for what the monitor keeps.
    """

    client: WorkspaceClient
    folder: str

    def __call__(self, context: JobContext, registry: CentralRegistry, *, window: Window, as_of: datetime) -> Refresh:
        """Make or refresh the monitor; it looks at all days that were scored, not only at those of the window.

        Raises:
            TableError: There are no predictions yet, or the workspace refused.
        """
        tables, task = context.tables, context.use_case.model.task
        is_log = tables.exists(LABELS) and task.predicted_label is not None
        table = tables.name(INFERENCE_LOG if is_log else PREDICTIONS)
        with context.run("monitoring", as_of=as_of, parameters={"window": window, "lakehouse_monitor": table}) as run:
            if not tables.exists(PREDICTIONS):
                raise TableError(f"table {tables.name(PREDICTIONS)} does not exist yet: run the scoring stage first")
            if is_log:
                tables.create_view(INFERENCE_LOG, inference_log(tables, context.use_case))
            api = monitor_api(self.client)
            refresh = api.refresh(table)
            is_new = refresh is None
            if is_new:
                api.create(MonitorSpec(table, tables.schema, f"{self.folder}/{table}", is_log, task.labels_are_classes))
            return Refresh(run.run_id, table, is_new, refresh)
