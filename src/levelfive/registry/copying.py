"""Brings a version from another environment's model, which may be in another registry, into this one's."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from levelfive.errors import ConfigError, ModelNotFound
from levelfive.registry.store import CentralRegistry, check_version
from levelfive.registry.tags import (
    AS_OF,
    CODE_DISTRIBUTION,
    CODE_REVISION,
    CODE_SHA256,
    COPY,
    REFIT_OF,
    ROLE,
    SOURCE_MODEL,
    SOURCE_REGISTRY,
    SOURCE_VERSION,
    TRACKING_RUN,
    TRAINED_BY,
    TRAINING_SET_SHA256,
)

KEPT = (AS_OF, TRACKING_RUN, CODE_REVISION, CODE_SHA256, CODE_DISTRIBUTION, TRAINING_SET_SHA256, TRAINED_BY)


def copy_version(registry: CentralRegistry, source: CentralRegistry, version: str) -> str:
    """Copy a version; one that was brought before is found again, unless its files are damaged or gone.

    The files are read, checked against their hash, stored in this registry, and checked once more as they are loaded.
    A refit's candidate is brought before it, so that the gate can judge by it here and in environments to come. Neither
    verdict nor approval comes along: those are of the other environment.

    Args:
        registry: This environment's model.
        source: The other environment's model.
        version: The version of the other model.

    Returns:
        The version of this environment's model.

    Raises:
        ModelNotFound: There is no such version.
        RegistryError: A registry refused, or files are not those that were registered.
    """
    marks = _marks(source, version)
    earlier = registry.tagged(marks)
    if earlier is not None and registry.is_whole(earlier):
        return earlier.version
    original = source.find(version)
    original_tags = {name: original.tags[name] for name in KEPT if name in original.tags}
    with tempfile.TemporaryDirectory() as folder:
        package = source.download(version, Path(folder))
        if REFIT_OF in original.tags:
            original_tags[REFIT_OF] = copy_version(registry, source, original.tags[REFIT_OF])
        copy = registry.register(package, {**original_tags, **marks, ROLE: COPY})
    registry.load(copy)
    return copy


def copy_of(registry: CentralRegistry, source: CentralRegistry, version: str) -> str:
    """Find the copy that `copy_version` made of a version; of several, the newest.

    Raises:
        ModelNotFound: It was not brought.
        RegistryError: The registry refused.
    """
    check_version(version)
    earlier = registry.tagged(_marks(source, version))
    if earlier is None:
        elsewhere = "" if source.place == registry.place else f" --from-registry {shlex.quote(source.place)}"
        raise ModelNotFound(
            f"{registry.name} has no copy of version {version} of {source.name}: `levelfive registry copy {version} "
            f"--from-model {shlex.quote(source.name)}{elsewhere} --as-of TIME` brings it in"
        )
    return earlier.version


def version_here(
    registry: CentralRegistry, version: str, *, source_model: str | None = None, source_registry: str | None = None
) -> str:
    """Tell which version of this environment's model is meant: the one named, or the copy of another model's.

    Args:
        registry: This environment's model.
        version: A version of it; with `source_model`, of that one.
        source_model: The registered model that the version was copied from.
        source_registry: Its registry; by default this environment's own.

    Raises:
        ConfigError: A registry is named, and no model; or a model, and no version.
        ModelNotFound: There is no such copy, or it is no version at all.
        RegistryError: The registry refused.
    """
    if not version:
        raise ConfigError(f"which version of {source_model or source_registry or registry.name}? Name it (--version)")
    if source_model:
        return copy_of(registry, registry.another(source_model, source_registry), version)
    if source_registry:
        raise ConfigError(f"version {version} of which model in {source_registry}? Name it (--from-model)")
    check_version(version)
    return version


def _marks(source: CentralRegistry, version: str) -> dict[str, str]:
    return {SOURCE_REGISTRY: source.place, SOURCE_MODEL: source.name, SOURCE_VERSION: version}
