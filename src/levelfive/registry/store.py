"""The central registry: a store of its own that holds the files of its models too."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from levelfive.errors import DamagedModel, ModelNotFound, RegistryError, first_line, translating
from levelfive.models.mlflow_store import connect_store, folder_with, is_of_a_database, is_of_a_store, shown_address
from levelfive.models.package import Model, digest, load, read_card
from levelfive.registry.backends import Backend, backend_of, every_version, name_for
from levelfive.registry.description import text_of
from levelfive.registry.tags import PACKAGE_SHA256, REFIT_OF, REPLACED_SHA256

# What Unity Catalog takes as a tag: https://docs.databricks.com/aws/en/database-objects/tags
_FORBIDDEN = re.compile(r"[.,\-=/:]")
_LONGEST_TAG = 1000
# Registries count versions, some of them in 32 bits.
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
NOT_FOUND = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
INVALID = ErrorCode.Name(INVALID_PARAMETER_VALUE)
READY = "READY"
REMEDY = "Copy it again if it is a copy, or train again, or roll back if it is live"
CHAMPION = "champion"
CHALLENGER = "challenger"


@dataclass(frozen=True)
class RegisteredVersion:
    """A model version as the registry knows it; one whose files did not all arrive is not ready."""

    name: str
    version: str
    tags: Mapping[str, str]
    ready: bool = True


class CentralRegistry:
    """One registered model of the central registry.

    Args:
        uri: The registry, apart from the tracking store: a database, an MLflow server, Unity Catalog (`databricks-uc`)
            or that of another metastore (`databricks-uc://scope:prefix`), or the registry of another workspace
            (`databricks://scope:prefix`), which has no aliases.
        name: The registered model: one for each environment.
        artefacts: Folder of artefacts where the registry is a plain database, or None where it has its own.
        backend: What holds models and files; by default, what the address says.

    Raises:
        ConfigError: The address cannot be read, or MLflow knows no such registry.
        MachineError: The driver of the registry's database is not installed.
        RegistryError: The registry did not answer, or its database is none.
    """

    def __init__(self, uri: str, name: str, *, artefacts: Path | None = None, backend: Backend | None = None) -> None:
        """Remember where the registry is; it is asked at the first call."""
        self.uri = uri
        examples = "databricks-uc, https://mlflow.example.com or sqlite:////path/registry.db"
        self.place = shown_address(uri, f"registry_uri of {name}", examples)
        self.name = name_for(uri, name)
        self._backend = backend or connect_store(f"registry {self.place}", uri, lambda: backend_of(uri, artefacts))
        self._client = self._backend.client
        self._models: dict[str, Model] = {}

    def another(self, name: str, uri: str | None = None) -> CentralRegistry:
        """Open another environment's model.

        Args:
            name: The registered model.
            uri: Its registry; by default the one that holds this model.
        """
        return CentralRegistry(uri or self.uri, name)

    @property
    def has_aliases(self) -> bool:
        """Whether the registry has aliases; champions are those of `promotions` anyway."""
        return self._backend.has_aliases

    def register(self, package: Path, tags: Mapping[str, str]) -> str:
        """Copy a model package into the registry and make a version of it, with its card and the hash of its files.

        Returns:
            The version, from the registry's answer.

        Raises:
            RegistryError: The registry refused.
        """
        tags = {**tags, PACKAGE_SHA256: digest(package)}
        self._check_tags(tags)
        with self._asking("a new version"):
            self._ensure_model()
            return self._backend.create(self.name, package, tags, text_of(read_card(package), tags))

    def find(self, version: str) -> RegisteredVersion:
        """Look a version up.

        Raises:
            ModelNotFound: The registry answered that it does not exist.
            RegistryError: The registry gave another answer, or none.
        """
        check_version(version)
        with self._asking(f"version {version}"):
            answer = self._client.get_model_version(self.name, version)
        return RegisteredVersion(self.name, str(answer.version), dict(answer.tags), answer.status == READY)

    def versions(self) -> tuple[RegisteredVersion, ...]:
        """List all versions whose files have arrived, oldest first; none where the model is not there yet.

        Raises:
            RegistryError: The registry refused, or did not answer.
        """
        try:
            with self._asking("any version"):
                numbers = every_version(self._client, self.name)
        except ModelNotFound:  # Unity Catalog says so; others list nothing
            return ()
        return tuple(version for version in map(self.find, numbers) if version.ready)

    def tagged(self, tags: Mapping[str, str]) -> RegisteredVersion | None:
        """Find the newest version that carries all of some tags.

        Raises:
            RegistryError: The registry refused, or did not answer.
        """
        return next((version for version in reversed(self.versions()) if tags.items() <= version.tags.items()), None)

    def replace(self, version: str, package: Path, names: Sequence[str]) -> bool:
        """Put some files of a package in the place of a version's own, and its hash in the place of the version's.

        The new hash is noted before, so that what a call that was killed has left can be read by `download_unfinished`.

        Args:
            version: The version.
            package: The whole package, as it is to be.
            names: The files that are others, which are replaced one by one in this order; of a call that was killed
                after them all, none is left to be.

        Returns:
            False where the registry lets no file be changed: then nothing is.

        Raises:
            ModelNotFound: There is no such version.
            RegistryError: The registry refused, or did not answer.
        """
        if not self._backend.can_replace:
            return False
        sha256 = digest(package)
        self.tag(version, {REPLACED_SHA256: sha256})
        for name in names:
            with folder_with(package / name) as folder, self._asking(f"file {name} of version {version}"):
                self._backend.replace(self.name, version, folder)
        self.tag(version, {PACKAGE_SHA256: sha256})
        self._models.pop(version, None)
        return True

    def download_unfinished(self, version: str, folder: Path) -> Path:
        """Copy a version's package into a folder, also where a `replace` of it was killed: some files may be others.

        Raises:
            DamagedModel: Its artefacts are gone, or not those that were registered.
            ModelNotFound: There is no such version.
            RegistryError: Its artefacts cannot be read, or it carries no hash to check them by.
        """
        return self._download(version, folder, is_checked=not self.is_unfinished(version))

    def is_unfinished(self, version: str) -> bool:
        """Tell whether a `replace` of a version was killed.

        Raises:
            ModelNotFound: There is no such version.
            RegistryError: The registry refused, or did not answer.
        """
        tags = self.find(version).tags
        return REPLACED_SHA256 in tags and tags[REPLACED_SHA256] != tags.get(PACKAGE_SHA256)

    def download(self, version: str, folder: Path) -> Path:
        """Copy a version's package into a folder.

        Raises:
            DamagedModel: Its artefacts are gone, or not those that were registered.
            ModelNotFound: There is no such version.
            RegistryError: Its artefacts cannot be read, or it carries no hash to check them by.
        """
        return self._download(version, folder, is_checked=True)

    def _download(self, version: str, folder: Path, *, is_checked: bool) -> Path:
        model_version, about = self.find(version), f"the artefacts of {self.name} version {version}"
        if not model_version.ready or PACKAGE_SHA256 not in model_version.tags:
            why = "carries no hash of its files" if model_version.ready else "did not arrive whole"
            raise RegistryError(f"{self.name} version {version} {why}: register it again by levelfive")
        with translating(partial(self._why_unread, version, about)):
            package = self._backend.download(self.name, version, folder)
        if is_checked and digest(package) != model_version.tags[PACKAGE_SHA256]:
            raise DamagedModel(f"{about} are not those that were registered: their hash differs. {REMEDY}")
        return package

    def _why_unread(self, version: str, about: str, err: Exception) -> RegistryError | None:
        if not (isinstance(err, MlflowException | OSError) or is_of_a_database(err)):
            return None
        if not self.holds_files(version):
            return DamagedModel(f"{about} are gone. {REMEDY}")
        return RegistryError(f"{about} cannot be read: {self._reason(err)}")

    def holds_files(self, version: str) -> bool:
        """Tell whether any file of a version is there.

        Raises:
            RegistryError: The registry refused, or did not answer.
        """
        try:
            with self._asking(f"files of version {version}"):
                return self._backend.holds_files(self.name, version)
        except ModelNotFound:  # the version is there, and what held its files is not
            return False

    def is_whole(self, version: RegisteredVersion) -> bool:
        """Tell whether a version, and its candidate where it is a refit, has the files that were registered.

        Raises:
            RegistryError: The registry refused, or did not answer.
        """
        versions = (version.version, version.tags.get(REFIT_OF, version.version))
        return all(self.load_if_there(one) is not None for one in versions)

    def load(self, version: str) -> Model:
        """Load a version; a second call gives the same object.

        Raises:
            DamagedModel: Its artefacts are gone, or not those that were registered.
            ModelNotFound: There is no such version.
            RegistryError: Its artefacts cannot be read, or it carries no hash to check them by.
        """
        if version not in self._models:
            with tempfile.TemporaryDirectory() as folder:
                self._models[version] = load(self.download(version, Path(folder)))
        return self._models[version]

    def load_if_there(self, version: str) -> Model | None:
        """Load a version; None where it is gone, or its files are gone or not those that were registered.

        Raises:
            RegistryError: The registry refused, or did not answer.
        """
        try:
            return self.load(version)
        except (DamagedModel, ModelNotFound):
            return None

    def alias(self, alias: str) -> str | None:
        """Tell which version an alias points at, or None where it is not set or the registry has no aliases.

        Raises:
            RegistryError: The registry refused, or did not answer.
        """
        if not self.has_aliases:
            return None
        try:
            with self._asking(f"alias {alias}", absent=(NOT_FOUND, INVALID)):  # a database says the latter
                return str(self._client.get_model_version_by_alias(self.name, alias).version)
        except ModelNotFound:
            return None

    def set_alias(self, alias: str, version: str) -> None:
        """Point an alias at a version, where the registry has aliases.

        Raises:
            ModelNotFound: There is no such version.
            RegistryError: The registry refused, or did not answer.
        """
        if self.has_aliases:
            with self._asking(f"version {version}"):
                self._client.set_registered_model_alias(self.name, alias, version)

    def drop_alias(self, alias: str) -> None:
        """Let an alias point at nothing, where the registry has aliases.

        Raises:
            RegistryError: The registry refused, or did not answer.
        """
        if self.has_aliases:
            with suppress(ModelNotFound), self._asking(f"alias {alias}"):
                self._client.delete_registered_model_alias(self.name, alias)

    def tag(self, version: str, tags: Mapping[str, str]) -> None:
        """Set tags on a version.

        Raises:
            ModelNotFound: There is no such version.
            RegistryError: The registry refused, or did not answer.
        """
        self._check_tags(tags)
        with self._asking(f"version {version}"):
            for key, value in tags.items():
                self._client.set_model_version_tag(self.name, version, key, value)

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

    def _asking(self, what: str, absent: tuple[str, ...] = (NOT_FOUND,)) -> translating:
        """Turn what the registry answers into our errors."""
        return translating(partial(self._refusal, what, absent))

    def _refusal(self, what: str, absent: tuple[str, ...], err: Exception) -> RegistryError | None:
        if not is_of_a_store(err):
            return None
        if getattr(err, "error_code", None) in absent:
            return ModelNotFound(f"registry {self.place} has no {what} of {self.name}; see `levelfive registry list`")
        did = "refused" if getattr(err, "error_code", None) == INVALID else "did not answer for"
        return RegistryError(f"registry {self.place} {did} {what} of {self.name}: {self._reason(err)}")

    def _reason(self, err: Exception) -> str:
        message = first_line(err) if is_of_a_database(err) else str(getattr(err, "message", err))
        return message.replace(self.uri, self.place)


def check_version(version: str) -> None:
    """Refuse what can be no version of any registry.

    Raises:
        ModelNotFound: It is no whole number.
    """
    if not _VERSION.fullmatch(version):
        raise ModelNotFound(f"versions are whole numbers such as 4, got {version!r}; see `levelfive registry list`")
