"""The central registry: a store of its own that holds the files of its models too."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from levelfive.errors import ModelNotFound, RegistryError
from levelfive.model_package import Model, digest, load
from levelfive.registry.backends import backend_of, every_version, name_for
from levelfive.registry.tags import PACKAGE_SHA256

# What Unity Catalog takes as a tag: https://docs.databricks.com/aws/en/database-objects/tags
_FORBIDDEN = re.compile(r"[.,\-=/:]")
_LONGEST_TAG = 1000
NOT_FOUND = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
CHAMPION = "champion"
CHALLENGER = "challenger"


@dataclass(frozen=True)
class RegisteredVersion:
    """A model version as the registry knows it."""

    name: str
    version: str
    tags: Mapping[str, str]


class CentralRegistry:
    """One registered model of the central registry.

    Args:
        uri: The registry, apart from the tracking store: a database, an MLflow server, Unity Catalog (`databricks-uc`)
            or that of another metastore (`databricks-uc://scope:prefix`), or the registry of another workspace
            (`databricks://scope:prefix`), which has no aliases.
        name: The registered model: one for each environment.
        artefacts: Folder of artefacts where the registry is a plain database, or None where it has its own.
    """

    def __init__(self, uri: str, name: str, *, artefacts: Path | None = None) -> None:
        """Remember where the registry is; it is asked at the first call."""
        self.uri = uri
        self.name = name_for(uri, name)
        self._backend = backend_of(uri, artefacts)
        self._client = self._backend.client
        self._loaded: dict[str, Model] = {}

    @property
    def has_aliases(self) -> bool:
        """Whether the registry has aliases; champions are those of `promotions` anyway."""
        return self._backend.has_aliases

    def register(self, package: Path, tags: Mapping[str, str]) -> str:
        """Copy a model package into the registry and make a version of it, with the hash of its files.

        Returns:
            The version, from the registry's answer.

        Raises:
            RegistryError: The registry refused.
        """
        tags = {**tags, PACKAGE_SHA256: digest(package)}
        self._check_tags(tags)
        try:
            self._ensure_model()
            return self._backend.create(self.name, package, tags)
        except MlflowException as err:
            raise RegistryError(f"registry {self.uri} refused a version of {self.name}: {err.message}") from err

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
        """List all versions, oldest first; none where the model is not there yet.

        Raises:
            RegistryError: The registry refused.
        """
        try:
            return tuple(self.find(version) for version in every_version(self._client, self.name))
        except MlflowException as err:
            if err.error_code == NOT_FOUND:  # Unity Catalog says so; others list nothing
                return ()
            raise self._refusal(err, "any") from err

    def tagged(self, tags: Mapping[str, str]) -> RegisteredVersion | None:
        """Find the oldest version that carries all of some tags.

        Raises:
            RegistryError: The registry refused.
        """
        return next((found for found in self.versions() if tags.items() <= found.tags.items()), None)

    def download(self, version: str, folder: Path) -> Path:
        """Copy a version's package into a folder.

        Raises:
            ModelNotFound: There is no such version.
            RegistryError: Its artefacts cannot be read, or are not those that were registered.
        """
        expected = self.find(version).tags.get(PACKAGE_SHA256)
        try:
            package = self._backend.download(self.name, version, folder)
        except (MlflowException, OSError) as err:
            raise RegistryError(f"the artefacts of {self.name} version {version} cannot be read: {err}") from err
        if expected is not None and digest(package) != expected:
            raise RegistryError(
                f"the artefacts of {self.name} version {version} are not those that were registered: their hash "
                "differs. Train again, or roll back"
            )
        return package

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
        """Tell which version an alias points at, or None where it is not set or the registry has no aliases."""
        if not self.has_aliases:
            return None
        try:
            return str(self._client.get_model_version_by_alias(self.name, alias).version)
        except MlflowException as err:
            if err.error_code in (NOT_FOUND, "INVALID_PARAMETER_VALUE"):
                return None
            raise self._refusal(err, alias) from err

    def set_alias(self, alias: str, version: str) -> None:
        """Point an alias at a version, where the registry has aliases.

        Raises:
            RegistryError: The registry refused.
        """
        if not self.has_aliases:
            return
        try:
            self._client.set_registered_model_alias(self.name, alias, version)
        except MlflowException as err:
            raise self._refusal(err, version) from err

    def drop_alias(self, alias: str) -> None:
        """Let an alias point at nothing, where the registry has aliases.

        Raises:
            RegistryError: The registry refused.
        """
        if not self.has_aliases:
            return
        try:
            self._client.delete_registered_model_alias(self.name, alias)
        except MlflowException as err:
            if err.error_code != NOT_FOUND:
                raise self._refusal(err, alias) from err

    def tag(self, version: str, tags: Mapping[str, str]) -> None:
        """Set tags on a version.

        Raises:
            RegistryError: The registry refused.
        """
        self._check_tags(tags)
        try:
            for key, value in tags.items():
                self._client.set_model_version_tag(self.name, version, key, value)
        except MlflowException as err:
            raise self._refusal(err, version) from err

    @staticmethod
    def _check_tags(tags: Mapping[str, str]) -> None:
        """Refuse what Unity Catalog would refuse, in every registry: what is tested on a laptop works there too."""
        wrong = [key for key, value in tags.items() if _FORBIDDEN.search(key) or len(value) > _LONGEST_TAG]
        if wrong:
            raise RegistryError(
                f"tags {', '.join(wrong)}: names take none of . , - = / : and values {_LONGEST_TAG:,} characters"
            )

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
