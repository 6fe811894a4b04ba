"""What the two MLflow stores share: addresses, connections and refusals, experiments, and MLflow's chatter kept low."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit, urlunsplit

from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.store.db.db_types import DATABASE_ENGINES

from levelfive.errors import ConfigError, MachineError, RegistryError, first_line, translating

if TYPE_CHECKING:
    from mlflow import MlflowClient

_T = TypeVar("_T")
ON_DATABRICKS = ("databricks", "databricks-uc")
"""Addresses without a colon: stores of the workspace."""


def shown_address(uri: str, setting: str, examples: str) -> str:
    """Write a store's address as it may be shown; see `without_password`.

    Args:
        uri: The address.
        setting: Whose value it is, for the message.
        examples: Addresses that would do.

    Raises:
        ConfigError: It is no address.
    """
    if ":" not in uri and uri not in ON_DATABRICKS:  # MLflow would make a folder of that name
        raise ConfigError(f"{setting} is no address, got {uri!r}: expected one such as {examples}")
    try:
        return without_password(uri)
    except ValueError as err:  # what it says may hold a password
        raise ConfigError(f"{setting} is no address: expected one such as {examples}") from err


def without_password(uri: str) -> str:
    """Write a store's address for people, tags and logs: without what may hold a password, user and query.

    Raises:
        ValueError: It is no address.
    """
    if uri.split(":")[0].split("+")[0] in DATABASE_ENGINES:
        # Only a laptop has it, and only a laptop's stores are plain databases.
        from sqlalchemy.engine import URL, make_url
        from sqlalchemy.exc import ArgumentError

        try:
            full = make_url(uri)
        except ArgumentError as err:
            raise ValueError("no address of a database") from err
        return URL.create(full.drivername, host=full.host, port=full.port, database=full.database).render_as_string()
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def experiment_id(client: MlflowClient, name: str, artefacts: Path | None) -> str:
    """Find an experiment by name, or make it.

    Args:
        client: A client of the store.
        name: The experiment's name.
        artefacts: Folder of its artefacts where the store is a plain database, or None where it has its own.

    Raises:
        RegistryError: The experiment was deleted.
    """
    experiment = client.get_experiment_by_name(name)
    if experiment is not None and experiment.lifecycle_stage != LifecycleStage.ACTIVE:
        raise RegistryError(
            f"experiment {name!r} was deleted in MLflow, which keeps its name: restore it, as by "
            f"`MlflowClient().restore_experiment('{experiment.experiment_id}')`. Trainings may go to another one, by "
            "the setting `experiment`"
        )
    if experiment is not None:
        return str(experiment.experiment_id)
    location = None if artefacts is None else artefacts.resolve().as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def connect_store(place: str, uri: str, build: Callable[[], _T]) -> _T:
    """Build what a store is reached by.

    Args:
        place: The store and its address, as they may be shown.
        uri: The address, which MLflow's messages may hold.
        build: Builds it.

    Raises:
        ConfigError: MLflow knows no such store.
        MachineError: The driver of the store's database is not installed.
        RegistryError: The store did not answer, or its database is none.
    """
    with refusals_of(place, "a connection"):
        try:
            return build()
        except ImportError as err:
            raise MachineError(f"{place} needs a driver that is not installed: {err}") from err
        except MlflowException as err:
            message = first_line(err).replace(uri, place)
            raise ConfigError(f"{place} is none that MLflow knows: {message}") from err


def refusals_of(place: str, what: str) -> translating:
    """Turn what an MLflow store, or the database below it, refuses in a block into our errors; all others pass.

    Args:
        place: The store and its address, as they may be shown.
        what: What it is asked for.

    Raises:
        RegistryError: The store refused or did not answer, or is none.
    """
    return translating(partial(_refusal, place, what))


def _refusal(place: str, what: str, err: Exception) -> RegistryError | None:
    if not is_of_a_store(err):
        return None
    return RegistryError(
        f"{place} did not take {what}: {first_line(err)}. Look whether it is there, is a store of MLflow's, and may be "
        "written to"
    )


def is_of_a_store(err: BaseException) -> bool:
    """Tell whether MLflow, the system or a database raised an error: Unity Catalog that is down raises a system's."""
    return isinstance(err, MlflowException | OSError) or is_of_a_database(err)


def is_of_a_database(err: BaseException) -> bool:
    """Tell whether a database, or a migration of one, raised an error: only a laptop has the packages."""
    return type(err).__module__.split(".")[0] in ("sqlalchemy", "sqlite3", "alembic")


@contextmanager
def folder_with(file: Path) -> Iterator[Path]:
    """Copy a file into a folder that holds nothing else: a store takes folders."""
    with TemporaryDirectory() as folder:
        shutil.copy(file, Path(folder) / file.name)
        yield Path(folder)


def quieten() -> None:
    """Leave out progress bars and the notes on how a new store's database is made."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
