"""A registry in memory, under the real `CentralRegistry`: what a database and its folder of artefacts hold."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
)
from mlflow.store.entities import PagedList

from levelfive.registry.backends import PACKAGE
from levelfive.registry.store import CentralRegistry


@dataclass
class _Model:
    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    descriptions: dict[int, str] = field(default_factory=dict)


class MemoryClient:
    """What `CentralRegistry` asks of `MlflowClient`, with the error codes of a database."""

    def __init__(self) -> None:
        self._models: dict[str, _Model] = {}

    def create_registered_model(
        self,
        name: str,
        tags: dict[str, Any] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        if name in self._models:
            raise MlflowException(f"Registered Model (name={name}) already exists.", RESOURCE_ALREADY_EXISTS)
        self._models[name] = _Model()
        return RegisteredModel(name)

    def get_registered_model(self, name: str) -> RegisteredModel:
        self._model(name)
        return RegisteredModel(name)

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        tags = [ModelVersionTag(key, value) for key, value in self._tags(name, version).items()]
        description = self._model(name).descriptions.get(int(version))
        return ModelVersion(name, int(version), creation_timestamp=0, tags=tags, description=description)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10000,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        asked = re.fullmatch(r"name = '(.*)'", filter_string or "")
        assert asked, f"only a model's versions are searched here, not {filter_string!r}"
        newest_first = sorted(self._models.get(asked[1], _Model()).tags, reverse=True)
        start = int(page_token or 0)
        end = start + max_results
        page = [self.get_model_version(asked[1], str(version)) for version in newest_first[start:end]]
        return PagedList(page, str(end) if end < len(newest_first) else None)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        aliases = self._model(name).aliases if name in self._models else {}
        if alias not in aliases:
            raise MlflowException(f"Registered model alias {alias} not found.", INVALID_PARAMETER_VALUE)
        return self.get_model_version(name, str(aliases[alias]))

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self._tags(name, version)
        self._model(name).aliases[alias] = int(version)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        self._model(name).aliases.pop(alias, None)

    def set_model_version_tag(
        self,
        name: str,
        version: str | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        self._tags(name, str(version))[str(key)] = str(value)

    def _made(self, name: str, tags: Mapping[str, str], description: str) -> int:
        versions = self._model(name).tags
        version = max(versions, default=0) + 1
        versions[version] = dict(tags)
        self._model(name).descriptions[version] = description
        return version

    def _model(self, name: str) -> _Model:
        if name not in self._models:
            raise MlflowException(f"Registered Model with name={name} not found", RESOURCE_DOES_NOT_EXIST)
        return self._models[name]

    def _tags(self, name: str, version: str) -> dict[str, str]:
        if not version.isdigit():
            raise MlflowException(f"Parameter 'version' must be an integer, got {version!r}.", INVALID_PARAMETER_VALUE)
        versions = self._models.get(name, _Model()).tags
        if int(version) not in versions:
            raise MlflowException(f"Model Version (name={name}, version={version}) not found", RESOURCE_DOES_NOT_EXIST)
        return versions[int(version)]


class MemoryBackend:
    """A kind of registry that keeps its files in memory too; tests may lose or damage them."""

    has_aliases = True
    can_replace = True
    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self.client = MemoryClient()
        self.place = f"memory://{next(self._numbers)}"
        self._files: dict[tuple[str, str], dict[str, bytes]] = {}

    def create(self, name: str, package: Path, tags: Mapping[str, str], description: str) -> str:
        version = str(self.client._made(name, tags, description))
        files = (path for path in package.rglob("*") if path.is_file())
        self._files[name, version] = {file.relative_to(package).as_posix(): file.read_bytes() for file in files}
        return version

    def download(self, name: str, version: str, folder: Path) -> Path:
        files = self._files[name, str(self.client.get_model_version(name, version).version)]
        if not files:
            raise FileNotFoundError(f"no file of version {version}")
        for path, content in files.items():
            (folder / PACKAGE / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / PACKAGE / path).write_bytes(content)
        return folder / PACKAGE

    def replace(self, name: str, version: str, files: Path) -> None:
        there = self._files[name, str(self.client.get_model_version(name, version).version)]
        there |= {file.relative_to(files).as_posix(): file.read_bytes() for file in files.rglob("*") if file.is_file()}

    def holds_files(self, name: str, version: str) -> bool:
        return bool(self._files[name, str(self.client.get_model_version(name, version).version)])

    def opened(self, name: str) -> CentralRegistry:
        """Open the registry for a model, as a new process does: with nothing loaded."""
        return CentralRegistry(self.place, name, backend=self)

    def lose_files(self, name: str, version: str) -> None:
        self._files[name, version].clear()

    def change_file(self, name: str, version: str, path: str, content: bytes) -> None:
        assert path in self._files[name, version]
        self._files[name, version][path] = content
