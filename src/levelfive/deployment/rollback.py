"""Decides how a rollout, or what went live last, is taken back; asks nobody, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from levelfive.deployment.endpoint import BEFORE, LIVE, LIVE_SINCE, REFUSED_AT, Endpoint, Package
from levelfive.deployment.rollout import ALL, check, tags_of_refusal, traffic_of
from levelfive.errors import DeploymentConflict


@dataclass(frozen=True)
class Chosen:
    """What a rollback may take back: by default, whatever there is.

    Args:
        version: This version alone.
        digest: What runs in this image alone.
        since: Only what began to be rolled out, or went live, at this time or later.
    """

    version: str | None = None
    digest: str | None = None
    since: datetime | None = None

    def takes(self, package: Package, then: str) -> bool:
        """Whether a package is among it that began, went live or was taken back at a time."""
        return (
            self.version in (None, package.version)
            and (self.digest is None or package.image.endswith(f"@{self.digest}"))
            and (self.since is None or (then != "" and datetime.fromisoformat(then) >= self.since))
        )


@dataclass(frozen=True)
class WayBack:
    """A rollback: shares of traffic and tags to set, the packages that it goes from and to, and as of when.

    Without traffic and tags, it was done before.
    """

    traffic: dict[str, int]
    tags: dict[str, str]
    leaves: Package
    returns_to: Package | None
    at: str


def way_back(endpoint: Endpoint | None, chosen: Chosen, *, because: str, at: str) -> WayBack | None:
    """Decide how to take back what is rolled out, or what went live last.

    What was taken back before is found again, by a run of the same time or by one that says what it means: so a run
    that was killed is gone on with.

    Args:
        endpoint: What there is.
        chosen: What may be taken back.
        because: Why, for the tags.
        at: The logical now, for the tags.

    Returns:
        What to set; None where there is nothing to take back.

    Raises:
        DeploymentConflict: The endpoint is not as levelfive leaves it, or what was live before is gone.
    """
    if endpoint is None:
        return None
    check(endpoint)
    live, new, refused = endpoint.live, endpoint.new, endpoint.refused
    returns_to = None if live is None else live.package
    if endpoint.share and new is not None and new.package is not None:
        if not chosen.takes(new.package, new.deployed_at):
            return None
        tags = tags_of_refusal(new.package, because, at)
        return WayBack(traffic_of(endpoint, 0), tags, new.package, returns_to, at)
    refused_at = endpoint.tags.get(REFUSED_AT, "")
    if refused is not None and (refused_at == at or chosen != Chosen()) and chosen.takes(refused, refused_at):
        return WayBack({}, {}, refused, returns_to, refused_at)
    if live is None or live.package is None or not chosen.takes(live.package, endpoint.tags.get(LIVE_SINCE, "")):
        return None
    before = endpoint.before
    if before is None or before.package is None or not before.is_ready:
        already = "" if refused is None else f"version {refused.version} was taken back already, and "
        raise DeploymentConflict(
            f"{already}what answered before version {live.package.version} is no longer deployed to {endpoint.name}: "
            "deploy the version that is wanted (`levelfive serving deploy VERSION --as-of TIME`)"
        )
    tags = {LIVE: before.name, LIVE_SINCE: at, BEFORE: "", **tags_of_refusal(live.package, because, at)}
    return WayBack({before.name: ALL}, tags, live.package, before.package, at)
