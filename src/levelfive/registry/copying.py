"""Brings a version from another environment's model, which may be in another registry, into this one's."""

from __future__ import annotations

import tempfile
from pathlib import Path

from levelfive.registry.store import CentralRegistry
from levelfive.registry.tags import (
    AS_OF,
    CODE_REVISION,
    ROLE,
    SOURCE_MODEL,
    SOURCE_REGISTRY,
    SOURCE_VERSION,
    TRACKING_RUN,
    TRAINING_SET_SHA256,
)

COPY = "copy"
KEPT = (AS_OF, TRACKING_RUN, CODE_REVISION, TRAINING_SET_SHA256)


def bring(registry: CentralRegistry, source: CentralRegistry, version: str) -> str:
    """Copy a version; one that was brought before is found again.

    The files are read, checked against their hash, stored in this registry, and checked once more as they are loaded.
    Neither verdict nor approval comes along: those are of the other environment.

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
    found = source.find(version)
    marks = {SOURCE_REGISTRY: source.uri, SOURCE_MODEL: source.name, SOURCE_VERSION: version}
    made = next((one.version for one in registry.versions() if marks.items() <= one.tags.items()), None)
    if made is None:
        kept = {name: found.tags[name] for name in KEPT if name in found.tags}
        with tempfile.TemporaryDirectory() as folder:
            made = registry.register(source.download(version, Path(folder)), {**kept, **marks, ROLE: COPY})
    registry.load(made)
    return made
