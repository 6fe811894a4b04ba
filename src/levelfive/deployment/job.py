"""Deploys the champion, or another version, shifts traffic, takes back, and writes down what answers since when."""

from __future__ import annotations

from datetime import datetime, timedelta

from levelfive.core.windows import iso
from levelfive.deployment import rolling
from levelfive.deployment.endpoint import Endpoint, Package
from levelfive.deployment.recording import record_change, record_outcome
from levelfive.deployment.records import DEPLOYMENTS, ChangeKind, answering, deployments
from levelfive.deployment.rollback import Chosen, WayBack
from levelfive.deployment.rolling import RolloutOutcome
from levelfive.deployment.rollout import ALL
from levelfive.deployment.site import Site, image_of, package_of
from levelfive.registry.promotions import PROMOTIONS
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext

READS = frozenset({PROMOTIONS})
WRITES = frozenset({DEPLOYMENTS})
STAGE = "deployment"


def deploy(
    context: JobContext,
    registry: CentralRegistry,
    site: Site,
    *,
    as_of: datetime,
    by: str,
    version: str | None = None,
    digest: str | None = None,
    to: int = ALL,
    again: bool = False,
    waits: timedelta | None = None,
) -> RolloutOutcome:
    """Deploy a version; one that answers already is left as it is.

    Args:
        context: Tables and use case.
        registry: The central registry.
        site: Where to deploy to.
        as_of: The logical now.
        by: Who asked for it.
        version: By default, the champion as of the logical now.
        digest: Of the image to run it in; by default, that of what answers now.
        to: Share of the traffic to end with; 0 deploys, tests, and leaves the traffic alone.
        again: Whether a version that was taken back may be tried again.
        waits: How old the rollout of another version may be that is waited for: nothing is done while it is under way.
            By default, and where it is older, it is refused.

    Raises:
        ConfigError: Nothing answers yet and no image is named, the digest is none, or the endpoint's file asks for
            something else than is there.
        DeploymentConflict: The endpoint is not as levelfive leaves it, another rollout is under way, or the version was
            taken back before.
        DeploymentError: It did not start, was taken back, or Azure refused.
        RegistryError: There is no champion, or the version is not to be had from the registry.
    """
    with context.run(STAGE, as_of=as_of, parameters={"endpoint": site.name, "version": version or "", "to": to}) as run:
        package = package_of(context, registry, version, as_of=as_of, image=image_of(site, digest), clock=site.clock)
        run.model_version = package.version
        if waits is not None and (other := rolling.other_rollout(site.online, package, since=as_of - waits)):
            run.model_version = other.package.version
            return other
        outcome = rolling.deploy(
            site.online,
            package,
            site.probe,
            policy=site.policy,
            at=iso(as_of),
            by=by,
            to=to,
            again=again,
            bring=lambda: site.bring(package),
        )
        return record_outcome(run, site.name, outcome, as_of=as_of, by=by)


def raise_traffic(context: JobContext, site: Site, *, as_of: datetime, by: str, to: int) -> RolloutOutcome:
    """Go on with a rollout until the new version has a share of the traffic.

    Raises:
        ConfigError: The share is none.
        DeploymentConflict: Nothing is being rolled out, or it has more already.
        DeploymentError: It was taken back, or Azure refused.
    """
    with context.run(STAGE, as_of=as_of, parameters={"endpoint": site.name, "to": to}) as run:
        outcome = rolling.raise_traffic(site.online, site.probe, policy=site.policy, at=iso(as_of), to=to)
        run.model_version = outcome.package.version
        return record_outcome(run, site.name, outcome, as_of=as_of, by=by)


def roll_back(
    context: JobContext, site: Site, chosen: Chosen, *, as_of: datetime, by: str, reason: str
) -> WayBack | None:
    """Take back what is being rolled out, or what went live last; None where there is nothing to take back.

    Args:
        context: Tables and use case.
        site: Where.
        chosen: What may be taken back.
        as_of: The logical now.
        by: Who asked for it.
        reason: Why.

    Raises:
        DeploymentConflict: The endpoint is not as levelfive leaves it, or what was live before is gone.
        DeploymentError: Azure refused.
    """
    parameters = {"endpoint": site.name, "version": chosen.version or ""}
    with context.run(STAGE, as_of=as_of, parameters=parameters) as run:
        back = rolling.roll_back(site.online, chosen, because=f"{by}: {reason}", at=iso(as_of))
        if back is not None:
            share, answers = (0, back.leaves) if back.returns_to is None else (ALL, back.returns_to)
            then = datetime.fromisoformat(back.at)
            record_change(run, site.name, answers, share, kind=ChangeKind.ROLLBACK, as_of=then, by=by, reason=reason)
        return back


def delete(context: JobContext, registry: CentralRegistry, site: Site, *, as_of: datetime, by: str) -> Endpoint | None:
    """Delete the endpoint with all of its deployments; None where there was none.

    Raises:
        DeploymentError: Azure refused.
    """
    with context.run(STAGE, as_of=as_of, parameters={"endpoint": site.name}) as run:
        state = site.online.read()
        site.online.delete()
        there = answering(deployments(run.tables, registry.name), as_of=as_of).get(site.name)
        if there is not None:
            package = Package(registry.name, there.version, "", "")
            record_change(
                run,
                site.name,
                package,
                0,
                kind=ChangeKind.DELETE,
                as_of=as_of,
                by=by,
                reason="the endpoint was deleted",
            )
        return state
