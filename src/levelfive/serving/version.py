"""A version as it is served: loaded once its files are known to be those of the registry, and tried on its own rows."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from levelfive.errors import DamagedModel
from levelfive.models.package import Model, check_scores, digest, load, smoke_rows
from levelfive.registry.store import CentralRegistry
from levelfive.serving.fast_path import Score, fast_path
from levelfive.serving.features import feature_names


@dataclass(frozen=True)
class ServedVersion:
    """A version that is ready to answer.

    Args:
        name: The registered model.
        version: Of it.
        model: What is scored with.
        fast: The compiled scoring; None where there is none.
        reason: Why there is none.
    """

    name: str
    version: str
    model: Model
    fast: Score | None = None
    reason: str = ""


def served_version(package: Path, name: str, version: str, *, sha256: str | None = None) -> ServedVersion:
    """Load a package, check that it scores its smoke rows as it did when it was trained, and compile it.

    Args:
        package: The folder.
        name: The registered model.
        version: Of it.
        sha256: What `digest` has to give; None where the files were checked before.

    Raises:
        DamagedModel: The files are not those that were registered.
        RegistryError: The folder holds no package, or its model scores its smoke rows differently here.
    """
    if sha256 is not None and digest(package) != sha256:
        raise DamagedModel(f"the files of {name} version {version} are not those that were registered: fetch it again")
    model, smoke = load(package), smoke_rows(package)
    check_scores(model, smoke)
    fast = fast_path(model, feature_names(model.card), smoke)
    if isinstance(fast, str):
        return ServedVersion(name, version, model, reason=fast)
    return ServedVersion(name, version, model, fast)


def version_of(registry: CentralRegistry, version: str) -> ServedVersion:
    """Load a version of the registry; its files' hash is checked before any of them is read.

    Raises:
        DamagedModel: The files are gone, or not those that were registered.
        RegistryError: The registry did not answer, or has no such version, or the version cannot be used here.
    """
    with tempfile.TemporaryDirectory() as folder:
        return served_version(registry.download(version, Path(folder)), registry.name, version)
