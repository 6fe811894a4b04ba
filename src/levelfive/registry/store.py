"""The central registry: an MLflow store of its own that holds the artefacts of its models too."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from levelfive.errors import ModelNotFound, RegistryError
from levelfive.mlflow_store import experiment_id
from levelfive.model_package import Model, load

NOT_FOUND = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
CHAMPION = "champion"


@dataclass(frozen=True)
class RegisteredVersion:
    """A model version as the registry knows it."""

    name: str
    version: str
    tags: Mapping[str, str]


class CentralRegistry:
    """One registered model of the central registry.

    Args:
        uri: The registry's MLflow store, apart from the tracking store.
        name: The registered model: one for each environment.
        artefacts: Folder of artefacts where the registry is a plain database, or None where it has its own.
    """

    def __init__(self, uri: str, name: str, *, artefacts: Path | None = None) -> None:
        """Remember where the registry is; it is asked at the first call."""
        self.uri = uri
        self.name = name
        self._artefacts = artefacts
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._loaded: dict[str, Model] = {}

    def register(self, package: Path, tags: Mapping[str, str]) -> str:
        """Copy a model package into the registry and make a version of it.

        Returns:
            The version, from the registry's answer.

        Raises:
            RegistryError: The registry refused.
        """
        try:
            self._ensure_model()
            experiment = experiment_id(self._client, self.name, self._artefacts)
            run = self._client.create_run(experiment, run_name=package.name, tags=dict(tags))
            self._client.log_artifacts(run.info.run_id, str(package), "model")
            self._client.set_terminated(run.info.run_id)
            source = f"{run.info.artifact_uri}/model"
            answer = self._client.create_model_version(self.name, source, run_id=run.info.run_id, tags=dict(tags))
        except MlflowException as err:
            raise RegistryError(f"registry {self.uri} refused a version of {self.name}: {err.message}") from err
        return str(answer.version)

    def find(self, version: str) -> RegisteredVersion:
        """Look a version up.

        Raises:
            ModelNotFound: The registry answered that it does not exist.
            RegistryError: The registry gave another answer.
        """
        try:
            found = self._client.get_model_version(self.name, version)
        except MlflowException as err:
            raise self._refusal(err, version) from err
        return RegisteredVersion(self.name, str(found.version), dict(found.tags))

    def versions(self) -> tuple[RegisteredVersion, ...]:
        """List all versions, oldest first."""
        try:
            found = self._client.search_model_versions(f"name = '{self.name}'")
        except MlflowException as err:
            raise self._refusal(err, "any") from err
        known = (RegisteredVersion(self.name, str(v.version), dict(v.tags)) for v in found)
        return tuple(sorted(known, key=lambda v: int(v.version)))

    def download(self, version: str, folder: Path) -> Path:
        """Copy a version's package into a folder.

        Raises:
            ModelNotFound: There is no such version.
            RegistryError: Its artefacts cannot be read.
        """
        self.find(version)
        try:
            source = self._client.get_model_version_download_uri(self.name, version)
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(folder)))
        except (MlflowException, OSError) as err:
            raise RegistryError(f"the artefacts of {self.name} version {version} cannot be read: {err}") from err

    def load(self, version: str) -> Model:
        """Load a version; a second call gives the same object.

        Raises:
            ModelNotFound: There is no such version.
            RegistryError: Its artefacts cannot be read.
        """
        if version not in self._loaded:
            with tempfile.TemporaryDirectory() as folder:
                self._loaded[version] = load(self.download(version, Path(folder)))
        return self._loaded[version]

    def alias(self, alias: str) -> str | None:
        """Tell which version an alias points at, or None where it is not set."""
        try:
            return str(self._client.get_model_version_by_alias(self.name, alias).version)
        except MlflowException as err:
            if err.error_code in (NOT_FOUND, "INVALID_PARAMETER_VALUE"):
                return None
            raise self._refusal(err, alias) from err

    def set_alias(self, alias: str, version: str) -> None:
        """Point an alias at a version.

        Raises:
            RegistryError: The registry refused.
        """
        try:
            self._client.set_registered_model_alias(self.name, alias, version)
        except MlflowException as err:
            raise self._refusal(err, version) from err

    def tag(self, version: str, tags: Mapping[str, str]) -> None:
        """Set tags on a version."""
        for key, value in tags.items():
            self._client.set_model_version_tag(self.name, version, key, value)

    def _ensure_model(self) -> None:
        try:
            self._client.get_registered_model(self.name)
        except MlflowException as err:
            if err.error_code != NOT_FOUND:
                raise
            self._client.create_registered_model(self.name)

    def _refusal(self, err: MlflowException, what: str) -> RegistryError:
        if err.error_code == NOT_FOUND:
            return ModelNotFound(
                f"registry {self.uri} has no {self.name} version {what}; see `levelfive registry list`"
            )
        return RegistryError(f"registry {self.uri} did not answer for {self.name} {what}: {err.message}")
