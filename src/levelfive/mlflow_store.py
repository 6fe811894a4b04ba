"""What the two MLflow stores share: finding or making an experiment, and keeping MLflow's chatter low."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient


def experiment_id(client: MlflowClient, name: str, artefacts: Path | None) -> str:
    """Find an experiment by name, or make it.

    Args:
        client: A client of the store.
        name: The experiment's name.
        artefacts: Folder of its artefacts where the store is a plain database, or None where it has its own.
    """
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    location = None if artefacts is None else artefacts.resolve().as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def quieten() -> None:
    """Leave out progress bars and the notes on how a new store's database is made."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
