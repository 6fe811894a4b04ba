"""What an online endpoint is seen to be: its deployments, its traffic, and what earlier rollouts wrote on it.

All state is in Azure. A deployment's tags say what it holds, and never change; the endpoint's tags say which deployment
answers when nothing is being rolled out, and are written with the traffic, in one request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

COLOURS = ("blue", "green")
READY, FAILED = "Succeeded", "Failed"
# Tags of a deployment.
MODEL, VERSION, SHA256, IMAGE = "levelfive_model", "levelfive_version", "levelfive_sha256", "levelfive_image"
CLOCK = "levelfive_clock"
ROLE, DEPLOYED_AT, DEPLOYED_BY = "levelfive_role", "levelfive_deployed_at", "levelfive_deployed_by"
CHAMPION = "champion"  # the role of what is given traffic; a deployment in another one is left alone
# Tags of an endpoint.
LIVE, LIVE_SINCE, BEFORE = "levelfive_live", "levelfive_live_since", "levelfive_before"
REFUSED, REFUSED_BECAUSE, REFUSED_AT = "levelfive_refused", "levelfive_refused_because", "levelfive_refused_at"
LONGEST_TAG = 256


@dataclass(frozen=True)
class Package:
    """What is to answer, and by which clock.

    Args:
        model: A registered model.
        version: Of it.
        sha256: The hash of its files.
        image: What it runs in.
        clock: Two times, see `levelfive.config.parse_clock`; empty for a clock that was not moved.
    """

    model: str
    version: str
    sha256: str
    image: str
    clock: str = ""

    @property
    def identity(self) -> str:
        """Name it in a tag, so that another image or clock of the same version is another package."""
        parts = (self.version, self.sha256[:12], self.image.rpartition("@")[2], self.clock)
        return " ".join(part for part in parts if part)[:LONGEST_TAG]

    def tags(self) -> dict[str, str]:
        """The tags of a deployment that holds it."""
        clock = {CLOCK: self.clock} if self.clock else {}
        return {MODEL: self.model, VERSION: self.version, SHA256: self.sha256, IMAGE: self.image, **clock}


@dataclass(frozen=True)
class Deployment:
    """One deployment of an endpoint.

    Args:
        name: Blue or green, or another name where it is not for a champion.
        state: Azure's word for how far its provisioning is.
        package: What it holds; None where its tags do not say.
        role: What it is for.
        deployed_at: The logical now of the run that made it; empty where its tags do not say.
    """

    name: str
    state: str
    package: Package | None
    role: str = CHAMPION
    deployed_at: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it can answer."""
        return self.state == READY

    @classmethod
    def of_tags(cls, name: str, state: str, tags: Mapping[str, str]) -> Deployment:
        """Read what the tags of a deployment say."""
        package = None
        if all(tag in tags for tag in (MODEL, VERSION, SHA256, IMAGE)):
            package = Package(tags[MODEL], tags[VERSION], tags[SHA256], tags[IMAGE], tags.get(CLOCK, ""))
        return cls(name, state, package, tags.get(ROLE, CHAMPION), tags.get(DEPLOYED_AT, ""))


@dataclass(frozen=True)
class Endpoint:
    """An endpoint with its deployments.

    Args:
        name: Its name.
        state: Azure's word for how far its provisioning is.
        traffic: Shares in percent by deployment, without those that have none; together 0 or 100.
        deployments: By name.
        tags: Its tags.
    """

    name: str
    state: str
    traffic: Mapping[str, int]
    deployments: Mapping[str, Deployment]
    tags: Mapping[str, str]

    @property
    def live(self) -> Deployment | None:
        """What answers when nothing is being rolled out, and what a rollout is taken back to."""
        return self.deployments.get(self.tags.get(LIVE, ""))

    @property
    def before(self) -> Deployment | None:
        """What was live before."""
        return self.deployments.get(self.tags.get(BEFORE, ""))

    @property
    def idle_colour(self) -> str:
        """The colour that is not live, where the next version goes."""
        return COLOURS[1] if self.tags.get(LIVE) == COLOURS[0] else COLOURS[0]

    @property
    def new(self) -> Deployment | None:
        """What the idle colour holds: a version that is rolled out, or the one from before."""
        return self.deployments.get(self.idle_colour)

    @property
    def refused(self) -> Package | None:
        """What was taken back last, while it is still deployed."""
        package = None if self.new is None else self.new.package
        return package if package is not None and package.identity == self.tags.get(REFUSED) else None

    @property
    def share(self) -> int:
        """Percent of the traffic that the idle colour has; above 0, a rollout is under way."""
        return self.traffic.get(self.idle_colour, 0)


class OnlineEndpoint(Protocol):
    """Reads and changes one endpoint. A change has been seen to hold when its method returns, and may be repeated."""

    def read(self) -> Endpoint | None:
        """Look the endpoint up with its deployments; None where there is none."""
        ...

    def check_file(self) -> None:
        """Refuse a file that asks for something else than the endpoint that is there.

        Raises:
            ConfigError: It does so.
        """
        ...

    def create(self) -> None:
        """Make the endpoint, without traffic."""
        ...

    def add(self, colour: str, package: Package, tags: Mapping[str, str]) -> None:
        """Make a deployment of a package, and wait until it is ready.

        Raises:
            DeploymentError: It did not start.
        """
        ...

    def wait(self, colour: str) -> None:
        """Wait until a deployment that somebody began is ready or has failed, or one that goes is gone."""
        ...

    def remove(self, colour: str) -> None:
        """Delete a deployment that has no traffic."""
        ...

    def route(self, traffic: Mapping[str, int], tags: Mapping[str, str]) -> None:
        """Set the shares of traffic, and tags of the endpoint beside them; an empty text takes a tag away."""
        ...

    def delete(self) -> None:
        """Delete the endpoint and all of its deployments."""
        ...
