"""Takes the steps of a rollout one by one. Each looks first at what is there: a run that was killed is gone on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from levelfive.deployment.budget import ProbeAnswer, ProbeMeasurement, over_budget
from levelfive.deployment.endpoint import (
    CHAMPION,
    DEPLOYED_AT,
    DEPLOYED_BY,
    LIVE_SINCE,
    REFUSED_AT,
    REFUSED_BECAUSE,
    ROLE,
    Deployment,
    Endpoint,
    OnlineEndpoint,
    Package,
)
from levelfive.deployment.rollback import Chosen, WayBack, way_back
from levelfive.deployment.rollout import (
    ALL,
    DEPLOY,
    FINISH,
    TAGS_OF_BEGIN,
    TAKE_BACK,
    RolloutAction,
    RolloutPolicy,
    check,
    next_action,
    next_share,
    rolling_out,
    tags_of_live,
    tags_of_refusal,
    traffic_of,
    within_reach,
)
from levelfive.errors import DeploymentConflict, DeploymentError

WAITS = f"nothing was done, as this rollout waits to be finished (`{FINISH}`) or taken back (`{TAKE_BACK}`)"
FIRST_VERSION = f"no other one answers, so it has all or nothing; `{FINISH}` gives it all"


class Probe(Protocol):
    """Sends sample requests to one deployment of an endpoint, whatever share of the traffic it has."""

    def __call__(self, deployment: str, version: str, policy: RolloutPolicy) -> Sequence[ProbeAnswer]:
        """Send as many as the policy says, and tell of each answer what was wrong with it."""
        ...


@dataclass(frozen=True)
class RolloutOutcome:
    """What a rollout led to.

    Args:
        package: What was rolled out.
        share: Percent of the traffic that it has now.
        has_changes: Whether anything was changed.
        measurements: What was measured at each share, in order.
        fault: Why it was taken back; empty where it was not.
        note: Why it has another share than was asked for; empty where it has that.
    """

    package: Package
    share: int
    has_changes: bool
    measurements: tuple[ProbeMeasurement, ...] = ()
    fault: str = ""
    note: str = ""


def deploy(
    online: OnlineEndpoint,
    package: Package,
    probe: Probe,
    *,
    policy: RolloutPolicy,
    at: str,
    by: str,
    to: int = ALL,
    again: bool = False,
    bring: Callable[[], None] = lambda: None,
) -> RolloutOutcome:
    """Bring a package to an endpoint, and give it its traffic.

    Args:
        online: The endpoint.
        package: What is to answer.
        probe: Sends the sample requests.
        policy: Steps and budget.
        at: The logical now, for the tags.
        by: Who asked for it, for the tags.
        to: Share of the traffic to end with; 0 deploys, tests, and leaves the traffic alone.
        again: Whether a package that was taken back may be tried again.
        bring: Brings the model's files to where the endpoint takes them from, before a deployment is made.

    Raises:
        ConfigError: The endpoint's file asks for something else than is there.
        DeploymentConflict: The endpoint is not as levelfive leaves it, another rollout is under way, or the package was
            taken back before.
        DeploymentError: The deployment did not start, or Azure refused.
    """
    online.check_file()
    end = _end_before(online.read(), at)
    if end is not None and end.fault and end.package == package and not again:
        return end
    has_changes = False
    while (action := next_action(state := online.read(), package, again=again)) is not RolloutAction.ROLL_OUT:
        if action is RolloutAction.NOTHING:
            return RolloutOutcome(package, ALL, has_changes)
        has_changes = True
        if state is None:
            online.create()
        elif action is RolloutAction.BEGIN:
            online.route(traffic_of(state, state.share), TAGS_OF_BEGIN)
        elif action is RolloutAction.WAIT:
            online.wait(state.idle_colour)
        elif action is RolloutAction.REMOVE:
            online.remove(state.idle_colour)
        else:
            bring()
            online.add(
                state.idle_colour,
                package,
                {**package.tags(), ROLE: CHAMPION, DEPLOYED_AT: at, DEPLOYED_BY: by},
            )
    return _advance(online, probe, policy=policy, at=at, to=to)


def raise_traffic(online: OnlineEndpoint, probe: Probe, *, policy: RolloutPolicy, at: str, to: int) -> RolloutOutcome:
    """Go on with a rollout until the new version has a share of the traffic.

    Raises:
        ConfigError: The share is none.
        DeploymentConflict: Nothing is being rolled out, or it has more already.
        DeploymentError: Azure refused.
    """
    state = online.read()
    end = _end_before(state, at)
    if end is not None and end.share in (0, to):
        return end
    rolling_out(state, to)
    return _advance(online, probe, policy=policy, at=at, to=to)


def other_rollout(online: OnlineEndpoint, package: Package, *, since: datetime) -> RolloutOutcome | None:
    """Tell how far the rollout of another package is; None where none is under way that began at a time or later.

    Raises:
        DeploymentConflict: The endpoint is not as levelfive leaves it.
        DeploymentError: Azure refused.
    """
    state = online.read()
    if state is None:
        return None
    check(state)
    other = state.new
    if not state.share or other is None or other.package is None or other.package == package or not other.deployed_at:
        return None
    if datetime.fromisoformat(other.deployed_at) < since:
        return None
    return RolloutOutcome(other.package, state.share, False, note=WAITS)


def roll_back(online: OnlineEndpoint, chosen: Chosen, *, because: str, at: str) -> WayBack | None:
    """Take back what is being rolled out, or what went live last; see `way_back`.

    Raises:
        DeploymentConflict: The endpoint is not as levelfive leaves it, or what was live before is gone.
        DeploymentError: Azure refused.
    """
    back = way_back(online.read(), chosen, because=because, at=at)
    if back is not None and back.tags:
        online.route(back.traffic, back.tags)
    return back


def _end_before(endpoint: Endpoint | None, at: str) -> RolloutOutcome | None:
    """Tell what a rollout of the same time ended with, whose run was killed before it could say so."""
    if endpoint is None or endpoint.share:
        return None
    live, refused, tags = endpoint.live, endpoint.refused, endpoint.tags
    if refused is not None and tags.get(REFUSED_AT) == at:
        return RolloutOutcome(refused, 0, True, fault=tags[REFUSED_BECAUSE])
    if live is not None and live.package is not None and tags.get(LIVE_SINCE) == at:
        return RolloutOutcome(live.package, ALL, False)
    return None


def _advance(online: OnlineEndpoint, probe: Probe, *, policy: RolloutPolicy, at: str, to: int) -> RolloutOutcome:
    """Measure at each share before the next one; the last measurement at all of the traffic makes the version live."""
    measurements: list[ProbeMeasurement] = []
    while True:
        state = _there(online)
        new, package = _held(state)
        answers = probe(new.name, package.version, policy)
        measurements.append(ProbeMeasurement.of(state.share, answers))
        state = _unchanged(online, state)
        if fault := over_budget(measurements[-1], policy):
            online.route(traffic_of(state, 0), tags_of_refusal(package, fault, at))
            return RolloutOutcome(package, 0, True, tuple(measurements), fault)
        if state.share >= within_reach(state, to):
            break
        online.route(traffic_of(state, next_share(state, policy.steps, to)), {})
    note = FIRST_VERSION if state.share < to else ""
    if state.share == ALL:
        online.route(traffic_of(state, ALL), tags_of_live(state, at))
    return RolloutOutcome(package, state.share, True, tuple(measurements), note=note)


def _there(online: OnlineEndpoint) -> Endpoint:
    state = online.read()
    if state is None:
        raise DeploymentError(f"the endpoint was deleted during a rollout: deploy again (`{DEPLOY}`)")
    check(state)
    return state


def _unchanged(online: OnlineEndpoint, before: Endpoint) -> Endpoint:
    """Look again before anything is set: the requests may have taken minutes."""
    state = _there(online)
    if (state.traffic, state.live, state.new) != (before.traffic, before.live, before.new):
        raise DeploymentConflict(
            f"somebody else changed {state.name} during this rollout: see what it is now (`levelfive serving "
            f"status`), then go on (`{DEPLOY}`) or take it back (`{TAKE_BACK}`)"
        )
    return state


def _held(endpoint: Endpoint) -> tuple[Deployment, Package]:
    if endpoint.new is None or endpoint.new.package is None:
        raise DeploymentError(
            f"the deployment {endpoint.idle_colour} of {endpoint.name} went away during its rollout: deploy "
            f"again (`{DEPLOY}`)"
        )
    return endpoint.new, endpoint.new.package
