"""A workspace's own monitor over the predictions, beside ours: made and refreshed here, since a bundle cannot.

In a bundle, `quality_monitors` refuse to run as another identity than the deployer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from levelfive.core.windows import Window
from levelfive.errors import TableError
from levelfive.registry.store import CentralRegistry
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import JobContext
from levelfive.usecase.columns import PREDICTION_TIME

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

GRANULARITY = "1 day"
SLICES = ("model_version", "role")


@dataclass(frozen=True)
class Refresh:
    """What was asked of the workspace's monitor; its metrics follow in tables beside the predictions."""

    run_id: str
    table: str
    is_new: bool
    refresh_id: int | None


@dataclass(frozen=True)
class LakehouseMonitor:
    """Makes a monitor over `predictions`, or refreshes the one that is there; called as `monitoring.job.run` is.

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
        table = context.tables.name(PREDICTIONS)
        parameters = {"window": window, "lakehouse_monitor": table}
        with context.run("monitoring", as_of=as_of, parameters=parameters) as run:
            if not context.tables.exists(PREDICTIONS):
                raise TableError(f"table {table} does not exist yet: run the scoring stage first")
            refresh = self._refreshed(table)
            is_new = refresh is None
            if is_new:
                self._make(table, context.tables.schema)
            return Refresh(run.run_id, table, is_new, refresh)

    def _refreshed(self, table: str) -> int | None:
        """Refresh the monitor; None where there is none."""
        from databricks.sdk.errors.base import DatabricksError
        from databricks.sdk.errors.platform import NotFound

        try:
            return self.client.quality_monitors.run_refresh(table).refresh_id
        except NotFound:
            return None
        except DatabricksError as err:
            raise _refused(table, err) from err

    def _make(self, table: str, schema: str) -> None:
        from databricks.sdk.errors.base import DatabricksError
        from databricks.sdk.service.catalog import MonitorTimeSeries

        try:
            # A new monitor begins with a refresh.
            self.client.quality_monitors.create(
                table_name=table,
                output_schema_name=schema,
                assets_dir=f"{self.folder}/{table}",
                time_series=MonitorTimeSeries(timestamp_col=PREDICTION_TIME, granularities=[GRANULARITY]),
                slicing_exprs=list(SLICES),
            )
        except DatabricksError as err:
            raise _refused(table, err) from err


def _refused(table: str, err: Exception) -> TableError:
    return TableError(
        f"the workspace refused a monitor of {table}: {err}. Its owner, with USE SCHEMA and SELECT, may make one; "
        "or leave the parameter lakehouse_monitor empty"
    )
