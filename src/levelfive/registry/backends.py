"""Kinds of registry: where a version's files lie, and what each kind of MLflow's registries does not do.

- An MLflow server, a plain database, and a workspace's own registry keep files in runs of their own.
- Unity Catalog keeps the files itself, lists versions without their tags, and takes no run of another store.
- A workspace's own registry (`databricks://...`) has no aliases, and refuses dots in names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.unity_catalog_models_artifact_repo import UnityCatalogModelsArtifactRepository

from levelfive.errors import RegistryError
from levelfive.models.mlflow_store import experiment_id

UNITY_CATALOG = "databricks-uc"
WORKSPACE = "databricks"
PACKAGE = "model"


class Backend(Protocol):
    """One kind of registry."""

    client: MlflowClient
    has_aliases: bool
    can_replace: bool

    def create(self, name: str, package: Path, tags: Mapping[str, str], description: str) -> str:
        """Store a model package as a new version of a registered model, described in Markdown, and tell the version.

        Raises:
            MlflowException: The registry refused.
        """
        ...

    def download(self, name: str, version: str, folder: Path) -> Path:
        """Copy a version's package into a folder.

        Raises:
            MlflowException: The registry refused.
            OSError: The files are gone.
        """
        ...

    def replace(self, name: str, version: str, files: Path) -> None:
        """Put files in the place of a version's own that are called so; only where that can be done.

        Args:
            name: The registered model.
            version: Its version.
            files: A folder that holds them, and nothing else.

        Raises:
            MlflowException: The registry refused.
            OSError: The registry did not answer.
        """
        ...

    def holds_files(self, name: str, version: str) -> bool:
        """Tell whether any file of a version is there.

        Raises:
            MlflowException: The registry refused.
            OSError: The registry did not answer.
        """
        ...


class RunsOfItsOwn:
    """A registry whose MLflow store has runs too: they hold the files, so that nothing hangs on the tracking store.

    Args:
        uri: A server, a database, or another workspace as `databricks://scope:prefix`.
        artefacts: Folder of artefacts where the store is a plain database, or None where it has its own.
    """

    can_replace = True

    def __init__(self, uri: str, artefacts: Path | None = None) -> None:
        """Remember where the registry is."""
        self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._on_workspace = uri.split(":")[0] == WORKSPACE
        self.has_aliases = not self._on_workspace
        self._artefacts = artefacts

    def create(self, name: str, package: Path, tags: Mapping[str, str], description: str) -> str:
        """Store a package; see `Backend`."""
        # A workspace's experiments have paths.
        experiment = experiment_id(self.client, f"/Shared/{name}" if self._on_workspace else name, self._artefacts)
        run = self.client.create_run(experiment, run_name=package.name, tags=dict(tags))
        self.client.log_artifacts(run.info.run_id, str(package), PACKAGE)
        self.client.set_terminated(run.info.run_id)
        source = f"{run.info.artifact_uri}/{PACKAGE}"
        version = self.client.create_model_version(
            name, source, run_id=run.info.run_id, tags=dict(tags), description=description
        )
        return str(version.version)

    def download(self, name: str, version: str, folder: Path) -> Path:
        """Copy a package; see `Backend`."""
        return Path(self.client.download_artifacts(self._run_of(name, version), PACKAGE, str(folder)))

    def replace(self, name: str, version: str, files: Path) -> None:
        """Write over files of the run that holds them; see `Backend`."""
        self.client.log_artifacts(self._run_of(name, version), str(files), PACKAGE)

    def holds_files(self, name: str, version: str) -> bool:
        """Look for files; see `Backend`."""
        return bool(self.client.list_artifacts(self._run_of(name, version), PACKAGE))

    def _run_of(self, name: str, version: str) -> str:
        run_id = self.client.get_model_version(name, version).run_id
        if not run_id:
            raise FileNotFoundError("the version has no run that holds its files: it was not registered by levelfive")
        return str(run_id)


class UnityCatalog:
    """A registry in Unity Catalog, of this workspace's metastore or of another one.

    Args:
        uri: `databricks-uc`, or `databricks-uc://` with a profile or `scope:prefix`.
    """

    has_aliases = True
    can_replace = False

    def __init__(self, uri: str) -> None:
        """Remember where the registry is."""
        self._uri = uri
        self.client = MlflowClient(tracking_uri=uri.replace(UNITY_CATALOG, WORKSPACE, 1), registry_uri=uri)

    def create(self, name: str, package: Path, tags: Mapping[str, str], description: str) -> str:
        """Store a package; see `Backend`."""
        version = self.client.create_model_version(
            name, str(package.resolve()), tags=dict(tags), description=description
        )
        return str(version.version)

    def download(self, name: str, version: str, folder: Path) -> Path:
        """Copy a package; see `Backend`."""
        return Path(self._files(name, version).download_artifacts("", str(folder)))  # type: ignore[no-untyped-call]  # MLflow has no types here

    def replace(self, name: str, version: str, files: Path) -> None:
        """Refuse: a version's files are written once; see `Backend`."""
        raise RegistryError(f"Unity Catalog lets no file of {name} version {version} be changed: register another one")

    def holds_files(self, name: str, version: str) -> bool:
        """Look for files; see `Backend`."""
        return bool(self._files(name, version).list_artifacts(""))  # type: ignore[no-untyped-call]  # MLflow has no types here

    def _files(self, name: str, version: str) -> _FilesOfVersion:
        return _FilesOfVersion(self.client, self._uri, name, version)  # type: ignore[abstract]  # MLflow itself makes such ones


class _FilesOfVersion(UnityCatalogModelsArtifactRepository):
    """MLflow's own way to a version's files; its constructor refuses another metastore behind a secret scope."""

    def __init__(self, client: MlflowClient, uri: str, name: str, version: str) -> None:
        ArtifactRepository.__init__(self, f"models:/{name}/{version}")
        self.client, self.registry_uri = client, uri
        self.model_name, self.model_version = name, version


def backend_of(uri: str, artefacts: Path | None = None) -> Backend:
    """Choose the kind of registry by its address."""
    return UnityCatalog(uri) if uri.split(":")[0] == UNITY_CATALOG else RunsOfItsOwn(uri, artefacts)


def name_for(uri: str, name: str) -> str:
    """Write a model's name as the registry takes it: with dots, but for a workspace's own registry."""
    return name.replace(".", "-") if uri.split(":")[0] == WORKSPACE else name


def every_version(client: MlflowClient, name: str) -> list[str]:
    """List the versions of a model, oldest first, from all pages.

    Raises:
        MlflowException: The registry refused.
    """
    numbers, token = [], None
    while True:
        page = client.search_model_versions(f"name = '{name}'", page_token=token)
        numbers += [str(version.version) for version in page]
        token = page.token
        if not token:
            return sorted(numbers, key=int)
