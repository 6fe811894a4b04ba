"""Records a training in MLflow's tracking store."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow import MlflowClient
from mlflow.data.delta_dataset_source import DeltaDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, ViewType
from mlflow.exceptions import MlflowException

from levelfive.errors import RegistryError, first_line, translating
from levelfive.models.mlflow_store import connect_store, experiment_id, is_of_a_database, refusals_of, shown_address
from levelfive.statistics.metrics import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST_PART = 70
_LONGEST_NAME = 200


class Tracking:
    """One experiment of the tracking store.

    Args:
        uri: The tracking store.
        experiment: The experiment's name.
        artefacts: Folder of artefacts where the store is a plain database, or None where it has its own.

    Raises:
        ConfigError: The address cannot be read, or MLflow knows no such store.
        MachineError: The driver of the store's database is not installed.
        RegistryError: The store did not answer, or its database is none.
    """

    def __init__(self, uri: str, experiment: str, *, artefacts: Path | None = None) -> None:
        """Remember where the store is; it is asked at the first call."""
        self.uri = uri
        self.experiment = experiment
        self._artefacts = artefacts
        examples = "databricks, https://mlflow.example.com or sqlite:////path/tracking.db"
        self._place = f"tracking store {shown_address(uri, f'tracking_uri of experiment {experiment!r}', examples)}"
        self._client = connect_store(self._place, uri, lambda: MlflowClient(tracking_uri=uri, registry_uri=uri))

    def download(self, run_id: str, path: str, folder: Path) -> Path | None:
        """Copy a file of a run's artefacts into a folder; None where the run or the file is gone.

        Raises:
            RegistryError: The database of the store cannot be read.
        """
        try:
            with translating(partial(self._why_unread, run_id)):
                return Path(self._client.download_artifacts(run_id, path, str(folder)))
        except (MlflowException, OSError):
            return None

    def _why_unread(self, run_id: str, err: Exception) -> RegistryError | None:
        if not is_of_a_database(err):
            return None
        return RegistryError(f"{self._place} did not tell of run {run_id}: {first_line(err)}")

    def runs(self) -> tuple[str, ...]:
        """List the runs of the experiment, those that were deleted and can be restored too; none where it is not there.

        Raises:
            RegistryError: The store refused, or did not answer.
        """
        with refusals_of(self._place, f"a list of the runs of experiment {self.experiment!r}"):
            experiment = self._client.get_experiment_by_name(self.experiment)
            if experiment is None:
                return ()
            run_ids, token = [], None
            while True:
                ids = [experiment.experiment_id]
                page = self._client.search_runs(ids, run_view_type=ViewType.ALL, page_token=token)
                run_ids += [str(run.info.run_id) for run in page]
                token = page.token
                if not token:
                    return tuple(run_ids)

    def replace(self, run_id: str, file: Path, folder: str) -> None:
        """Put a file in the place of the one of a run's artefacts that is called so.

        Args:
            run_id: The run, which may have ended.
            file: The file.
            folder: Its folder among the run's artefacts.

        Raises:
            RegistryError: The store refused, or did not answer.
        """
        with refusals_of(self._place, f"file {file.name} of run {run_id}"):
            self._client.log_artifact(run_id, str(file), folder)

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        """Open a run; it ends as failed if the block raises.

        Raises:
            RegistryError: The store refused or did not answer, or its experiment was deleted.
        """
        with refusals_of(self._place, f"a run of experiment {self.experiment!r}"):
            experiment = experiment_id(self._client, self.experiment, self._artefacts)
            mlflow_run = self._client.create_run(experiment, run_name=name, tags=dict(tags))
        run = TrackedRun(self._client, mlflow_run.info.run_id, self._place)
        try:
            yield run
        except BaseException:  # what a person or a signal ends has failed too
            # What went wrong in the block is told, not that a store which is down takes no end of a run.
            with suppress(Exception):
                self._client.set_terminated(run.run_id, status="FAILED")
            raise
        with refusals_of(self._place, f"the end of run {run.run_id}"):
            self._client.set_terminated(run.run_id)


class TrackedRun:
    """An open run of the tracking store."""

    def __init__(self, client: MlflowClient, run_id: str, place: str) -> None:
        """Wrap a run that was created."""
        self._client = client
        self.run_id = run_id
        self._place = place

    def _logging(self, what: str) -> translating:
        return refusals_of(self._place, f"{what} of run {self.run_id}")

    def log_parameters(self, parameters: Mapping[str, object]) -> None:
        """Log parameters, under what `name_of` makes of their names."""
        with self._logging("parameters"):
            self._client.log_batch(
                self.run_id,
                params=[Param(name_of(key), str(value)) for key, value in parameters.items()],  # type: ignore[no-untyped-call]  # MLflow has no types here
            )

    def log_evaluation(self, prefix: str, evaluation: Evaluation, as_of: datetime) -> None:
        """Log each metric with the ends of its interval."""
        stamp = max(int(as_of.timestamp() * 1000), 0)  # MLflow knows no time before 1970
        values = {f"{prefix}.rows": float(evaluation.rows), f"{prefix}.days": float(evaluation.days)}
        for name, estimate in evaluation.estimates.items():
            values |= {f"{prefix}.{name}": estimate.value}
            values |= {f"{prefix}.{name}.low": estimate.low, f"{prefix}.{name}.high": estimate.high}
        # A metric that is not defined on these rows (one class only) is left out: not every store takes NaN.
        metrics = [Metric(key, value, stamp, 0) for key, value in values.items() if value == value]
        with self._logging("metrics"):
            self._client.log_batch(self.run_id, metrics=metrics)

    def log_tables(self, names: Mapping[str, str], versions: Mapping[str, int]) -> None:
        """Log the tables that were read, with their Delta versions.

        Args:
            names: The qualified name of each logical table.
            versions: The version of each logical table.
        """
        inputs = []
        for table, version in sorted(versions.items()):
            source = DeltaDatasetSource(delta_table_name=names[table], delta_table_version=version)
            dataset = MetaDataset(source=source, name=table)  # type: ignore[abstract]  # MLflow itself makes such ones
            inputs.append(DatasetInput(dataset._to_mlflow_entity(), tags=[InputTag("delta_version", str(version))]))
        with self._logging("tables"):
            self._client.log_inputs(self.run_id, datasets=inputs)

    def log_file(self, path: Path, folder: str) -> None:
        """Copy a file into the run's artefacts."""
        with self._logging(f"file {path.name}"):
            self._client.log_artifact(self.run_id, str(path), folder)

    def log_folder(self, path: Path, folder: str) -> None:
        """Copy a folder into the run's artefacts."""
        with self._logging(f"folder {folder}"):
            self._client.log_artifacts(self.run_id, str(path), folder)

    def log_text(self, text: str, name: str) -> None:
        """Write a text into the run's artefacts."""
        with self._logging(f"file {name}"):
            self._client.log_text(self.run_id, text, name)

    def log_figure(self, figure: Figure, name: str) -> None:
        """Draw a figure into the run's artefacts."""
        with self._logging(f"figure {name}"):
            self._client.log_figure(self.run_id, figure, name)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        with self._logging("tags"):
            for key, value in tags.items():
                self._client.set_tag(self.run_id, key, value)


def name_of(text: str) -> str:
    """Write a text as a name that every store of MLflow takes; other texts have other names.

    What is no letter of ASCII, digit, underscore, period or space becomes its code in hexadecimal digits between two
    dashes, a dash becomes two. Of a longer text the begin is kept, and a hash of the whole.
    """
    return _shorten(re.sub(r"[^A-Za-z0-9_. ]", _escape, text), _LONGEST_NAME)


def slice_name(prefix: str, column: str, value: str | None) -> str:
    """Name the metrics of a slice, `None` for the rows without a value; other slices have other names."""
    return ".".join((prefix, _part(column), "-missing" if value is None else _part(value)))


def _part(text: str) -> str:
    return _shorten(re.sub(r"[^A-Za-z0-9_ ]", _escape, text), _LONGEST_PART)


def _escape(match: re.Match[str]) -> str:
    return "--" if match[0] == "-" else f"-{ord(match[0]):x}-"


def _shorten(name: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    # After a single dash there is a hexadecimal digit in all other names, and never an x or an m.
    return f"{name[:longest]}-x{hashlib.sha256(name.encode()).hexdigest()[:32]}"
