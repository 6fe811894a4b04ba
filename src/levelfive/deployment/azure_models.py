"""Brings a model version from the central registry into an Azure ML workspace, where its endpoints take it from."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from azure.ai.ml.entities import Model

from levelfive.deployment.azure_calls import NotFound, call_azure
from levelfive.deployment.endpoint import SHA256, Package
from levelfive.errors import DeploymentConflict
from levelfive.registry.store import CentralRegistry

if TYPE_CHECKING:
    from azure.ai.ml import MLClient


def asset_name(model: str) -> str:
    """The name of a registered model in Azure ML, which has no levels."""
    return model.replace(".", "-")


def bring_model(
    client: MLClient, registry: CentralRegistry, package: Package, *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Register a version of the central registry in Azure ML, if it is not there; the registry checks the files' hash.

    Raises:
        DamagedModel: The registry's files are gone, or not those that were registered.
        DeploymentConflict: Azure ML has other files under this name and version.
        DeploymentError: Azure refused.
        RegistryError: The registry did not answer.
    """
    name, version = asset_name(package.model), package.version
    subject = f"model {name} version {version}"
    with suppress(NotFound):
        there = call_azure(subject, "its tags", lambda: client.models.get(name=name, version=version), sleep=sleep)
        if (there.tags or {}).get(SHA256) != package.sha256:
            raise DeploymentConflict(
                f"Azure ML's {subject} has other files than {registry.name} has: archive it there (az ml model archive "
                f"--name {name} --version {version}) and register the model as a new version"
            )
        return
    with tempfile.TemporaryDirectory() as folder:
        path = registry.download(version, Path(folder))
        model = Model(name=name, version=version, path=path, type="custom_model", tags=package.tags())
        call_azure(subject, "its files", lambda: client.models.create_or_update(model), sleep=sleep)
