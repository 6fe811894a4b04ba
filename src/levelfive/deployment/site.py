"""Where a model is deployed to, and which package and image it is deployed as."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from levelfive.core.windows import iso
from levelfive.deployment.endpoint import OnlineEndpoint, Package
from levelfive.deployment.rolling import Probe
from levelfive.deployment.rollout import RolloutPolicy
from levelfive.errors import ConfigError, RegistryError
from levelfive.registry.promotions import champion
from levelfive.registry.store import CentralRegistry
from levelfive.registry.tags import PACKAGE_SHA256
from levelfive.storage.runs import JobContext

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Site:
    """Where a model is deployed to, and how.

    Args:
        name: Of the endpoint.
        online: The endpoint.
        probe: Sends the sample requests.
        policy: Steps and budget.
        repository: Where the images are that deployments run in; None where it is not known.
        bring: Brings a package's files to where the endpoint takes them from.
        clock: By which it answers, if it was moved; see `Package`.
    """

    name: str
    online: OnlineEndpoint
    probe: Probe
    policy: RolloutPolicy
    repository: str | None
    bring: Callable[[Package], None]
    clock: str = ""


def package_of(
    context: JobContext, registry: CentralRegistry, version: str | None, *, as_of: datetime, image: str, clock: str = ""
) -> Package:
    """Tell what to deploy: a version, by default the champion, with the hash that it was registered with.

    Raises:
        ModelNotFound: There is no such version.
        RegistryError: There is no champion, or the version carries no hash.
    """
    if version is None:
        live = champion(context.tables, registry.name, as_of=as_of)
        if live is None:
            raise RegistryError(f"{registry.name} has no champion as of {iso(as_of)}: promote one, then deploy it")
        version = live.version
    tags = registry.find(version).tags
    if PACKAGE_SHA256 not in tags:
        raise RegistryError(
            f"{registry.name} version {version} carries no hash of its files: register it again by levelfive"
        )
    return Package(registry.name, version, tags[PACKAGE_SHA256], image, clock)


def image_of(site: Site, digest: str | None) -> str:
    """Tell which image to run a package in: the one of a digest, by default that of what answers now.

    Raises:
        ConfigError: Nothing answers yet and no image is named, or the digest is none.
    """
    if digest is None:
        state = site.online.read()
        if state is None or state.live is None or state.live.package is None:
            raise ConfigError(f"nothing answers at {site.name} yet, so its image is not known: give the digest of one")
        return state.live.package.image
    if site.repository is None or _DIGEST.fullmatch(digest) is None:
        raise ConfigError(
            f"an image is the setting serving_repository, got {site.repository!r}, and a digest sha256:..., got "
            f"{digest!r}"
        )
    return f"{site.repository}@{digest}"
