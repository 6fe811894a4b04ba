"""The two APIs by which databricks-sdk makes monitors: `data_quality` where it has it, else `quality_monitors`.

The SDK of runtime 18 LTS (0.67) has the older one alone, which is deprecated since 0.68.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from levelfive.errors import TableError
from levelfive.storage.inference_log import PREDICTION
from levelfive.usecase.columns import LABEL, PREDICTION_TIME

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

MODEL_VERSION = "model_version"
SLICES = [MODEL_VERSION, "role"]


@dataclass(frozen=True)
class MonitorSpec:
    """What a monitor looks at, by days and by the version and role of what scored.

    Args:
        table: The table or view, with catalog and schema.
        schema: Where the tables of its metrics are made.
        folder: Folder in the workspace for what it keeps.
        is_inference_log: Whether labels stand beside predictions; otherwise it is a time series.
        is_classification: Whether these are classes.
    """

    table: str
    schema: str
    folder: str
    is_inference_log: bool
    is_classification: bool

    @property
    def problem_type(self) -> str:
        """How both APIs end the name of the type of problem."""
        return f"PROBLEM_TYPE_{'CLASSIFICATION' if self.is_classification else 'REGRESSION'}"


class MonitorApi(Protocol):
    """Makes and refreshes monitors."""

    def refresh(self, table: str) -> int | None:
        """Refresh a table's monitor.

        Returns:
            The number of the refresh; None where the table has no monitor.

        Raises:
            TableError: The workspace refused.
        """

    def create(self, spec: MonitorSpec) -> None:
        """Make a monitor, which begins with a refresh.

        Raises:
            TableError: The workspace refused.
        """


def monitor_api(client: WorkspaceClient) -> MonitorApi:
    """Choose the newer of the APIs that a client has."""
    return DataQuality(client) if hasattr(client, "data_quality") else QualityMonitors(client)


@dataclass(frozen=True)
class QualityMonitors:
    """The older API, which names tables and schemas."""

    client: WorkspaceClient

    def refresh(self, table: str) -> int | None:
        """Refresh a table's monitor; see `MonitorApi`."""
        return _unless_missing(table, lambda: self.client.quality_monitors.run_refresh(table).refresh_id)

    def create(self, spec: MonitorSpec) -> None:
        """Make a monitor; see `MonitorApi`."""
        from databricks.sdk.service import catalog

        days = ["1 day"]
        log = catalog.MonitorInferenceLog(
            problem_type=catalog.MonitorInferenceLogProblemType(spec.problem_type),
            timestamp_col=PREDICTION_TIME,
            granularities=days,
            prediction_col=PREDICTION,
            model_id_col=MODEL_VERSION,
            label_col=LABEL,
        )
        series = catalog.MonitorTimeSeries(timestamp_col=PREDICTION_TIME, granularities=days)
        with _refusals(spec.table):
            self.client.quality_monitors.create(
                table_name=spec.table,
                output_schema_name=spec.schema,
                assets_dir=spec.folder,
                inference_log=log if spec.is_inference_log else None,
                time_series=None if spec.is_inference_log else series,
                slicing_exprs=SLICES,
            )


@dataclass(frozen=True)
class DataQuality:
    """The newer API, which knows tables and schemas by their ids."""

    client: Any  # that of an SDK that runtime 18 LTS has not

    def refresh(self, table: str) -> int | None:
        """Refresh a table's monitor; see `MonitorApi`."""
        from databricks.sdk.service import dataquality  # type: ignore[attr-defined]  # newer than the lock

        def ask() -> int | None:
            about = {"object_type": "table", "object_id": self.client.tables.get(table).table_id}
            number: int | None = self.client.data_quality.create_refresh(
                **about, refresh=dataquality.Refresh(**about)
            ).refresh_id
            return number

        return _unless_missing(table, ask)

    def create(self, spec: MonitorSpec) -> None:
        """Make a monitor; see `MonitorApi`."""
        from databricks.sdk.service import dataquality  # type: ignore[attr-defined]  # newer than the lock

        days = [dataquality.AggregationGranularity.AGGREGATION_GRANULARITY_1_DAY]
        log = dataquality.InferenceLogConfig(
            problem_type=dataquality.InferenceProblemType(f"INFERENCE_{spec.problem_type}"),
            timestamp_column=PREDICTION_TIME,
            granularities=days,
            prediction_column=PREDICTION,
            model_id_column=MODEL_VERSION,
            label_column=LABEL,
        )
        series = dataquality.TimeSeriesConfig(timestamp_column=PREDICTION_TIME, granularities=days)
        with _refusals(spec.table):
            profiling = dataquality.DataProfilingConfig(
                output_schema_id=self.client.schemas.get(spec.schema).schema_id,
                assets_dir=spec.folder,
                inference_log=log if spec.is_inference_log else None,
                time_series=None if spec.is_inference_log else series,
                slicing_exprs=SLICES,
            )
            table_id = self.client.tables.get(spec.table).table_id
            self.client.data_quality.create_monitor(
                dataquality.Monitor(object_type="table", object_id=table_id, data_profiling_config=profiling)
            )


def _unless_missing(table: str, ask: Callable[[], int | None]) -> int | None:
    from databricks.sdk.errors.platform import NotFound

    try:
        with _refusals(table, but=NotFound):
            return ask()
    except NotFound:
        return None


@contextmanager
def _refusals(table: str, *, but: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    """Say what the workspace refused, and how to do without."""
    from databricks.sdk.errors.base import DatabricksError

    try:
        yield
    except but:
        raise
    except DatabricksError as err:
        raise TableError(
            f"the workspace refused a monitor of {table}: {err}. Its owner, with USE SCHEMA and SELECT, may make one; "
            "or leave the parameter lakehouse_monitor empty"
        ) from err
