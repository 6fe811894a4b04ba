"""What the two MLflow stores share: finding or making an experiment, and keeping MLflow's chatter low."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException

from levelfive.errors import RegistryError, first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient


def experiment_id(client: MlflowClient, name: str, artefacts: Path | None) -> str:
    """Find an experiment by name, or make it.

    Args:
        client: A client of the store.
        name: The experiment's name.
        artefacts: Folder of its artefacts where the store is a plain database, or None where it has its own.

    Raises:
        RegistryError: The experiment was deleted.
    """
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage != LifecycleStage.ACTIVE:
        raise RegistryError(
            f"experiment {name!r} was deleted in MLflow, which keeps its name: restore it, as by "
            f"`MlflowClient().restore_experiment('{found.experiment_id}')`. Trainings may go to another one, by the "
            "setting `experiment`"
        )
    if found is not None:
        return str(found.experiment_id)
    location = None if artefacts is None else artefacts.resolve().as_uri()
    return str(client.create_experiment(name, artifact_location=location))


class refusals_of:
    """Turns what an MLflow store, or the database below it, refuses in the block into our errors; all others pass.

    Args:
        place: The store's address as it may be shown.
        what: What it is asked for.

    Raises:
        RegistryError: The store refused or did not answer, or is none.
    """

    def __init__(self, place: str, what: str) -> None:
        """Remember what to say."""
        self._place = place
        self._what = what

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _: object, err: BaseException | None, __: object) -> None:
        """Turn the error that ended the block."""
        if isinstance(err, MlflowException | OSError) or is_of_a_database(err):
            raise RegistryError(
                f"{self._place} did not take {self._what}: {first_line(err)}. Look whether it is there, is a store of "
                "MLflow's, and may be written to"
            ) from err


def is_of_a_database(err: BaseException | None) -> bool:
    """Tell whether a database, or a migration of one, raised an error: only a laptop has the packages."""
    return type(err).__module__.split(".")[0] in ("sqlalchemy", "sqlite3", "alembic")


def quieten() -> None:
    """Leave out progress bars and the notes on how a new store's database is made."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
