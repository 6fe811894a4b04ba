"""Deploys the champion, or another version, shifts traffic, takes back, and writes down what answers since when."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from levelfive.core.windows import iso
from levelfive.deployment import rolling
from levelfive.deployment.endpoint import Endpoint, OnlineEndpoint, Package
from levelfive.deployment.records import DEPLOYMENTS, DeploymentRecord, Kind, answering, append, deployments
from levelfive.deployment.rolling import Outcome, Probe
from levelfive.deployment.rollout import ALL, RolloutPolicy, WayBack
from levelfive.errors import ConfigError, DeploymentError, RegistryError
from levelfive.registry.promotions import PROMOTIONS, champion
from levelfive.registry.store import CentralRegistry
from levelfive.registry.tags import PACKAGE_SHA256
from levelfive.storage.runs import JobContext, Run

READS = frozenset({PROMOTIONS})
WRITES = frozenset({DEPLOYMENTS})
STAGE = "deployment"
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
) -> Outcome:
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

    Raises:
        ConfigError: Nothing answers yet and no image is named, or the digest is none.
        DeploymentConflict: The endpoint is not as levelfive leaves it, another rollout is under way, or the version was
            taken back before.
        DeploymentError: It did not start, was taken back, or Azure refused.
        RegistryError: There is no champion, or the version is not to be had from the registry.
    """
    with context.run(STAGE, as_of=as_of, parameters={"endpoint": site.name, "version": version or "", "to": to}) as run:
        package = package_of(context, registry, version, as_of=as_of, image=_image(site, digest), clock=site.clock)
        run.model_version = package.version
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
        return _recorded(run, site, outcome, as_of=as_of, by=by)


def raise_traffic(context: JobContext, site: Site, *, as_of: datetime, by: str, to: int) -> Outcome:
    """Go on with a rollout until the new version has a share of the traffic.

    Raises:
        ConfigError: The share is none.
        DeploymentConflict: Nothing is being rolled out, or it has more already.
        DeploymentError: It was taken back, or Azure refused.
    """
    with context.run(STAGE, as_of=as_of, parameters={"endpoint": site.name, "to": to}) as run:
        outcome = rolling.raise_traffic(site.online, site.probe, policy=site.policy, at=iso(as_of), to=to)
        run.model_version = outcome.package.version
        return _recorded(run, site, outcome, as_of=as_of, by=by)


def roll_back(
    context: JobContext,
    site: Site,
    *,
    as_of: datetime,
    by: str,
    reason: str,
    version: str | None = None,
    since: datetime | None = None,
) -> WayBack | None:
    """Take back what is being rolled out, or what went live last; None where there is nothing to take back.

    Args:
        context: Tables and use case.
        site: Where.
        as_of: The logical now.
        by: Who asked for it.
        reason: Why.
        version: Take back this version alone.
        since: Take back only what went live at this time or later.

    Raises:
        DeploymentConflict: The endpoint is not as levelfive leaves it, or what was live before is gone.
        DeploymentError: Azure refused.
    """
    with context.run(STAGE, as_of=as_of, parameters={"endpoint": site.name, "version": version or ""}) as run:
        back = rolling.roll_back(site.online, because=f"{by}: {reason}", at=iso(as_of), version=version, since=since)
        if back is not None:
            to = back.returns_to
            share, answers = (0, back.leaves) if to is None else (ALL, to)
            _append(run, site, answers, share, Kind.ROLLBACK, as_of=as_of, by=by, reason=reason)
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
            _append(run, site, package, 0, Kind.DELETE, as_of=as_of, by=by, reason="the endpoint was deleted")
        return state


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


def _image(site: Site, digest: str | None) -> str:
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


def _recorded(run: Run, site: Site, outcome: Outcome, *, as_of: datetime, by: str) -> Outcome:
    for measured in outcome.measured:
        run.counts[f"requests_at_{measured.share}"] = measured.requests
        run.counts[f"failed_at_{measured.share}"] = measured.failed
        run.seconds[f"p95_at_{measured.share}"] = measured.p95.total_seconds()
    kind = Kind.TAKEN_BACK if outcome.fault else Kind.ROLLOUT
    if outcome.fault or outcome.share:
        _append(run, site, outcome.package, outcome.share, kind, as_of=as_of, by=by, reason=outcome.fault)
    if outcome.fault:
        raise DeploymentError(
            f"version {outcome.package.version} was taken back from {site.name}: {outcome.fault}. What answered before "
            "answers again. Read the log of the deployment, mend that, and deploy with --again"
        )
    return outcome


def _append(
    run: Run, site: Site, package: Package, share: int, kind: Kind, *, as_of: datetime, by: str, reason: str
) -> None:
    """Write down what answers now, unless it is known already that this version answers everything."""
    rows = deployments(run.tables, package.model)
    newest = next((row for row in reversed(rows) if row.endpoint == site.name), None)
    if share == ALL and newest is not None and (newest.version, newest.share) == (package.version, share):
        return
    record = DeploymentRecord(
        seq=rows[-1].seq + 1 if rows else 1,
        endpoint=site.name,
        model_name=package.model,
        version=package.version,
        share=share,
        deployed_at=as_of,
        kind=kind,
        deployed_by=by,
        reason=reason,
        run_id=run.run_id,
    )
    run.wrote(append(run.tables, record))
